"""What the perception node says of topics, quality of service and clocks that do not fit, over real DDS."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from node_processes import Client, NodeProcess, Source, depth_message, info_message, points
from node_rigid_model import CAMERA, scene
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")
RELIABLE = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client("test_nodes_input", "/robot/hand_pose", "/robot/hand_model")
    yield client
    client.close()


@pytest.fixture(scope="module")
def process(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """In a namespace, on simulated time, asking for a reliable depth image on a topic that comes late."""
    folder = tmp_path_factory.mktemp("input")
    parameters = folder / "parameters.yaml"
    parameters.write_text(
        "/**/hand_pose:\n"
        "  ros__parameters:\n"
        "    use_sim_time: true\n"
        "    qos_overrides: {/late/depth: {subscription: {reliability: reliable}}}\n"
        "/**/hand_model:\n"
        "  ros__parameters: {model: rigid}\n"
    )
    remaps = ["-r", "__ns:=/robot", "-r", "depth:=/late/depth", "-r", "camera_info:=/late/camera_info"]
    arguments = ["--ros-args", "--params-file", str(parameters), *remaps]
    process = NodeProcess([SCRIPT, *arguments], folder / "log.txt")
    yield process
    process.stop()


def test_missing_topics_unfit_quality_of_service_and_simulated_time(client: Client, process: NodeProcess) -> None:
    """One story in the order in which a user meets these things."""
    assert client.until(lambda: "is ready" in process.output()), process.output()

    # Nothing publishes the topic, and the node's own overlay is no camera.
    assert client.diagnostic("published as sensor_msgs/msg/Image: nothing") is not None

    # Another depth image is on the graph.
    elsewhere = Source(client, "/elsewhere/depth", "/elsewhere/camera_info")
    # The node may hear of that one later than of this test.
    status = client.diagnostic(
        "no publisher on topic /late/depth; published as sensor_msgs/msg/Image: /elsewhere/depth"
    )
    assert status is not None
    assert status.hardware_id == "/late/depth"
    assert elsewhere is not None

    # A publisher that offers less than the node asks for.
    poor = Source(client, "/late/depth", "/late/camera_info", BEST_EFFORT)
    status = client.diagnostic("does not fit (best effort publisher and reliable subscription)")
    assert status is not None
    assert "qos_overrides./late/depth.subscription.reliability" in status.message
    for publisher in (poor._image, poor._info):
        client.node.destroy_publisher(publisher)

    # One that fits, on simulated time: the age of a frame is told by /clock.
    source = Source(client, "/late/depth", "/late/camera_info", RELIABLE)
    # It is silent at first, and not blamed for the former one.
    assert client.diagnostic("/late/depth has a publisher, but no message arrives") is not None
    clock = client.node.create_publisher(Clock, "/clock", 1)
    assert client.until(lambda: source.connected() and clock.get_subscription_count())
    assert client.until(lambda: at(client, source, clock, 100.0, 99.9)), process.output()
    seen = len(client.hands)
    assert client.until(lambda: refused_as_old(client, source, clock)), process.output()
    # The node may have taken the last hands back meanwhile, by an empty message.
    assert not any(message.hands for message in client.hands[seen:])

    # The bag starts again.
    message = client.until(lambda: at(client, source, clock, 10.0, 9.95))
    assert message.header.stamp == Time(sec=9, nanosec=950_000_000)
    expected = scene((0.0, 0.0, 0.5))[1]
    assert np.linalg.norm(points(message.hands[0].joints) - expected, axis=1).max() < 0.003

    # Intrinsics that can hardly be are taken, and doubted.
    stamps = itertools.count(9_960_000_000, 1_000_000)

    def said(text: str, sent: Callable[[], None]) -> Any:
        """The next diagnostic with `text`, while frames are sent at 20 Hz."""
        client.diagnostics.clear()

        def one_more() -> Any:
            sent()
            client.spin(0.05)
            return next((s for m in client.diagnostics for s in m.status if text in s.message), None)

        return client.until(one_more)

    nothing = np.zeros((CAMERA.height, CAMERA.width), np.float32)

    def send_doubled_middle() -> None:
        image = depth_message(nothing, seconds(next(stamps) * 1e-9))
        source.publish(image, info_message(image, replace(CAMERA, cx=2 * CAMERA.cx, cy=2 * CAMERA.cy)))

    status = said("camera info on /late/camera_info: these intrinsics are unusual", send_doubled_middle)
    assert status.level == b"\x01"
    assert process.output().count("these intrinsics are unusual") == 1
    # The reason for no hand stands alone, too.
    assert status.message.startswith("no hand: no depth within 0.15-1.5 m; camera info on")
    values = {value.key: value.value for value in status.values}
    assert values["no hand"] == "no depth within 0.15-1.5 m"

    # Most of its images are lost on their way by chance: of about four in five frames only the camera info arrives.
    chance = np.random.default_rng(7)

    def send_a_fifth() -> None:
        image, info = frame_of(next(stamps) * 1e-9)
        source._info.publish(info)
        if chance.random() < 0.2:
            source._image.publish(image)

    status = said("images a second arrive", send_a_fifth)
    assert status.level == b"\x01"
    assert status.message.startswith("of /late/depth ")
    assert "of its camera info on /late/camera_info" in status.message


def set_clock(client: Client, clock: Any, now: float) -> None:
    clock.publish(Clock(clock=seconds(now)))
    client.spin(0.2)


def seconds(value: float) -> Time:
    return Time(sec=int(value), nanosec=round(value % 1 * 1e9))


def frame_of(stamp: float) -> tuple[Any, Any]:
    image = depth_message(scene((0.0, 0.0, 0.5))[0], seconds(stamp))
    return image, info_message(image, CAMERA)


def refused_as_old(client: Client, source: Source, clock: Any) -> bool:
    """Send a frame that is 2 s old. The clock has another way to the node and may come later than the frame."""
    set_clock(client, clock, 101.0)
    client.diagnostics.clear()
    source.publish(*frame_of(99.0))
    sentence = "frames of /late/depth are 2.00 s old"
    return bool(client.until(lambda: any(sentence in s.message for m in client.diagnostics for s in m.status), 3.0))


def at(client: Client, source: Source, clock: Any, now: float, stamp: float) -> Any:
    """Set the simulated time, send a frame of another; what comes back within a second."""
    set_clock(client, clock, now)
    return source.send(*frame_of(stamp), timeout=1.0)
