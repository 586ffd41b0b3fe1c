"""The metric cube around a hand centre, seen as a small normalised picture with its own camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

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
        return HandCrop(self.image[:, ::-1], _mirrored(self.camera), self.centre * MIRROR, self.half_size)

    def region(self) -> CropRegion:
        """The crop as a depth image of its own."""
        metres = np.where(self.image < 1, self.image * np.float32(self.half_size) + self.centre[2], np.float32(0))
        pixels = np.arange(len(metres))
        return CropRegion(DepthImage(metres), pixels, pixels, self.camera, self.centre, self.half_size)


@dataclass(frozen=True)
class CropRegion:
    """Where in a depth image a crop's pixels are, for a device that makes the crop itself.

    rows, cols: (S,) of the depth image, nearest to the crop's rows and columns; they may lie outside of it.
    camera, centre, half_size: the crop's, as in HandCrop.
    """

    depth: DepthImage
    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    camera: Camera
    centre: NDArray[np.float32]
    half_size: float

    @property
    def image(self) -> NDArray[np.float32]:
        """The crop's picture, made at each call; see HandCrop."""
        height, width = self.depth.shape
        metres = self.depth.metres(self.rows.clip(0, height - 1), self.cols.clip(0, width - 1))
        metres[(self.rows < 0) | (self.rows >= height)] = 0
        metres[:, (self.cols < 0) | (self.cols >= width)] = 0
        image = metres - self.centre[2]
        image /= np.float32(self.half_size)
        picture: NDArray[np.float32] = np.where((metres > 0) & (np.abs(image) < 1), image, BACKGROUND)
        return picture

    def mirrored(self) -> CropRegion:
        """See HandCrop.mirrored."""
        centre = self.centre * MIRROR
        return replace(self, cols=self.cols[::-1], camera=_mirrored(self.camera), centre=centre)

    def region(self) -> CropRegion:
        """Itself."""
        return self


Crop: TypeAlias = HandCrop | CropRegion


def crop_camera(centre: NDArray[np.floating], half_size: float, resolution: int) -> Camera:
    """The camera at the same place that sees the cube's cross-section at its centre as resolution² pixels."""
    x, y, z = (float(value) for value in centre)
    focal = resolution * z / (2.0 * half_size)
    middle = (resolution - 1) / 2.0
    return Camera(focal, focal, middle - focal * x / z, middle - focal * y / z, resolution, resolution)


def crop_region(
    depth: DepthImage,
    camera: Camera,
    centre: NDArray[np.floating],
    half_size: float = 0.15,
    resolution: int = 128,
) -> CropRegion:
    """The pixels of the cube around `centre` ((3,) metres, z > 0), the nearest ones, which never mixes surfaces."""
    if not (np.isfinite(centre).all() and centre[2] > 0):
        raise ValueError(f"a hand centre must be finite and in front of the camera, got {centre}")
    target = crop_camera(centre, half_size, resolution)
    pixels = np.arange(resolution)
    cols = np.rint((pixels - target.cx) / target.fx * camera.fx + camera.cx).astype(np.intp)
    rows = np.rint((pixels - target.cy) / target.fy * camera.fy + camera.cy).astype(np.intp)
    return CropRegion(depth, rows, cols, target, np.asarray(centre, dtype=np.float32), half_size)


def crop_hand(
    depth: DepthImage,
    camera: Camera,
    centre: NDArray[np.floating],
    half_size: float = 0.15,
    resolution: int = 128,
) -> HandCrop:
    """`crop_region` with its picture made."""
    region = crop_region(depth, camera, centre, half_size, resolution)
    return HandCrop(region.image, region.camera, region.centre, half_size)


def _mirrored(camera: Camera) -> Camera:
    return replace(camera, cx=camera.width - 1 - camera.cx)
