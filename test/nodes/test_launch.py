"""The launch files, run by the real launch and launch_ros."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")
if importlib.util.find_spec("ros2launch") is None or importlib.util.find_spec("launch_ros") is None:
    pytest.skip("ros2launch is not installed: the ROS wheels of the package index lack it", allow_module_level=True)

from geometry_msgs.msg import PoseArray
from node_processes import Client, NodeProcess, points
from rcl_interfaces.srv import GetParameters
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState

from dense3d_ros.nodes.dds_profile import profile_variable
from dense3d_ros.perception.model_file import available_models

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = {
    "depth",
    "camera_info",
    "transport",
    "depth_unit",
    "distortion",
    "sync_slop",
    "model",
    "views",
    "device",
    "runtime",
    "max_hands",
    "min_score",
    "params_file",
    "namespace",
    "cameras",
    "use_sim_time",
    "autostart",
    "hand_state",
    "respawn",
    "rviz",
    "log_level",
}
needs_model = pytest.mark.skipif("hand" not in available_models(), reason="the shipped model 'hand' is not there")


def launch(tmp_path: Path, file: str, *arguments: str, **environment: str) -> NodeProcess:
    # launch kills a process that takes ten seconds to end, which a starved one does.
    patience = ["sigterm_timeout:=60", "sigkill_timeout:=60"]
    command = [str(Path(__file__).parents[1] / "node_launch.py"), str(ROOT / "launch" / file), *arguments, *patience]
    # The executables of an installation in a virtual environment are started by /usr/bin/env python3.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return NodeProcess(command, tmp_path / "launch.txt", {"PATH": path, **environment})


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    namespace = getattr(request, "param", "")
    client = Client("test_launch", f"{namespace}/hand_pose", f"{namespace}/hand_model")
    yield client
    client.close()


def parameter(client: Client, node: str, name: str) -> Any:
    answer = client.call(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=[name]))
    value = answer.values[0]
    return {1: value.bool_value, 2: value.integer_value, 3: value.double_value, 4: value.string_value}[value.type]


def end(process: NodeProcess, client: Client) -> None:
    """SIGINT to launch, which passes it on."""
    process.interrupt()
    assert process.wait() == 0, process.output()
    assert "Traceback" not in process.output()
    assert "process has died" not in process.output()
    assert "escalating" not in process.output()


@pytest.mark.parametrize("file", ["hand.launch.py", "demo.launch.py", "teleop.launch.py"])
def test_arguments_are_declared_and_described(file: str) -> None:
    from launch.actions import DeclareLaunchArgument
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(ROOT / "launch" / file))
    declared = {
        entry.name: entry.description for entry in description.entities if isinstance(entry, DeclareLaunchArgument)
    }
    assert set(declared) == ARGUMENTS if file == "hand.launch.py" else "rviz" in declared
    # launch adds the choices to what the file says.
    assert all(text.split(" Valid choices are:")[0].endswith(".") for text in declared.values())


@needs_model
def test_demo_publishes_hands_for_the_rendered_images(client: Client, tmp_path: Path) -> None:
    """What is found lies where the image of the same stamp has the hand."""
    images: list[Any] = []
    truth: list[Any] = []

    def errors() -> list[float]:
        """Metres, of every hand whose true joints were heard: the first ones may have been published before."""
        joints = {(m.header.stamp.sec, m.header.stamp.nanosec): m.poses for m in truth}
        found = [
            (m.hands[0].joints, joints.get((m.header.stamp.sec, m.header.stamp.nanosec)))
            for m in client.hands
            if m.hands
        ]
        return [
            float(np.linalg.norm(points(hand) - points([pose.position for pose in poses]), axis=1).mean())
            for hand, poses in found
            if poses
        ]

    client.collect(Image, "/camera/camera/depth/image_rect_raw", images, qos_profile_sensor_data)
    client.collect(PoseArray, "/camera/camera/true_joints", truth)
    patient = tmp_path / "patient.yaml"
    patient.write_text("/**/hand_pose:\n  ros__parameters: {max_age: 10.0}\n")
    arguments = ["rviz:=false", "rate:=5.0", "views:=3", "device:=cpu", "runtime:=torch", f"params_file:={patient}"]
    process = launch(tmp_path, "demo.launch.py", *arguments)
    try:
        assert client.until(lambda: len(errors()) >= 5), process.output()
        assert client.state() == "active"
        assert parameter(client, "/hand_model", "views") == 3
        assert parameter(client, "/hand_model", "device") == "cpu"
        assert parameter(client, "/hand_model", "runtime") == "torch"
        assert parameter(client, "/hand_model", "model") == "hand"
        end(process, client)
    finally:
        process.stop()
    assert np.median(errors()) < 0.01
    assert {m.header.frame_id for m in client.hands} == {"camera_depth_optical_frame"}
    assert {(m.encoding, m.width, m.height) for m in images} == {("16UC1", 640, 480)}


@pytest.mark.parametrize("client", ["/robot"], indirect=True)
def test_arguments_reach_the_nodes_and_the_parameter_file_keeps_what_they_leave(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(
        "/**/hand_pose:\n  ros__parameters: {max_age: 0.25}\n"
        "/**/hand_model:\n  ros__parameters: {model: from_the_file, device: cpu, autostart: true}\n"
    )
    arguments = ["namespace:=robot", "autostart:=false", f"params_file:={file}", "use_sim_time:=true"]
    arguments += [
        "depth:=/head/depth",
        "camera_info:=/head/info",
        "log_level:=debug",
        "max_hands:=3",
        "min_score:=0.25",
        "transport:=compressedDepth",
        "depth_unit:=0.00025",
        "sync_slop:=0.005",
    ]
    process = launch(tmp_path, "hand.launch.py", *arguments)
    try:
        assert client.state() == "unconfigured"
        assert parameter(client, "/robot/hand_pose", "max_age") == 0.25
        assert parameter(client, "/robot/hand_pose", "max_hands") == 3
        assert parameter(client, "/robot/hand_pose", "min_score") == 0.25
        assert parameter(client, "/robot/hand_pose", "depth_unit") == 0.00025
        assert parameter(client, "/robot/hand_pose", "sync_slop") == 0.005
        assert parameter(client, "/robot/hand_pose", "use_sim_time") is True
        assert parameter(client, "/robot/hand_model", "model") == "from_the_file"
        assert parameter(client, "/robot/hand_model", "autostart") is False
        assert client.until(lambda: client.node.count_subscribers("/head/depth/compressedDepth") == 1)
        assert client.until(lambda: client.node.count_subscribers("/head/info") == 1)
        assert client.until(lambda: "[DEBUG]" in process.output())
        end(process, client)
    finally:
        process.stop()


@pytest.mark.parametrize("client", ["/robot/left"], indirect=True)
def test_several_cameras(client: Client, tmp_path: Path) -> None:
    arguments = ["namespace:=robot", "cameras:=left,/right/camera", "autostart:=false"]
    arguments += ["depth:=depth/image", "camera_info:=depth/camera_info"]
    process = launch(tmp_path, "hand.launch.py", *arguments)
    try:
        for topic in ("/robot/left/depth/image", "/right/camera/depth/image", "/right/camera/depth/camera_info"):
            assert client.until(lambda topic=topic: client.node.count_subscribers(topic) == 1), process.output()
        assert parameter(client, "/robot/left/hand_pose", "max_hands") == 2
        assert parameter(client, "/robot/hand_model", "autostart") is False
        end(process, client)
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("file", "arguments", "sentence"),
    [
        ("hand.launch.py", ["cameras:=left,right"], "depth:= must be relative to them"),
        ("hand.launch.py", ["cameras:=[]"], "cameras:=[] are no namespaces separated by commas"),
        ("hand.launch.py", ["max_hands:=two"], "max_hands:=two is no whole number"),
        ("hand.launch.py", ["min_score:=high"], "min_score:=high is no number"),
        ("hand.launch.py", ["depth_unit:=mm"], "depth_unit:=mm is no number"),
        ("hand.launch.py", ["max_hand:=2"], "hand.launch.py has no argument max_hand; it has autostart, "),
        ("teleop.launch.py", ["robot:=octopus"], "robot is 'octopus'; accepted: four_fingered_hand, parallel_gripper"),
        (
            "demo.launch.py",
            ["max_hand:=2", "max_hands:=2"],
            "demo.launch.py has no argument max_hand; it has autostart, ",
        ),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(
    tmp_path: Path, file: str, arguments: list[str], sentence: str
) -> None:
    process = launch(tmp_path, file, *arguments)
    try:
        assert process.wait() != 0
        assert sentence in process.output()
        assert "process started" not in process.output()
    finally:
        process.stop()


def test_a_launch_file_that_includes_ours_has_arguments_of_its_own(client: Client, tmp_path: Path) -> None:
    theirs = tmp_path / "robot.launch.py"
    theirs.write_text(
        "from launch import LaunchDescription\n"
        "from launch.actions import IncludeLaunchDescription\n"
        "from launch.launch_description_sources import PythonLaunchDescriptionSource\n"
        "def generate_launch_description():\n"
        f"    ours = PythonLaunchDescriptionSource({str(ROOT / 'launch' / 'hand.launch.py')!r})\n"
        "    return LaunchDescription([IncludeLaunchDescription(ours)])\n"
    )
    process = launch(tmp_path, str(theirs), "robot:=r2", "autostart:=false", "max_hands:=2")
    try:
        assert parameter(client, "/hand_pose", "max_hands") == 2
        end(process, client)
    finally:
        process.stop()


@needs_model
def test_teleop_moves_a_gripper_where_no_robot_is_named(client: Client, tmp_path: Path) -> None:
    commands: list[Any] = []
    client.collect(JointState, "/hand_retarget/joint_commands", commands)
    arguments = ["rviz:=false", "rate:=5.0", "device:=cpu"]
    process = launch(tmp_path, "teleop.launch.py", *arguments)
    try:
        assert client.until(lambda: len(commands) >= 5), process.output()
        assert {tuple(command.name) for command in commands} == {("finger_joint",)}
        assert {command.header.frame_id for command in commands} == {"camera_depth_optical_frame"}
        end(process, client)
    finally:
        process.stop()


def test_time_and_log_level_reach_the_demos_camera(client: Client, tmp_path: Path) -> None:
    arguments = ["rviz:=false", "autostart:=false", "use_sim_time:=true", "log_level:=debug", "depth_unit:=0.00025"]
    process = launch(tmp_path, "demo.launch.py", *arguments)
    try:
        assert parameter(client, "/camera/camera", "use_sim_time") is True
        assert parameter(client, "/camera/camera", "depth_unit") == 0.00025
        assert parameter(client, "/hand_pose", "depth_unit") == 0.0
        assert parameter(client, "/hand_pose", "use_sim_time") is True
        said = [line for line in process.output().splitlines() if line.startswith("[depth_camera")]
        assert any("[DEBUG]" in line for line in said)
        end(process, client)
    finally:
        process.stop()


def test_time_reaches_teleops_robot_which_is_started_again(client: Client, tmp_path: Path) -> None:
    arguments = ["rviz:=false", "autostart:=false", "rendered:=false", "use_sim_time:=true"]
    process = launch(tmp_path, "teleop.launch.py", *arguments)
    try:
        assert parameter(client, "/hand_retarget", "use_sim_time") is True

        def started() -> list[str]:
            return re.findall(r"\[hand_retarget.*process started with pid \[(\d+)\]", process.output())

        (number,) = started()
        os.kill(int(number), signal.SIGKILL)
        assert client.until(lambda: len(started()) == 2), process.output()
        process.interrupt()
        assert process.wait() == 0
    finally:
        process.stop()


def test_a_model_that_is_not_there_is_said_and_the_nodes_stay(client: Client, tmp_path: Path) -> None:
    process = launch(tmp_path, "hand.launch.py", "model:=no_such_model")
    try:
        assert client.until(lambda: "Cannot configure: model 'no_such_model'" in process.output())
        assert client.state() == "unconfigured"
        assert client.diagnostic("no model: model 'no_such_model'") is not None
        end(process, client)
    finally:
        process.stop()


def test_a_process_that_ends_by_itself_is_started_again(client: Client, tmp_path: Path) -> None:
    process = launch(tmp_path, "hand.launch.py", "autostart:=false")
    try:
        assert client.state() == "unconfigured"
        (child,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        os.kill(child, signal.SIGKILL)
        assert client.until(lambda: process.output().count("process started with pid") == 2), process.output()
        process.interrupt()
        assert process.wait() == 0
    finally:
        process.stop()


def test_without_rviz_the_nodes_run(client: Client, tmp_path: Path) -> None:
    packages = pytest.importorskip("ament_index_python.packages")
    if "rviz2" in packages.get_packages_with_prefixes():
        pytest.skip("rviz2 is installed")
    process = launch(tmp_path, "hand.launch.py", "rviz:=true", "autostart:=false")
    try:
        assert client.state() == "unconfigured"
        assert "RViz is not started: the package rviz2 is not installed" in process.output()
        end(process, client)
    finally:
        process.stop()


@pytest.fixture
def started_rviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for rviz2 writes words and environment that it was started with into a file of this folder."""
    prefix, written = tmp_path / "prefix", tmp_path / "rviz"
    written.mkdir()
    marker = prefix / "share" / "ament_index" / "resource_index" / "packages" / "rviz2"
    marker.parent.mkdir(parents=True)
    marker.touch()
    executable = prefix / "lib" / "rviz2" / "rviz2"
    executable.parent.mkdir(parents=True)
    executable.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        f"json.dump([sys.argv, dict(os.environ)], open({str(written)!r} + f'/{{os.getpid()}}', 'w'))\n"
    )
    executable.chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{prefix}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}")
    return written


def rviz_starts(client: Client, written: Path, count: int) -> list[tuple[list[str], dict[str, str]]]:
    def complete() -> bool:
        texts = [path.read_text() for path in written.iterdir()]
        return len(texts) == count and all(text.endswith("]") for text in texts)

    assert client.until(complete)
    return [json.loads(path.read_text()) for path in written.iterdir()]


def test_rviz_gets_its_configuration_and_topics(client: Client, tmp_path: Path, started_rviz: Path) -> None:
    arguments = ["rviz:=true", "autostart:=false", "namespace:=robot", "depth:=/head/depth"]
    process = launch(tmp_path, "hand.launch.py", *arguments)
    try:
        ((words, environment),) = rviz_starts(client, started_rviz, 1)
    finally:
        process.stop()
    configuration = Path(words[words.index("-d") + 1])
    assert configuration.name == "hand.rviz"
    assert configuration.is_file()
    assert "/camera/camera/depth/image_rect_raw:=/head/depth" in words
    assert "/hand_pose/markers:=hand_pose/markers" in words
    assert "__ns:=/robot" in words
    # The user's own profile is left alone.
    assert environment[profile_variable()] == os.environ[profile_variable()]
    assert "escalating" not in process.output()


def test_each_of_several_cameras_has_an_rviz(client: Client, tmp_path: Path, started_rviz: Path) -> None:
    arguments = ["rviz:=true", "autostart:=false", "namespace:=robot", "cameras:=left,/right/camera"]
    process = launch(tmp_path, "hand.launch.py", *arguments, "depth:=depth/image", "camera_info:=depth/camera_info")
    try:
        starts = rviz_starts(client, started_rviz, 2)
    finally:
        process.stop()
    namespaces = [word for words, _ in starts for word in words if word.startswith("__ns:=")]
    assert sorted(namespaces) == ["__ns:=/right/camera", "__ns:=/robot/left"]
    for words, _ in starts:
        assert {"/hand_pose/markers:=hand_pose/markers", "/camera/camera/depth/image_rect_raw:=depth/image"} < set(
            words
        )
