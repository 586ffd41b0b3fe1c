"""The arm and the body of the person whose hand it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import JOINT_INDEX
from dense3d_ros.learning.synthetic.bodies import seen_person
from dense3d_ros.learning.synthetic.clutter import forearm_end
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import moved, rotation_to, unit
from dense3d_ros.learning.synthetic.primitives import Mesh, joined, sphere, turned

Vector = NDArray[np.float64]

_FOREARM, _UPPER_ARM = (1.25, 1.5), (1.5, 1.9)
"""Their lengths over the hand's; 1.35 and 1.72 in Drillis and Contini, Body Segment Parameters, 1966."""
_HAND_LENGTH = 2.0
"""Of the distance from the wrist to the middle knuckle, in the meshes."""
_WIDTH = 0.19
"""Radius of a forearm below the elbow over the hand's length."""
_SHOULDER_RADIUS = 0.06
"""At least, metres: a ball that closes the bodies where their own arm was."""
_SHOULDER: Vector = np.array([0.165, -0.22, 0.03])
"""A left shoulder of the bodies, metres."""
_ARM_STARTS, _NECK, _CHEST = 0.17, -0.3, -0.145
"""Metres of a body beyond which there are arms: to the side, below the neck, and to the front."""
_CAP = 0.12
"""Hand lengths from the end of a hand's own forearm, in which it is drawn together."""
_SHARPEST = -0.7
"""Cosine between upper arm and forearm, both away from the hand, below which an elbow does not bend."""
_SEGMENTS = 12
_ATTEMPTS = 20


class Arm(NamedTuple):
    """limbs: forearm and upper arm. elbow, shoulder: (3,) metres."""

    limbs: Mesh
    elbow: Vector
    shoulder: Vector


def arm_of(rng: np.random.Generator, hand: PosedHand) -> Arm | None:
    """The arm of a hand, with or without a sleeve.

    None where it would come towards the camera and cover the hand.
    """
    wrist, end = forearm_end(hand)
    palm = wrist - hand.joints[JOINT_INDEX["middle_mcp"]]
    length = _HAND_LENGTH * float(np.linalg.norm(palm))
    shown = float(np.linalg.norm(end - wrist))
    axis = unit(end - wrist) if shown > 0.02 else unit(palm)
    elbow = wrist + axis * length * rng.uniform(*_FOREARM)
    # Up and away from the camera more often than not.
    while (upper := unit(rng.normal([0.0, -0.4, 0.7], 0.5))) @ axis < _SHARPEST:
        pass
    shoulder = elbow + upper * length * rng.uniform(*_UPPER_ARM)
    if min(elbow[2], shoulder[2]) < wrist[2] - 0.03:
        return None
    wide = _WIDTH * length * rng.uniform(0.85, 1.2)
    if rng.random() < 0.5:
        start, radius = rng.uniform(0.005, max(0.02, 0.7 * shown)), wide * rng.uniform(1.0, 1.5)
    else:
        start = max(shown - _CAP * length, 0.0)
        radius = _bare_radius(hand, wrist, axis, start, length)
    meshes = [
        _tube(rng, wrist + axis * start, elbow, (radius, 1.05 * wide, 1.15 * wide)),
        moved(sphere(1.15 * wide, 8), np.eye(3), elbow),
        _tube(rng, elbow, shoulder, (1.15 * wide, 1.25 * wide, 1.5 * wide)),
        moved(sphere(max(1.5 * wide, _SHOULDER_RADIUS), 8), np.eye(3), shoulder),
    ]
    return Arm(joined(meshes), elbow, shoulder)


def owner_of(rng: np.random.Generator, arm: Arm, right: bool, bodies: tuple[Mesh, ...], options: SceneOptions) -> Mesh:
    """The body that a right arm or a left one belongs to, without its own arm of that side.

    The elbow is neither behind nor inside of it, nor far above the shoulder, unless that was not met by chance.
    """
    side = -1.0 if right else 1.0
    for _ in range(_ATTEMPTS):
        vertices, faces, rotation = seen_person(rng, bodies, options)
        elbow = rotation.T @ (arm.elbow - arm.shoulder)
        if side * elbow[0] > -0.12 and elbow[1] > -0.12 and elbow[2] < 0.1:
            break
    across, down, front = side * vertices[:, 0], vertices[:, 1], vertices[:, 2]
    is_arm = (across > _ARM_STARTS) | ((down > _NECK) & (front < _CHEST) & (across > 0.0))
    kept = faces[~is_arm[faces].any(axis=1)]
    return moved((vertices, kept), rotation, arm.shoulder - rotation @ (_SHOULDER * [side, 1.0, 1.0]))


def _bare_radius(hand: PosedHand, wrist: Vector, axis: Vector, start: float, length: float) -> float:
    """Metres from the axis to the skin of the hand's own forearm at `start`; a usual one where there is none."""
    away = hand.vertices - wrist
    along = away @ axis
    skin = away[np.abs(along - start) < 0.05 * length]
    if start < 0.1 * length or len(skin) < 3:
        return 0.85 * _WIDTH * length
    return float(np.linalg.norm(np.cross(skin, axis), axis=1).mean())


def _tube(rng: np.random.Generator, start: Vector, end: Vector, radii: tuple[float, ...]) -> Mesh:
    """A closed tube from `start` to `end`, wrinkled, with `radii` at equal distances."""
    along = end - start
    length = float(np.linalg.norm(along))
    stations = np.linspace(0.0, length, len(radii))
    profile = np.array([[0.0, 0.0], *zip(radii, stations, strict=True), [0.0, length]])
    vertices, faces = turned(profile, _SEGMENTS)
    wrinkles = (1 + rng.normal(0.0, 0.03, (len(vertices), 1))).astype(np.float32)
    return moved((vertices * wrinkles, faces), rotation_to(along / length), start)
