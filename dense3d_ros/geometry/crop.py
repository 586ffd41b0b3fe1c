"""The metric cube around a hand centre, seen as a small normalised image with its own camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage

BACKGROUND = np.float32(1.0)

MIRROR = np.array([-1, 1, 1], np.float32)
"""Takes points, (..., 3), to where a mirror in the plane x = 0 shows them."""


@dataclass(frozen=True)
class HandCrop:
    """What the network sees.

    image: (S, S) float32, (depth - centre depth) / half_size in [-1, 1); BACKGROUND where nothing was
    measured or what was measured lies outside the cube.
    camera: the camera of this image. centre: (3,) metres, in its frame. half_size: half the cube's edge in metres.
    roll: radians by which this camera is turned clockwise about its optical axis. is_mirrored: then seen in a mirror.
    """

    image: NDArray[np.float32]
    camera: Camera
    centre: NDArray[np.float32]
    half_size: float
    roll: float = 0.0
    is_mirrored: bool = False

    def mirrored(self) -> HandCrop:
        """The same cube seen in a mirror (x becomes -x): a left hand becomes a right one."""
        return replace(
            self,
            image=self.image[:, ::-1],
            camera=self.camera.mirrored(),
            centre=self.centre * MIRROR,
            is_mirrored=not self.is_mirrored,
        )

    def region(self) -> CropRegion:
        """The crop as a depth image of its own."""
        metres = np.where(self.image < 1, self.image * np.float32(self.half_size) + self.centre[2], np.float32(0))
        cols, rows = np.meshgrid(np.arange(len(metres)), np.arange(len(metres)))
        return CropRegion(
            DepthImage(metres), rows, cols, self.camera, self.centre, self.half_size, self.roll, self.is_mirrored
        )

    def in_camera(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., 3) points in the crop's frame -> in the frame of the camera that it was taken from."""
        return _in_camera(self, points)


@dataclass(frozen=True)
class CropRegion:
    """Where in a depth image a crop's pixels are, for a device that makes the crop itself.

    rows, cols: (S, S) pixel of the depth image nearest to each of the crop's; they may lie outside of it.
    All else as in HandCrop.
    """

    depth: DepthImage
    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    camera: Camera
    centre: NDArray[np.float32]
    half_size: float
    roll: float = 0.0
    is_mirrored: bool = False

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(S, S) which of the crop's pixels lie in the depth image."""
        height, width = self.depth.shape
        # What is negative is large without a sign, which saves half of the comparisons.
        inside: NDArray[np.bool_] = (self.rows.view(np.uintp) < height) & (self.cols.view(np.uintp) < width)
        return inside

    @property
    def image(self) -> NDArray[np.float32]:
        """The crop's image, made at each call; see HandCrop."""
        inside, rows, cols = self.inside, self.rows, self.cols
        if not inside.all():
            rows, cols = np.where(inside, rows, 0), np.where(inside, cols, 0)
        metres = self.depth.metres_at(rows, cols)
        image = metres - self.centre[2]
        image /= np.float32(self.half_size)
        seen = inside & (metres > 0) & (np.abs(image) < 1)
        normalised: NDArray[np.float32] = np.where(seen, image, BACKGROUND)
        return normalised

    def mirrored(self) -> CropRegion:
        """See HandCrop.mirrored."""
        return replace(
            self,
            rows=self.rows[:, ::-1],
            cols=self.cols[:, ::-1],
            camera=self.camera.mirrored(),
            centre=self.centre * MIRROR,
            is_mirrored=not self.is_mirrored,
        )

    def region(self) -> CropRegion:
        """Itself."""
        return self

    def in_camera(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """See HandCrop.in_camera."""
        return _in_camera(self, points)


Crop: TypeAlias = HandCrop | CropRegion


def crop_camera(centre: NDArray[np.floating], half_size: float, resolution: int) -> Camera:
    """The camera at the same place that sees the cube's cross-section at its centre as resolution² pixels."""
    x, y, z = (float(value) for value in centre)
    focal = resolution * z / (2.0 * half_size)
    middle = (resolution - 1) / 2.0
    return Camera(focal, focal, middle - focal * x / z, middle - focal * y / z, resolution, resolution)


def roll_rotation(roll: float) -> NDArray[np.float64]:
    """(3, 3) that takes points of a camera's frame to that of one which is turned clockwise by `roll` radians."""
    cosine, sine = np.cos(roll), np.sin(roll)
    return np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def crop_region(
    depth: DepthImage,
    camera: Camera,
    centre: NDArray[np.floating],
    half_size: float = 0.15,
    resolution: int = 128,
    roll: float = 0.0,
) -> CropRegion:
    """The pixels of the cube around `centre` ((3,) metres, z > 0), the nearest ones, which never mixes surfaces.

    roll: the cube and the camera that sees it are turned clockwise by so many radians about the optical axis.
    """
    if not (np.isfinite(centre).all() and centre[2] > 0 and np.isfinite(roll)):
        raise ValueError(f"a hand centre must be finite and in front of the camera, got {centre} and roll {roll}")
    rotation = roll_rotation(roll)
    seen = rotation @ centre
    target = crop_camera(seen, half_size, resolution)
    pixels = np.arange(resolution)
    # Directions of the crop's columns and rows, in the frame of the camera.
    right = (pixels - target.cx) / target.fx * rotation[0, :2, None]
    down = (pixels - target.cy) / target.fy * rotation[1, :2, None]
    if camera.distortion is not None:
        seen_cols, seen_rows = camera.pixels(right[0] + down[0][:, None], down[1][:, None] + right[1])
    else:
        # A third of the time.
        seen_cols = (right[0] * camera.fx + camera.cx) + (down[0] * camera.fx)[:, None]
        seen_rows = (down[1] * camera.fy + camera.cy)[:, None] + right[1] * camera.fy
    cols, rows = (np.rint(places).astype(np.intp) for places in (seen_cols, seen_rows))
    return CropRegion(depth, rows, cols, target, np.asarray(seen, np.float32), half_size, roll)


def crop_hand(
    depth: DepthImage,
    camera: Camera,
    centre: NDArray[np.floating],
    half_size: float = 0.15,
    resolution: int = 128,
    roll: float = 0.0,
) -> HandCrop:
    """`crop_region` with its image made."""
    region = crop_region(depth, camera, centre, half_size, resolution, roll)
    return HandCrop(region.image, region.camera, region.centre, half_size, roll)


def _in_camera(crop: Crop, points: NDArray[np.float32]) -> NDArray[np.float32]:
    if crop.is_mirrored:
        points = points * MIRROR
    return np.asarray(points @ roll_rotation(crop.roll), np.float32) if crop.roll else points
