"""Depth images of triangle meshes: a z-buffer on one CPU core."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera

NEAR = 0.05
# Slack on the edges in pixels, so that no pixel falls between two triangles that share an edge.
_EDGE_SLACK = 1e-6


def render_depth(
    vertices: NDArray[np.floating],
    faces: NDArray[np.integer],
    camera: Camera,
    depth: NDArray[np.float32] | None = None,
    *,
    ids: NDArray[np.uint8] | None = None,
    object_id: int = 1,
    front_only: bool = False,
) -> NDArray[np.float32]:
    """Draws a mesh and returns the (H, W) float32 depth in metres, 0 where there is nothing.

    `vertices` is (V, 3) metres in the camera's optical frame, `faces` is (F, 3). Both sides of a face are drawn, unless
    `front_only` leaves out those seen from inside, half of the triangles of a closed mesh, which nothing shows; a face
    with a vertex nearer than `NEAR` metres is left out. With `depth` the mesh is drawn into that image, behind what is
    nearer there, and the same array is returned. With `ids`, (H, W) uint8, every pixel that the mesh takes gets
    `object_id`.

    Raises ValueError for arrays of another shape or type and for a face that names a missing vertex.
    """
    shape = (camera.height, camera.width)
    if depth is None:
        depth = np.zeros(shape, np.float32)
    for name, image, dtype in (("depth", depth, np.float32), ("ids", ids, np.uint8)):
        if image is not None and (image.shape != shape or image.dtype != dtype):
            raise ValueError(f"{name} must be {shape} {np.dtype(dtype)}, got {image.shape} {image.dtype}")
    vertices = np.ascontiguousarray(vertices, np.float32)
    faces = np.ascontiguousarray(faces, np.int32)
    for name, array in (("vertices", vertices), ("faces", faces)):
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f"{name} must be (N, 3), got {array.shape}")
    if not 0 <= object_id <= 255:
        raise ValueError(f"object_id must be within 0..255, got {object_id}")
    if not _draw(vertices, faces, camera.fx, camera.fy, camera.cx, camera.cy, depth, ids, object_id, front_only):
        raise ValueError(f"faces name a vertex outside 0..{len(vertices) - 1}")
    return depth


@njit(cache=True, nogil=True, fastmath={"contract", "arcp", "nsz"})
def _draw(vertices, faces, fx, fy, cx, cy, depth, ids, object_id, front_only):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    count = len(vertices)
    u, v, inverse = np.empty(count), np.empty(count), np.empty(count)
    for i in range(count):
        z = np.float64(vertices[i, 2])
        if z >= NEAR:
            inverse[i] = 1.0 / z
            u[i] = vertices[i, 0] * inverse[i] * fx + cx
            v[i] = vertices[i, 1] * inverse[i] * fy + cy
        else:
            inverse[i] = 0.0
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        if min(i, j, k) < 0 or max(i, j, k) >= count:
            return False
        if inverse[i] == 0.0 or inverse[j] == 0.0 or inverse[k] == 0.0:
            continue
        top = max(ceil(max(min(v[i], v[j], v[k]), 0.0) - _EDGE_SLACK), 0)
        bottom = floor(min(max(v[i], v[j], v[k]), height - 1.0) + _EDGE_SLACK)
        left = max(ceil(max(min(u[i], u[j], u[k]), 0.0) - _EDGE_SLACK), 0)
        right = floor(min(max(u[i], u[j], u[k]), width - 1.0) + _EDGE_SLACK)
        if top > bottom or left > right:
            continue
        du1, dv1, du2, dv2 = u[j] - u[i], v[j] - v[i], u[k] - u[i], v[k] - v[i]
        area = du1 * dv2 - du2 * dv1
        if area == 0.0 or (front_only and area > 0.0):
            continue
        # Barycentric weights of corners j and k, affine in the pixel; 1/z is affine in the image, too.
        wj_u, wj_v = dv2 / area, -du2 / area
        wk_u, wk_v = -dv1 / area, du1 / area
        slope_j, slope_k = inverse[j] - inverse[i], inverse[k] - inverse[i]
        step = wj_u * slope_j + wk_u * slope_k
        for row in range(top, bottom + 1):
            y = row - v[i]
            wj, wk = wj_v * y - wj_u * u[i], wk_v * y - wk_u * u[i]
            first, last = np.float64(left), np.float64(right)
            first, last = _clip(first, last, wj_u, wj)
            first, last = _clip(first, last, wk_u, wk)
            first, last = _clip(first, last, -wj_u - wk_u, 1.0 - wj - wk)
            if not first <= last:
                continue
            start = inverse[i] + wj * slope_j + wk * slope_k
            column_first = max(ceil(first - _EDGE_SLACK), left)
            column_last = min(floor(last + _EDGE_SLACK), right)
            for column in range(column_first, column_last + 1):
                z = 1.0 / (start + step * column)
                if z < depth[row, column] or depth[row, column] == 0.0:
                    depth[row, column] = z
                    if ids is not None:
                        ids[row, column] = object_id
    return True


@njit(cache=True, nogil=True, inline="always")
def _clip(first, last, slope, offset):  # type: ignore[no-untyped-def]
    """The part of first..last where slope * x + offset is not negative."""
    if slope > 0.0:
        first = max(first, -offset / slope)
    elif slope < 0.0:
        last = min(last, -offset / slope)
    elif offset < 0.0:
        last = first - 1.0
    return first, last
