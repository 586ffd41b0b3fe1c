"""A picture of samples side by side with their joints drawn, to see whether labels and images agree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.camera import Camera
from dense3d_ros.datasets.sample import DatasetSample
from dense3d_ros.hand import FINGER_COLOURS, WRIST_COLOUR

TILE = 256
_MARGIN = 0.25
_NEAR, _FAR = 0.15, 0.25
"""Depth shown, metres in front of the nearest joint and behind the furthest."""


def sample_sheet(
    samples: Sequence[DatasetSample], chains: Sequence[Sequence[int]], columns: int = 4
) -> NDArray[np.uint8]:
    """(rows TILE, columns TILE, 3) colours as blue, green, red. chains: joint indices along each finger."""
    rows = -(-len(samples) // columns)
    sheet = np.zeros((max(rows, 1) * TILE, columns * TILE, 3), np.uint8)
    for number, sample in enumerate(samples):
        row, column = divmod(number, columns)
        sheet[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = _tile(sample, chains)
    return sheet


def _tile(sample: DatasetSample, chains: Sequence[Sequence[int]]) -> NDArray[np.uint8]:
    pixels = sample.camera.project(sample.joints)
    middle = (pixels.min(axis=0) + pixels.max(axis=0)) / 2
    extent = max(float(np.ptp(pixels, axis=0).max()), 8.0) * (1 + 2 * _MARGIN)
    left, top = (float(value) for value in middle - extent / 2)
    window = sample.camera.cropped(left, top, int(np.ceil(extent)), int(np.ceil(extent))).resized(TILE, TILE)
    tile: NDArray[np.uint8] = np.repeat(_shaded(sample, window)[:, :, None], 3, axis=2)
    points = np.rint(window.project(sample.joints)).astype(int)
    for number, chain in enumerate(chains):
        red, green, blue = (*FINGER_COLOURS, WRIST_COLOUR)[number % 6]
        colour = (int(255 * blue), int(255 * green), int(255 * red))
        corners = [(int(x), int(y)) for x, y in points[list(chain)]]
        for start, end in pairwise(corners):
            cv2.line(tile, start, end, colour, 1, cv2.LINE_AA)
        for corner in corners:
            cv2.circle(tile, corner, 3, colour, -1, cv2.LINE_AA)
    cv2.putText(tile, sample.name[-36:], (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255, 255, 255), 1)
    return tile


def _shaded(sample: DatasetSample, window: Camera) -> NDArray[np.uint8]:
    """(TILE, TILE) the depth around the hand as the camera `window` sees it, near is light."""
    camera, size = sample.camera, np.arange(TILE)
    columns = np.rint((size - window.cx) / window.fx * camera.fx + camera.cx).astype(np.intp)
    rows = np.rint((size - window.cy) / window.fy * camera.fy + camera.cy).astype(np.intp)
    height, width = sample.depth.shape
    depth = sample.depth.metres(rows.clip(0, height - 1), columns.clip(0, width - 1))
    inside = ((rows >= 0) & (rows < height))[:, None] & (columns >= 0) & (columns < width)
    near, far = sample.joints[:, 2].min() - _NEAR, sample.joints[:, 2].max() + _FAR
    shade = np.clip(230 - 200 * (depth - near) / (far - near), 30, 230)
    shade[~inside | (depth <= 0)] = 0
    grey: NDArray[np.uint8] = shade.astype(np.uint8)
    return grey
