from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from oracle import Oracle
from room import CAMERA, make_room

from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.recordings.offline import FrameFile, Intrinsics, estimate_recording, find_frames, read_centres

INTRINSICS = Intrinsics(CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy, 0.001, 20.0)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "b/10.png", "b/9.png", "b/100.PNG", "a2/x.png", "a10/x.png", "top.png", "b/notes.txt", "b/c/1.png")
    frames = find_frames(tmp_path)
    assert [(frame.name, frame.index) for frame in frames] == [
        ("top.png", 0),
        ("a2/x.png", 0),
        ("a10/x.png", 0),
        ("b/9.png", 0),
        ("b/10.png", 1),
        ("b/100.PNG", 2),
        ("b/c/1.png", 0),
    ]


def test_folders_without_pngs_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match="hold no PNG"):
        find_frames(tmp_path)
    with pytest.raises(ValueError, match=r"notes.txt' is not there or not a folder"):
        find_frames(tmp_path / "notes.txt")


FRAMES = [FrameFile(Path(name), name, 0) for name in ("a/1.png", "a/2.png", "b/2.png")]


def centres_of(tmp_path: Path, text: str) -> dict[str, list[list[float]]]:
    path = tmp_path / "centres.csv"
    path.write_text(text)
    return {name: [centre.tolist() for centre in found] for name, found in read_centres(path, FRAMES).items()}


def test_centres(tmp_path: Path) -> None:
    text = "file, x, y, z\na/2.png, 0.5, -0.25, 1\n1.png,0,0,0.5\n\nb/2.png,0,0,2\nb/2.png,1,0,2\n"
    assert centres_of(tmp_path, text) == {
        "a/2.png": [[0.5, -0.25, 1.0]],
        "a/1.png": [[0.0, 0.0, 0.5]],
        "b/2.png": [[0.0, 0.0, 2.0], [1.0, 0.0, 2.0]],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2.png,0,0,1", "line 2: 2.png names several files of the recording"),
        ("c.png,0,0,1", "line 2: c.png is not in the recording"),
        ("1.png,0,0", "line 2: expected file name, x, y, z in metres"),
        ("1.png,0,zero,1", "line 2: expected"),
        ("1.png,0,0,nan", "line 2: expected"),
        ("1.png,0,0,0", "line 2: z must be above 0 m, got 0"),
    ],
)
def test_wrong_centres_are_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        centres_of(tmp_path, f"1.png,0,0,1\n{line}\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 0.0}, "the rate must be"),
        ({"depth_unit": -1.0}, "the depth unit must be"),
        ({"depth_unit": float("nan")}, "the depth unit must be"),
        ({"fx": 0.0}, "positive focal lengths"),
    ],
)
def test_impossible_intrinsics_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Intrinsics(**({"fx": 1.0, "fy": 1.0, "cx": 0.0, "cy": 0.0, "depth_unit": 1.0, "rate": 1.0} | changes))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Oracle, np.ndarray]:
    """Folders a and b of three and two times the same picture, and its truth."""
    folder = tmp_path_factory.mktemp("recording")
    room = make_room(np.random.default_rng(1), HandMesh.load(), person=True)
    values = np.rint(room.depth.metres(slice(None), slice(None)) * 1000).astype(np.uint16)
    for name in ("a/1.png", "a/2.png", "a/10.png", "b/1.png", "b/2.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), values)
    return folder, Oracle(hands=[(room.joints, room.right)]), room.joints


def test_hands_are_followed_within_a_folder(recording: tuple[Path, Oracle, np.ndarray]) -> None:
    folder, oracle, joints = recording
    results = list(estimate_recording(find_frames(folder), INTRINSICS, HandPoseEstimator(oracle)))
    assert [result.file.name for result in results] == ["a/1.png", "a/2.png", "a/10.png", "b/1.png", "b/2.png"]
    np.testing.assert_allclose([result.stamp for result in results], [0, 0.05, 0.1, 0, 0.05])
    numbers = [result.estimate.hands[0].track_id for result in results]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3] == numbers[4]
    for result in results:
        np.testing.assert_allclose(result.estimate.hands[0].joints, joints, atol=0.003)


def test_given_centres_are_used(recording: tuple[Path, Oracle, np.ndarray]) -> None:
    folder, oracle, joints = recording
    centres = {"a/2.png": [joints.mean(axis=0) + np.float32([0.05, 0, 0])]}
    results = list(estimate_recording(find_frames(folder), INTRINSICS, HandPoseEstimator(oracle), centres))
    assert [len(result.estimate.hands) for result in results] == [0, 1, 0, 0, 0]
    assert results[0].estimate.reason == "no centres were given"
    np.testing.assert_allclose(results[1].estimate.hands[0].joints, joints, atol=0.003)


def test_a_colour_picture_among_the_frames_is_said(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 4, 3), np.uint8))
    (result,) = estimate_recording(find_frames(tmp_path), INTRINSICS, HandPoseEstimator(Oracle()))
    assert not result.readable
    assert not result.estimate.hands
    assert "1.png holds 3 channel" in result.estimate.reason
