"""What a hand does: how far it is open, and whether it pinches or makes a fist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import FINGERS, JOINT_INDEX
from dense3d_ros.geometry.hand_angles import ANGLE_NAMES

Array = NDArray[np.float64]

_FLEXIONS = [
    [ANGLE_NAMES.index(name) for name in ("th_mcp", "th_ip")],
    *([ANGLE_NAMES.index(f"{finger}_{joint}") for joint in ("mcp", "pip", "dip")] for finger in FINGERS[1:4]),
    [ANGLE_NAMES.index(f"pinky_{joint}") for joint in ("mcp", "pip", "dip")],
]
FIST_FLEXION: Array = np.radians([70.0, 245.0, 245.0, 245.0, 245.0])
"""(5,) sum of a finger's flexions in a fist, thumb first."""

PINCH_JOINTS: tuple[int, ...] = (JOINT_INDEX["thumb_tip"], JOINT_INDEX["index_tip"])
"""The joints that an aperture is between."""
_FIST_JOINTS = [JOINT_INDEX[f"{finger}_tip"] for finger in FINGERS[1:]]

SHORTEST_STATE = 0.1
"""Seconds that pinch and fist stay as they are after a change."""


@dataclass(frozen=True)
class Grasp:
    """aperture: metres between the tips of thumb and index. closure: 0 flat to 1 fist, of the four fingers together.

    finger_closures: (5,) the same of each finger, thumb first. pinch, fist: with hysteresis. pinch_confidence,
    fist_confidence: 0..1, the lowest score of the fingertips that the state is told from.
    """

    aperture: float
    closure: float
    finger_closures: Array
    pinch: bool
    fist: bool
    pinch_confidence: float
    fist_confidence: float


def aperture(joints: NDArray[np.floating]) -> float:
    """(21, 3) metres -> metres between the joints thumb_tip and index_tip; skin that touches leaves 10 to 20 mm."""
    thumb, index = joints[list(PINCH_JOINTS)]
    return float(np.linalg.norm(thumb - index))


def finger_closures(angles: Array) -> Array:
    """(25,) radians -> (5,) 0..1: the share that a finger is bent of what it is in a fist, thumb first."""
    bent = np.array([angles[indices].sum() for indices in _FLEXIONS])
    return np.asarray((bent / FIST_FLEXION).clip(0.0, 1.0))


class Switch:
    """A state that goes on at one value and off at another, and then stays for SHORTEST_STATE seconds."""

    def __init__(self) -> None:
        self.on = False
        self._changed: float | None = None

    def update(self, value: float, stamp: float, *, on_from: float, off_from: float) -> bool:
        """Whether it is on. On where `value` is at `on_from` or beyond, seen from `off_from`; off likewise."""
        upwards = on_from > off_from
        reached = value >= on_from if upwards else value <= on_from
        left = value <= off_from if upwards else value >= off_from
        wanted = not left if self.on else reached
        if wanted != self.on and (self._changed is None or stamp - self._changed >= SHORTEST_STATE):
            self.on, self._changed = wanted, stamp
        return self.on


class GraspStates:
    """The states of one hand over time."""

    def __init__(self) -> None:
        self._pinch, self._fist = Switch(), Switch()

    def update(
        self,
        joints: NDArray[np.floating],
        angles: Array,
        scores: NDArray[np.floating],
        stamp: float,
        *,
        pinch: tuple[float, float],
        fist: tuple[float, float],
    ) -> Grasp:
        """(21, 3) metres, (25,) radians and (21,) scores at `stamp` seconds -> what the hand does.

        pinch: apertures, metres, at which a pinch begins and ends. fist: closures at which a fist begins and ends.
        """
        gap, closures = aperture(joints), finger_closures(angles)
        closure = float(closures[1:].mean())
        return Grasp(
            aperture=gap,
            closure=closure,
            finger_closures=closures,
            pinch=self._pinch.update(gap, stamp, on_from=pinch[0], off_from=pinch[1]),
            fist=self._fist.update(closure, stamp, on_from=fist[0], off_from=fist[1]),
            pinch_confidence=float(scores[list(PINCH_JOINTS)].min()),
            fist_confidence=float(scores[_FIST_JOINTS].min()),
        )
