"""The arm and the body of the person whose hand it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import KNUCKLES
from dense3d_ros.learning.synthetic.bodies import seen_person
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import moved, rotation_to, unit
from dense3d_ros.learning.synthetic.primitives import Mesh, joined, sphere, turned

Vector = NDArray[np.float64]

_FOREARM, _UPPER_ARM = (1.25, 1.5), (1.45, 1.8)
"""Their lengths, of the hand's length: measured adults have 1.4 and 1.6."""
_HAND_LENGTH = 1.95
"""Of the distance from the wrist to the middle knuckle."""
_SHOULDER: Vector = np.array([0.165, -0.22, 0.03])
"""A left shoulder of the bodies, metres."""
_ARM_STARTS, _NECK, _CHEST = 0.17, -0.3, -0.13
"""Metres of a body beyond which there are arms: to the side, below the neck, and to the front."""
_SEGMENTS = 12


def arm(rng: np.random.Generator, hand: PosedHand) -> tuple[Mesh, Vector] | None:
    """Forearm and upper arm of a hand, with or without a sleeve, and the shoulder (3,) that they end at.

    None for a hand that reaches away from the camera: its arm would cover it.
    """
    wrist = hand.joints[0].astype(np.float64)
    palm = wrist - hand.joints[list(KNUCKLES)].mean(axis=0)
    reach = (hand.vertices - wrist) @ palm
    last = hand.vertices[reach > reach.max() - 0.02 * float(np.linalg.norm(palm))]
    end = last.mean(axis=0).astype(np.float64)
    shown = float(np.linalg.norm(end - wrist))
    axis = unit(end - wrist) if shown > 0.02 else unit(palm)
    length = _HAND_LENGTH * float(np.linalg.norm(palm))
    elbow = wrist + axis * length * rng.uniform(*_FOREARM)
    # Up and away from the camera more often than not.
    upwards = unit(rng.normal([0.0, -0.4, 0.7], 0.5))
    shoulder = elbow + upwards * length * rng.uniform(*_UPPER_ARM)
    if min(elbow[2], shoulder[2]) < wrist[2] - 0.03:
        return None
    wide = 0.19 * length * rng.uniform(0.85, 1.2)
    if rng.random() < 0.5:
        start, radius = rng.uniform(0.005, max(0.02, 0.7 * shown)), wide * rng.uniform(1.0, 1.5)
    else:
        # Where the hand's own forearm ends, and as wide as that.
        start = max(shown - 0.01, 0.005)
        radius = float(np.linalg.norm(np.cross(last - wrist, axis), axis=1).mean())
    meshes = [
        _tube(rng, wrist + axis * start, elbow, (radius, 1.05 * wide, 1.15 * wide)),
        moved(sphere(1.15 * wide, 8), np.eye(3), elbow),
        _tube(rng, elbow, shoulder, (1.15 * wide, 1.25 * wide, 1.5 * wide)),
        moved(sphere(1.55 * wide, 8), np.eye(3), shoulder),
    ]
    return joined(meshes), shoulder


def body_at(
    rng: np.random.Generator, shoulder: Vector, right: bool, bodies: tuple[Mesh, ...], options: SceneOptions
) -> Mesh:
    """A body without its right arm, or its left one, whose shoulder of that side is at `shoulder` (3,)."""
    vertices, faces, rotation = seen_person(rng, bodies, options)
    side = -1.0 if right else 1.0
    across, down, front = side * vertices[:, 0], vertices[:, 1], vertices[:, 2]
    is_arm = (across > _ARM_STARTS) | ((down > _NECK) & (front < _CHEST) & (across > 0.0))
    own = faces[~is_arm[faces].any(axis=1)]
    place = shoulder - rotation @ (_SHOULDER * [side, 1.0, 1.0])
    return moved((vertices, own), rotation, place)


def _tube(rng: np.random.Generator, start: Vector, end: Vector, radii: tuple[float, ...]) -> Mesh:
    """A closed tube from `start` to `end`, wrinkled, with `radii` at equal distances."""
    along = end - start
    length = float(np.linalg.norm(along))
    stations = np.linspace(0.0, length, len(radii))
    profile = np.array([[0.0, 0.0], *zip(radii, stations, strict=True), [0.0, length]])
    vertices, faces = turned(profile, _SEGMENTS)
    wrinkles = (1 + rng.normal(0.0, 0.03, (len(vertices), 1))).astype(np.float32)
    return moved((vertices * wrinkles, faces), rotation_to(along / length), start)
