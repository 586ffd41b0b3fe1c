"""The nodes in a process of their own, over real DDS: what comes out for what goes in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from node_processes import FRAME, Client, NodeProcess, Source, depth_message, info_message, points
from node_rigid_model import CAMERA, scene
from visualization_msgs.msg import Marker

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import BONES
from dense3d_ros.msg import HandPose
from dense3d_ros.nodes.messages import stamp_nanoseconds

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")
PLACES = ((0.0, 0.0, 0.5), (0.05, -0.04, 0.45), (-0.06, 0.03, 0.6))
TOLERANCE = 0.003
"""Metres: the rounding to millimetres, and the little that the surface seen changes with the place."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client("test_nodes")
    yield client
    client.close()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    log = tmp_path_factory.mktemp("nodes") / "log.txt"
    process = NodeProcess([SCRIPT, "--ros-args", "-p", "model:=rigid", "-p", "max_age:=5.0"], log)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def source(client: Client, process: NodeProcess) -> Source:
    source = Source(client)
    assert client.until(source.connected), process.output()
    # The publishers that the node waits for may be found a little later than its subscriptions.
    assert client.until(lambda: first_hands(client, source)), process.output()
    return source


def first_hands(client: Client, source: Source) -> Any:
    return source.send(*frame(client), timeout=1.0)


def frame(client: Client, place: tuple[float, float, float] = PLACES[0], **options: Any) -> tuple[Any, Any]:
    image = depth_message(scene(place)[0], client.now(), **options)
    return image, info_message(image, CAMERA)


def error_of(message: Any, place: tuple[float, float, float]) -> float:
    """Largest joint error in metres."""
    assert len(message.hands) == 1
    distances = np.linalg.norm(points(message.hands[0].joints) - scene(place)[1], axis=1)
    return float(distances.max())


def test_hands_carry_stamp_frame_and_true_coordinates(client: Client, source: Source) -> None:
    for place in PLACES:
        image, info = frame(client, place)
        message = source.send(image, info)
        assert message is not None
        assert message.header == image.header
        assert message.model == "rigid"
        assert error_of(message, place) < TOLERANCE
        hand = message.hands[0]
        assert hand.skeleton == "hand21"
        assert hand.handedness == HandPose.RIGHT
        assert hand.score == pytest.approx(0.99, abs=0.001)
        np.testing.assert_allclose(hand.joint_scores, np.linspace(0.5, 0.9, 21), atol=1e-6)
        # Fingers up, palm to the camera: wrist x is -y of the camera, wrist z is z. That is a turn of -90° about z.
        q = hand.wrist.orientation
        wrist = np.array([q.x, q.y, q.z, q.w])
        assert abs(wrist @ [0, 0, -np.sqrt(0.5), np.sqrt(0.5)]) > 0.99
        np.testing.assert_allclose(points([hand.wrist.position]), points(hand.joints)[:1])


def test_a_hand_keeps_its_number(client: Client, source: Source) -> None:
    """Over the turn of a second, so far back that the time was set."""
    now = client.now().sec
    image, later = (
        depth_message(scene(PLACES[0])[0], stamp)
        for stamp in (Time(sec=now - 3, nanosec=970_000_000), Time(sec=now - 2))
    )
    info = info_message(image, CAMERA)
    first, second = source.send(image, info), source.send(later, info_message(later, CAMERA))
    assert first.hands[0].track_id == second.hands[0].track_id


def test_hands_keep_their_order_whichever_is_more_certain(client: Client, source: Source) -> None:
    """The nearer one is, by little, and the two take turns at that."""
    wrists, orders, ranks = [], [], []
    for near, far in ((0.70, 0.72), (0.72, 0.70)) * 2:
        depths = [scene(place)[0] for place in ((-0.17, 0.0, near), (0.17, 0.0, far))]
        image = depth_message(np.where(depths[0] > 0.0, depths[0], depths[1]), client.now())
        hands = source.send(image, info_message(image, CAMERA)).hands
        orders.append([hand.track_id for hand in hands])
        ranks.append(hands[0].score > hands[1].score)
        stamp = image.header.stamp
        message = client.until(lambda stamp=stamp: next((m for m in client.joints if m.header.stamp == stamp), None))
        wrists.append([message.poses[0].position.x < 0.0, message.poses[21].position.x < 0.0])
    assert len(orders[0]) == 2
    assert all(order == sorted(orders[0]) for order in orders)
    assert ranks in ([True, False, True, False], [False, True, False, True])
    assert wrists in ([[True, False]] * 4, [[False, True]] * 4)


def test_joints_and_markers_say_the_same_as_hands(client: Client, source: Source) -> None:
    image, info = frame(client, PLACES[1])
    hands = source.send(image, info)
    expected = points(hands.hands[0].joints)
    stamp = image.header.stamp
    same = client.until(lambda: next((m for m in client.joints if m.header.stamp == stamp), None))
    np.testing.assert_array_equal(points([pose.position for pose in same.poses]), expected)
    assert same.header == image.header
    assert all(pose.orientation.w == 1.0 for pose in same.poses)
    array = client.until(lambda: next((m for m in client.markers if m.markers[0].header.stamp == stamp), None))
    joints, bones, *gone = array.markers
    assert all(marker.action == Marker.DELETE for marker in gone)
    assert (joints.type, joints.ns, joints.action) == (Marker.SPHERE_LIST, "joints", Marker.ADD)
    assert (bones.type, bones.ns, bones.action) == (Marker.LINE_LIST, "bones", Marker.ADD)
    assert joints.header == bones.header == image.header
    np.testing.assert_array_equal(points(joints.points), expected)
    np.testing.assert_array_equal(points(bones.points), expected[np.array(BONES).ravel()])
    assert joints.lifetime.nanosec == 500_000_000
    assert joints.scale.x == pytest.approx(0.012)
    assert bones.scale.x == pytest.approx(0.006)


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "32FC1"},
        {"encoding": "mono16"},
        {"encoding": "16UC1", "padding": 6, "big_endian": True},
        {"encoding": "32FC1", "padding": 8, "big_endian": True},
    ],
)
def test_encodings(client: Client, source: Source, options: dict[str, Any]) -> None:
    message = source.send(*frame(client, PLACES[2], **options))
    assert error_of(message, PLACES[2]) < TOLERANCE


def test_region_of_interest_and_binning(client: Client, source: Source) -> None:
    """The camera sees twice the size; the image is the right bottom part of it, binned by two."""
    image, info = frame(client, PLACES[1])
    full = Camera(2 * CAMERA.fx, 2 * CAMERA.fy, 2 * CAMERA.cx + 40, 2 * CAMERA.cy + 24, 700, 520)
    info = info_message(image, full)
    info.binning_x = info.binning_y = 2
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 40, 24, 640, 480
    assert error_of(source.send(image, info), PLACES[1]) < TOLERANCE


def test_size_change_in_mid_stream(client: Client, source: Source) -> None:
    small = Camera(150.0, 155.0, 80.0, 60.0, 160, 120)
    for camera in (small, CAMERA):
        depth, joints = scene(PLACES[0], camera)
        image = depth_message(depth, client.now())
        message = source.send(image, info_message(image, camera))
        assert np.linalg.norm(points(message.hands[0].joints) - joints, axis=1).max() < 2 * TOLERANCE


@pytest.mark.parametrize(
    ("metres", "encoding"),
    [
        (np.zeros((240, 320), np.float32), "16UC1"),
        (np.zeros((240, 320), np.float32), "32FC1"),  # NaN in the message
        (np.full((240, 320), np.inf, np.float32), "32FC1"),
        (np.full((240, 320), 5.0, np.float32), "16UC1"),
        (np.full((1, 1), 0.5, np.float32), "16UC1"),
    ],
    ids=["zeros", "NaN", "Inf", "far wall", "1x1"],
)
def test_a_frame_without_a_hand_gives_empty_messages(
    client: Client, source: Source, metres: Any, encoding: str
) -> None:
    assert source.send(*frame(client)).hands
    image = depth_message(metres, client.now(), encoding=encoding)
    height, width = metres.shape
    camera = Camera(0.9 * width, 0.9 * width, width / 2, height / 2, width, height)
    message = source.send(image, info_message(image, camera))
    assert message is not None
    assert message.header == image.header
    assert len(message.hands) == 0
    stamp = image.header.stamp
    poses = client.until(lambda: next((m for m in client.joints if m.header.stamp == stamp), None))
    assert len(poses.poses) == 0
    markers = client.until(lambda: next((m for m in client.markers if m.markers[0].header.stamp == stamp), None))
    assert [marker.action for marker in markers.markers] == [Marker.DELETEALL]


def damage(kind: str, image: Any, info: Any) -> tuple[Any, Any, str]:
    """The frame made bad in one way, and what the diagnostics should say."""
    if kind == "wrong encoding":
        image.encoding = "rgb8"
        return image, info, "/depth: encoding 'rgb8'"
    if kind == "short data":
        image.data = image.data[:1000]
        return image, info, "/depth: the image holds 1000 bytes"
    if kind == "wrong step":
        image.step = 100
        return image, info, "/depth: step 100"
    if kind == "endless encoding":
        image.encoding = "x" * 1_000_000
        return image, info, "/depth: encoding 'xxxxxx"
    if kind == "endless frame":
        info.header.frame_id = "x" * 1_000_000
        return image, info, "/camera_info: frame_id is 'xxxxxx"
    if kind == "empty":
        image.width = image.height = image.step = 0
        image.data = image.data[:0]
        info.width = info.height = 0
        return image, info, "/depth: the image is empty (0x0)"
    if kind == "zero K":
        info.k, info.p = np.zeros(9), np.zeros(12)
        return image, info, "/camera_info: K has focal lengths 0 and 0"
    if kind == "other size":
        info.width = 640
        return image, info, "/camera_info: it describes 640x240"
    if kind == "NaN in P":
        info.p = np.array([300.0, 0, np.nan, 0, 0, 300, 0, 0, 0, 0, 1, 0])
        return image, info, "/camera_info: camera intrinsics must be finite"
    assert kind == "other frame"
    info.header.frame_id = "color_optical_frame"
    return image, info, "/camera_info: frame_id is 'color_optical_frame'"


@pytest.mark.parametrize(
    "kind",
    [
        "wrong encoding",
        "endless encoding",
        "short data",
        "wrong step",
        "empty",
        "zero K",
        "other size",
        "NaN in P",
        "other frame",
        "endless frame",
    ],
)
def test_a_bad_frame_is_named_and_the_next_one_works(
    client: Client, process: NodeProcess, source: Source, kind: str
) -> None:
    image, info = frame(client)
    # Messages share their header until one is written out.
    info = info_message(depth_message(np.zeros((1, 1), np.float32), image.header.stamp), CAMERA)
    image, info, expected = damage(kind, image, info)
    seen = len(client.hands)
    source.publish(image, info)
    status = client.diagnostic(expected)
    assert status is not None, [s.message for m in client.diagnostics for s in m.status]
    assert status.level == b"\x02"
    assert "accepted: " in status.message or kind in ("short data", "empty", "NaN in P")
    assert max(map(len, [status.message, *process.output().splitlines()])) < 1000
    # But for the message that clears the last hand.
    assert not any(message.hands for message in client.hands[seen:])
    assert error_of(source.send(*frame(client)), PLACES[0]) < TOLERANCE


def test_old_frames_are_dropped_and_said_to_be_old(client: Client, source: Source) -> None:
    image, _ = frame(client)
    for stamp, sentence in (
        (Time(sec=image.header.stamp.sec - 3600, nanosec=0), "s old, max_age is 5 s"),
        (Time(), ": the images have no stamp: set max_age to 0.0"),
    ):
        image.header.stamp = stamp
        source.publish(image, info_message(image, CAMERA))
        status = client.diagnostic(sentence)
        assert status is not None
        assert not any(message.header.stamp == image.header.stamp for message in client.hands)


def test_stamps_that_jump_back_are_followed(client: Client, source: Source) -> None:
    """A bag that starts again without /clock, within max_age."""
    first = source.send(*frame(client))
    image, _ = frame(client)
    image.header.stamp = Time(sec=image.header.stamp.sec - 2, nanosec=7)
    again = source.send(image, info_message(image, CAMERA))
    assert error_of(again, PLACES[0]) < TOLERANCE
    assert again.hands[0].track_id != first.hands[0].track_id


def test_an_image_out_of_order_ends_no_track(client: Client, source: Source) -> None:
    image, info = frame(client)
    first = source.send(image, info)
    stamp = stamp_nanoseconds(image.header.stamp) - 1_000_000
    image.header.stamp = Time(sec=stamp // 10**9, nanosec=stamp % 10**9)
    assert source.send(image, info_message(image, CAMERA), timeout=0.1) is None
    again = source.send(*frame(client))
    assert again.hands[0].track_id == first.hands[0].track_id
    assert any(value.key == "refused: out of order" for value in client.diagnostic("1 in the last frame").values)


def test_image_and_info_of_different_stamps_are_no_pair(client: Client, source: Source) -> None:
    image, _ = frame(client)
    other = depth_message(np.zeros((1, 1), np.float32), Time(sec=image.header.stamp.sec, nanosec=5))
    assert source.send(image, info_message(other, CAMERA), timeout=1.0) is None
    source.publish(image, info_message(other, CAMERA))
    status = client.diagnostic("never with the same stamp")
    assert status is not None
    assert "/depth and /camera_info" in status.message
    assert source.send(*frame(client)) is not None


def test_diagnostics_count_and_time(client: Client, source: Source) -> None:
    room = depth_message(np.full((240, 320), 5.0, np.float32), client.now())
    assert source.send(room, info_message(room, CAMERA)) is not None
    for _ in range(5):
        assert source.send(*frame(client)) is not None
    status = client.diagnostic("1 in the last frame")
    values = {value.key: value.value for value in status.values}
    assert status.name == "hand_pose: hands"
    assert status.hardware_id == "/depth"
    assert (values["model"], values["views"], values["device"], values["runtime"]) == ("rigid", "1", "cpu", "numpy")
    assert float(values["memory MiB"]) > 100
    assert int(values["published"]) == int(values["with a hand"]) + int(values["without a hand"])
    assert int(values["pairs"]) >= int(values["published"])
    for stage in ("wait", "decode", "find", "crop", "network", "publish", "stamp to publish"):
        assert 0.0 <= float(values[f"{stage} p50 ms"]) <= float(values[f"{stage} p95 ms"])
    assert float(values["stamp to publish p50 ms"]) > float(values["network p50 ms"])
    stale = client.diagnostic("no frame for")
    assert stale.level == b"\x03"
    assert "/depth has a publisher, but no message arrives" in stale.message


def test_parameters_are_described_and_bad_values_refused(client: Client, source: Source) -> None:
    for node in ("/hand_pose", "/hand_model"):
        for descriptor in client.describe_parameters(node):
            if descriptor.name.startswith(("qos_overrides", "use_sim_time", "start_type")):
                continue
            assert descriptor.description, descriptor.name
            if descriptor.type in (2, 3):
                assert descriptor.integer_range or descriptor.floating_point_range, descriptor.name
    result = client.set_parameter("/hand_pose", "max_hands", 9)
    assert not result.successful
    result = client.set_parameter("/hand_pose", "min_score", 1.0000001)
    assert not result.successful
    assert result.reason == "min_score is 1.0000001; accepted: 0.0 to 1.0"
    result = client.set_parameter("/hand_pose", "min_depth", 2.0)
    assert not result.successful
    assert result.reason == "min_depth (2.0 m) must be smaller than max_depth (1.5 m)"
    assert not client.set_parameter("/hand_model", "model", "").successful


def test_parameters_may_change_while_running(client: Client, source: Source) -> None:
    assert client.set_parameter("/hand_pose", "max_depth", 0.4).successful
    try:
        assert not source.send(*frame(client)).hands
    finally:
        assert client.set_parameter("/hand_pose", "max_depth", 1.5).successful
    assert source.send(*frame(client)).hands


def test_frame_ids_survive(client: Client, source: Source) -> None:
    image, info = frame(client, frame="another_optical_frame")
    assert source.send(image, info).header.frame_id == "another_optical_frame"
    assert source.send(*frame(client)).header.frame_id == FRAME
