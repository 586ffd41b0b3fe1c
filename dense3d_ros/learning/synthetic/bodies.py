"""Coarse upper bodies of people: what stands behind a hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import random_rotation, turn_about
from dense3d_ros.learning.synthetic.primitives import Mesh

_NECK = -0.3
"""What lies above this y, metres, is head, but for raised arms."""
_HEAD_WIDTH = 0.2
"""Metres to either side within which there are no arms."""
_WAVES = 6
"""Sine waves that make up a hairstyle."""
_TUFT = (0.03, 0.15)
"""Wavelengths of a hairstyle, metres."""
_HEAD_SIZES = 0.08
"""Standard deviation of a head's width, height and depth, each relative to the mesh."""
_LOST = 0.3
"""Share of the hairstyles whose scalp is drawn in, as a head looks whose dark hair is not measured."""


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
    rng: np.random.Generator, place: NDArray[np.floating], bodies: tuple[Mesh, ...], options: SceneOptions
) -> Mesh:
    """A person who faces the camera more or less: some point of the body is 0.08-0.6 m behind `place` (3,)."""
    vertices, faces, rotation = seen_person(rng, bodies, options)
    turned = vertices @ rotation.T
    # A face more often than its share of the surface.
    points = turned[vertices[:, 1] < _NECK] if rng.random() < 0.25 else turned
    point = points[rng.integers(len(points))]
    place = place + np.array([*rng.normal(0.0, 0.08, 2), rng.uniform(0.08, 0.6)])
    return (turned - point + place).astype(np.float32), faces


def seen_person(
    rng: np.random.Generator, bodies: tuple[Mesh, ...], options: SceneOptions
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float64]]:
    """Vertices and faces of a random body, and the rotation (3, 3) in which a camera sees it.

    Some are seen from any side and any way up, as if camera or person lay on a side, and some have hair.
    """
    vertices, faces = bodies[rng.integers(len(bodies))]
    # Nothing is drawn for a share of 0: the fixed test sets are older than these.
    if options.hair and rng.random() < options.hair:
        vertices = _with_hair(rng, vertices)
    turn, lean = rng.uniform(-0.9, 0.9), rng.normal(0.0, 0.25)
    rotation = turn_about(2, lean) @ turn_about(1, turn)
    if options.turned_bodies and rng.random() < options.turned_bodies:
        rotation = random_rotation(rng)
    return vertices, faces, rotation


def _with_hair(rng: np.random.Generator, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """(V, 3) metres: the body with another size of head, and with its scalp further out in tufts, or further in."""
    is_head = (vertices[:, 1] < _NECK) & (np.abs(vertices[:, 0]) < _HEAD_WIDTH)
    head = vertices[is_head].astype(np.float64)
    middle = (head.min(axis=0) + head.max(axis=0)) / 2
    # The neck stays where it is.
    raised = ((_NECK - head[:, 1]) / 0.1).clip(0.0, 1.0)[:, None]
    away = (head - middle) * (1.0 + raised * rng.normal(0.0, _HEAD_SIZES, 3))
    # From a line above the eyes to the back of the head.
    scalp = ((0.6 * away[:, 2] - away[:, 1] - rng.uniform(-0.02, 0.07)) / 0.02).clip(0.0, 1.0)
    directions = rng.normal(size=(_WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves = away @ directions.T * (2 * np.pi / rng.uniform(*_TUFT, _WAVES)) + rng.uniform(0, 2 * np.pi, _WAVES)
    tufts = np.sin(waves).sum(axis=1) * np.sqrt(2 / _WAVES)
    if rng.random() < _LOST:
        # Drawn in far enough for a ragged end, and not to the middle.
        length = -rng.uniform(0.01, 0.06) + rng.uniform(0.0, 0.02) * tufts
    else:
        length = rng.uniform(0.0, 0.04) + rng.uniform(0.0, 0.02) * tufts
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    grown = away * (1.0 + (scalp * length)[:, None] / distance.clip(0.02)).clip(0.2)
    result: NDArray[np.float32] = vertices.copy()
    result[is_head] = middle + grown
    return result
