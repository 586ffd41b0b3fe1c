"""The paper's crop: the box around the hand's joints, resized to 128 px and normalised. In millimetres.

Wan et al., CVPR 2018, as in the code they published, for training and testing on NYU, ICVL and MSRA. It needs
the true joints or, for the NYU test set, boxes made from them; the rest of this package crops with
`dense3d_ros.geometry.crop`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera

FloatArray = NDArray[np.float32]

SIZE = 128
PAD = 20
ICVL_DEPTH_LIMIT = 500.0
_BEHIND_JOINTS = 250.0
_NEAREST_VALID = 100.0
_NEAREST_CENTRE = 200.0
_WINDOW = 300.0
_BACKGROUND = -1.0


class EmptyCropError(ValueError):
    """A frame without any depth where the paper's crop needs some."""


@dataclass(frozen=True)
class Box:
    """Rows [top, bottom) and columns [left, right) of the depth image."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class PaperCrop:
    """image (128, 128), normalised, background -1; its camera; centre (3,) mm, see `reference_point`."""

    image: FloatArray
    camera: Camera
    centre: FloatArray


def crop_joints(depth: FloatArray, camera: Camera, joints: FloatArray, depth_limit: float | None = None) -> PaperCrop:
    """Crop a depth image (H, W) in mm around its true joints (J, 3) in mm.

    depth_limit: depth in mm from which everything is background; by default from the joints, see
    `joint_depth_limit` (`ICVL_DEPTH_LIMIT` for that set). Raises EmptyCropError if nothing is left.
    """
    pixels = camera.project(joints)
    if depth_limit is None:
        depth_limit = joint_depth_limit(depth, pixels)
    return crop_box(depth, camera, joint_box(pixels, camera), depth_limit)


def crop_box(depth: FloatArray, camera: Camera, box: Box, depth_limit: float) -> PaperCrop:
    """Crop a depth image (H, W) in mm to a box. Raises EmptyCropError if nothing is left in it."""
    crop, crop_camera = crop_millimetres(depth, camera, box, depth_limit)
    centre = reference_point(crop, crop_camera)
    return PaperCrop(normalise_depth(crop, float(centre[2])), crop_camera, centre)


def crop_millimetres(depth: FloatArray, camera: Camera, box: Box, depth_limit: float) -> tuple[FloatArray, Camera]:
    """The box of a depth image (H, W) in mm as (128, 128) mm, 0 from `depth_limit` on, and the crop's camera."""
    square, left, top = _padded_square(depth, box)
    crop = _resize_legacy(square, SIZE)
    crop = np.where(crop < depth_limit, crop, np.float32(0))
    scale = len(square) / SIZE
    return crop, Camera(
        camera.fx / scale,
        camera.fy / scale,
        (camera.cx - left) / scale,
        (camera.cy - top) / scale,
        SIZE,
        SIZE,
    )


def joint_box(pixels: FloatArray, camera: Camera) -> Box:
    """The box of joint pixels (J, 2) with 20 px of margin, inside the image, truncated to whole pixels."""
    left, top = np.maximum(pixels.min(axis=0) - PAD, 0)
    top, left = min(top, camera.height - 2 * PAD), min(left, camera.width - 2 * PAD)
    right, bottom = pixels.max(axis=0) + PAD
    bottom = max(min(bottom, camera.height), top + 2 * PAD - 1)
    right = max(min(right, camera.width), left + 2 * PAD - 1)
    return Box(int(top), int(left), int(bottom), int(right))


def joint_depth_limit(depth: FloatArray, pixels: FloatArray) -> float:
    """250 mm behind the nearest surface seen at a joint pixel (J, 2); nearer than 100 mm does not count."""
    columns = np.clip(pixels[:, 0].astype(np.int64), 0, depth.shape[1] - 1)
    rows = np.clip(pixels[:, 1].astype(np.int64), 0, depth.shape[0] - 1)
    seen = depth[rows, columns]
    seen = seen[seen > _NEAREST_VALID]
    if not len(seen):
        raise EmptyCropError("no joint pixel has a depth above 100 mm, so the background has no limit")
    return float(seen.min()) + _BEHIND_JOINTS


def reference_point(crop: FloatArray, camera: Camera) -> FloatArray:
    """The point all maps are relative to, (3,) mm: the middle of the crop (64, 64) at its mean depth.

    The published code calls it the centre of mass, which only its z is: the mean of the measured pixels, at
    least 200 mm. Raises EmptyCropError for a crop without any, where that code goes on with NaN.
    """
    measured = crop[crop > 0]
    if not len(measured):
        raise EmptyCropError("the crop holds no depth below its limit, so it has no reference point")
    z = max(float(measured.mean(dtype=np.float64)), _NEAREST_CENTRE)
    point: FloatArray = camera.back_project(np.full(2, SIZE / 2), np.array(z)).astype(np.float32)
    return point


def normalise_depth(crop: FloatArray, z: float, *, near_holes_are_surface: bool = False) -> FloatArray:
    """Depth in mm -> 0..1 from 150 mm in front of z to 150 mm behind, down to -0.5 further in front, else -1.

    The published code takes missing depth (0) for surface when z < 300 mm; here it is background, unless asked for.
    """
    nearest = z - _WINDOW
    keep = (crop > (nearest if near_holes_are_surface else max(nearest, 0.0))) & (crop < z + _WINDOW / 2)
    normalised = (crop - np.float32(z - _WINDOW / 2)) / np.float32(_WINDOW)
    result: FloatArray = np.where(keep, normalised, np.float32(_BACKGROUND))
    return result


def _padded_square(depth: FloatArray, box: Box) -> tuple[FloatArray, int, int]:
    """The box centred in a square of zeros, and the image column and row of the square's first pixel."""
    window = depth[box.top : box.bottom, box.left : box.right]
    height, width = window.shape
    side = max(height, width)
    row, column = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side), np.float32)
    square[row : row + height, column : column + width] = window
    return square, box.left - column, box.top - row


def _resize_legacy(square: FloatArray, size: int) -> FloatArray:
    """Bilinear resize as in TensorFlow 1: source coordinate = target * ratio, no half-pixel shift."""
    side = len(square)
    source = np.arange(size, dtype=np.float32) * np.float32(side / size)
    low = np.floor(source).astype(np.int64)
    high = np.minimum(low + 1, side - 1)
    weight = source - low.astype(np.float32)
    rows = square[low] + (square[high] - square[low]) * weight[:, None]
    result: FloatArray = rows[:, low] + (rows[:, high] - rows[:, low]) * weight
    return result
