"""Where cameras look at working hands from: the wearer's own head, and a robot's wrist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import moved, rotation_to, turn_about, unit
from dense3d_ros.learning.synthetic.primitives import Mesh, box

Double = NDArray[np.float64]

HEAD, WRIST = "head", "wrist"
_DISTANCE = {HEAD: (0.25, 0.7), WRIST: (0.2, 0.6)}
"""Metres from the camera to the hand along the optical axis."""
_UPPER_ARM, _FOREARM = 0.3, 0.26
"""Metres from the shoulder to the elbow, and on to the wrist."""
_SHOULDER = np.array([0.18, 0.22, -0.06])
"""The right shoulder from the eyes, metres right, down and forward, as the head looks straight ahead."""
_DESK, _SHELF = 0.6, 0.25
"""Shares of scenes over a desk or a floor, and before a shelf or wall; behind the others is nothing."""


@dataclass(frozen=True)
class View:
    """A camera. kind: HEAD or WRIST. down: (3,) unit, where things fall to in the camera's frame. pitch: radians that a
    head looks down."""

    kind: str
    down: Double
    pitch: float

    def place(self, rng: np.random.Generator) -> Double:
        """(3,) metres, where a hand is."""
        z = float(np.exp(rng.uniform(*np.log(_DISTANCE[self.kind]))))
        return np.array([rng.uniform(-0.45, 0.45) * z, rng.uniform(-0.35, 0.4) * z, z])

    def towards_elbow(self, rng: np.random.Generator, place: Double, *, right: bool) -> Double:
        """(3,) unit, from the wrist of a hand at `place` to the elbow."""
        if self.kind == WRIST:
            # Of somebody on the other side, or beside: the elbow is not before the hand.
            while True:
                direction = unit(rng.normal(size=3))
                if direction @ unit(place) > -0.3:
                    return direction
        cosine, sine = np.cos(self.pitch), np.sin(self.pitch)
        x, y, z = _SHOULDER * [1 if right else -1, 1, 1] + rng.normal(0.0, 0.03, 3)
        shoulder = np.array([x, cosine * y - sine * z, sine * y + cosine * z])
        reach = unit(place - shoulder)
        distance = float(np.clip(np.linalg.norm(place - shoulder), 0.1, 0.99 * (_UPPER_ARM + _FOREARM)))
        # Shoulder, elbow and wrist are a triangle whose elbow hangs down and out.
        along = (distance**2 + _UPPER_ARM**2 - _FOREARM**2) / (2 * distance)
        out = np.sqrt(max(_UPPER_ARM**2 - along**2, 0.0))
        hangs = self.down + np.array([0.6 if right else -0.6, 0.0, 0.0]) + rng.normal(0.0, 0.35, 3)
        hangs = unit(hangs - reach * (hangs @ reach))
        elbow = shoulder + reach * along + hangs * out
        return unit(elbow - place)

    def turn(self, rng: np.random.Generator, hand: PosedHand, place: Double, *, right: bool) -> Double:
        """(3, 3) rotation of a hand from its canonical frame to the camera's, any way about its forearm."""
        wrist = hand.joints[0].astype(np.float64)
        forearm = unit(hand.vertices[_far_from_the_fingers(hand)].mean(axis=0) - wrist)
        about = turn_about(1, rng.uniform(-np.pi, np.pi))
        elbow = self.towards_elbow(rng, place, right=right)
        return np.asarray(rotation_to(elbow) @ about @ rotation_to(forearm).T)

    def background(self, rng: np.random.Generator, hand: PosedHand) -> tuple[Double, float] | None:
        """Unit normal n and level d of what is behind the whole hand, n @ x = d: a desk or floor, a shelf or wall."""
        kind = rng.random()
        if kind < _DESK:
            normal = unit(rng.normal(0.0, 0.06, 3) - self.down)
        elif kind < _DESK + _SHELF:
            level = np.array([0.0, 0.0, -1.0])
            normal = unit(level - self.down * (level @ self.down) + rng.normal(0.0, 0.2, 3))
        else:
            return None
        if normal[2] > -0.05:
            return None
        gap = rng.uniform(0.0, 0.02) if rng.random() < 0.3 else rng.uniform(0.02, 0.6)
        return normal, float((hand.vertices @ normal).min()) - gap

    def jaws(self, rng: np.random.Generator) -> Iterator[Mesh]:
        """The two jaws of a robot's gripper at one edge of what its wrist sees."""
        if self.kind == HEAD or rng.random() < 0.4:
            return
        opening, edge, depth = rng.uniform(0.015, 0.05), rng.uniform(0.035, 0.07), rng.uniform(0.1, 0.2)
        sides = rng.uniform([0.006, 0.008, 0.04], [0.02, 0.025, 0.09])
        about = turn_about(2, rng.uniform(-np.pi, np.pi))
        for side in (-opening, opening):
            yield moved(box(*sides), about, about @ np.array([side, edge, depth]))


def of_view(options: SceneOptions) -> SceneOptions:
    """The options of scenes that a head or a wrist looks at: nobody is behind the hand."""
    return replace(options, bodies=0.0)


def sample_view(rng: np.random.Generator, options: SceneOptions) -> View | None:
    """A camera of one of both kinds, or in most scenes none: the hand is seen from anywhere."""
    if not options.own_views or rng.random() >= options.own_views:
        return None
    return head_view(rng) if rng.random() < options.head_views else wrist_view(rng)


def head_view(rng: np.random.Generator) -> View:
    """A camera on a head that looks down at its hands, more or less."""
    pitch = float(rng.uniform(0.1, 1.2))
    return View(HEAD, unit(np.array([rng.normal(0.0, 0.08), np.cos(pitch), np.sin(pitch)])), pitch)


def wrist_view(rng: np.random.Generator) -> View:
    """A camera on a robot's wrist that looks down or ahead, and may be turned."""
    pitch, roll = float(rng.uniform(0.0, 1.5)), float(rng.normal(0.0, 0.6))
    return View(WRIST, np.array([np.cos(pitch) * np.sin(roll), np.cos(pitch) * np.cos(roll), np.sin(pitch)]), pitch)


def _far_from_the_fingers(hand: PosedHand) -> NDArray[np.bool_]:
    """(V,) the end of the forearm."""
    back = hand.joints[0] - hand.joints[9]
    reach = hand.vertices @ back
    return np.asarray(reach > reach.max() - 0.02 * np.linalg.norm(back))
