"""Where `depth_camera` gets its pictures: a folder of PNGs, or the rendered hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.camera import Camera
from dense3d_ros.depth import DepthImage
from dense3d_ros.synthetic.animation import HandAnimation

Picture = tuple[DepthImage, "NDArray[np.float32] | None"]
"""A depth image and the true joints (21, 3) in metres, if they are known."""


def depth_files(folder: Path) -> list[Path]:
    """All PNGs in the folder and its sub-folders, by name, numbers in names as numbers.

    Raises ValueError where the folder is missing or has none.
    """
    if not folder.is_dir():
        raise ValueError(f"folder '{folder}' is not a folder; expected one with 16-bit depth PNGs")
    files = [path for path in folder.rglob("*") if path.suffix.lower() == ".png"]
    if not files:
        raise ValueError(f"folder '{folder}' has no PNG; expected 16-bit depth PNGs")
    return sorted(files, key=lambda path: _natural(str(path.relative_to(folder))))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


class FolderPictures(Iterator[Picture]):
    """A folder's PNGs, whose values count `unit` metres, once or for ever.

    A file that is no depth PNG raises DepthFormatError; the next call goes on with the next file.
    """

    def __init__(self, folder: Path, unit: float, loop: bool) -> None:
        files = depth_files(folder)
        self._files = cycle(files) if loop else iter(files)
        self._unit = unit

    def __next__(self) -> Picture:
        return DepthImage.from_png(next(self._files), self._unit), None


def rendered_pictures(camera: Camera, rate: float, seed: int, sensor: str) -> Iterator[Picture]:
    """The moving hand for ever, `rate` pictures a second of its time."""
    animation = HandAnimation(camera, seed=seed, sensor=sensor)
    index = 0
    while True:
        metres, joints = animation.frame(index / rate)
        yield DepthImage(metres), joints
        index += 1


def encoded(depth: DepthImage, encoding: str) -> NDArray[np.uint16] | NDArray[np.float32]:
    """The values of a depth image as 16UC1 (whole millimetres, 0 invalid) or 32FC1 (metres, NaN invalid)."""
    if encoding == "16UC1" and depth.values.dtype == np.uint16 and depth.unit == 0.001:
        return depth.values
    metres = depth.metres(slice(None), slice(None))
    if encoding == "32FC1":
        metres[metres == 0] = np.nan
        return metres
    millimetres: NDArray[np.uint16] = np.rint(metres * 1000.0).clip(0, 65535).astype(np.uint16)
    return millimetres
