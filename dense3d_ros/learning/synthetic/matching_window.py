"""What triangulation over a window makes of a surface: pixels of a window share their dots, so that fingers melt."""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.sensor_effects import Depth

_EMPTY = np.float32(1e3)
"""Metres that stand for no surface: further than any."""


def matched(depth: Depth, camera: Camera, baseline: float, radius: int, pixel: float = 1.0) -> Depth:
    """(H, W) metres, 0 = nothing, as triangulation over a window of `radius` pixels to each side sees them.

    baseline: metres. pixel: how many of the image's pixels one of the sensor's is. For a radius of 0 the same array
    comes back.

    Gaps and slivers of up to `radius` pixels, at most two, go; what differs by less than a sensor's pixel of disparity
    becomes one surface, so that fingers beside each other melt. Larger steps stay sharp.
    """
    if radius <= 0:
        return depth
    scale = np.float32(camera.fx * abs(baseline))
    filled = cv2.medianBlur(np.where(depth > 0, depth, _EMPTY), min(2 * radius + 1, 5))
    disparity = np.where(filled < _EMPTY, scale / filled, np.float32(0))
    along_rows, everywhere = np.empty_like(disparity), np.empty_like(disparity)
    _mean_of_alike(disparity, radius, np.float32(pixel), along_rows)
    _mean_of_alike(along_rows.T, radius, np.float32(pixel), everywhere.T)
    result: Depth = np.where(everywhere > 0, scale / np.where(everywhere > 0, everywhere, 1), np.float32(0))
    return result


@njit(cache=True, nogil=True)
def _mean_of_alike(disparity, radius, alike, out):  # type: ignore[no-untyped-def]
    """Each pixel's mean over its row's neighbours that are less than `alike` apart; 0 stays 0."""
    height, width = disparity.shape
    for row in range(height):
        for column in range(width):
            here = disparity[row, column]
            total, count = np.float32(0.0), 0
            for near in range(max(column - radius, 0), min(column + radius + 1, width)):
                there = disparity[row, near]
                if there > 0 and abs(there - here) < alike:
                    total += there
                    count += 1
            out[row, column] = total / count if here > 0 else np.float32(0.0)
