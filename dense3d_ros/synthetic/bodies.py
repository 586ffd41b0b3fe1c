"""Coarse upper bodies of people: what stands behind a hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def load_bodies() -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
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
