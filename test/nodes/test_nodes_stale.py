"""No hand goes out that is too old, and none stays up when its input has ended; over real DDS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from node_processes import Client, NodeProcess, Source, depth_message, info_message
from node_rigid_model import CAMERA, scene
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from visualization_msgs.msg import Marker

from dense3d_ros.msg import HandPoseArray

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client("test_nodes_stale")
    yield client
    client.close()


def start(tmp_path: Path, model: str, *parameters: str) -> NodeProcess:
    arguments = [word for parameter in (f"model:={model}", *parameters) for word in ("-p", parameter)]
    return NodeProcess([SCRIPT, "--ros-args", *arguments], tmp_path / "log.txt")


def frame_of(stamp: Time) -> tuple[Any, Any]:
    image = depth_message(scene((0.0, 0.0, 0.5))[0], stamp)
    return image, info_message(image, CAMERA)


def connected(client: Client, process: NodeProcess) -> Source:
    source = Source(client)
    assert client.until(source.connected), process.output()
    return source


class SimulatedTime:
    """The node's clock. Ages are exact, however slow the machine is."""

    def __init__(self, client: Client, process: NodeProcess) -> None:
        self._client = client
        self._clock = client.node.create_publisher(Clock, "/clock", 1)
        assert client.until(self._clock.get_subscription_count), process.output()

    def set(self, now: float) -> None:
        """Returns when the node's diagnostics carry this time."""

        def has_come() -> bool:
            self._clock.publish(Clock(clock=seconds(now)))
            return any(message.header.stamp == seconds(now) for message in self._client.diagnostics)

        assert self._client.until(has_come)


def seconds(value: float) -> Time:
    return Time(sec=int(value), nanosec=round(value % 1 * 1e9))


def test_a_frame_that_grows_too_old_while_it_is_worked_on(client: Client, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    process = start(tmp_path, f"rigid_working_while:{hold}", "use_sim_time:=true")
    try:
        source, clock = connected(client, process), SimulatedTime(client, process)
        clock.set(100.0)
        assert client.until(lambda: source.send(*frame_of(seconds(99.9)), timeout=1.0)), process.output()
        hold.touch()
        source.publish(*frame_of(seconds(99.95)))
        assert client.until(hold.with_suffix(".held").exists)
        clock.set(103.0)
        hold.unlink()
        assert client.until(lambda: "3.05 s old when their hands are found, max_age is 0.5 s" in process.output())
        assert client.until(lambda: any(v.key == "refused: too old" for v in client.diagnostic("").values))
        assert not any(message.header.stamp == seconds(99.95) for message in client.hands)
        assert client.until(lambda: source.send(*frame_of(seconds(102.9)), timeout=1.0)).hands
    finally:
        hold.unlink(missing_ok=True)
        process.stop()


def test_old_frames_of_a_camera_whose_clock_is_ahead(client: Client, tmp_path: Path) -> None:
    process = start(tmp_path, "rigid", "use_sim_time:=true")
    try:
        source, clock = connected(client, process), SimulatedTime(client, process)
        clock.set(1000.0)
        ahead = 3600.0
        assert client.until(lambda: source.send(*frame_of(seconds(1000 + ahead)), timeout=1.0)).hands
        status = client.diagnostic("1 in the last frame; the camera's clock is 3600.00 s ahead of this node's")
        assert status.level == b"\x01"
        # One without a stamp has no age.
        source.publish(*frame_of(Time()))
        sentence = "depth image on /depth: the images have no stamp: set max_age to 0.0 if the driver gives none"
        assert client.diagnostic(sentence) is not None
        assert "s old, max_age" not in process.output()
        source.publish(*frame_of(seconds(998.1 + ahead)))
        status = client.diagnostic("/depth are 1.90 s old, max_age is 0.5 s; the camera's clock is 3600.00 s ahead")
        assert status.level == b"\x02"
        assert not any(message.header.stamp == seconds(998.1 + ahead) for message in client.hands)
        assert client.until(lambda: source.send(*frame_of(seconds(1000.05 + ahead)), timeout=1.0)).hands
    finally:
        process.stop()


@pytest.mark.parametrize("then", ["nothing", "refused frames"])
def test_the_last_hand_is_cleared_once_when_its_input_ends(client: Client, tmp_path: Path, then: str) -> None:
    process = start(tmp_path, "rigid", "max_age:=60.0")
    try:
        source = connected(client, process)
        # Some may have been cleared while others came.
        shown = client.until(lambda: source.send(*frame_of(client.now()), timeout=1.0))
        assert shown.hands, process.output()

        def cleared() -> bool:
            if then == "refused frames":
                image, info = frame_of(client.now())
                image.encoding = "rgb8"
                source.publish(image, info)
                client.spin(0.2)
            return not client.hands[-1].hands

        assert client.until(cleared)
        assert client.hands[-1].header == shown.header
        assert client.until(lambda: not client.joints[-1].poses)
        assert client.joints[-1].header == shown.header
        assert client.until(lambda: client.markers[-1].markers[0].action == Marker.DELETEALL)
        # Two reports later there still was but one.
        for _ in range(2):
            assert client.diagnostic("") is not None
        assert len([message for message in client.hands if message.header == shown.header]) == 2
        assert client.until(lambda: source.send(*frame_of(client.now()), timeout=1.0)).hands
    finally:
        process.stop()


def test_without_stamps_a_lost_hand_is_forgotten_by_when_images_come(client: Client, tmp_path: Path) -> None:
    process = start(tmp_path, "rigid", "max_age:=0.0")
    try:
        source = connected(client, process)
        empty = depth_message(np.zeros((CAMERA.height, CAMERA.width), np.float32), Time())

        def number_of_hand() -> int:
            def found() -> bool:
                source.publish(*frame_of(Time()))
                client.spin(0.05)
                return bool(client.hands and client.hands[-1].hands)

            assert client.until(found), process.output()
            return int(client.hands[-1].hands[0].track_id)

        first = number_of_hand()
        for _ in range(12):
            source.publish(empty, info_message(empty, CAMERA))
            client.spin(0.05)
        assert not client.hands[-1].hands
        assert number_of_hand() > first
    finally:
        process.stop()


def test_a_subscriber_that_does_not_fit_is_named(client: Client, tmp_path: Path) -> None:
    """Subscribers of the other nodes' hands are no business of this one."""
    process = start(tmp_path, "rigid", "max_age:=60.0")
    alone = Client("test_nodes_alone", "/elsewhere/hand_pose")
    try:
        source = connected(client, process)
        qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        unfit = alone.node.create_subscription(HandPoseArray, "/hand_pose/hands", lambda message: None, qos)
        status = client.diagnostic(
            "/test_nodes_alone subscribes to /hand_pose/hands, but receives nothing "
            "(volatile publisher and transient local subscription)"
        )
        assert status.level == b"\x01"
        alone.node.destroy_subscription(unfit)

        def fine() -> bool:
            source.send(*frame_of(client.now()), timeout=1.0)
            return bool(client.diagnostic("").message == "1 in the last frame")

        assert client.until(fine), process.output()
    finally:
        alone.close()
        process.stop()
