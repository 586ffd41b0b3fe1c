"""The metric cube around a hand centre, seen as a small normalised picture with its own camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.camera import Camera
from dense3d_ros.depth import DepthImage

BACKGROUND = np.float32(1.0)

MIRROR = np.array([-1, 1, 1], np.float32)
"""Takes points, (..., 3), to where a mirror in the plane x = 0 shows them."""


@dataclass(frozen=True)
class HandCrop:
    """What the network sees.

    image: (S, S) float32, (depth - centre depth) / half_size in [-1, 1); BACKGROUND where nothing was
    measured or what was measured lies outside the cube.
    camera: the camera of this picture. centre: (3,) metres. half_size: half the cube's edge in metres.
    """

    image: NDArray[np.float32]
    camera: Camera
    centre: NDArray[np.float32]
    half_size: float

    def mirrored(self) -> HandCrop:
        """The same cube seen in a mirror (x becomes -x): a left hand becomes a right one."""
        camera = replace(self.camera, cx=self.camera.width - 1 - self.camera.cx)
        return HandCrop(self.image[:, ::-1], camera, self.centre * MIRROR, self.half_size)


def crop_camera(centre: NDArray[np.floating], half_size: float, resolution: int) -> Camera:
    """The camera at the same place that sees the cube's cross-section at its centre as resolution² pixels."""
    x, y, z = (float(value) for value in centre)
    focal = resolution * z / (2.0 * half_size)
    middle = (resolution - 1) / 2.0
    return Camera(focal, focal, middle - focal * x / z, middle - focal * y / z, resolution, resolution)


def crop_hand(
    depth: DepthImage,
    camera: Camera,
    centre: NDArray[np.floating],
    half_size: float = 0.15,
    resolution: int = 128,
) -> HandCrop:
    """Resample the cube around `centre` ((3,) metres, z > 0) by nearest pixel, which never mixes surfaces."""
    if not (np.isfinite(centre).all() and centre[2] > 0):
        raise ValueError(f"a hand centre must be finite and in front of the camera, got {centre}")
    target = crop_camera(centre, half_size, resolution)
    pixels = np.arange(resolution)
    cols = np.rint((pixels - target.cx) / target.fx * camera.fx + camera.cx).astype(np.intp)
    rows = np.rint((pixels - target.cy) / target.fy * camera.fy + camera.cy).astype(np.intp)
    height, width = depth.shape
    metres = depth.metres(rows.clip(0, height - 1), cols.clip(0, width - 1))
    metres[(rows < 0) | (rows >= height)] = 0
    metres[:, (cols < 0) | (cols >= width)] = 0
    image = metres - np.float32(centre[2])
    image /= np.float32(half_size)
    image = np.where((metres > 0) & (np.abs(image) < 1), image, BACKGROUND)
    return HandCrop(image, target, np.asarray(centre, dtype=np.float32), half_size)
