"""Recordings on disk through the estimator, frame by frame, and folders of depth PNGs as recordings."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage, printable
from dense3d_ros.perception.estimator import Estimate, HandPoseEstimator
from dense3d_ros.recordings.result_folder import holds_results

Centres = Mapping[str, Sequence[NDArray[np.float32]]]
Transform = tuple[str, int, Any]
"""As recorded: topic, nanoseconds of the recorder and tf2_msgs/TFMessage."""


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
        self._camera(1, 1)

    def camera(self, width: int, height: int) -> Camera:
        """The camera of an image of this size; ValueError for impossible intrinsics."""
        return self._camera(width, height).checked()

    def _camera(self, width: int, height: int) -> Camera:
        return Camera(self.fx, self.fy, self.cx, self.cy, width, height)


@dataclass(frozen=True)
class FrameFile:
    """A depth PNG: its path, the same relative to the recording, and its number within its own folder."""

    path: Path
    relative: Path
    index: int

    @property
    def name(self) -> str:
        """What it is called: the relative path as text, also where that is not UTF-8."""
        return printable(self.relative)


@dataclass(frozen=True)
class RecordedFrame:
    """A depth image, when it was taken, and the camera that took it.

    nanoseconds: since 1970 where the recording says so, else from its folder's first frame. starts: nothing before it
    belongs to the same sequence. fault: why it cannot be read; then the image is black. transforms: those recorded
    since the frame before.
    """

    file: FrameFile
    nanoseconds: int
    depth: DepthImage
    camera: Camera
    frame_id: str = "camera_depth_optical_frame"
    starts: bool = False
    fault: str = ""
    transforms: tuple[Transform, ...] = ()

    @property
    def stamp(self) -> float:
        """Seconds."""
        return self.nanoseconds * 1e-9

    @property
    def readable(self) -> bool:
        """Whether there is an image."""
        return not self.fault


@dataclass(frozen=True)
class Recording:
    """A recording to go through once.

    count: how many frames it is said to have. intrinsics: of its first frame. about: where the frames come from. cuts:
    sentences on what is missing; last_transforms: those recorded after the last frame; both are complete only behind
    it. camera_doubt: why the first frame's intrinsics may be wrong; "" where nothing speaks for that.
    """

    frames: Iterable[RecordedFrame]
    count: int
    intrinsics: Intrinsics
    about: Mapping[str, str]
    cuts: list[str]
    last_transforms: list[Transform] = field(default_factory=list)
    camera_doubt: str = ""


@dataclass(frozen=True, kw_only=True)
class FrameResult(RecordedFrame):
    """A frame and the hands in it."""

    estimate: Estimate


class ImageReader:
    """Reads the depth PNGs of one camera, whose values count `unit` metres. All are of one size, the first one's."""

    def __init__(self, unit: float) -> None:
        self._unit = unit
        self.shape: tuple[int, int] | None = None

    def read(self, path: Path) -> DepthImage:
        """Raises DepthFormatError for a file that is no depth PNG, or one of another size."""
        depth = DepthImage.from_png(path, self._unit)
        if self.shape is None:
            self.shape = depth.shape
        if depth.shape != self.shape:
            (height, width), (first_height, first_width) = depth.shape, self.shape
            raise DepthFormatError(
                f"{printable(path)} has {width}x{height} pixels, the first image {first_width}x{first_height}; "
                "expected images of one camera, all of one size"
            )
        return depth


def find_frames(folder: Path) -> list[FrameFile]:
    """All PNGs below `folder`, folder by folder, 9.png before 10.png.

    Hidden files and the results of `dense3d run` and `dense3d demo` are left out. ValueError if there are none, or a
    subfolder cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(
            f"folder '{printable(folder)}' is not there or not a folder; expected one with 16-bit depth PNGs"
        )
    paths = sorted(_pngs(folder), key=lambda path: (natural(str(path.parent)), natural(path.name)))
    if not paths:
        raise ValueError(f"folder '{printable(folder)}' and its subfolders hold no PNG; expected 16-bit depth PNGs")
    frames: list[FrameFile] = []
    for path in paths:
        follows = bool(frames) and frames[-1].path.parent == path.parent
        index = frames[-1].index + 1 if follows else 0
        frames.append(FrameFile(path, path.relative_to(folder), index))
    return frames


def check_camera(frames: Sequence[FrameFile], intrinsics: Intrinsics) -> str:
    """A sentence where the first image hardly has these intrinsics, else ""; ValueError where it cannot have them."""
    reader = ImageReader(intrinsics.depth_unit)
    for frame in frames:
        with suppress(DepthFormatError):
            height, width = reader.read(frame.path).shape
            return intrinsics.camera(width, height).doubt()
    return ""


def _pngs(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ValueError(f"folder '{printable(Path(error.filename))}' cannot be read: {error.strerror}") from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        if Path(parent) != folder and holds_results(Path(parent)):
            folders.clear()
            continue
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            # A link that leads nowhere is an image that is missing, and said to be.
            if path.suffix.lower() == ".png" and (path.is_file() or path.is_symlink()):
                yield path


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
    """`estimate_frames` of a folder's images. ValueError for intrinsics that images of this size cannot have."""
    return estimate_frames(folder_frames(frames, intrinsics), estimator, centres)


def open_folder(folder: Path, intrinsics: Intrinsics) -> tuple[Recording, list[FrameFile]]:
    """A folder of PNGs as a recording, and its files; ValueError where there are none, or the intrinsics cannot be."""
    files = find_frames(folder)
    doubt = check_camera(files, intrinsics)
    return Recording(folder_frames(files, intrinsics), len(files), intrinsics, {}, [], camera_doubt=doubt), files


def folder_frames(frames: Sequence[FrameFile], intrinsics: Intrinsics) -> Iterator[RecordedFrame]:
    """The images in turn. A new folder is a new recording.

    A file that is no depth PNG, or of another size than the first, is a black frame, whose fault says what is wrong.
    Raises ValueError for intrinsics that images of this size cannot have.
    """
    reader = ImageReader(intrinsics.depth_unit)
    for frame in frames:
        stamp = round(frame.index / intrinsics.rate * 1e9)
        try:
            depth = reader.read(frame.path)
        except DepthFormatError as error:
            yield unreadable(frame, stamp, str(error), reader.shape)
            continue
        height, width = depth.shape
        yield RecordedFrame(frame, stamp, depth, intrinsics.camera(width, height), starts=frame.index == 0)


def unreadable(file: FrameFile, stamp: int, fault: str, shape: tuple[int, int] | None = None) -> RecordedFrame:
    """A black frame (H, W) at `stamp` nanoseconds in place of one that cannot be read."""
    height, width = shape or (480, 640)
    black = DepthImage(np.zeros((height, width), np.uint16))
    nothing = Camera(1.0, 1.0, 0.0, 0.0, width, height)
    return RecordedFrame(file, stamp, black, nothing, starts=file.index == 0, fault=fault)


def estimate_frames(
    frames: Iterable[RecordedFrame], estimator: HandPoseEstimator, centres: Centres | None = None
) -> Iterator[FrameResult]:
    """Each frame's hands in turn. Where a sequence starts, hands are not followed into it.

    centres: by frame name, instead of the estimator's own search; a frame without any then has no hand. A frame that
    cannot be read has no hand, and its fault as the reason.
    """
    for frame in frames:
        if frame.starts:
            estimator.reset()
        if frame.fault:
            estimate = Estimate([], frame.fault)
        else:
            given = None if centres is None else centres.get(frame.file.name, [])
            estimate = estimator.estimate(frame.depth, frame.camera, frame.stamp, given)
        yield FrameResult(**vars(frame), estimate=estimate)


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which numbers within a name count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
