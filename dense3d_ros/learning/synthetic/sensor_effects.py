"""What depth sensors do to an image, one effect a function; `sensors` combines them into models.

Images are (H, W) float32 metres, 0 = nothing. All randomness comes from the generator that is passed in.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from statistics import NormalDist

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera

Depth = NDArray[np.float32]
Mask = NDArray[np.bool_]

# A jump in depth that is an edge of an object and not a slope, in metres.
EDGE_STEP = 0.03
_FAR = np.float32(1e3)
# Grid points per standard deviation of the blur in a coarse noise field.
_GRID_SIGMA = 2.0


def noise(shape: tuple[int, ...], length: float, rng: np.random.Generator) -> Depth:
    """A field of unit-variance Gaussian noise; `length` (pixels) is the sigma of its blur, 0 = white."""
    if length <= 0:
        return _white(shape, rng)
    scale = max(1.0, length / _GRID_SIGMA)
    sigma = length / scale
    kernel, unit_variance = _kernels(sigma)
    margin = len(kernel) // 2
    rows, columns = (ceil(size / scale) + 1 for size in shape)
    white = _white((rows + 2 * margin, columns + 2 * margin), rng)
    blurred = cv2.sepFilter2D(white, -1, kernel, unit_variance)
    grid = blurred[margin : margin + rows, margin : margin + columns]
    if scale > 1.0:
        grid = cv2.resize(grid, (ceil(columns * scale), ceil(rows * scale)))
    return np.asarray(grid[: shape[0], : shape[1]], np.float32)


@lru_cache(maxsize=64)
def _kernels(sigma: float) -> tuple[Depth, Depth]:
    """The kernel of a blur, and the same for the second direction, such that both keep the variance of white noise."""
    kernel = np.asarray(cv2.getGaussianKernel(2 * ceil(3 * sigma) + 1, sigma, cv2.CV_32F), np.float32)
    # A blur scales the variance by the sum of its squared weights.
    return kernel, np.asarray(kernel / np.sum(kernel**2), np.float32)


def blobs(shape: tuple[int, ...], share: float, length: float, rng: np.random.Generator) -> Mask:
    """Random spots of about `length` pixels that cover `share` (0..1) of the image."""
    if share <= 0:
        return np.zeros(shape, np.bool_)
    spots: Mask = noise(shape, length, rng) > np.float32(NormalDist().inv_cdf(1 - share))
    return spots


def jittered(depth: Depth, sigma: float, rng: np.random.Generator, length: float = 0.0) -> Depth:
    """Ragged edges: pixels read a neighbour, at a Gaussian distance of `sigma` pixels along each axis.

    The displacement is smooth over `length` pixels, see `noise`. Within a surface nothing moves, since the
    axial noise already holds what the displacement would do there.
    """
    if sigma <= 0:
        return np.array(depth)
    result: Depth = np.empty_like(depth)
    down, right = noise(depth.shape, length, rng), noise(depth.shape, length, rng)
    _shift(np.ascontiguousarray(depth), down, right, np.float32(sigma), result)
    return result


def shadow(depth: Depth, camera: Camera, baseline: float) -> Mask:
    """The surface that the projector (or second camera) at x = `baseline` metres does not see.

    For a projector on the right (baseline > 0) the shadow lies left of the nearer object and is
    f B (1/z1 - 1/z2) pixels wide.
    """
    mirrored = baseline < 0
    hidden = np.zeros(depth.shape, np.bool_)
    if baseline:
        image = np.ascontiguousarray(depth[:, ::-1] if mirrored else depth)
        _shadow(image, np.float32(camera.fx * abs(baseline)), hidden)
    return hidden[:, ::-1] if mirrored else hidden


def cosine(depth: Depth, camera: Camera) -> Depth:
    """Cosine of the angle between the line of sight and the surface's normal; 1 where there is nothing."""
    result = np.ones_like(depth)
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32)
    _cosine(np.ascontiguousarray(depth), intrinsics, result)
    return result


def nearest_around(depth: Depth, radius: int) -> Depth:
    """The least depth within a square of `radius` pixels; large where there is none."""
    size = 2 * radius + 1
    known = np.where(depth > 0, depth, _FAR)
    return np.asarray(cv2.erode(known, np.ones((size, size), np.uint8)), np.float32)


def farthest_around(depth: Depth, radius: int) -> Depth:
    """The greatest depth within a square of `radius` pixels."""
    size = 2 * radius + 1
    return np.asarray(cv2.dilate(depth, np.ones((size, size), np.uint8)), np.float32)


def behind_edge(depth: Depth, radius: int) -> Mask:
    """Background within `radius` pixels of a nearer object."""
    if radius <= 0:
        return np.zeros(depth.shape, np.bool_)
    behind: Mask = depth - nearest_around(depth, radius) > EDGE_STEP
    return behind


def fattened(depth: Depth, radius: int, rng: np.random.Generator) -> Depth:
    """Nearer objects grown by `radius` - 1 to `radius` pixels over what is behind them or over nothing."""
    if radius <= 0:
        return np.array(depth)
    less = nearest_around(depth, radius - 1)
    grown = cv2.erode(less, np.ones((3, 3), np.uint8))
    near = np.where(blobs(depth.shape, 0.5, 3.0, rng), grown, less)
    behind = (depth == 0) | (depth - near > EDGE_STEP)
    result: Depth = np.where(behind & (near < _FAR), near, depth)
    return result


def add_flying_pixels(depth: Depth, share: float, rng: np.random.Generator) -> None:
    """Moves `share` (0..1) of the pixels beside an edge to somewhere between its two sides, in place."""
    if share <= 0:
        return
    near, far = nearest_around(depth, 1), farthest_around(depth, 1)
    edge = np.flatnonzero((depth > 0) & (far - near > EDGE_STEP))
    edge = edge[rng.random(len(edge)) < share]
    mix = rng.random(len(edge), dtype=np.float32)
    depth.flat[edge] = near.flat[edge] * (1 - mix) + far.flat[edge] * mix


def despeckled(depth: Depth) -> Depth:
    """Depth without specks: pixels most of whose 3 x 3 neighbours have none."""
    known = cv2.medianBlur((depth > 0).astype(np.uint8), 3)
    return depth * known


def lost(depth: Depth, cosines: Depth, least_cosine: float, reach: float, rng: np.random.Generator) -> Mask:
    """Surface that sends too little light back.

    The return falls with the cosine of incidence and the square of the distance; a frontal surface is lost
    from `reach` metres on, any surface below `least_cosine`. Both limits wander by a third over the image,
    as reflectivity does.
    """
    reflectivity = np.exp(np.float32(0.3) * noise(depth.shape, 5.0, rng))
    limit = np.maximum(np.square(depth * np.float32(1 / reach)), np.float32(least_cosine))
    too_dark: Mask = cosines * reflectivity < limit
    return too_dark


def quantised(depth: Depth, step: float) -> Depth:
    """Depth in whole steps of `step` metres; unchanged for 0."""
    if step <= 0:
        return depth
    result: Depth = np.rint(depth * np.float32(1 / step)) * np.float32(step)
    return result


def quantised_disparity(depth: Depth, camera: Camera, baseline: float, step: float) -> Depth:
    """Depth whose disparity f B / z is a whole number of `step` pixels; unchanged for a step of 0."""
    if step <= 0:
        return depth
    scale = np.float32(camera.fx * abs(baseline) / step)
    known = depth > 0
    disparity = np.rint(scale / np.where(known, depth, np.float32(1.0)))
    result: Depth = np.where(known & (disparity > 0), scale / np.maximum(disparity, 1), np.float32(0.0))
    return result


def _seed(rng: np.random.Generator) -> np.uint64:
    return rng.integers(0, 2**64, dtype=np.uint64)


def _white(shape: tuple[int, ...], rng: np.random.Generator) -> Depth:
    result = np.empty(shape, np.float32)
    _fill_gaussian(_seed(rng), result)
    return result


@njit(cache=True, nogil=True, inline="always")
def _gaussian(seed, index):  # type: ignore[no-untyped-def]
    """Sum of four 16-bit uniforms of a splitmix64 hash, unit variance: normal to within 3.4 sigma."""
    x = seed + np.uint64(index) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    low = np.uint64(0xFFFF)
    total = (x & low) + ((x >> np.uint64(16)) & low) + ((x >> np.uint64(32)) & low) + (x >> np.uint64(48))
    return (np.float32(np.int64(total)) - np.float32(131070.0)) * np.float32(3.0**0.5 / 65535.0)


@njit(cache=True, nogil=True)
def _fill_gaussian(seed, out):  # type: ignore[no-untyped-def]
    flat = out.ravel()
    for i in range(flat.size):
        flat[i] = _gaussian(seed, i)


@njit(cache=True, nogil=True)
def _shift(depth, down, right, sigma, out):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    # Rounds by truncation, which needs positive numbers.
    lift = 1024
    half = np.float32(lift + 0.5)
    for row in range(height):
        for column in range(width):
            y = row + np.int32(down[row, column] * sigma + half) - lift
            x = column + np.int32(right[row, column] * sigma + half) - lift
            here = depth[row, column]
            there = depth[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
            same_surface = here > 0 and there > 0 and abs(there - here) < EDGE_STEP
            out[row, column] = here if same_surface else there


@njit(cache=True, nogil=True)
def _shadow(depth, scale, hidden):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for row in range(height):
        # The projector sees a surface at column - scale / z; the leftmost so far hides the rest.
        leftmost = np.float32(np.inf)
        for column in range(width - 1, -1, -1):
            z = depth[row, column]
            if z > 0:
                seen_at = column - scale / z
                if seen_at > leftmost:
                    hidden[row, column] = True
                else:
                    leftmost = seen_at


@njit(cache=True, nogil=True, inline="always", fastmath=True)
def _slope(before, here, after):  # type: ignore[no-untyped-def]
    """The smaller of the two one-sided differences, so that edges of objects are not taken for slopes."""
    backward = here - before if before > 0 else _FAR
    forward = after - here if after > 0 else _FAR
    slope = forward if abs(forward) < abs(backward) else backward
    return slope if slope < _FAR else np.float32(0.0)


@njit(cache=True, nogil=True, fastmath=True)
def _cosine(depth, intrinsics, out):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    one = np.float32(1.0)
    fx, fy, cx, cy = intrinsics
    for row in range(1, height - 1):
        v = np.float32(row) - cy
        for column in range(1, width - 1):
            u = np.float32(column) - cx
            z = depth[row, column]
            zu = _slope(depth[row, column - 1], z, depth[row, column + 1])
            zv = _slope(depth[row - 1, column], z, depth[row + 1, column])
            nx, ny, nz = fx * zu, fy * zv, z + u * zu + v * zv
            ray = one + (u / fx) * (u / fx) + (v / fy) * (v / fy)
            squared = z * z / max((nx * nx + ny * ny + nz * nz) * ray, np.float32(1e-12))
            out[row, column] = np.sqrt(squared) if z > 0 else one
    if height > 2 and width > 2:
        out[0], out[-1] = out[1], out[-2]
        out[:, 0], out[:, -1] = out[:, 1], out[:, -2]
