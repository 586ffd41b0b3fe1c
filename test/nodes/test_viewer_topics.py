"""The overlay and the cloud of joints against the camera's projection and the joints themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import Client, NodeProcess, Source, depth_message, info_message, points
from node_rigid_model import CAMERA, scene
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import FINGER_COLOURS, WRIST_COLOUR, HandPose
from dense3d_ros.nodes.viewer_messages import overlay, points_message

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")
PLACE = (0.0, 0.0, 0.5)


def hand() -> HandPose:
    return HandPose(scene(PLACE)[1].astype(np.float32), np.linspace(0.5, 0.9, 21, dtype=np.float32), 0.9)


def rgb(finger: int) -> NDArray[np.float64]:
    return np.array(WRIST_COLOUR if finger < 0 else FINGER_COLOURS[finger]) * 255


@pytest.mark.parametrize("unit", [0.001, 0.000125, 1.0])
def test_near_is_warm_far_is_cold_and_nothing_is_black(unit: float) -> None:
    metres = np.array([[0.0, 0.15, 0.4], [0.9, 1.5, 8.0]], np.float32).repeat(40, 0).repeat(40, 1)
    values = metres if unit == 1.0 else np.rint(metres / unit).clip(0, 65535).astype(np.uint16)
    if unit == 1.0:
        values = np.where(metres > 0, metres, np.nan).astype(np.float32)
    seen = overlay(DepthImage(values, unit), CAMERA, [], 0.15, 1.5)[::40, ::40].astype(int)
    assert seen.shape == (2, 3, 3)
    assert not seen[0, 0].any()
    red, blue = seen[..., 0], seen[..., 2]
    assert red[0, 1] > blue[0, 1] + 50
    assert blue[1, 1] > red[1, 1]
    assert len({tuple(seen[place]) for place in ((0, 1), (0, 2), (1, 0), (1, 1))}) == 4
    np.testing.assert_array_equal(seen[1, 1], seen[1, 2])


def test_the_skeleton_is_drawn_where_the_camera_sees_it() -> None:
    depth = DepthImage(np.zeros((240, 320), np.uint16), 0.001)
    drawn = overlay(depth, CAMERA, [hand()], 0.15, 1.5)
    columns, rows = np.rint(CAMERA.project(hand().joints)).astype(int).T
    for joint, (column, row) in enumerate(zip(columns, rows, strict=True)):
        assert np.abs(drawn[row, column] - rgb((joint - 1) // 4)).max() < 60, joint
    behind = HandPose(hand().joints * [1, 1, -1], hand().joint_scores, 0.9)
    assert not overlay(depth, CAMERA, [behind], 0.15, 1.5).any()


def read_cloud(cloud: Any) -> NDArray[Any]:
    """The points by the fields that the message describes."""
    assert {field.datatype for field in cloud.fields} == {7}
    names, offsets = [field.name for field in cloud.fields], [field.offset for field in cloud.fields]
    formats = ["<u4" if name == "rgb" else "<f4" for name in names]
    kind = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": cloud.point_step})
    assert len(cloud.data) == cloud.row_step == cloud.point_step * cloud.width
    return np.frombuffer(cloud.data, kind)


def test_the_cloud_holds_all_joints_with_colours_and_scores() -> None:
    found = read_cloud(points_message(Header(frame_id="optical"), [hand(), hand()]))
    assert len(found) == 42
    joints = np.stack([found["x"], found["y"], found["z"]], axis=-1)
    np.testing.assert_array_equal(joints, np.tile(hand().joints, (2, 1)))
    np.testing.assert_array_equal(found["score"][21:], hand().joint_scores)
    for joint in range(21):
        packed = [int(found["rgb"][joint]) >> shift & 255 for shift in (16, 8, 0)]
        np.testing.assert_allclose(packed, rgb((joint - 1) // 4), atol=0.5)
    assert len(read_cloud(points_message(Header(), []))) == 0


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client("test_images")
    yield client
    client.close()


def test_both_are_published_while_somebody_subscribes(client: Client, tmp_path: Path) -> None:
    process = NodeProcess([SCRIPT, "--ros-args", "-p", "model:=rigid", "-p", "max_age:=5.0"], tmp_path / "node" / "log")
    clouds: list[Any] = []
    overlays: list[Any] = []
    metres, joints = scene(PLACE)

    def frame() -> tuple[Any, Any]:
        image = depth_message(metres, client.now())
        return image, info_message(image, CAMERA)

    try:
        source = Source(client)
        assert client.until(source.connected), process.output()
        assert source.send_until_answered(frame), process.output()
        topics = ("/hand_pose/overlay", "/hand_pose/points")
        assert [client.node.count_publishers(topic) for topic in topics] == [1, 1]
        client.collect(PointCloud2, topics[1], clouds)
        subscription = client.collect(Image, topics[0], overlays)
        hands = None
        while not (clouds and overlays):
            hands = source.send_until_answered(frame)
            assert hands, process.output()
            client.spin(0.3)
        stamps = {message.header.stamp.nanosec: message for message in client.hands}
        cloud, shown = clouds[-1], overlays[-1]
        assert cloud.header.frame_id == shown.header.frame_id == "test_optical_frame"
        sent = points(stamps[cloud.header.stamp.nanosec].hands[0].joints)
        found = read_cloud(cloud)
        np.testing.assert_allclose(np.stack([found["x"], found["y"], found["z"]], axis=-1), sent, atol=1e-6)
        assert (shown.encoding, shown.width, shown.height, shown.step) == ("rgb8", 320, 240, 960)
        colours = np.frombuffer(shown.data, np.uint8).reshape(240, 320, 3)
        column, row = np.rint(CAMERA.project(joints)).astype(int)[8]
        assert np.abs(colours[row, column] - rgb(1)).max() < 60
        client.node.destroy_subscription(subscription)
        client.spin(0.5)
        overlays.clear()
        assert source.send_until_answered(frame), process.output()
        client.spin(0.3)
        assert not overlays
    finally:
        status = process.stop()
    assert status == 0, process.output()
