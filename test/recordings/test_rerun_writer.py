"""The Rerun recording of a run, read back by Rerun's own reader, against the results."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bags import (
    DEPTH,
    FIRST,
    IMAGE_TYPE,
    INFO,
    INFO_TYPE,
    STEP,
    Messages,
    depth_values,
    frames,
    image,
    info,
    write_ros2,
)
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
from dense3d_ros.recordings.offline import FrameFile, FrameResult

NEEDED = "rerun-sdk is not installed: pip install -c requirements/constraints.txt -r requirements/rerun.txt"


def test_without_the_package_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    write_ros2(tmp_path / "bag", frames(2))
    program = "import sys; sys.modules['rerun'] = None; from dense3d_ros import cli; sys.exit(cli.main())"
    options = ["--output", str(tmp_path / "out"), "--rerun", str(tmp_path / "out.rrd")]
    command = [sys.executable, "-c", program, "run", str(tmp_path / "bag"), *options]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "this needs the Python package rerun-sdk, which is not there" in done.stderr
    assert done.stderr.endswith(f"; `{sys.executable} -m pip install rerun-sdk` brings it\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.mcap", "out.mcap is no name of a Rerun recording; it must end with .rrd"),
        ("nowhere/out.rrd", "nowhere/out.rrd cannot be written: No such file or directory; make the folder "),
        ("/proc/out.rrd", "/proc/out.rrd cannot be written: No such file or directory; name another place"),
        ("bag/out.rrd", "bag/out.rrd lies in the recording; name another place"),
    ],
)
def test_names_that_cannot_be_are_one_sentence(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rerun", reason=NEEDED)
    monkeypatch.setattr(model, "load_model", lambda *_: pytest.fail("the long work has begun"))
    write_ros2(tmp_path / "bag", frames(2))
    options = ["--output", str(tmp_path / "out"), "--rerun", str(tmp_path / name)]
    assert cli.main(["run", str(tmp_path / "bag"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def read(path: Path, index: str, **contents: str) -> list[dict[str, Any]]:
    """For each time of an index it and the columns ENTITY -> component that have one, by Rerun's reader."""
    dataframe = pytest.importorskip("rerun.dataframe", reason=NEEDED)
    wanted = {f"/{at}": [of] for at, of in contents.items()}
    view = dataframe.load_recording(path).view(index=index, contents=wanted, include_tombstone_columns=True)
    table = view.select().read_all()
    columns = {
        at: table[f"/{at}:{of}"].to_pylist() for at, of in contents.items() if f"/{at}:{of}" in table.schema.names
    }
    times = table[index].cast("int64").to_pylist()
    return [
        {index: time, **dict(zip(columns, row, strict=True))}
        for time, *row in zip(times, *columns.values(), strict=True)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Path, np.ndarray]:
    """Lines of hands.jsonl and .rrd of a bag of two frames with a hand and one without, and its depth, millimetres."""
    pytest.importorskip("rerun", reason=NEEDED)
    folder = tmp_path_factory.mktemp("run")
    room = make_room(np.random.default_rng(1), HandMesh.load(), person=True)
    values = np.rint(room.depth.metres(slice(None), slice(None)) * 1000).astype(np.uint16)

    def messages() -> Messages:
        for index in range(3):
            stamp = FIRST + index * STEP
            yield INFO, stamp, INFO_TYPE, info(stamp, room.camera)
            yield DEPTH, stamp, IMAGE_TYPE, image(values * (index < 2), stamp)

    write_ros2(folder / "bag", messages())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "load_model", lambda *_: Oracle(hands=[(room.joints, room.right)]))
        options = ["--output", str(folder / "out"), "--rerun", str(folder / "out.rrd")]
        assert cli.main(["run", str(folder / "bag"), *options]) == 0
    lines = [json.loads(line) for line in (folder / "out" / "hands.jsonl").read_text().splitlines()]
    assert {path.name for path in folder.iterdir()} == {"bag", "out", "out.rrd"}
    return lines, folder / "out.rrd", values


def test_skeletons_are_the_results_in_metres_at_their_stamps(
    run: tuple[list[dict[str, Any]], Path, np.ndarray],
) -> None:
    lines, path, _ = run
    assert [len(line["hands"]) for line in lines] == [1, 1, 0]
    rows = read(
        path, "stamp", **{"camera/joints": "Position3D", "camera/bones": "LineStrip3D", "camera/wrists": "Text"}
    )
    assert [row["stamp"] for row in rows] == [FIRST + index * STEP for index in range(3)]
    for row, line in zip(rows, lines, strict=True):
        joints = [joint for hand in line["hands"] for joint in hand["joints"]]
        np.testing.assert_allclose(row["camera/joints"] or [], joints, atol=6e-6)
        bones = np.reshape(row["camera/bones"] or [], (-1, 2, 3))
        expected = np.reshape(
            [[joints[parent], joints[child]] for parent, child in BONES] if joints else [], (-1, 2, 3)
        )
        np.testing.assert_allclose(bones, expected, atol=6e-6)
        labels = [f"#{hand['track_id']} {hand['handedness']} {hand['score']:.2f}" for hand in line["hands"]]
        assert (row["camera/wrists"] or []) == labels
    assert [row["frame"] for row in read(path, "frame", **{"camera/joints": "Position3D"})] == [0, 1, 2]


def test_depth_and_pinhole_are_those_of_the_camera(run: tuple[list[dict[str, Any]], Path, np.ndarray]) -> None:
    _, path, values = run
    rows = read(path, "frame", **{"camera/depth": "ImageBuffer"})
    depth = np.frombuffer(bytes(rows[0]["camera/depth"][0]), "<u2").reshape(480, 640)
    np.testing.assert_array_equal(depth, values)
    assert read(path, "frame", **{"camera/depth": "DepthMeter"})[0]["camera/depth"] == [1000.0]
    # Column by column, as Rerun has matrices.
    (matrix,) = read(path, "frame", **{"camera/depth": "PinholeProjection"})[0]["camera/depth"]
    camera = make_room(np.random.default_rng(1), HandMesh.load(), person=True).camera
    expected = [camera.fx, 0, 0, 0, camera.fy, 0, camera.cx, camera.cy, 1]
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)


def test_curves_of_a_hand_end_where_it_is_gone(run: tuple[list[dict[str, Any]], Path, np.ndarray]) -> None:
    lines, path, _ = run
    hand = lines[0]["hands"][0]
    joints = np.array(hand["joints"])
    entity = f"hand_{hand['track_id']}"
    aperture = float(np.linalg.norm(joints[4] - joints[8]))
    for name, expected in (("score", hand["score"]), ("aperture", aperture)):
        first, *_ = read(path, "frame", **{f"{name}/{entity}": "Scalar"})
        assert first[f"{name}/{entity}"] == [pytest.approx(expected, abs=6e-5)]
    (closure,) = read(path, "frame", **{f"closure/{entity}": "Scalar"})[0][f"closure/{entity}"]
    assert 0.0 <= closure <= 1.0
    cleared = read(path, "frame", **{f"score/{entity}": "ClearIsRecursive"})
    assert [row["frame"] for row in cleared if row[f"score/{entity}"]] == [2]


def result(index: int, depth: DepthImage, camera: Camera, hands: list[HandPose]) -> FrameResult:
    file = FrameFile(Path(f"{index}.png"), Path(f"{index}.png"), index)
    return FrameResult(file, index * STEP, depth, camera, estimate=Estimate(hands))


def test_a_lens_is_undone_in_the_cloud_and_stamps_count_from_the_start(tmp_path: Path) -> None:
    pytest.importorskip("rerun", reason=NEEDED)
    from dense3d_ros.recordings.rerun_writer import RerunWriter

    camera = Camera(47.5, 47.5, 31.5, 23.5, 64, 48, Distortion("plumb_bob", (-0.2, 0.05, 0.001, -0.002, 0.0)))
    metres = (depth_values(0) * 0.001).astype(np.float32)
    metres[:, 10] = np.nan
    with RerunWriter(tmp_path / "out.rrd") as writer:
        for index in range(2):
            writer.add(result(index, DepthImage(metres), camera, []))
    rows = read(tmp_path / "out.rrd", "stamp", **{"camera/points": "Position3D"})
    # 0 means no time in ROS, so that a folder begins at 1 s.
    assert [row["stamp"] for row in rows] == [10**9, 10**9 + STEP]
    points = np.array(rows[0]["camera/points"])
    assert len(points) == 24 * 31
    pixels = camera.project(points)
    np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-3)
    columns, rows_ = np.rint(pixels).astype(int).T
    np.testing.assert_allclose(points[:, 2], metres[rows_, columns], rtol=1e-6)


def test_an_interruption_leaves_the_frames_so_far_and_an_error_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rerun", reason=NEEDED)
    from dense3d_ros.recordings import rerun_writer

    path, camera = tmp_path / "out.rrd", Camera(47.5, 47.5, 31.5, 23.5, 64, 48)
    joints = np.random.default_rng(0).normal(0.5, 0.02, (21, 3)).astype(np.float32)
    hands = [HandPose(joints, np.full(21, 0.8, np.float32), 0.9, Handedness.UNKNOWN, 1)]
    for error in (KeyboardInterrupt, RuntimeError):
        with suppress(error), rerun_writer.RerunWriter(path) as writer:
            for index in range(3):
                writer.add(result(index, DepthImage(depth_values(index), 0.001), camera, hands))
            raise error
        assert path.is_file() == (error is KeyboardInterrupt)
        if path.is_file():
            assert len(read(path, "frame", **{"camera/joints": "Position3D"})) == 3
            path.unlink()
        assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(rerun_writer, "LEAST_ROOM", 1 << 60)
    with (
        pytest.raises(
            OSError, match=r"out.rrd cannot be written: less than \d+ MiB are free; make room there, or name"
        ),
        rerun_writer.RerunWriter(path) as writer,
    ):
        writer.add(result(0, DepthImage(depth_values(0), 0.001), camera, hands))
    assert list(tmp_path.iterdir()) == []
