"""`hand_state` in the robot's frame, over real DDS with real transforms on /tf and /tf_static."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, TransformStamped
from node_processes import PATIENCE_S, Client, NodeProcess
from rclpy.qos import DurabilityPolicy, QoSProfile
from rendered_hands import gesture, hand_pose
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.geometry.rotation import quaternion
from dense3d_ros.hand_state.frames import hand_frames
from dense3d_ros.msg import HandGrasp, HandPoseArray
from dense3d_ros.nodes.messages import HandMessages

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "hand_state")
TILT = Rotation.from_euler("xyz", [30.0, -50.0, 110.0], degrees=True)
PLACE = np.array([0.4, -0.2, 0.9])
NODE = "/tf_test/hand_state"


class Robot:
    """Sends hands and transforms, and keeps what the node says."""

    def __init__(self, client: Client, process: NodeProcess) -> None:
        self.client, self.process, self.time = client, process, 500.0
        self.wrists: list[Any] = []
        self.grasps: list[Any] = []
        self.frames: list[Any] = []
        node = client.node
        client.collect(PoseStamped, f"{NODE}/right/wrist", self.wrists)
        client.collect(HandGrasp, f"{NODE}/right/grasp", self.grasps)
        client.collect(TFMessage, "/tf", self.frames)
        self._hands = node.create_publisher(HandPoseArray, "/tf_test/hand_pose/hands", 20)
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._tf = {False: node.create_publisher(TFMessage, "/tf", 20)}
        self._tf[True] = node.create_publisher(TFMessage, "/tf_static", latched)

    def ready(self) -> bool:
        return self._hands.get_subscription_count() > 0

    def place(
        self,
        parent: str,
        child: str,
        seconds: float = 0.0,
        *,
        static: bool = False,
        length: float = 1.0,
        position: np.ndarray = PLACE,
        rotation: Rotation = TILT,
    ) -> None:
        sent = TransformStamped(header=Header(stamp=stamp(seconds), frame_id=parent), child_frame_id=child)
        move, turn = sent.transform.translation, sent.transform.rotation
        move.x, move.y, move.z = position.tolist()
        turn.x, turn.y, turn.z, turn.w = (rotation.as_quat() * length).tolist()
        self._tf[static].publish(TFMessage(transforms=[sent]))

    def show(self, frame: str, hands: int = 1) -> Header:
        self.time += 1.0
        header = Header(stamp=stamp(self.time), frame_id=frame)
        self._hands.publish(HandMessages().hands(header, [hand_pose(gesture("open"))][:hands], "test"))
        return header

    def told(self, frame: str, text: str) -> Any:
        """Show a hand in `frame` again and again until the node's diagnostics have `text`."""

        def found() -> bool:
            return any(
                text in status.message
                for message in self.client.diagnostics
                for status in message.status
                if status.name.startswith(NODE[1:])
            )

        self.client.diagnostics.clear()
        end = time.monotonic() + PATIENCE_S
        while not found() and time.monotonic() < end:
            self.show(frame)
            self.client.until(found, 0.3)
        return found()


def stamp(seconds: float) -> Time:
    return Time(sec=int(seconds), nanosec=round(seconds % 1 * 1e9))


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    client = Client("test_transforms")
    arguments = [word for text in ("target_frame:=base", "tf_timeout:=0.3") for word in ("-p", text)]
    log = tmp_path_factory.mktemp("transforms") / "log.txt"
    process = NodeProcess([SCRIPT, "--ros-args", "-r", "__ns:=/tf_test", *arguments], log)
    robot = Robot(client, process)
    try:
        assert client.until(robot.ready), process.output()
        # Before the first hands come, which need transforms of times before they do.
        assert client.until(lambda: client.node.count_subscribers("/tf") == 2)
        client.spin(0.3)
        yield robot
        assert "Traceback" not in process.output()
        assert process.stop() == 0
    finally:
        process.stop()
        client.close()


@pytest.fixture(autouse=True)
def nothing_heard(robot: Robot) -> None:
    robot.client.spin(0.2)
    for messages in (robot.wrists, robot.grasps, robot.frames):
        messages.clear()


def test_poses_come_in_the_target_frame_once_its_transform_does(robot: Robot) -> None:
    header = robot.show("moving_camera")
    robot.place("base", "moving_camera", robot.time - 0.5)
    # The newest transform is older than the image: it waits, and takes no other one.
    robot.client.spin(0.15)
    assert not robot.wrists
    robot.place("base", "moving_camera", robot.time + 0.5)
    assert robot.client.until(lambda: robot.wrists)
    (wrist,) = robot.wrists
    assert (wrist.header.stamp, wrist.header.frame_id) == (header.stamp, "base")
    joints = TILT.apply(gesture("open")) + PLACE
    expected = hand_frames(joints, Handedness.RIGHT)["wrist"]
    position, turn = wrist.pose.position, wrist.pose.orientation
    np.testing.assert_allclose([position.x, position.y, position.z], expected.position, atol=1e-6)
    same = np.dot([turn.x, turn.y, turn.z, turn.w], quaternion(expected.rotation))
    assert abs(same) == pytest.approx(1.0, abs=1e-6)


def test_a_static_transform_is_enough(robot: Robot) -> None:
    robot.place("base", "fixed_camera", static=True)
    robot.client.spin(0.2)
    header = robot.show("fixed_camera")
    assert robot.client.until(lambda: robot.wrists)
    assert robot.wrists[0].header.stamp == header.stamp


def test_a_frame_beside_its_optical_frame_is_told_of_once(robot: Robot) -> None:
    optical = Rotation.from_euler("xyz", [-90.0, 0.0, -90.0], degrees=True)
    robot.place("depth_body", "depth_eye", static=True, position=np.zeros(3), rotation=optical)
    robot.place("base", "depth_body", static=True)
    for frame in ("depth_body", "depth_eye", "depth_body"):
        robot.wrists.clear()
        robot.show(frame)
        assert robot.client.until(lambda: robot.wrists)
    (sentence,) = [line for line in robot.process.output().splitlines() if "optical frame there" in line]
    assert "Hands come in the frame 'depth_body'; by the transforms the optical frame there is 'depth_eye'." in sentence


def test_what_is_wrong_with_a_transform_is_told_and_nothing_is_sent(robot: Robot) -> None:
    cases = {
        "nowhere": "there is no transform of the frame 'nowhere'",
        "circle_a": "the transforms go in a circle: 'circle_a' in 'circle_b' in 'circle_a'",
        "short": "the transform of 'short' in 'base' has a quaternion of length 0.5; accepted: 1",
        "old": "the newest transform of 'old' is",
        "future": "the image is",
    }
    robot.place("circle_b", "circle_a", static=True)
    robot.place("circle_a", "circle_b", static=True)
    robot.place("base", "short", static=True, length=0.5)
    robot.place("base", "old", robot.time - 5.0)
    robot.place("base", "future", robot.time + 1000.0)
    robot.client.spin(0.3)
    for frame, text in cases.items():
        robot.show("base")
        assert robot.client.until(lambda: robot.grasps and robot.grasps[-1].tracked)
        sent = len(robot.wrists)
        robot.show(frame)
        assert robot.client.until(lambda: not robot.grasps[-1].tracked), frame
        assert text in robot.grasps[-1].reason
        assert len(robot.wrists) == sent
    assert robot.told(frame, f"hands of '{frame}' cannot be given in target_frame 'base': {text}")
    sent = len(robot.wrists)
    robot.show("base")
    assert robot.client.until(lambda: len(robot.wrists) > sent)


def test_a_hand_outside_the_workspace_is_lost_and_told_why(robot: Robot) -> None:
    client = robot.client
    # On a busy machine the hand would be lost in the silence between two messages, too.
    assert client.set_parameter(NODE, "timeout", 60.0).successful
    robot.show("base")
    assert client.until(lambda: robot.grasps)
    x = float(gesture("open")[0, 0])
    assert client.set_parameter(NODE, "workspace_min", [x + 0.01, -9.0, -9.0]).successful
    robot.show("base")
    assert client.until(lambda: len(robot.grasps) == 2)
    assert (robot.grasps[1].tracked, len(robot.wrists)) == (False, 1)
    assert "the wrist is at [" in robot.grasps[1].reason
    assert "outside the workspace" in robot.grasps[1].reason
    refused = client.set_parameter(NODE, "workspace_max", [0.0, 0.0])
    assert "accepted: x, y, z, each min below max" in refused.reason
    assert client.set_parameter(NODE, "workspace_min", [-9.0, -9.0, -9.0]).successful
    robot.show("base")
    assert client.until(lambda: len(robot.grasps) == 3)
    assert robot.grasps[2].tracked
    assert client.set_parameter(NODE, "timeout", 1.0).successful


def test_frames_are_broadcast_while_the_hand_is_seen(robot: Robot) -> None:
    client = robot.client
    assert client.set_parameter(NODE, "publish_tf", True).successful
    assert client.set_parameter(NODE, "frame_prefix", "person/").successful
    header = robot.show("base")
    assert client.until(lambda: robot.frames)
    (message,) = robot.frames
    names = [sent.child_frame_id for sent in message.transforms]
    assert names == [f"person/right_{name}" for name in ("wrist", "palm", "pinch", "grasp")]
    assert {(sent.header.stamp.sec, sent.header.frame_id) for sent in message.transforms} == {
        (header.stamp.sec, "base")
    }
    wrist = gesture("open")[0]
    move = message.transforms[0].transform.translation
    np.testing.assert_allclose([move.x, move.y, move.z], wrist, atol=1e-6)
    robot.show("base", 0)
    client.spin(0.3)
    assert len(robot.frames) == 1
    assert client.set_parameter(NODE, "publish_tf", False).successful


def test_another_target_frame_starts_over(robot: Robot) -> None:
    client = robot.client
    assert client.set_parameter(NODE, "target_frame", "").successful
    robot.show("optical")
    assert client.until(lambda: robot.wrists)
    assert robot.wrists[0].header.frame_id == "optical"
    assert client.set_parameter(NODE, "target_frame", "base").successful


def test_stamps_that_go_back_forget_what_moved(robot: Robot) -> None:
    client = robot.client
    # Where another target frame was used before, it listens to /tf from this message on.
    robot.show("base")
    assert client.until(lambda: robot.wrists and client.node.count_subscribers("/tf") == 2)
    now = robot.time
    for back in (0.0, 100.0):
        robot.time = now - back
        if back:
            # And not that the image is older than what is known, which was of the time before.
            assert robot.told("elbow", "there is no transform of the frame 'elbow'")
        robot.wrists.clear()
        client.spin(0.3)
        for later in (0.5, 1.5):
            robot.place("base", "elbow", robot.time + later)
        client.spin(0.3)
        robot.show("elbow")
        assert client.until(lambda: robot.wrists)
    robot.time = now + 10.0


def test_an_image_out_of_order_forgets_no_transform(robot: Robot) -> None:
    robot.time += 10.0
    start = robot.time
    for number in range(7):
        robot.place("base", "shoulder", start + 0.05 * number)
    robot.client.spin(0.3)
    for after in (0.100, 0.099, 0.150):
        robot.time = start + after - 1.0
        robot.show("shoulder")
    robot.client.until(lambda: len(robot.wrists) == 2)
    # The one in between is no newer than the first.
    assert [wrist.header.stamp for wrist in robot.wrists] == [stamp(start + after) for after in (0.100, 0.150)]
    robot.time = start + 10.0
