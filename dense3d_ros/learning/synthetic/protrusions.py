"""Where a hand can be, from the depth image alone: narrow things that stand out of what is behind them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage

Array = NDArray[np.float32]

PITCH = 0.012
"""Distance of the samples on a surface, metres: a finger's width."""
BAND_RATIO = 1.35
"""Far end of a depth band over its near end; within a band one scale does for all."""
WIDTH = 0.18
"""A hand's length, metres: what is wider than this in both directions is no hand."""
STEP = 0.015
"""What a hand stands out at least, metres; a hand on a table does by its thickness."""
INNER, OUTER = 0.14, 0.25
"""Edges of the windows around a hand that hold the hand alone, and a piece of what it hangs on."""
LEAST_AREA, ENOUGH_AREA, MOST_AREA = 0.0025, 0.006, 0.021
"""Surface within the inner window, m²: less is no hand, more than enough is no better, too much is worse."""
APART = 0.09
"""Candidates are at least this far from each other, metres."""
HALF_THICKNESS = 0.012
"""From the surface to the joints under it, metres."""
AROUND_WEIGHT = 0.6
"""What a piece of surface further out costs, in pieces within the inner window."""
DISTANCE_WEIGHT = 0.008
"""What a metre of distance costs, m² of surface."""
BAND_PEAKS = 6
FAR = np.float32(10.0)
NOTHING = np.float32(-1.0)


@dataclass(frozen=True)
class Candidate:
    """Where a hand's centre could be, (3,) metres in the camera frame, and how much stands out there."""

    centre: Array
    score: float


def find_candidates(
    depth: DepthImage,
    camera: Camera,
    *,
    min_depth: float = 0.15,
    max_depth: float = 1.5,
    limit: int = 5,
) -> list[Array]:
    """Up to `limit` points (3,), metres in the camera frame, around which a hand may be; the likeliest first.

    A depth band at a time, everything is seen at one metric scale. What is narrower than a hand is long and
    stands out of its surroundings (a black top-hat of the depth) is a hand, an arm or some other thing; where
    much of it is near and little further out is an end of it, such as a hand. Nearer things come first among
    equals. Raises ValueError unless 0 < min_depth < max_depth.
    """
    if not 0 < min_depth < max_depth:
        raise ValueError(f"depths must be 0 < min_depth < max_depth, got {min_depth} and {max_depth}")
    found: list[Candidate] = []
    near = min_depth
    while near < max_depth:
        far = min(near * BAND_RATIO, max_depth)
        found += _band(depth, camera, near, far)
        near = far
    found.sort(key=lambda candidate: -candidate.score)
    chosen: list[Array] = []
    for candidate in found:
        if len(chosen) == limit:
            break
        if all(np.linalg.norm(candidate.centre - other) > APART for other in chosen):
            chosen.append(candidate.centre)
    return chosen


def _band(depth: DepthImage, camera: Camera, near: float, far: float) -> list[Candidate]:
    """Candidates whose surface is between near and far, metres."""
    middle = float(np.sqrt(near * far))
    rows, pitch_y = _samples(depth.shape[0], camera.fy, middle)
    cols, pitch_x = _samples(depth.shape[1], camera.fx, middle)
    metres = depth.metres(rows, cols)
    in_band = (metres >= near) & (metres < far)
    if np.count_nonzero(in_band) * pitch_x * pitch_y < LEAST_AREA / 2:
        return []
    stands_out = _stands_out(metres, _odd(WIDTH / pitch_x), _odd(WIDTH / pitch_y))
    # A hand may reach into the bands before and behind.
    narrow = (stands_out & (metres > near - 0.08) & (metres < far + 0.08)).astype(np.float32)
    inner = _window_sums(narrow, INNER, pitch_x, pitch_y)
    around = _window_sums(narrow, OUTER, pitch_x, pitch_y) - inner
    prominence = np.minimum(inner, ENOUGH_AREA) - np.maximum(inner - MOST_AREA, 0.0)
    prominence -= AROUND_WEIGHT * around + DISTANCE_WEIGHT * metres
    prominence[(inner < LEAST_AREA) | ~in_band] = NOTHING
    radius_x, radius_y = int(APART / 2 / pitch_x), int(APART / 2 / pitch_y)
    highest = cv2.dilate(prominence, np.ones((2 * radius_y + 1, 2 * radius_x + 1), np.uint8))
    peaks = np.flatnonzero((prominence == highest) & (prominence > NOTHING))
    peaks = peaks[np.argsort(-prominence.ravel()[peaks])[:BAND_PEAKS]]
    peak_rows, peak_cols = np.unravel_index(peaks, prominence.shape)
    found = []
    half_x, half_y = int(INNER / 2 / pitch_x), int(INNER / 2 / pitch_y)
    for row, col in zip(peak_rows, peak_cols, strict=True):
        top, left = max(row - half_y, 0), max(col - half_x, 0)
        part = narrow[top : row + half_y + 1, left : col + half_x + 1] > 0
        part &= np.abs(metres[top : row + half_y + 1, left : col + half_x + 1] - metres[row, col]) < 0.1
        part_rows, part_cols = np.nonzero(part)
        if len(part_rows) == 0:
            continue
        z = np.float32(metres[top + part_rows, left + part_cols].mean() + HALF_THICKNESS)
        pixel = np.array([cols[left + part_cols].mean(), rows[top + part_rows].mean()])
        found.append(Candidate(camera.back_project(pixel, z).astype(np.float32), float(prominence[row, col])))
    return found


def _samples(size: int, focal: float, middle: float) -> tuple[NDArray[np.intp], float]:
    """Pixel indices along one edge about PITCH apart at `middle` metres, and how far apart they are there."""
    step = max(1.0, PITCH * focal / middle)
    return np.arange(step / 2, size, step).astype(np.intp), step * middle / focal


def _stands_out(metres: Array, width: int, height: int) -> NDArray[np.bool_]:
    """Where the surface is at least STEP nearer than all around, in a window of width x height samples."""
    seen = metres > 0
    surface = np.where(seen, metres, FAR)
    # A few missing samples within a surface are holes, not edges.
    hole = ~seen & (cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0)
    surface = np.where(hole, cv2.erode(surface, np.ones((5, 5), np.uint8)), surface)
    # What touches the image's edge goes on behind it.
    border = (height // 2, height // 2, width // 2, width // 2)
    padded = cv2.copyMakeBorder(surface, *border, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((height, width), np.uint8))
    closed = closed[border[0] : border[0] + metres.shape[0], border[2] : border[2] + metres.shape[1]]
    found: NDArray[np.bool_] = (metres > 0) & (closed - surface > STEP)
    return found


def _window_sums(mask: Array, edge: float, pitch_x: float, pitch_y: float) -> Array:
    """Area of the mask in the window of `edge` metres around every sample, m²."""
    size = (_odd(edge / pitch_x), _odd(edge / pitch_y))
    sums = cv2.boxFilter(mask, -1, size, normalize=False, borderType=cv2.BORDER_REPLICATE)
    area: Array = np.asarray(sums, np.float32) * np.float32(pitch_x * pitch_y)
    return area


def _odd(samples: float) -> int:
    return 2 * int(samples / 2) + 1
