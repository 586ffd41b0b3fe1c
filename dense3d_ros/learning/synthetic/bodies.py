"""Coarse upper bodies of people: what stands behind a hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.placing import random_rotation, turn_about
from dense3d_ros.learning.synthetic.primitives import Mesh

_NECK = -0.3
"""What lies above this y, metres, is head."""


def load_bodies() -> list[Mesh]:
    """Six bodies from head to hips, in different builds and arm poses, their arms ending at the wrists.

    Each is vertices (V, 3) in metres and faces (F, 3), counter-clockwise seen from outside. The chest is the
    origin; x runs to the body's left, y down, and the body faces -z: it looks into a camera at negative z.
    """
    path = Path(__file__).parent / "assets" / "bodies.npz"
    with np.load(path, allow_pickle=False) as file:
        vertices = file["vertices"] * np.float32(file["unit"])
        faces = file["faces"].astype(np.int32)
        vertex_ends, face_ends = np.cumsum(file["vertex_counts"])[:-1], np.cumsum(file["face_counts"])[:-1]
    return list(zip(np.split(vertices, vertex_ends), np.split(faces, face_ends), strict=True))


def random_body(
    rng: np.random.Generator, place: NDArray[np.floating], bodies: tuple[Mesh, ...], turned_share: float
) -> Mesh:
    """A person who faces the camera more or less: some point of the body is 0.08-0.6 m behind `place` (3,).

    turned_share: of the bodies that the camera sees from any side and any way up, as if it or they lay on a side.
    """
    vertices, faces = bodies[rng.integers(len(bodies))]
    turn, lean = rng.uniform(-0.9, 0.9), rng.normal(0.0, 0.25)
    rotation = turn_about(2, lean) @ turn_about(1, turn)
    # Nothing is drawn for a share of 0: the fixed test sets are older than it.
    if turned_share and rng.random() < turned_share:
        rotation = random_rotation(rng)
    turned = vertices @ rotation.T
    # A face more often than its share of the surface.
    points = turned[vertices[:, 1] < _NECK] if rng.random() < 0.25 else turned
    point = points[rng.integers(len(points))]
    place = place + np.array([*rng.normal(0.0, 0.08, 2), rng.uniform(0.08, 0.6)])
    return (turned - point + place).astype(np.float32), faces
