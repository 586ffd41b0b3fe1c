"""Bags as recordings: every storage there is, topics chosen or listed, and what is cut off or damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from bags import (
    CAMERA,
    COMPRESSED_TYPE,
    DEPTH,
    FIRST,
    IMAGE_TYPE,
    INFO,
    INFO_TYPE,
    ROS2,
    STEP,
    Messages,
    compressed,
    depth_values,
    frames,
    image,
    info,
    write_ros1,
    write_ros2,
)
from mcap_ros2.writer import Writer as McapWriter
from oracle import Oracle
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer

from dense3d_ros import cli
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.perception import model
from dense3d_ros.recordings.bag import is_bag
from dense3d_ros.recordings.bag_frames import open_bag_recording
from dense3d_ros.recordings.offline import RecordedFrame, Recording

MCAP, SQLITE = StoragePlugin.MCAP, StoragePlugin.SQLITE3


def expect_frames(recording: Recording, indices: range) -> list[RecordedFrame]:
    """The frames, which must be those of `bags.frames`."""
    found = list(recording.frames)
    assert [frame.fault for frame in found] == [""] * len(indices)
    assert [frame.nanoseconds for frame in found] == [FIRST + index * STEP for index in indices]
    for frame, index in zip(found, indices, strict=True):
        np.testing.assert_array_equal(frame.depth.values, depth_values(index))
        assert frame.depth.unit == 0.001
        assert frame.camera == CAMERA
        assert frame.frame_id == "optical"
    assert [frame.starts for frame in found] == [True] + [False] * (len(indices) - 1)
    return found


def test_the_rate_of_images_that_are_minutes_apart(tmp_path: Path) -> None:
    later = FIRST + 600 * 10**9
    write_ros2(tmp_path / "bag", chain(frames(1), [(DEPTH, later, IMAGE_TYPE, image(depth_values(1), later))]))
    assert open_bag_recording(tmp_path / "bag").intrinsics.rate == pytest.approx(1 / 600, rel=1e-3)


@pytest.mark.parametrize(
    ("plugin", "mode"),
    [
        (MCAP, CompressionMode.NONE),
        (MCAP, CompressionMode.STORAGE),
        (MCAP, CompressionMode.FILE),
        (SQLITE, CompressionMode.NONE),
        (SQLITE, CompressionMode.FILE),
        (SQLITE, CompressionMode.MESSAGE),
    ],
)
def test_bags_of_ros_2_are_read(plugin: StoragePlugin, mode: CompressionMode, tmp_path: Path) -> None:
    file = write_ros2(tmp_path / "bag", frames(7), plugin, mode)
    for path in (tmp_path / "bag", file):
        assert is_bag(path)
        recording = open_bag_recording(path)
        assert recording.count == 7
        assert recording.intrinsics.rate == 30.0
        assert recording.about == {"depth topic": DEPTH, "camera info topic": INFO}
        expect_frames(recording, range(7))
        assert recording.cuts == []


def test_a_bag_of_ros_1_is_read(tmp_path: Path) -> None:
    expect_frames(open_bag_recording(write_ros1(tmp_path / "old.bag", 5)), range(5))


def test_an_mcap_of_the_reference_writer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "reference.mcap"
    with path.open("wb") as stream, McapWriter(stream, chunk_size=20_000) as writer:
        schemas = {}
        for topic, time, kind, message in frames(9):
            if kind not in schemas:
                schemas[kind] = writer.register_msgdef(kind, ROS2.generate_msgdef(kind, ros_version=2)[0])
            # Its encoder takes no arrays of NumPy.
            for name, value in vars(message).items():
                if isinstance(value, np.ndarray):
                    setattr(message, name, value.tobytes() if name == "data" else value.tolist())
            writer.write_message(topic, schemas[kind], message, log_time=time)
    expect_frames(open_bag_recording(path), range(9))


def split_bag(tmp_path: Path) -> Path:
    """Twelve frames in three files, the eleventh named so that the order of letters is not theirs."""
    bag = tmp_path / "split"
    first = write_ros2(bag, frames(4))
    for part, name in ((1, "split_2.mcap"), (2, "split_10.mcap")):
        file = write_ros2(tmp_path / f"part{part}", frames(4, 4 * part))
        file.rename(bag / name)
    (bag / "metadata.yaml").write_text(
        (bag / "metadata.yaml")
        .read_text()
        .replace(f"- {first.name}", "- split_1.mcap\n  - split_2.mcap\n  - split_10.mcap", 1)
    )
    first.rename(bag / "split_1.mcap")
    return bag


def test_a_split_bag_is_one_recording(tmp_path: Path) -> None:
    bag = split_bag(tmp_path)
    expect_frames(open_bag_recording(bag), range(12))
    (bag / "metadata.yaml").unlink()
    expect_frames(open_bag_recording(bag), range(12))


def test_a_missing_part_of_a_split_bag_is_said(tmp_path: Path) -> None:
    bag = split_bag(tmp_path)
    (bag / "split_10.mcap").unlink()
    recording = open_bag_recording(bag)
    expect_frames(recording, range(8))
    assert recording.cuts[0].endswith("split_10.mcap belongs to the bag and is not there")


@pytest.mark.parametrize("plugin", [MCAP, SQLITE])
@pytest.mark.parametrize("mode", [CompressionMode.NONE, CompressionMode.FILE])
def test_a_bag_that_is_cut_off_gives_what_it_holds(
    plugin: StoragePlugin, mode: CompressionMode, tmp_path: Path
) -> None:
    # Several chunks of an MCAP, and of SQLite several pages of references to pages.
    file = write_ros2(tmp_path / "bag", frames(1800), plugin, mode)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 2 // 3])
    recording = open_bag_recording(tmp_path / "bag")
    read = recording.count
    assert 1000 < read <= 1200
    expect_frames(recording, range(read))
    cut, end = recording.cuts
    assert f"{file.name} is cut off or damaged; it is read as far as it goes" in cut
    last = FIRST + (read - 1) * STEP
    assert end == f"the last frame that is there is {read - 1:06d}.png, with the stamp {last * 1e-9:.3f}"


def test_a_hole_in_a_bag_ends_it(tmp_path: Path) -> None:
    file = write_ros2(tmp_path / "bag", frames(600), MCAP, CompressionMode.STORAGE)
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300_000] = bytes(300_000)
    file.write_bytes(data)
    recording = open_bag_recording(tmp_path / "bag")
    read = len(list(recording.frames))
    assert 0 < read < 600
    assert "is damaged: " in recording.cuts[0]
    assert f"after {2 * read} messages" in recording.cuts[0]


def on(topic: str, messages: Messages) -> Messages:
    """The depth images of a camera alone, on another topic."""
    return ((topic, time, kind, message) for name, time, kind, message in messages if name == DEPTH)


def test_several_depth_topics_are_listed(tmp_path: Path) -> None:
    both = chain(frames(3), on("/camera/aligned_depth_to_color/image_raw", frames(2)))
    write_ros2(tmp_path / "bag", both)
    with pytest.raises(ValueError, match=r"bag holds several depth topics; name one with --depth: ") as error:
        open_bag_recording(tmp_path / "bag")
    assert f"{DEPTH} (16UC1, 3 messages)" in str(error.value)
    assert "/camera/aligned_depth_to_color/image_raw (16UC1, 2 messages)" in str(error.value)
    expect_frames(open_bag_recording(tmp_path / "bag", depth=DEPTH), range(3))
    with pytest.raises(ValueError, match=rf"--depth {INFO} is no depth topic of .*; its images: {DEPTH} "):
        open_bag_recording(tmp_path / "bag", depth=INFO)


def test_colour_infrared_and_compressed_copies_are_no_other_choice(tmp_path: Path) -> None:
    colour = image(np.zeros((48, 64, 3), np.uint8), FIRST, "rgb8")
    infrared = image(depth_values(3), FIRST, "mono16")
    others = [
        ("/camera/color/image_raw", FIRST, IMAGE_TYPE, colour),
        ("/camera/infra/image", FIRST, IMAGE_TYPE, infrared),
        (f"{DEPTH}/compressedDepth", FIRST, COMPRESSED_TYPE, compressed(depth_values(0), FIRST)),
    ]
    write_ros2(tmp_path / "bag", chain(frames(3), others))
    expect_frames(open_bag_recording(tmp_path / "bag"), range(3))
    write_ros2(tmp_path / "colour", iter([others[0]]))
    with pytest.raises(ValueError, match=r"holds no depth images; its images: /camera/color/image_raw \(rgb8, 1 mess"):
        open_bag_recording(tmp_path / "colour")


def test_compressed_depth_is_read(tmp_path: Path) -> None:
    def messages() -> Messages:
        for name, time, kind, message in frames(4):
            if name == DEPTH:
                index = (time - FIRST) // STEP
                yield f"{DEPTH}/compressedDepth", time, COMPRESSED_TYPE, compressed(depth_values(index), time)
            else:
                yield name, time, kind, message

    write_ros2(tmp_path / "bag", messages())
    expect_frames(open_bag_recording(tmp_path / "bag"), range(4))


def test_the_camera_is_the_bags_or_the_users(tmp_path: Path) -> None:
    write_ros2(tmp_path / "bare", on(DEPTH, frames(3)))
    with pytest.raises(ValueError, match=r"holds no camera info; say what camera it was by --fx, --fy, --cx and --cy"):
        open_bag_recording(tmp_path / "bare")
    recording = open_bag_recording(tmp_path / "bare", pinhole=(50.0, 51.0, 30.0, 20.0), unit=0.00025)
    assert {frame.camera for frame in recording.frames} == {Camera(50.0, 51.0, 30.0, 20.0, 64, 48)}
    assert recording.intrinsics.depth_unit == 0.00025
    assert recording.camera_doubt == ""
    doubted = open_bag_recording(tmp_path / "bare", pinhole=(50.0, 51.0, 64.0, 48.0))
    assert doubted.camera_doubt.startswith(
        "these intrinsics are unusual for 64x48 pixels: the principal point (64, 48)"
    )
    elsewhere = [("/a/camera_info", FIRST, INFO_TYPE, info(FIRST)), ("/b/camera_info", FIRST, INFO_TYPE, info(FIRST))]
    write_ros2(tmp_path / "two", chain(elsewhere, on(DEPTH, frames(3))))
    with pytest.raises(
        ValueError, match=f"no camera info is beside {DEPTH}; name one .*: /a/camera_info, /b/camera_in"
    ):
        open_bag_recording(tmp_path / "two")
    expect_frames(open_bag_recording(tmp_path / "two", camera_info="/b/camera_info"), range(3))
    with pytest.raises(ValueError, match=r"--camera-info /c is no camera info of .*; there: /a/camera_info, /b"):
        open_bag_recording(tmp_path / "two", camera_info="/c")
    wrong = [(INFO, FIRST, INFO_TYPE, info(FIRST, Camera(475.0, 475.0, 319.5, 239.5, 650, 480)))]
    write_ros2(tmp_path / "wrong", chain(wrong, on(DEPTH, frames(3))))
    with pytest.raises(ValueError, match=rf"camera info on {INFO}: it describes 650x480 pixels"):
        open_bag_recording(tmp_path / "wrong")


def test_frames_that_cannot_be_read_are_said_one_by_one(tmp_path: Path) -> None:
    messages = list(frames(4))
    messages[3][3].step = 7
    messages[5][3].encoding = "bgr8"
    write_ros2(tmp_path / "bag", iter(messages))
    found = list(open_bag_recording(tmp_path / "bag").frames)
    assert [frame.readable for frame in found] == [True, False, False, True]
    assert f"depth image 2 on {DEPTH}: step 7 does not fit" in found[1].fault
    assert "encoding 'bgr8' is no depth encoding" in found[2].fault


def test_stamps_left_at_zero_are_the_recorders(tmp_path: Path) -> None:
    messages = list(frames(3))
    for _, _, _, message in messages:
        message.header.stamp.sec = message.header.stamp.nanosec = 0
    write_ros2(tmp_path / "bag", iter(messages))
    expect_frames(open_bag_recording(tmp_path / "bag"), range(3))


def test_a_recording_that_jumps_back_starts_again(tmp_path: Path) -> None:
    again = ((topic, time + 10**9, kind, message) for topic, time, kind, message in frames(2))
    write_ros2(tmp_path / "bag", chain(frames(3), again))
    assert [frame.starts for frame in open_bag_recording(tmp_path / "bag").frames] == [True, False, False, True, False]


def test_a_cut_sqlite_file_whose_messages_cannot_be_reached_names_what_may_save_it(tmp_path: Path) -> None:
    file = write_ros2(tmp_path / "bag", frames(600), SQLITE)
    file.write_bytes(file.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match=r"bag.db3 is cut off .*; `sqlite3 .*bag.db3 .recover` may save its messages"):
        open_bag_recording(file)


@pytest.mark.parametrize("plugin", [MCAP, SQLITE])
def test_a_bag_that_is_cut_off_before_its_first_image_says_so(plugin: StoragePlugin, tmp_path: Path) -> None:
    file = write_ros2(tmp_path / "bag", (message for message in frames(200) if message[0] == INFO), plugin)
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(ValueError, match=r"holds no depth images; .*; .*bag_?0?\.\w+ is cut off or damaged") as error:
        open_bag_recording(file)
    assert (".recover` may save more" in str(error.value)) == (plugin is SQLITE)


@pytest.mark.parametrize("name", ["random.bag", "head.mcap", "empty.db3"])
def test_what_is_accepted_instead_of_a_foreign_file_is_said(name: str, tmp_path: Path) -> None:
    whole = write_ros2(tmp_path / "bag", frames(2)).read_bytes()
    contents = {"random.bag": np.random.default_rng(0).bytes(5000), "head.mcap": whole[:30], "empty.db3": b""}
    (tmp_path / name).write_bytes(contents[name])
    with pytest.raises(ValueError, match=rf"{name} cannot be read: .*; accepted: .mcap or .db3 of ROS 2, or .bag"):
        open_bag_recording(tmp_path / name)


@pytest.mark.parametrize(
    "content", ["[" * 1500, "rosbag2_bagfile_information: {relative_file_paths: [a.mcap], x: 2026-13-45}"]
)
def test_metadata_that_yaml_stumbles_over_is_one_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "metadata.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"metadata.yaml is no metadata of a ROS 2 bag; accepted: YAML as `ros2 bag"):
        open_bag_recording(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "missing' is not there or not a folder; accepted: a folder of"),
        ("a.txt", "a.txt' is no bag; accepted"),
    ],
)
def test_an_input_that_is_neither_bag_nor_folder_is_said(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").touch()
    assert cli.main(["run", str(tmp_path / name), "--output", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mcap", b"", r"empty.mcap cannot be read: .* seems to be empty"),
        ("foreign.mcap", b"no bag" * 99, r"foreign.mcap cannot be read: File magic is invalid"),
        ("foreign.db3", b"no bag" * 99, r"foreign.db3 cannot be read: file is not a database"),
        ("foreign.bag", b"no bag\n" * 99, r"foreign.bag cannot be read: File magic is invalid"),
        ("start.mcap", b"\x89MCAP0\r\n", r"start.mcap cannot be read: "),
        ("foreign.mcap.zstd", b"no bag" * 99, r"foreign.mcap.zstd cannot be read: "),
    ],
)
def test_foreign_files_are_one_sentence(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        open_bag_recording(tmp_path / name)
    assert "\n" not in str(error.value)


def test_folders_that_are_no_bag(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bag '.*nothing.mcap' is not there"):
        open_bag_recording(tmp_path / "nothing.mcap")
    (tmp_path / "metadata.yaml").write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"metadata.yaml is no metadata of a ROS 2 bag"):
        open_bag_recording(tmp_path)
    (tmp_path / "metadata.yaml").write_text("rosbag2_bagfile_information: {relative_file_paths: [a.mcap]}")
    with pytest.raises(ValueError, match=r"holds no file of a bag; expected .mcap or .db3 beside metadata.yaml"):
        open_bag_recording(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.png").touch()
    (tmp_path / "images" / "made_of_it.mcap").touch()
    assert not is_bag(tmp_path / "images")


def test_a_bag_of_ros_1_without_index_names_what_mends_it(tmp_path: Path) -> None:
    path = write_ros1(tmp_path / "old.bag", 50)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"old.bag cannot be read: .*`rosbag reindex` mends a bag that was cut off"):
        open_bag_recording(path)


PEAK = """
import sys, tracemalloc
from pathlib import Path
from dense3d_ros.recordings.bag_frames import open_bag_recording
recording = open_bag_recording(Path(sys.argv[1]))
tracemalloc.start()
print(sum(frame.readable for frame in recording.frames), tracemalloc.get_traced_memory()[1])
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """A recording of 20 MB needs as much as one of 2 MB, but for a chunk or two that wait for the garbage collector.

    In processes of their own: how long chunks wait depends on what else a process has loaded.
    """
    peaks = []
    small = Camera(24.0, 24.0, 15.5, 11.5, 32, 24)
    for count in (1000, 10_000):
        write_ros2(tmp_path / f"bag{count}", frames(count, camera=small))
        command = [sys.executable, "-c", PEAK, str(tmp_path / f"bag{count}")]
        read, peak = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        assert read == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 3_000_000


def test_dense3d_run_reads_a_bag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model, "load_model", lambda *_: Oracle())
    write_ros2(tmp_path / "bag", frames(3))
    output = tmp_path / "result"
    assert cli.main(["run", str(tmp_path / "bag"), "--output", str(output)]) == 0
    assert "3 frames, 0 with a hand" in capsys.readouterr().out
    about = json.loads((output / "run.json").read_text())
    assert about["frames"] == 3
    assert about["camera"] == {"fx": 47.5, "fy": 47.5, "cx": 31.5, "cy": 23.5, "depth_unit": 0.001, "rate": 30.0}
    assert about["depth topic"] == DEPTH
    lines = [json.loads(line) for line in (output / "hands.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == ["000000.png", "000001.png", "000002.png"]
    assert lines[2]["stamp"] == pytest.approx((FIRST + 2 * STEP) * 1e-9, abs=1e-6)
    assert all((output / "overlays" / line["file"]).is_file() for line in lines)


def test_without_rosbags_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    write_ros2(tmp_path / "bag", frames(2))
    program = "import sys; sys.modules['rosbags'] = None; from dense3d_ros import cli; sys.exit(cli.main())"
    command = [sys.executable, "-c", program, "run", str(tmp_path / "bag"), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "this needs the Python package rosbags, which is not there" in done.stderr
    assert done.stderr.endswith(f"; `{sys.executable} -m pip install rosbags` brings it\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bag", "--rate", "10"], "--rate and --centres go with a folder of PNGs"),
        (["bag", "--fx", "10"], "--fx, --fy, --cx and --cy stand for a bag's camera info together; some are missing"),
        (["bag", "--depth-unit", "-1"], "the depth unit must be a positive number of metres"),
        (["folder", "--depth", "/d"], "--depth and --camera-info go with a bag, which"),
        (["folder"], "a folder of PNGs does not say its camera; it needs --fx, --fy, --cx, --cy and --depth-unit"),
    ],
)
def test_arguments_that_do_not_go_together(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ros2(tmp_path / "bag", frames(2))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "1.png").touch()
    name, *rest = arguments
    assert cli.main(["run", str(tmp_path / name), *rest, "--output", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_damaged_first_messages_are_passed_over(tmp_path: Path) -> None:
    messages = list(frames(4))
    messages[0][3].k[[0, 4]] = 0.0
    messages[2][3].height = 7
    messages[1][3].encoding = "\x00\x00"
    messages[3][3].step = 7
    write_ros2(tmp_path / "bag", iter(messages))
    recording = open_bag_recording(tmp_path / "bag")
    assert recording.intrinsics.fx == CAMERA.fx
    found = list(recording.frames)
    assert [frame.readable for frame in found] == [False, False, True, True]
    assert f"depth image 1 on {DEPTH}: encoding" in found[0].fault
    assert f"depth image 2 on {DEPTH}: step 7 does not fit" in found[1].fault
    assert {frame.camera for frame in found[2:]} == {CAMERA}
    (sentence,) = recording.cuts
    assert sentence.startswith(
        f"2 messages on {INFO} cannot be read and are passed over; the first: K has focal lengths 0"
    )


def test_a_bag_without_any_good_message_is_refused_with_the_reason(tmp_path: Path) -> None:
    images, infos = list(frames(3)), list(frames(3))
    for _, _, kind, message in images:
        if kind == IMAGE_TYPE:
            message.step = 7
    for _, _, kind, message in infos:
        if kind == INFO_TYPE:
            message.k[:] = message.p[:] = 0.0
            message.k[0] = -1.0
    write_ros2(tmp_path / "images", iter(images))
    with pytest.raises(ValueError, match=rf"depth image on {DEPTH}: step 7 .*; none of the 3 messages is better"):
        open_bag_recording(tmp_path / "images")
    write_ros2(tmp_path / "infos", iter(infos))
    with pytest.raises(ValueError, match=rf"camera info on {INFO}: K has focal .*; none of the 3 messages is better"):
        open_bag_recording(tmp_path / "infos")


def write_cut(path: Path, messages: Messages, cut: dict[str, set[int]]) -> None:
    """A bag in which some messages of a topic, by their numbers, have only their first 20 bytes."""
    with Writer(path, version=9, storage_plugin=MCAP) as writer:
        connections, counts = {}, Counter[str]()
        for topic, time, kind, message in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=ROS2)
            data = bytes(ROS2.serialize_cdr(message, kind))
            writer.write(connections[topic], time, data[:20] if counts[topic] in cut.get(topic, ()) else data)
            counts[topic] += 1


def test_messages_that_cannot_be_decoded_are_passed_over_and_counted(tmp_path: Path) -> None:
    write_cut(tmp_path / "bag", frames(5), {DEPTH: {0, 3}, INFO: {0, 1}})
    recording = open_bag_recording(tmp_path / "bag")
    assert [frame.nanoseconds for frame in recording.frames] == [FIRST + index * STEP for index in (1, 2, 4)]
    of_infos, of_images = recording.cuts
    assert of_infos.startswith(f"2 messages on {INFO} cannot be read and are passed over; the first: ")
    assert of_images.startswith(f"2 messages on {DEPTH} cannot be read and are passed over; the first: ")


def test_a_topic_without_a_message_that_can_be_decoded_is_named(tmp_path: Path) -> None:
    other = "/rear/depth/image_raw"
    everything = chain(frames(3), on(other, frames(2)))
    write_cut(tmp_path / "other", everything, {other: {0, 1}})
    recording = open_bag_recording(tmp_path / "other")
    expect_frames(recording, range(3))
    (sentence,) = recording.cuts
    assert sentence.startswith(f"none of the 2 messages on {other} can be read; the first: ")
    write_cut(tmp_path / "depth", frames(3), {DEPTH: {0, 1, 2}})
    with pytest.raises(ValueError, match=rf"holds no depth images; its images: none of the 3 messages on {DEPTH} can"):
        open_bag_recording(tmp_path / "depth")
    # The camera info of another camera is none for this one.
    rear = (("/rear/camera_info", time, kind, message) for _, time, kind, message in frames(1) if kind == INFO_TYPE)
    write_cut(tmp_path / "infos", chain(frames(3), rear), {INFO: {0, 1, 2}})
    with pytest.raises(ValueError, match=rf"none of the 3 messages on {INFO} can be read; .*; say what camera it was"):
        open_bag_recording(tmp_path / "infos")
