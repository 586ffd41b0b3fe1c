"""A folder of depth PNGs as a recording."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage
from dense3d_ros.recordings.natural_order import natural
from dense3d_ros.recordings.offline import FrameFile, Intrinsics, RecordedFrame, Recording, unreadable
from dense3d_ros.recordings.result_folder import OVERLAYS, SHEET, holds_results


def open_folder(folder: Path, intrinsics: Intrinsics) -> tuple[Recording, list[FrameFile]]:
    """A folder of PNGs as a recording, and its files; ValueError where there are none, or the intrinsics cannot be."""
    files = find_frames(folder)
    doubt = check_camera(files, intrinsics)
    return Recording(folder_frames(files, intrinsics), len(files), intrinsics, {}, [], camera_doubt=doubt), files


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


def _pngs(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ValueError(f"folder '{printable(Path(error.filename))}' cannot be read: {error.strerror}") from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        if holds_results(Path(parent)):
            if Path(parent) != folder:
                folders.clear()
                continue
            # Results that somebody put beside the images.
            folders.remove(OVERLAYS)
            names = [name for name in names if name != SHEET]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            # A link that leads nowhere is an image that is missing, and said to be.
            if path.suffix.lower() == ".png" and (path.is_file() or path.is_symlink()):
                yield path


def check_camera(frames: Sequence[FrameFile], intrinsics: Intrinsics) -> str:
    """A sentence where the first image hardly has these intrinsics, else ""; ValueError where it cannot have them."""
    reader = ImageReader(intrinsics.depth_unit)
    for frame in frames:
        with suppress(DepthFormatError):
            height, width = reader.read(frame.path).shape
            return intrinsics.camera(width, height).doubt()
    return ""


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
