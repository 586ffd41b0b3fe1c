"""Coarse triangle meshes of simple bodies around the origin, for clutter, held objects and tests.

Every function returns vertices (V, 3) float32 in metres and faces (F, 3) int32, wound so that normals
point out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Mesh = tuple[NDArray[np.float32], NDArray[np.int32]]


def plane(width: float, height: float, divisions: int = 8) -> Mesh:
    """A rectangle in z = 0 that faces -z, in `divisions` x `divisions` x 2 triangles.

    It is divided because the renderer drops a whole triangle that reaches behind the camera.
    """
    x, y = np.meshgrid(
        np.linspace(-width / 2, width / 2, divisions + 1), np.linspace(-height / 2, height / 2, divisions + 1)
    )
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    return _mesh(vertices, _grid(divisions + 1, divisions + 1))


def box(size_x: float, size_y: float, size_z: float) -> Mesh:
    """A box of 12 triangles."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return _mesh(corners * [size_x, size_y, size_z], np.array(faces))


def cylinder(radius: float, length: float, segments: int = 15) -> Mesh:
    """A closed cylinder along y, in 4 x `segments` triangles whose edges lie on the surface."""
    profile = np.array([[0.0, -0.5], [1.0, -0.5], [1.0, 0.5], [0.0, 0.5]])
    return turned(profile * [radius, length], segments)


def sphere(radius: float, segments: int = 10) -> Mesh:
    """A sphere of 2 x `segments`^2 triangles whose vertices lie on the surface."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, segments + 2)
    profile = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return turned(profile, segments)


def turned(profile: NDArray[np.float64], segments: int) -> Mesh:
    """A profile (N, 2) of radius and y, whose first and last points are on the axis, turned about y."""
    angles = np.arange(segments) * (2 * np.pi / segments)
    rings = profile[1:-1]
    ring_vertices = np.stack(
        [
            np.outer(rings[:, 0], np.cos(angles)),
            np.repeat(rings[:, 1:], segments, axis=1),
            np.outer(rings[:, 0], np.sin(angles)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    poles = [[0.0, profile[0, 1], 0.0], [0.0, profile[-1, 1], 0.0]]
    return np.concatenate([ring_vertices, poles]).astype(np.float32), _turned_faces(len(rings), segments)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes[:-1])])
    faces = [faces + start for (_, faces), start in zip(meshes, starts, strict=True)]
    return np.concatenate([vertices for vertices, _ in meshes]), np.concatenate(faces).astype(np.int32)


@cache
def _turned_faces(rings: int, segments: int) -> NDArray[np.int32]:
    """Faces of `rings` rings of vertices with a pole before and after them; the poles are numbered last."""
    bottom = rings * segments
    this = np.arange(segments)
    following = np.roll(this, -1)
    last_ring = (rings - 1) * segments
    faces = [
        np.stack([np.full(segments, bottom), this, following], axis=1),
        np.stack([np.full(segments, bottom + 1), last_ring + following, last_ring + this], axis=1),
    ]
    for start in range(0, last_ring, segments):
        a, b, c, d = start + this, start + following, start + segments + this, start + segments + following
        faces += [np.stack([a, c, d], axis=1), np.stack([a, d, b], axis=1)]
    joined = np.concatenate(faces).astype(np.int32)
    joined.flags.writeable = False
    return joined


def _grid(rows: int, columns: int) -> NDArray[np.int64]:
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    return np.concatenate([np.stack([a, c, d], axis=1), np.stack([a, d, b], axis=1)])


def _mesh(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Mesh:
    return vertices.astype(np.float32), faces.astype(np.int32)
