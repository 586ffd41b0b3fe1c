"""The MCAP of a run, read back by the reference reader and by ROS's own deserialization, against the results."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bags import DEPTH, FIRST, ROS2, STEP, Messages, depth_values, frames, header, image, info, write_ros2
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from oracle import Oracle
from room import make_room

from dense3d_ros import cli
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.distortion import Distortion
from dense3d_ros.geometry.hand import BONES, Handedness, HandPose
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.perception import model
from dense3d_ros.perception.estimator import Estimate
from dense3d_ros.recordings.bag_frames import open_bag_recording
from dense3d_ros.recordings.bag_writer import TOPICS, BagWriter
from dense3d_ros.recordings.offline import FrameFile, FrameResult

IMAGE, INFO, HANDS, POINTS, MARKERS = TOPICS
TRANSFORMS = "tf2_msgs/msg/TFMessage"


def read(path: Path, *topics: str) -> list[tuple[str, int, Any]]:
    """Topic, nanoseconds and message of each, by the reference reader, which checks the checksums."""
    with path.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True, decoder_factories=[DecoderFactory()])
        return [
            (channel.topic, message.log_time, decoded)
            for _, channel, message, decoded in reader.iter_decoded_messages(topics or None)
        ]


def transform(stamp: int, parent: str) -> Any:
    kinds = ROS2.types
    shift = kinds["geometry_msgs/msg/Vector3"](0.1, 0.2, 0.3)
    turn = kinds["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)
    moved = kinds["geometry_msgs/msg/Transform"](shift, turn)
    return kinds[TRANSFORMS](
        [kinds["geometry_msgs/msg/TransformStamped"](header(ROS2, stamp, parent), "optical", moved)]
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray]:
    """Results and MCAP of a bag of three frames with a hand and one without, and the depth in millimetres."""
    folder = tmp_path_factory.mktemp("run")
    room = make_room(np.random.default_rng(1), HandMesh.load(), person=True)
    values = np.rint(room.depth.metres(slice(None), slice(None)) * 1000).astype(np.uint16)

    def messages() -> Messages:
        yield "/tf_static", FIRST - 5, TRANSFORMS, transform(FIRST - 5, "map")
        for index in range(4):
            stamp = FIRST + index * STEP
            yield "/tf", stamp - 9, TRANSFORMS, transform(stamp - 9, "odom")
            yield (
                f"{DEPTH[: DEPTH.rindex('/')]}/camera_info",
                stamp,
                "sensor_msgs/msg/CameraInfo",
                info(stamp, room.camera),
            )
            yield DEPTH, stamp, "sensor_msgs/msg/Image", image(values * (index < 3), stamp)
        yield "/tf", stamp + 7, TRANSFORMS, transform(stamp + 7, "odom")
        yield "/tf_static", stamp + 8, TRANSFORMS, transform(stamp + 8, "late")

    write_ros2(folder / "bag", messages())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "load_model", lambda *_: Oracle(hands=[(room.joints, room.right)]))
        arguments = ["run", str(folder / "bag"), "--output", str(folder / "out"), "--bag", str(folder / "out.mcap")]
        assert cli.main(arguments) == 0
    return folder / "out", folder / "out.mcap", values


def test_the_reference_reader_reads_what_the_results_say(run: tuple[Path, Path, np.ndarray]) -> None:
    results, path, values = run
    lines = [json.loads(line) for line in (results / "hands.jsonl").read_text().splitlines()]
    assert [len(line["hands"]) for line in lines] == [1, 1, 1, 0]
    stamps = [FIRST + index * STEP for index in range(4)]
    by_topic: dict[str, list[Any]] = {}
    for topic, time, message in read(path):
        by_topic.setdefault(topic, []).append(message)
        if topic in TOPICS:
            assert time in stamps
    assert {topic: len(found) for topic, found in by_topic.items()} == {
        **dict.fromkeys(TOPICS, 4),
        "/tf": 5,
        "/tf_static": 2,
    }
    for stamp, depth, about, hands, line in zip(
        stamps, by_topic[IMAGE], by_topic[INFO], by_topic[HANDS], lines, strict=True
    ):
        for message in (depth, about, hands):
            assert (message.header.stamp.sec, message.header.stamp.nanosec) == divmod(stamp, 10**9)
            assert message.header.frame_id == "optical"
        assert hands.model == "oracle"
        assert len(hands.hands) == len(line["hands"])
        for hand, expected in zip(hands.hands, line["hands"], strict=True):
            joints = [[point.x, point.y, point.z] for point in hand.joints]
            np.testing.assert_allclose(joints, expected["joints"], atol=6e-6)
            np.testing.assert_allclose(hand.joint_scores, expected["joint_scores"], atol=6e-5)
            assert hand.track_id == expected["track_id"]
            assert Handedness(hand.handedness).name.lower() == expected["handedness"]
            assert (hand.skeleton, hand.score) == ("hand21", pytest.approx(expected["score"], abs=6e-5))
    np.testing.assert_array_equal(np.frombuffer(by_topic[IMAGE][1].data, "<u2").reshape(480, 640), values)
    shown = [[(marker.ns, marker.action) for marker in message.markers] for message in by_topic[MARKERS]]
    assert shown == [[("joints", 0), ("bones", 0)]] * 3 + [[("", 3)]]
    assert by_topic["/tf_static"][0].transforms[0].header.frame_id == "map"
    assert [(topic, time - stamps[3]) for topic, time, _ in read(path, "/tf", "/tf_static")][-2:] == [
        ("/tf", 7),
        ("/tf_static", 8),
    ]
    assert by_topic["/tf_static"][1].transforms[0].header.frame_id == "late"
    assert by_topic["/tf"][2].transforms[0].transform.translation.z == 0.3


def test_what_was_written_is_a_recording_again(run: tuple[Path, Path, np.ndarray]) -> None:
    _, path, values = run
    recording = open_bag_recording(path)
    assert recording.count == 4
    found = list(recording.frames)
    assert [frame.nanoseconds for frame in found] == [FIRST + index * STEP for index in range(4)]
    np.testing.assert_array_equal(found[0].depth.values, values)
    assert [len(frame.transforms) for frame in found] == [2, 1, 1, 1]


def test_messages_and_types_are_those_of_ros(run: tuple[Path, Path, np.ndarray]) -> None:
    """Field by field what the node would publish, and the hash of the type that ROS compares."""
    pytest.importorskip("rclpy", reason="ROS 2 is not installed")
    from ament_index_python.packages import get_package_share_directory
    from rclpy.serialization import deserialize_message, serialize_message
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import Header
    from visualization_msgs.msg import MarkerArray

    from dense3d_ros.msg import HandPoseArray
    from dense3d_ros.nodes.markers import HandMarkers
    from dense3d_ros.nodes.messages import HandMessages
    from dense3d_ros.nodes.viewer_messages import points_message

    path = run[1]
    with path.open("rb") as stream:
        raw = [(channel.topic, message.data) for _, channel, message in make_reader(stream).iter_messages()]
    hands = [deserialize_message(data, HandPoseArray) for topic, data in raw if topic == HANDS]
    markers = [deserialize_message(data, MarkerArray) for topic, data in raw if topic == MARKERS]
    clouds = [deserialize_message(data, PointCloud2) for topic, data in raw if topic == POINTS]
    maker, other = HandMessages(), HandMarkers()
    for sent, cloud, shown in zip(hands, clouds, markers, strict=True):
        poses = [
            HandPose(
                np.array([[point.x, point.y, point.z] for point in hand.joints], np.float32),
                np.asarray(hand.joint_scores, np.float32),
                hand.score,
                Handedness(hand.handedness),
                hand.track_id,
            )
            for hand in sent.hands
        ]
        assert isinstance(sent.header, Header)
        assert sent == maker.hands(sent.header, poses, sent.model)
        assert cloud == points_message(sent.header, poses)
        expected = other.update(sent.header, poses, joint_diameter=0.012, bone_width=0.006, lifetime=0.5)
        # There and back, because colours become float32 on the way.
        assert shown == deserialize_message(serialize_message(expected), MarkerArray)
    about = json.loads((Path(get_package_share_directory("dense3d_ros")) / "msg/HandPoseArray.json").read_text())
    (hash_of_ros,) = (
        entry["hash_string"] for entry in about["type_hashes"] if entry["type_name"] == "dense3d_ros/msg/HandPoseArray"
    )
    with path.open("rb") as stream:
        summary = next(iter(make_reader(stream).iter_metadata())).metadata["serialized_metadata"]
    assert hash_of_ros in summary


def result(index: int, hands: list[HandPose], nanoseconds: int, unit: float = 0.001) -> FrameResult:
    file = FrameFile(Path(f"{index}.png"), Path(f"{index}.png"), index)
    depth = DepthImage(depth_values(index), unit)
    return FrameResult(file, nanoseconds, depth, Camera(47.5, 47.5, 31.5, 23.5, 64, 48), estimate=Estimate(hands))


def test_a_lens_is_undone_as_live_and_written_again(tmp_path: Path) -> None:
    bent = info(FIRST)
    bent.d = np.array([-0.2, 0.05, 0.001, -0.002, 0.0])
    messages = [
        ("/tof/depth/camera_info", FIRST, "sensor_msgs/msg/CameraInfo", bent),
        ("/tof/depth/image_raw", FIRST, "sensor_msgs/msg/Image", image(depth_values(0), FIRST)),
    ]
    write_ros2(tmp_path / "bag", iter(messages))
    (frame,) = open_bag_recording(tmp_path / "bag").frames
    assert frame.camera.distortion == Distortion("plumb_bob", tuple(bent.d))
    with BagWriter(tmp_path / "out.mcap", "hand") as writer:
        writer.add(FrameResult(**vars(frame), estimate=Estimate([])))
    (again,) = open_bag_recording(tmp_path / "out.mcap").frames
    assert again.camera == frame.camera


def test_stamps_go_on_where_a_recording_starts_again(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "out.mcap", "hand") as writer:
        for nanoseconds in (0, STEP, 0, STEP):
            writer.add(result(0, [], nanoseconds))
    second = 10**9
    expected = [second, second + STEP, 2 * second + STEP, 2 * second + 2 * STEP]
    assert [time for _, time, _ in read(tmp_path / "out.mcap", IMAGE)] == expected


def test_a_stamp_that_comes_twice_moves_nothing(tmp_path: Path) -> None:
    stamps = [FIRST, FIRST + STEP, FIRST + STEP, FIRST + 2 * STEP]
    with BagWriter(tmp_path / "out.mcap", "hand") as writer:
        for nanoseconds in stamps:
            writer.add(result(0, [], nanoseconds))
    assert [time for _, time, _ in read(tmp_path / "out.mcap", IMAGE)] == stamps


def test_transforms_are_at_the_time_of_the_images_also_of_simulation(tmp_path: Path) -> None:
    """The recorder's time is another one than that of the headers."""

    def messages() -> Messages:
        for index in range(3):
            recorded, simulated = FIRST + index * STEP, 5 * 10**9 + index * STEP
            yield "/tf", recorded - 9, TRANSFORMS, transform(simulated - 9, "odom")
            yield "/camera/depth/camera_info", recorded, "sensor_msgs/msg/CameraInfo", info(simulated)
            yield DEPTH, recorded, "sensor_msgs/msg/Image", image(depth_values(index), simulated)
        yield "/tf", recorded + 7, TRANSFORMS, transform(simulated + 7, "odom")

    write_ros2(tmp_path / "bag", messages())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "load_model", lambda *_: Oracle(hands=[]))
        arguments = ["run", str(tmp_path / "bag"), "--output", str(tmp_path / "out")]
        assert cli.main([*arguments, "--bag", str(tmp_path / "out.mcap")]) == 0
    found = read(tmp_path / "out.mcap", "/tf", IMAGE)
    assert [time for topic, time, _ in found if topic == IMAGE] == [5 * 10**9 + index * STEP for index in range(3)]
    for topic, time, message in found:
        if topic == "/tf":
            stamp = message.transforms[0].header.stamp
            assert time == stamp.sec * 10**9 + stamp.nanosec


def test_other_units_are_metres_and_gone_hands_are_deleted(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).normal(0.5, 0.02, (21, 3)).astype(np.float32)
    first, second = (HandPose(joints, np.full(21, 0.8, np.float32), 0.9, Handedness.LEFT, number) for number in (1, 2))
    with BagWriter(tmp_path / "out.mcap", "hand") as writer:
        writer.add(result(3, [first, second], FIRST, 0.000125))
        writer.add(result(4, [second], FIRST + STEP, 0.000125))
    (_, _, depth), _ = read(tmp_path / "out.mcap", IMAGE)
    assert depth.encoding == "32FC1"
    metres = np.frombuffer(depth.data, "<f4").reshape(48, 64)
    np.testing.assert_allclose(metres, depth_values(3) * 0.000125, rtol=1e-6)
    (_, _, both), (_, _, one) = read(tmp_path / "out.mcap", MARKERS)
    assert [(marker.ns, marker.id, marker.action) for marker in one.markers] == [
        ("joints", 2, 0),
        ("bones", 2, 0),
        ("joints", 1, 2),
        ("bones", 1, 2),
    ]
    bones = [[point.x, point.y, point.z] for point in both.markers[1].points]
    np.testing.assert_array_equal(np.float32(bones), joints[np.array(BONES).ravel()])


def test_an_interruption_leaves_the_frames_so_far_and_an_error_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.mcap"
    for error in (KeyboardInterrupt, OSError):
        with suppress(error), BagWriter(path, "hand") as writer:
            for index in range(3):
                writer.add(result(index, [], FIRST + index * STEP))
            raise error
        assert path.is_file() == (error is KeyboardInterrupt)
        if path.is_file():
            assert len(read(path, IMAGE)) == 3
            path.unlink()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.bag", "out.bag is no name of an MCAP; it must end with .mcap"),
        ("nowhere/out.mcap", "nowhere/out.mcap cannot be written: there is a folder of that name, or none for it"),
        ("bag/out.mcap", "bag/out.mcap lies in the recording; name another place"),
    ],
)
def test_names_that_cannot_be_are_one_sentence(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model, "load_model", lambda *_: Oracle())
    write_ros2(tmp_path / "bag", chain(frames(2)))
    arguments = ["run", str(tmp_path / "bag"), "--output", str(tmp_path / "out"), "--bag", str(tmp_path / name)]
    assert cli.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
