"""`dense3d watch` on stand-ins for a camera and for our nodes, over real DDS: the real ones are in test_watch.py."""

from __future__ import annotations

import array
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from builtin_interfaces.msg import Time
from compressed_depth import compress
from diagnostic_msgs.msg import DiagnosticArray
from node_processes import Client, depth_message, info_message
from node_rigid_model import CAMERA
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import Condition, Level, diagnostic_array
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.settings import HandPoseSettings
from dense3d_ros.nodes.watch_findings import findings
from dense3d_ros.nodes.watch_seen import Seen, Taken
from dense3d_ros.nodes.watch_table import table
from dense3d_ros.nodes.watcher import watch

STEP = 20_000_000
"""Nanoseconds between the stamps of images: several times what camera infos are off."""
METRES = np.full((CAMERA.height, CAMERA.width), 0.8, np.float32)
METRES[:, :100] = 0.6


@pytest.fixture
def camera() -> Iterator[Any]:
    client = Client("camera")
    yield client.node
    client.close()


@contextmanager
def hand_pose(kind: Any, depth: str, condition: Condition, parameters: Mapping[str, Any]) -> Iterator[Client]:
    """A node with hand_pose's topics, parameters and diagnostics, spun while the client is waited for."""
    client = Client("hand_pose")
    node = client.node
    node.create_publisher(HandPoseArray, "~/hands", 5)
    node.create_subscription(kind, depth, id, 5)
    node.create_subscription(CameraInfo, "/cam/camera_info", id, 5)
    NodeParameters(node, HandPoseSettings())
    node.set_parameters([Parameter(name, value=value) for name, value in parameters.items()])
    publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
    status = diagnostic_array(client.now(), "hand_pose: hands", depth, condition, {})
    node.create_timer(0.2, lambda: publisher.publish(status))
    yield client
    client.close()


def watched(client: Client, publish: Any, seconds: float = 0.5) -> Seen:
    """What `dense3d watch` sees while `publish` sends a frame 20 times a second."""
    client.node.create_timer(0.05, publish)
    seen: list[Seen] = []
    thread = threading.Thread(target=lambda: seen.append(watch(seconds)))
    thread.start()
    client.until(lambda: not thread.is_alive())
    thread.join()
    return seen[0]


def test_nodes_behind_hand_pose_are_heard(camera: Any) -> None:
    """The real hand_state, whose target_frame nothing leads to; and a motor whose status has a name like its.

    The camera sends its infos, but no image.
    """
    from dense3d_ros.nodes.hand_state_node import HandStateNode

    with hand_pose(Image, "/cam/depth", Condition(Level.WARN, "too old", "frames are old"), {}) as client:
        state = HandStateNode(context=client.context, parameter_overrides=[Parameter("target_frame", value="base")])
        publisher = camera.create_publisher(DiagnosticArray, "/diagnostics", 10)
        motor = diagnostic_array(client.now(), "motor: state", "", Condition(Level.ERROR, "hot", "too hot"), {})
        camera.create_publisher(Image, "/cam/depth", 5)
        infos = camera.create_publisher(CameraInfo, "/cam/camera_info", 5)
        client.spin_also(state)
        client.collect(HandPoseArray, "/hand_state/hands", [])
        hands = client.node.create_publisher(HandPoseArray, "/hand_pose/hands", 5)

        def publish() -> None:
            publisher.publish(motor)
            infos.publish(info_message(depth_message(METRES, client.now()), CAMERA))
            message = HandPoseArray()
            message.header.stamp, message.header.frame_id = client.now(), "optical"
            hands.publish(message)

        seen = watched(client, publish, 2.0)
        state.destroy_node()
    (said,) = seen.said
    assert (said.name, said.ok, said.condition) == ("/hand_state", False, "transform")
    assert f"/hand_state says: {said.text}" in findings(seen)
    (node,) = seen.hand_poses
    assert (node.ok, node.diagnostic, node.condition) == (False, "frames are old", "too old")
    (depth,) = seen.depth
    assert depth.info is not None
    assert (depth.messages, depth.info.focal_length) == (0, (CAMERA.fx, CAMERA.fy))


def test_compressed_depth_is_read(camera: Any) -> None:
    with hand_pose(CompressedImage, "/cam/depth/compressedDepth", Condition(Level.OK, "published", "1"), {}) as client:
        images = camera.create_publisher(CompressedImage, "/cam/depth/compressedDepth", 5)
        infos = camera.create_publisher(CameraInfo, "/cam/camera_info", 5)
        data = compress(np.rint(METRES * 1000).astype(np.uint16), "png")

        def publish() -> None:
            image = depth_message(METRES, client.now())
            infos.publish(info_message(image, CAMERA))
            images.publish(CompressedImage(header=image.header, format="16UC1; compressedDepth png", data=data))

        seen = watched(client, publish)
    assert findings(seen) == [], table(seen)
    (depth,) = seen.depth
    assert (depth.name, depth.width, depth.height) == ("/cam/depth/compressedDepth", CAMERA.width, CAMERA.height)
    assert (depth.near, depth.far) == pytest.approx((0.6, 0.8))
    assert depth.rate > 5.0
    assert depth.info is not None
    assert (depth.info.name, depth.info.focal_length) == ("/cam/camera_info", (CAMERA.fx, CAMERA.fy))


def test_the_parameters_of_hand_pose_are_asked_for(camera: Any) -> None:
    """Old stamps, other stamps of the camera infos, millimetres as 32FC1 and a lens: all of it as the node is set."""
    parameters = {"max_age": 0.0, "sync_slop": 0.006, "depth_unit": 0.001, "distortion": "ignore"}
    with hand_pose(Image, "/cam/depth", Condition(Level.OK, "published", "1"), parameters) as client:
        images = camera.create_publisher(Image, "/cam/depth", 5)
        infos = camera.create_publisher(CameraInfo, "/cam/camera_info", 5)
        data = array.array("B", (METRES * 1000).tobytes())

        def publish() -> None:
            now = client.now()
            image = depth_message(METRES, Time(sec=now.sec - 5, nanosec=now.nanosec // STEP * STEP), encoding="32FC1")
            image.data = data
            info = info_message(image, CAMERA)
            info.d = [0.1, 0.0, 0.0, 0.0, 0.0]
            info.header = deepcopy(image.header)
            info.header.stamp.nanosec += 4_000_000
            infos.publish(info)
            images.publish(image)

        seen = watched(client, publish)
    assert findings(seen) == [], table(seen)
    (depth,) = seen.depth
    assert depth.taken == Taken(**parameters, told=True)
    assert (depth.near, depth.far) == pytest.approx((0.6, 0.8))
    assert depth.age == pytest.approx(5.0, abs=0.5)
    assert depth.info is not None
    assert depth.info.gap == pytest.approx(0.004)
    assert depth.info.lens == "plumb_bob ignored: distortion is set so"
    # Else each of these is a fault.
    assert len(findings(replace(seen, depth=(replace(depth, near=600.0, far=800.0, taken=Taken()),)))) == 3
