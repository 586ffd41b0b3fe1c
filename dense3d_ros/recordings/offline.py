"""Recordings on disk: folders of depth PNGs through the estimator, frame by frame."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage
from dense3d_ros.perception.estimator import Estimate, HandPoseEstimator

Centres = Mapping[str, Sequence[NDArray[np.float32]]]


@dataclass(frozen=True)
class Intrinsics:
    """What a folder of PNGs does not say: pinhole camera in pixels, metres per depth value, frames a second."""

    fx: float
    fy: float
    cx: float
    cy: float
    depth_unit: float
    rate: float = 30.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.rate) and self.rate > 0):
            raise ValueError(f"the rate must be a positive number of frames a second, got {self.rate}")
        if not (np.isfinite(self.depth_unit) and self.depth_unit > 0):
            raise ValueError(f"the depth unit must be a positive number of metres, got {self.depth_unit}")
        self.camera(1, 1)

    def camera(self, width: int, height: int) -> Camera:
        """The camera of a picture of this size; ValueError for impossible intrinsics."""
        return Camera(self.fx, self.fy, self.cx, self.cy, width, height)


@dataclass(frozen=True)
class FrameFile:
    """A depth PNG: its path, its name relative to the recording, and its number within its own folder."""

    path: Path
    name: str
    index: int


@dataclass(frozen=True)
class FrameResult:
    """A frame, when it was taken (seconds from its folder's first frame), and the hands in it."""

    file: FrameFile
    stamp: float
    depth: DepthImage
    camera: Camera
    estimate: Estimate
    readable: bool = True


def find_frames(folder: Path) -> list[FrameFile]:
    """All PNGs below `folder`, folder by folder, 9.png before 10.png; ValueError if there are none."""
    if not folder.is_dir():
        raise ValueError(f"folder '{folder}' is not there or not a folder; expected one with 16-bit depth PNGs")
    paths = [path for path in folder.rglob("*") if path.suffix.lower() == ".png" and path.is_file()]
    if not paths:
        raise ValueError(f"folder '{folder}' and its subfolders hold no PNG; expected 16-bit depth PNGs")
    frames: list[FrameFile] = []
    for path in sorted(paths, key=lambda path: (_natural(str(path.parent)), _natural(path.name))):
        follows = bool(frames) and frames[-1].path.parent == path.parent
        index = frames[-1].index + 1 if follows else 0
        frames.append(FrameFile(path, path.relative_to(folder).as_posix(), index))
    return frames


def read_centres(path: Path, frames: Sequence[FrameFile]) -> dict[str, list[NDArray[np.float32]]]:
    """Lines of file name, x, y, z in metres -> centres (3,) by frame name; a first line of titles is allowed.

    A file is named relative to the recording, or by its last part where only one file has it. ValueError says
    which line is wrong, or that it is no text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text; expected lines of file name, x, y, z in metres") from error
    names = {frame.name for frame in frames}
    by_last_part: dict[str, list[str]] = {}
    for name in names:
        by_last_part.setdefault(name.rpartition("/")[2], []).append(name)
    centres: dict[str, list[NDArray[np.float32]]] = {}
    for number, row in enumerate(csv.reader(lines, skipinitialspace=True), start=1):
        if not row or (number == 1 and row[1:] and not _is_number(row[-1])):
            continue
        if len(row) != 4 or not all(_is_number(value) for value in row[1:]):
            raise ValueError(f"{path}, line {number}: expected file name, x, y, z in metres, got {row}")
        name = row[0].strip()
        matches = [name] if name in names else by_last_part.get(name, [])
        if len(matches) != 1:
            found = "names several files of" if matches else "is not in"
            raise ValueError(f"{path}, line {number}: {name} {found} the recording")
        centre = np.array([float(value) for value in row[1:]], np.float32)
        if not centre[2] > 0:
            raise ValueError(f"{path}, line {number}: z must be above 0 m, got {row[3]}")
        centres.setdefault(matches[0], []).append(centre)
    return centres


def estimate_recording(
    frames: Sequence[FrameFile],
    intrinsics: Intrinsics,
    estimator: HandPoseEstimator,
    centres: Centres | None = None,
) -> Iterator[FrameResult]:
    """Each frame's hands in turn. A new folder is a new recording: hands are not followed into it.

    centres: by frame name, instead of the estimator's own search; a frame without any then has no hand. A file that is
    no depth PNG is a black frame without a hand, whose reason says what is wrong with the file.
    """
    for frame in frames:
        if frame.index == 0:
            estimator.reset()
        stamp = frame.index / intrinsics.rate
        try:
            depth = DepthImage.from_png(frame.path, intrinsics.depth_unit)
        except DepthFormatError as error:
            black = DepthImage(np.zeros((480, 640), np.uint16))
            yield FrameResult(
                frame, stamp, black, intrinsics.camera(640, 480), Estimate([], str(error)), readable=False
            )
            continue
        height, width = depth.shape
        camera = intrinsics.camera(width, height)
        given = None if centres is None else centres.get(frame.name, [])
        yield FrameResult(frame, stamp, depth, camera, estimator.estimate(depth, camera, stamp, given))


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which numbers within a name count as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
