"""`hand_retarget` as its own process over real DDS: commands for hands, and none for anything else."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

import rclpy
from builtin_interfaces.msg import Time
from node_processes import Client, NodeProcess
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rendered_hands import gesture, hand_pose
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Header

from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.hand_retarget_node import HandRetargetNode
from dense3d_ros.nodes.messages import HandMessages
from dense3d_ros.retargeting.robot import load_robot

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "hand_retarget")
NODE = "/retarget_test/hand_retarget"


class Person:
    def __init__(self, client: Client) -> None:
        self.client, self.second = client, 10
        self.process: NodeProcess
        self.commands: list[Any] = []
        client.collect(JointState, f"{NODE}/joint_commands", self.commands)
        self._hands = client.node.create_publisher(
            HandPoseArray, "/retarget_test/hand_state/hands", QoSProfile(depth=10)
        )
        self.switch = client.node.create_publisher(Bool, f"{NODE}/enable", QoSProfile(depth=10))

    def ready(self) -> bool:
        return self._hands.get_subscription_count() > 0 and self.client.node.count_publishers(f"{NODE}/joint_commands")

    def show(self, *hands: HandPose, message: Any = None, after: int = 1) -> Header:
        self.second += after
        header = Header(stamp=Time(sec=self.second), frame_id="base")
        message = message or HandMessages().hands(header, hands, "test")
        message.header = header
        self._hands.publish(message)
        return header

    def told(self, *counts: str) -> tuple[list[int], set[str]]:
        """What the next diagnostics count, and the sentences since the last call."""

        def own() -> list[Any]:
            statuses = [status for message in self.client.diagnostics for status in message.status]
            return [status for status in statuses if status.name == f"{NODE.lstrip('/')}: commands"]

        before = len(own())
        assert self.client.until(lambda: len(own()) > before)
        values = {value.key: value.value for value in own()[-1].values}
        sentences = {status.message for status in own()}
        self.client.diagnostics.clear()
        return [int(values[count]) for count in counts], sentences


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Person]]:
    has_extra = importlib.util.find_spec("dex_retargeting") is not None
    name = "four_fingered_hand" if has_extra else "parallel_gripper"
    client = Client("test_retarget")
    person = Person(client)
    arguments = ["--ros-args", "-r", "__ns:=/retarget_test", "-p", f"robot:={name}"]
    process = person.process = NodeProcess([SCRIPT, *arguments], tmp_path_factory.mktemp("retarget") / "log.txt")
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


def test_of_what_the_switch_sent_while_the_node_was_busy_the_newest_counts() -> None:
    """Not spun, the node stands still while the messages wait in its reader."""
    client = Client("test_busy_retarget")
    context = rclpy.Context()
    rclpy.init(context=context, args=["--ros-args", "-r", "__ns:=/busy", "-p", "enable_timeout:=10.0"])
    node = HandRetargetNode(context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    name = "/busy/hand_retarget"
    try:
        commands: list[Any] = []
        client.collect(JointState, f"{name}/joint_commands", commands)
        switch = client.node.create_publisher(Bool, f"{name}/enable", QoSProfile(depth=10))
        hands = client.node.create_publisher(HandPoseArray, "/busy/hand_state/hands", QoSProfile(depth=10))
        assert client.until(lambda: switch.get_subscription_count() and hands.get_subscription_count())

        def commands_after(*pressed: bool) -> int:
            commands.clear()
            for value in pressed:
                switch.publish(Bool(data=value))
            header = Header(stamp=client.now(), frame_id="base")
            message = HandMessages().hands(header, [hand_pose(gesture("open"))], "test")
            client.spin(0.3)
            for _ in range(5):
                executor.spin_once(timeout_sec=0.1)
            hands.publish(message)
            client.spin(0.2)
            for _ in range(5):
                executor.spin_once(timeout_sec=0.1)
            client.spin(0.3)
            return len(commands)

        assert client.until(lambda: commands_after(True) == 1)
        assert commands_after(True, True, True, True, False) == 0
        assert commands_after(False, True) == 1
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()
        client.close()


def test_without_a_dead_mans_switch_the_log_says_so_at_start(robot: tuple[str, Person]) -> None:
    _, person = robot
    sentence = "No dead-man's switch is active: every right hand moves the robot."
    assert person.client.until(lambda: sentence in person.process.output())
    assert f"-p enable_timeout:=0.5, and keep sending true on {NODE}/enable" in person.process.output()


def test_a_stamp_that_comes_again_gives_no_command_and_one_that_goes_back_does(robot: tuple[str, Person]) -> None:
    _, person = robot
    person.commands.clear()
    (before,), _ = person.told("repeated stamps")
    # An image without the hand in between does not make the stale one a new one.
    shown = [(1, "open", Handedness.RIGHT), *[(0, "fist", Handedness.RIGHT)] * 5, (0, "fist", Handedness.LEFT)]
    shown += [(after, "fist", Handedness.RIGHT) for after in (0, -5, 5)]
    headers = []
    for after, name, handedness in shown:
        headers.append(person.show(hand_pose(gesture(name), handedness), after=after))
        # The subscription keeps only the newest message.
        person.client.spin(0.05)
    assert person.client.until(lambda: len(person.commands) == 3)
    assert [command.header for command in person.commands] == [headers[index] for index in (0, -2, -1)]
    (repeated,), sentences = person.told("repeated stamps")
    assert repeated == before + 6
    text = f"the stamp {headers[0].stamp.sec}.000000000 of /retarget_test/hand_state/hands is the last one's again"
    assert f"{text}: no command" in sentences


def test_hands_of_a_camera_without_stamps_are_followed(robot: tuple[str, Person]) -> None:
    _, person = robot
    person.commands.clear()
    second, person.second = person.second, 0
    for _ in range(3):
        person.show(hand_pose(gesture("open"), Handedness.RIGHT), after=0)
        person.client.spin(0.1)
    person.second = second
    assert person.client.until(lambda: len(person.commands) == 3)


def test_joints_that_are_too_uncertain_move_nothing(robot: tuple[str, Person]) -> None:
    name, person = robot
    joints = gesture("open")
    person.commands.clear()
    counts, _ = person.told("low joint scores", "refused hands")
    uncertain, unknown, occluded = hand_pose(joints, score=0.1), hand_pose(joints), hand_pose(joints, score=0.9)
    unknown.joint_scores[4] = np.nan
    # Fingers that this robot does not look at, and one of the others, are hidden.
    occluded.joint_scores[[3, 7, 8, 11, 20]] = 0.15
    for hand in (uncertain, unknown):
        person.show(hand)
        person.client.spin(0.2)
    assert not person.commands
    header = person.show(occluded)
    assert person.client.until(lambda: person.commands)
    assert person.commands[0].header == header
    after, sentences = person.told("low joint scores", "refused hands")
    assert after == [counts[0] + 1, counts[1] + 1]
    text = "right hand on /retarget_test/hand_state/hands: joint_scores are [0.8"
    assert any(sentence.startswith(text) for sentence in sentences)
    assert person.client.set_parameter(NODE, "min_joint_score", 0.05).successful
    person.show(uncertain)
    assert person.client.until(lambda: len(person.commands) == 2)
    refused = person.client.set_parameter(NODE, "min_joint_score", 1.5)
    assert not refused.successful
    assert person.client.set_parameter(NODE, "min_joint_score", 0.3).successful
    tips = ["thumb_tip", "index_tip"] + (["middle_tip", "ring_tip"] if name == "four_fingered_hand" else [])
    text = f"the mean score of the joints that move the robot ({', '.join(tips)}) is 0.10; accepted: 0.3 or more"
    assert text in person.process.output()


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
