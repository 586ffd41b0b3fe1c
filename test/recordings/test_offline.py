from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from oracle import Oracle
from room import CAMERA, make_room

from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.recordings.centres import read_centres
from dense3d_ros.recordings.frame_numbers import number_step
from dense3d_ros.recordings.offline import FrameFile, Intrinsics, estimate_frames
from dense3d_ros.recordings.png_folder import find_frames, folder_frames
from dense3d_ros.recordings.result_folder import prepare_results

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


@pytest.mark.parametrize(
    ("names", "step"),
    [
        (("20", "40", "60", "80"), 20),
        (("depth_16_0005", "depth_16_0010", "depth_16_0015"), 5),
        (("1", "2", "3", "7", "8", "9"), 1),
        (("a1", "a2", "a3"), 1),
        (("1616800000.033", "1616800000.066", "1616800000.100", "1616800000.133"), 1),
        (("7",), 1),
        (("left", "right"), 1),
    ],
)
def test_numbers_that_step_by_more_than_one(names: tuple[str, ...], step: int, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.png").touch()
    assert number_step(find_frames(tmp_path)) == step


def test_names_of_all_kinds_are_frames(tmp_path: Path) -> None:
    """A superscript is a digit that is no number; hidden files are none of the recording's."""
    latin = os.fsdecode(b"caf\xe9.png")
    touch(tmp_path, "5²7.png", "5²10.png", latin, "._1.png")
    (tmp_path / "lost.png").symlink_to("nowhere")
    frames = find_frames(tmp_path)
    assert [frame.name for frame in frames] == ["5²7.png", "5²10.png", "caf\\udce9.png", "lost.png"]
    assert frames[2].path == tmp_path / latin


def test_results_of_earlier_runs_are_no_frames(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "overlays/1.png", "results/mine.txt")
    prepare_results(tmp_path / "results", tmp_path)
    touch(tmp_path, "results/overlays/1.png", "results/contact_sheet.png")
    assert [frame.name for frame in find_frames(tmp_path)] == ["1.png", "overlays/1.png"]


def test_a_subfolder_that_cannot_be_read_is_said() -> None:
    # Not tmp_path, which only its owner can enter.
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        touch(folder, "1.png", "locked/2.png")
        (folder / "locked").chmod(0)
        owner = os.geteuid()
        if owner == 0:
            os.seteuid(65534)  # root could read it
        try:
            with pytest.raises(ValueError, match=r"folder '.*/locked' cannot be read: Permission denied"):
                find_frames(folder)
        finally:
            if owner == 0:
                os.seteuid(0)
            (folder / "locked").chmod(0o755)


def test_folders_without_pngs_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match="hold no PNG"):
        find_frames(tmp_path)
    with pytest.raises(ValueError, match=r"notes.txt' is not there or not a folder"):
        find_frames(tmp_path / "notes.txt")


FRAMES = [FrameFile(Path(name), Path(name), 0) for name in ("a/1.png", "a/2.png", "b/2.png")]


def centres_of(tmp_path: Path, text: str) -> dict[str, list[list[float]]]:
    path = tmp_path / "centres.csv"
    path.write_text(text)
    return {name: [centre.tolist() for centre in found] for name, found in read_centres(path, FRAMES).items()}


def test_centres_of_a_spreadsheet(tmp_path: Path) -> None:
    assert centres_of(tmp_path, "\ufeff1.png,0,0,0.5\n") == {"a/1.png": [[0.0, 0.0, 0.5]]}


def test_centres(tmp_path: Path) -> None:
    text = "file, x, y, z\na/2.png, 0.5, -0.25, 1\n1.png,0,0,0.5\n\nb/2.png,0,0,2\nb/2.png,1,0,2\n"
    assert centres_of(tmp_path, text) == {
        "a/2.png": [[0.5, -0.25, 1.0]],
        "a/1.png": [[0.0, 0.0, 0.5]],
        "b/2.png": [[0.0, 0.0, 2.0], [1.0, 0.0, 2.0]],
    }


def test_results_beside_the_images_are_no_frames(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png")
    prepare_results(tmp_path, tmp_path / "a")
    touch(tmp_path, "overlays/1.png", "contact_sheet.png")
    assert [frame.name for frame in find_frames(tmp_path)] == ["a/1.png"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2.png,0,0,1", "line 2: 2.png names several files of the recording"),
        ("c.png,0,0,1", "line 2: c.png is not in the recording"),
        ("1.png,0,0", "line 2: expected file name, x, y, z in metres"),
        ("1.png,0,zero,1", "line 2: expected"),
        ("1.png,0,0,nan", "line 2: expected"),
        ("1.png,0,0,0", "line 2: z must be above 0 m, got 0"),
        ("1.png,0,0,1e39", "line 2: expected"),
        (f"{'1' * 200_000}.png,0,0,1", "is no text; expected lines of file name, x, y, z in metres"),
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
    """Folders a and b of three and two times the same image, and its truth."""
    folder = tmp_path_factory.mktemp("recording")
    room = make_room(np.random.default_rng(1), HandMesh.load(), person=True)
    values = np.rint(room.depth.metres(slice(None), slice(None)) * 1000).astype(np.uint16)
    for name in ("a/1.png", "a/2.png", "a/10.png", "b/1.png", "b/2.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), values)
    return folder, Oracle(hands=[(room.joints, room.right)]), room.joints


def test_hands_are_followed_within_a_folder(recording: tuple[Path, Oracle, np.ndarray]) -> None:
    folder, oracle, joints = recording
    results = list(estimate_frames(folder_frames(find_frames(folder), INTRINSICS), HandPoseEstimator(oracle)))
    assert [result.file.name for result in results] == ["a/1.png", "a/2.png", "a/10.png", "b/1.png", "b/2.png"]
    np.testing.assert_allclose([result.stamp for result in results], [0, 0.05, 0.1, 0, 0.05])
    numbers = [result.estimate.hands[0].track_id for result in results]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3] == numbers[4]
    for result in results:
        np.testing.assert_allclose(result.estimate.hands[0].joints, joints, atol=0.003)


def test_given_centres_are_used(recording: tuple[Path, Oracle, np.ndarray]) -> None:
    folder, oracle, joints = recording
    centres = {"a/2.png": [joints.mean(axis=0) + np.float32([0.05, 0, 0])]}
    results = list(estimate_frames(folder_frames(find_frames(folder), INTRINSICS), HandPoseEstimator(oracle), centres))
    assert [len(result.estimate.hands) for result in results] == [0, 1, 0, 0, 0]
    assert results[0].estimate.reason == "no centres were given"
    np.testing.assert_allclose(results[1].estimate.hands[0].joints, joints, atol=0.003)


def test_a_colour_image_among_the_frames_is_said(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 4, 3), np.uint8))
    (result,) = estimate_frames(folder_frames(find_frames(tmp_path), INTRINSICS), HandPoseEstimator(Oracle()))
    assert not result.readable
    assert not result.estimate.hands
    assert "1.png holds 3 channel" in result.estimate.reason


def test_images_of_another_size_are_another_cameras(tmp_path: Path) -> None:
    for name, shape in (("1", (480, 640)), ("2", (240, 320)), ("3", (480, 640))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros(shape, np.uint16))
    results = list(estimate_frames(folder_frames(find_frames(tmp_path), INTRINSICS), HandPoseEstimator(Oracle())))
    assert [result.readable for result in results] == [True, False, True]
    assert "2.png has 320x240 pixels, the first image 640x480" in results[1].estimate.reason
    assert {result.depth.shape for result in results} == {(480, 640)}
