"""An image of samples side by side with their joints drawn, to see whether labels and images agree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.recordings.drawing import colour_depth, contact_sheet, write
from dense3d_ros.skeleton_drawing import HAND_BGR, ColourImage

TILE = 256
_COLUMNS = 4
_MARGIN = 0.25
_NEAR, _FAR = 0.1, 0.15
"""Depth shown, metres in front of the nearest joint and behind the furthest."""


def sample_sheet(samples: Sequence[DatasetSample], chains: Sequence[Sequence[int]]) -> ColourImage:
    """Tiles of all samples, four in a row. chains: joint indices along each finger."""
    return contact_sheet([sample_tile(sample, chains) for sample in samples], _COLUMNS, TILE)


def sample_tile(sample: DatasetSample, chains: Sequence[Sequence[int]]) -> ColourImage:
    """(TILE, TILE, 3) the square around the joints with a quarter of its size on every side."""
    pixels = sample.camera.project(sample.joints)
    size = int(np.ceil(max(float(np.ptp(pixels, axis=0).max()), 8.0) * (1 + 2 * _MARGIN)))
    left, top = ((pixels.min(axis=0) + pixels.max(axis=0)) / 2 - (size - 1) / 2).tolist()
    tile = _background(sample, left, top, size)
    points = np.rint(sample.camera.cropped(left, top, size, size).resized(TILE, TILE).project(sample.joints))
    for number, chain in enumerate(chains):
        colour = HAND_BGR[number % len(HAND_BGR)]
        corners = [(int(column), int(row)) for column, row in points[list(chain)]]
        for start, end in pairwise(corners):
            cv2.line(tile, start, end, colour, 2, cv2.LINE_AA)
        for corner in corners:
            cv2.circle(tile, corner, 3, colour, -1, cv2.LINE_AA)
    write(tile, sample.name[-40:], (4, TILE - 6), 0.35)
    return tile


def _background(sample: DatasetSample, left: float, top: float, size: int) -> ColourImage:
    """(TILE, TILE, 3) the nearest pixels of the depth image, black outside it."""
    step = (np.arange(TILE) + 0.5) * size / TILE - 0.5
    rows, columns = np.rint(step + top).astype(np.intp), np.rint(step + left).astype(np.intp)
    height, width = sample.depth.shape
    depth = sample.depth.metres(rows.clip(0, height - 1), columns.clip(0, width - 1))
    depth[(rows < 0) | (rows >= height)] = 0
    depth[:, (columns < 0) | (columns >= width)] = 0
    near, far = sample.joints[:, 2].min() - _NEAR, sample.joints[:, 2].max() + _FAR
    return colour_depth(DepthImage(depth), float(near), float(far))
