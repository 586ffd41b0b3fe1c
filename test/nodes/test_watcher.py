"""`dense3d watch` on stand-ins for a camera and for our nodes, over real DDS: the real ones are in test_watch.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from compressed_depth import compress
from diagnostic_msgs.msg import DiagnosticArray
from node_processes import Client, depth_message, info_message
from node_rigid_model import CAMERA
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage

from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import Condition, Level, diagnostic_array
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.settings import HandPoseSettings
from dense3d_ros.nodes.watch_findings import Seen, findings, table
from dense3d_ros.nodes.watcher import watch

METRES = np.full((CAMERA.height, CAMERA.width), 0.8, np.float32)
METRES[:, :100] = 0.6


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


def watched(client: Client, publish: Any) -> Seen:
    """What `dense3d watch` sees while `publish` sends a frame 20 times a second."""
    client.node.create_timer(0.05, publish)
    seen: list[Seen] = []
    thread = threading.Thread(target=lambda: seen.append(watch(0.5)))
    thread.start()
    client.until(lambda: not thread.is_alive())
    thread.join()
    return seen[0]


def test_compressed_depth_is_read() -> None:
    with hand_pose(CompressedImage, "/cam/depth/compressedDepth", Condition(Level.OK, "published", "1"), {}) as client:
        images = client.node.create_publisher(CompressedImage, "/cam/depth/compressedDepth", 5)
        infos = client.node.create_publisher(CameraInfo, "/cam/camera_info", 5)
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
