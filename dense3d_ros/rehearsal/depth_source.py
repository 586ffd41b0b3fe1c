"""Where `depth_camera` gets its pictures: a folder of PNGs, or the rendered hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.recordings.offline import PictureReader, find_frames

Picture = tuple[DepthImage, "NDArray[np.float32] | None"]
"""A depth image and the true joints (21, 3) in metres, if they are known."""


class FolderPictures(Iterator[Picture]):
    """A folder's PNGs in the order of `find_frames`, whose values count `unit` metres, once or for ever.

    ValueError where the folder is missing or has none. A file that is no depth PNG, or of another size than the first,
    raises DepthFormatError; the next call goes on with the next file.
    """

    def __init__(self, folder: Path, unit: float, loop: bool) -> None:
        files = [frame.path for frame in find_frames(folder)]
        self._files = cycle(files) if loop else iter(files)
        self._reader = PictureReader(unit)

    def __next__(self) -> Picture:
        return self._reader.read(next(self._files)), None


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
