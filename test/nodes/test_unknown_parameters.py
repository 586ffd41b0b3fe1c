"""Which parameters given at the start are told to be unknown, by what rclpy really gives to the nodes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

import rclpy

from dense3d_ros.nodes.hand_retarget_node import HandRetargetNode
from dense3d_ros.nodes.main import make_nodes
from dense3d_ros.nodes.unknown_parameters import unknown_parameters

SHIPPED = Path(__file__).parents[2] / "config" / "hand.yaml"
Tell = Callable[..., str]


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Tell]:
    """What is told of arguments, after a file of these sections, by the nodes of hand_pose or of `make`."""
    made: list[Any] = []

    def told(*words: str, sections: str = "", make: Callable[[], list[Any]] = make_nodes) -> str:
        if sections:
            (tmp_path / "parameters.yaml").write_text(sections)
            words = ("--params-file", str(tmp_path / "parameters.yaml"), *words)
        arguments = ["hand_pose", "--ros-args", *words]
        rclpy.init(args=arguments)
        made.extend(make())
        return unknown_parameters(made, arguments)

    yield told
    while made:
        made.pop().destroy_node()
    # A lifecycle node offers its services as long as its object is there, and other tests would see them.
    gc.collect()
    rclpy.try_shutdown()


def test_what_the_nodes_have_is_not_told(tell: Tell) -> None:
    """The shipped file, what each node has for itself, and what rclpy declares, for one or for all."""
    sections = (
        "/**:\n  ros__parameters: {use_sim_time: false, views: 1, start_type_description_service: true}\n"
        "/hand_model:\n  ros__parameters: {autostart: false}\n"
    )
    words = ["--params-file", str(SHIPPED), "-p", "max_hands:=3", "-p", "hand_state:lead:=0.01", "-p", "device:=cpu"]
    quality = ["-p", "qos_overrides./depth.subscription.reliability:=reliable", "-p", "qos_overrides./x.y.z:=1"]
    assert tell(*words, *quality, "-p", "use_sim_time:=false", sections=sections) == ""


def test_what_no_node_has_is_told_with_what_is_near(tell: Tell) -> None:
    """Typed for all nodes, for one of them, and in a file's section for one."""
    sections = "/**/hand_state:\n  ros__parameters: {pinch: {on: 0.02}, tf_timeoutt: 0.2}\n"
    words = ["-p", "max_hand:=1", "-p", "hand_pose:views:=3", "--param", "zzz:=1", "-p", "other_node:max_hand:=1"]
    assert tell(*words, "--", "-p", "no_argument_of_ros:=1", sections=sections) == (
        "Unknown parameters, which have no effect: pinch.on (nearest: pinch_on of hand_state), "
        "tf_timeoutt (nearest: tf_timeout of hand_state), max_hand (nearest: max_hands of hand_pose), "
        "views (nearest: views of hand_model), zzz (none is near)"
    )


def test_what_a_shared_section_has_for_others_is_not_told(tell: Tell) -> None:
    """Names that drivers, Nav2, MoveIt and hand_retarget have; but one that is nearly one of ours is misspelt."""
    others = (
        "robot_description, base_frame, base_frame_id, odom_frame, global_frame, frame_id, camera_name, "
        "max_range, min_range, range_max, depth_scale, depth_fps, depth_module.profile, enable_depth, "
        "publish_tf_rate, tf_prefix, tf_buffer_duration, transform_tolerance, update_rate, "
        "controller_frequency, planner_plugins, bond_timeout, device_type, serial_no, camera_info_url, "
        "approx_sync, queue_size, model_path, model_name, robot, enable_timeout, min_joint_score, max_vel_x, "
        "max_velocity, hold_time"
    )
    own = "max_hand: 1, timeout: 2.0, " + ", ".join(f"{name}: 1" for name in others.split(", "))
    sections = (
        f"/**:\n  ros__parameters: {{{own}}}\nrobot:\n  '*':\n    ros__parameters: {{max_lots: 0.2}}\n"
        "/camera:\n  ros__parameters: {robot_description: 2, max_hnds: 2}\n"
        "/other/**:\n  ros__parameters: {depth_unitt: 0.001}\n"
    )
    assert tell(sections=sections) == (
        "Unknown parameters, which have no effect: max_hand (nearest: max_hands of hand_pose)"
    )


def test_a_node_of_a_process_of_its_own_tells_them_too(tell: Tell) -> None:
    words = [word for number in range(12) for word in ("-p", f"robott{number}:=x")]
    told = tell(*words, make=lambda: [HandRetargetNode()])
    assert told.startswith(
        "Unknown parameters, which have no effect: robott0 (nearest: robot of hand_retarget), robott1 "
    )
    assert told.endswith("robott9 (nearest: robot of hand_retarget), and 2 more")
