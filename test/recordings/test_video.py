"""Videos, decoded again by another library than the one that wrote them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dense3d_ros.recordings.video import write_video


def images(folder: Path, shapes: list[tuple[int, int]]) -> list[Path]:
    """Flat images, each lighter than the one before."""
    paths = [folder / f"{index}.png" for index in range(len(shapes))]
    for index, (path, shape) in enumerate(zip(paths, shapes, strict=True)):
        cv2.imwrite(str(path), np.full((*shape, 3), 40 + 20 * index, np.uint8))
    return paths


def test_the_video_is_what_browsers_play(tmp_path: Path) -> None:
    """H.264 with halved colour, all frames in order at their rate, odd sizes made even."""
    path = tmp_path / os.fsdecode(b"r\xe9sultat.mp4")
    write_video(path, images(tmp_path, [(61, 81)] * 9), 12.5)
    with path.open("rb") as file, av.open(file) as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.average_rate, stream.frames) == (12.5, 9)
    readable = tmp_path / "video.mp4"
    path.rename(readable)
    video = cv2.VideoCapture(str(readable))
    for index in range(9):
        read, image = video.read()
        assert read
        assert image.shape == (62, 82, 3)
        # Nearer to its own grey than to its neighbours'.
        assert abs(image.mean() - (40 + 20 * index)) < 10
    assert not video.read()[0]


def test_images_of_another_size_are_fitted(tmp_path: Path) -> None:
    write_video(tmp_path / "video.mp4", images(tmp_path, [(60, 80), (30, 100)]), 30.0)
    video = cv2.VideoCapture(str(tmp_path / "video.mp4"))
    shapes = [video.read()[1].shape for _ in range(2)]
    assert shapes == [(60, 80, 3)] * 2


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    (path,) = images(tmp_path, [(60, 80)])
    with pytest.raises(OSError, match="missing"):
        write_video(tmp_path / "video.mp4", [path, tmp_path / "missing.png"], 30.0)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.png"]


def test_without_av_there_is_no_video_and_a_sentence(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((480, 640), np.uint16))
    program = (
        "import sys; sys.modules['av'] = None; from oracle import Oracle; from dense3d_ros import cli; "
        "from dense3d_ros.perception import model; model.load_model = lambda *_: Oracle(); sys.exit(cli.main())"
    )
    camera = ["--fx", "476", "--fy", "476", "--cx", "319.5", "--cy", "239.5", "--depth-unit", "0.001"]
    done = subprocess.run(
        [sys.executable, "-c", program, "run", str(tmp_path), *camera, "--output", str(tmp_path / "out")],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"without the Python package av; `{sys.executable} -m pip install av` brings it" in done.stdout
    assert not (tmp_path / "out" / "hands.mp4").exists()
    assert (tmp_path / "out" / "contact_sheet.png").exists()
