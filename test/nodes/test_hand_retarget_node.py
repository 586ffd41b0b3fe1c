"""`hand_retarget` as its own process over real DDS: commands for hands, and none for anything else."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from node_processes import Client, NodeProcess
from rclpy.qos import QoSProfile
from rendered_hands import gesture, hand_pose
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Header

from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.messages import HandMessages
from dense3d_ros.retargeting.robot import load_robot

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "hand_retarget")
NODE = "/retarget_test/hand_retarget"


class Person:
    def __init__(self, client: Client) -> None:
        self.client, self.second = client, 10
        self.commands: list[Any] = []
        client.collect(JointState, f"{NODE}/joint_commands", self.commands)
        self._hands = client.node.create_publisher(
            HandPoseArray, "/retarget_test/hand_state/hands", QoSProfile(depth=10)
        )
        self.switch = client.node.create_publisher(Bool, f"{NODE}/enable", QoSProfile(depth=10))

    def ready(self) -> bool:
        return self._hands.get_subscription_count() > 0 and self.client.node.count_publishers(f"{NODE}/joint_commands")

    def show(self, *hands: HandPose, message: Any = None) -> Header:
        self.second += 1
        header = Header(stamp=Time(sec=self.second), frame_id="base")
        message = message or HandMessages().hands(header, hands, "test")
        message.header = header
        self._hands.publish(message)
        return header


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Person]]:
    has_extra = importlib.util.find_spec("dex_retargeting") is not None
    name = "four_fingered_hand" if has_extra else "parallel_gripper"
    client = Client("test_retarget")
    person = Person(client)
    arguments = ["--ros-args", "-r", "__ns:=/retarget_test", "-p", f"robot:={name}"]
    process = NodeProcess([SCRIPT, *arguments], tmp_path_factory.mktemp("retarget") / "log.txt")
    try:
        assert client.until(person.ready), process.output()
        client.spin(0.3)
        yield name, person
        assert "Traceback" not in process.output()
        assert process.stop() == 0
    finally:
        process.stop()
        client.close()


def test_a_hand_gives_a_command_with_its_stamp(robot: tuple[str, Person]) -> None:
    name, person = robot
    expected = load_robot(name)
    joints = gesture("open")
    header = person.show(hand_pose(gesture("fist"), Handedness.LEFT), hand_pose(joints))
    assert person.client.until(lambda: person.commands)
    (command,) = person.commands
    assert command.header == header
    assert tuple(command.name) == expected.joint_names
    np.testing.assert_allclose(command.position, expected.positions(joints.astype(np.float32)), atol=1e-5)


def test_nothing_is_sent_without_a_hand_of_its_handedness(robot: tuple[str, Person]) -> None:
    _, person = robot
    person.commands.clear()
    person.show()
    person.show(hand_pose(gesture("open"), Handedness.LEFT))
    person.show(hand_pose(gesture("open"), Handedness.UNKNOWN))
    broken = HandMessages().hands(Header(), [hand_pose(gesture("open"))], "test")
    broken.hands[0].joints[8].x = float("nan")
    person.show(message=broken)
    person.client.spin(0.5)
    assert not person.commands
    header = person.show(hand_pose(gesture("open")))
    assert person.client.until(lambda: person.commands)
    assert person.commands[0].header == header


def test_a_dead_mans_switch_holds_commands_back(robot: tuple[str, Person]) -> None:
    _, person = robot
    client = person.client
    assert client.set_parameter(NODE, "enable_timeout", 5.0).successful
    person.commands.clear()
    person.show(hand_pose(gesture("open")))
    client.spin(0.3)
    assert not person.commands
    person.switch.publish(Bool(data=True))
    client.spin(0.2)
    person.show(hand_pose(gesture("open")))
    assert client.until(lambda: len(person.commands) == 1)
    person.switch.publish(Bool(data=False))
    client.spin(0.2)
    person.show(hand_pose(gesture("open")))
    client.spin(0.3)
    assert len(person.commands) == 1
    assert client.set_parameter(NODE, "enable_timeout", 0.0).successful


@pytest.mark.parametrize(
    ("robot_file", "sentence"),
    [
        ("octopus", "Cannot start: robot is 'octopus'; accepted: four_fingered_hand, parallel_gripper, or the path"),
        ("none.yaml", "Cannot start: the robot configuration none.yaml cannot be read: No such file or directory"),
    ],
)
def test_a_robot_that_cannot_be_loaded_is_one_line(robot_file: str, sentence: str, tmp_path: Path) -> None:
    process = NodeProcess([SCRIPT, "--ros-args", "-p", f"robot:={robot_file}"], tmp_path / "log.txt")
    try:
        assert process.wait() == 1
        assert sentence in process.output()
        assert "Traceback" not in process.output()
    finally:
        process.stop()
