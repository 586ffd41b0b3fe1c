"""The paper's augmentation: the 128 px crop in millimetres is turned and stretched in its plane, joints with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.dense.paper_crop import SIZE
from dense3d_ros.geometry.camera import Camera

FloatArray = NDArray[np.float32]
Pixels = NDArray[np.floating]

STRETCH_DEVIATION = 0.2
STRETCH_LIMITS = (0.9, 1.1)
_MIDDLE = SIZE / 2


def augment(
    rng: np.random.Generator, crop: FloatArray, camera: Camera, joints: FloatArray, *, half_pixel_rotation: bool = False
) -> tuple[FloatArray, FloatArray]:
    """A random turn by any angle, then independent stretches of height and width by 0.9 to 1.1.

    crop: (128, 128) mm. camera: the crop's, which stays. joints: (J, 3) mm; their depth stays.
    half_pixel_rotation: turn the image about (63.5, 63.5) instead of (64, 64), the middle of the joints' turn.
    """
    angle = float(rng.uniform(-np.pi, np.pi))
    stretches = np.clip(rng.normal(1.0, STRETCH_DEVIATION, 2), *STRETCH_LIMITS)
    pixels = camera.project(joints)
    crop = rotate_image(crop, angle, _MIDDLE - 0.5 if half_pixel_rotation else _MIDDLE)
    pixels = rotate_pixels(pixels, angle)
    height, width = (int(SIZE * stretch) for stretch in stretches)
    crop, pixels = stretch_image(crop, height, width), stretch_pixels(pixels, height, width)
    return crop, camera.back_project(pixels, joints[:, 2]).astype(np.float32)


def rotate_image(crop: FloatArray, angle: float, middle: float = _MIDDLE) -> FloatArray:
    """Turn counter-clockwise on screen by `angle` radians about the pixel (middle, middle); nearest, 0 outside."""
    rows, columns = np.mgrid[:SIZE, :SIZE] - middle
    cosine, sine = np.cos(angle), np.sin(angle)
    from_columns = np.rint(columns * cosine - rows * sine + middle).astype(np.intp)
    from_rows = np.rint(columns * sine + rows * cosine + middle).astype(np.intp)
    inside = (from_columns >= 0) & (from_columns < SIZE) & (from_rows >= 0) & (from_rows < SIZE)
    turned: FloatArray = np.zeros_like(crop)
    turned[inside] = crop[from_rows[inside], from_columns[inside]]
    return turned


def rotate_pixels(pixels: Pixels, angle: float) -> Pixels:
    """(J, 2) pixels turned as `rotate_image` turns the image about (64, 64)."""
    u, v = (pixels - _MIDDLE).T
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([u * cosine + v * sine, v * cosine - u * sine], axis=1) + _MIDDLE


def stretch_image(crop: FloatArray, height: int, width: int) -> FloatArray:
    """Resize to height x width, nearest, and take the middle 128 x 128 of it, with zeros where there is none."""
    rows, columns = (_sources(size) for size in (height, width))
    inside = (rows >= 0) & (rows < SIZE), (columns >= 0) & (columns < SIZE)
    stretched: FloatArray = np.zeros_like(crop)
    stretched[np.ix_(*inside)] = crop[np.ix_(rows[inside[0]], columns[inside[1]])]
    return stretched


def stretch_pixels(pixels: Pixels, height: int, width: int) -> Pixels:
    """(J, 2) pixels moved as `stretch_image` moves the image."""
    sizes = np.array([width, height])
    stretched: Pixels = pixels * sizes / SIZE - (sizes - SIZE) // 2
    return stretched


def _sources(size: int) -> NDArray[np.intp]:
    """The pixel that each of the 128 pixels comes from, along one axis resized to `size`."""
    sources: NDArray[np.intp] = np.rint((np.arange(SIZE) + (size - SIZE) // 2) * (SIZE / size)).astype(np.intp)
    return sources
