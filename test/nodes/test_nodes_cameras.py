"""Depth cameras that do something of their own: transport, unit, camera info and stamps, over real DDS."""

from __future__ import annotations

import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compressed_depth import compress

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import Client, NodeProcess, depth_message, info_message, points
from node_rigid_model import CAMERA, scene
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")
PLACE = (0.05, -0.04, 0.45)
METRES, JOINTS = scene(PLACE)
WITHIN_M = 0.003


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client("test_nodes_cameras")
    yield client
    client.close()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    log = tmp_path_factory.mktemp("cameras") / "log.txt"
    parameters = ["model:=rigid", "max_age:=5.0", "transport:=compressedDepth", "max_hand:=1"]
    arguments = [text for parameter in parameters for text in ("-p", parameter)]
    process = NodeProcess([SCRIPT, "--ros-args", *arguments, "-r", "depth:=/camera/depth"], log)
    yield process
    assert process.stop() == 0


def compressed(data: bytes, image_format: str, stamp: Any) -> CompressedImage:
    header = depth_message(np.zeros((1, 1), np.float32), stamp).header
    return CompressedImage(header=header, format=image_format, data=array.array("B", data))


def test_compressed_depth_units_and_a_latched_camera_info(client: Client, process: NodeProcess) -> None:
    """One story: the camera info was published once, before the node came; the images come compressed."""
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    info_publisher = client.node.create_publisher(CameraInfo, "/camera_info", latched)
    info_publisher.publish(info_message(depth_message(METRES, client.now()), CAMERA))
    publisher = client.node.create_publisher(CompressedImage, "/camera/depth/compressedDepth", 5)
    assert client.until(publisher.get_subscription_count), process.output()
    assert client.until(lambda: "Unknown parameters" in process.output())
    (unknown,) = [line for line in process.output().splitlines() if "Unknown parameters" in line]
    assert "[WARN]" in unknown
    assert unknown.endswith("which have no effect: max_hand (nearest: max_hands of hand_pose)")

    def answer(metres: Any, encoding: str, coding: str) -> Any:
        """What comes for an image of it, which is sent until one is answered."""
        data = compress(metres, coding)

        def sent() -> Any:
            message = compressed(data, f"{encoding}; compressedDepth {coding}", client.now())
            publisher.publish(message)
            return client.until(lambda: next((m for m in client.hands if m.header == message.header), None), 0.2)

        return client.until(sent)

    def error(message: Any) -> float:
        return float(np.linalg.norm(points(message.hands[0].joints) - JOINTS, axis=1).max())

    millimetres = np.rint(METRES * 1000).astype(np.uint16)
    for coding in ("png", "rvl"):
        assert error(answer(millimetres, "16UC1", coding)) < WITHIN_M, process.output()
        assert error(answer(METRES, "32FC1", coding)) < WITHIN_M
    status = client.diagnostic("1 in the last frame")
    values = {value.key: value.value for value in status.values}
    assert status.hardware_id == "/camera/depth/compressedDepth"
    assert values["camera info"] == "the last one is kept: camera infos come more rarely than images"

    # Both subscriptions to the camera info hear what comes from now on; it counts once.
    before = int(values["camera infos"])
    for _ in range(5):
        info_publisher.publish(info_message(depth_message(METRES, client.now()), CAMERA))
        client.spin(0.1)
    client.spin(1.2)
    values = {value.key: value.value for value in client.diagnostic("").values}
    assert before < int(values["camera infos"]) <= before + 5

    # A driver that was started again sends other ones once, before the node knows it.
    assert client.node.destroy_publisher(info_publisher)
    info_publisher = client.node.create_publisher(CameraInfo, "/camera_info", latched)
    nearer = replace(CAMERA, fx=0.8 * CAMERA.fx, fy=0.8 * CAMERA.fy)
    info_publisher.publish(info_message(depth_message(METRES, client.now()), nearer))
    seen = client.until(lambda: (found := answer(METRES, "32FC1", "png")).hands and error(found) > 0.005 and found)
    assert points(seen.hands[0].joints)[:, 2].mean() == pytest.approx(JOINTS[:, 2].mean(), abs=0.01)
    assert points(seen.hands[0].joints)[:, 0].mean() > 1.1 * JOINTS[:, 0].mean()
    info_publisher.publish(info_message(depth_message(METRES, client.now()), CAMERA))
    assert client.until(lambda: error(answer(METRES, "32FC1", "png")) < WITHIN_M)

    publisher.publish(compressed(compress(millimetres, "png")[:500], "16UC1; compressedDepth png", client.now()))
    status = client.diagnostic(
        "depth image on /camera/depth/compressedDepth: the PNG of the compressed depth is cut off"
    )
    assert status.level == b"\x02"

    # Values of 0.1 mm, which the encoding cannot tell.
    tenths = np.where(METRES > 0, np.rint(METRES * 10000), 60000).astype(np.uint16)
    assert client.set_parameter("/hand_pose", "depth_unit", 0.0001).successful
    assert error(answer(tenths, "16UC1", "png")) < WITHIN_M
    assert client.set_parameter("/hand_pose", "depth_unit", 0.01).successful
    assert answer(tenths, "16UC1", "png").hands == []
    sentence = "m away when a value counts 0.01 m: set the depth unit to what the camera's values count"
    status = client.diagnostic(sentence)
    assert status.level == b"\x01"
    assert not client.set_parameter("/hand_pose", "depth_unit", 1e-9).successful
    assert not client.set_parameter("/hand_pose", "transport", "raw").successful
