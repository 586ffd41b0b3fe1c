"""What a hand does, told from its joints alone, so that it means the same for every data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import BONES, FINGERS, JOINT_INDEX, KNUCKLES

POSE_CLASSES = ("fist", "pinch", "flat", "spread", "pointing", "counting", "grasp")
OPEN, CLOSED = 60.0, 150.0
"""Degrees that the bones of a finger turn through: less is an open finger, more a closed one."""
PINCH = 0.024
"""The tips of a pinch are this close, metres, from bone end to bone end."""
TOGETHER = 12.0
"""Degrees between the directions of neighbouring fingers, from knuckle to tip, of a flat hand at the most."""


def finger_turns(joints: NDArray[np.floating]) -> NDArray[np.float64]:
    """(4,) degrees that the bones of each of the four fingers turn through in all, from the palm to the tip."""
    parents, children = np.array(BONES[4:]).T
    bones = _unit((joints[children] - joints[parents]).reshape(4, 4, 3))
    turns: NDArray[np.float64] = _angles(bones[:, 1:], bones[:, :-1]).sum(axis=1)
    return turns


def finger_bend(joints: NDArray[np.floating]) -> str:
    """How far the four fingers are closed on average: "open", "half closed" or "closed"."""
    total = float(finger_turns(joints).mean())
    return "open" if total < OPEN else "half closed" if total < CLOSED else "closed"


def pose_class(joints: NDArray[np.floating]) -> str:
    """One of POSE_CLASSES for (21, 3) joints in metres.

    The first that fits: "fist" (four closed fingers), "pinch" (the thumb's tip meets another), "flat" (four open
    fingers, none apart from the next), "spread" (four open fingers), "pointing" (of the four, the index finger alone is
    open, some are closed), "counting" (some fingers open and some closed), else "grasp" (fingers bent around
    something, or relaxed).
    """
    turns = finger_turns(joints)
    thumb, *tips = (joints[JOINT_INDEX[f"{finger}_tip"]] for finger in FINGERS)
    is_open, is_closed = turns < OPEN, turns >= CLOSED
    if is_closed.all():
        return "fist"
    if min(float(np.linalg.norm(tip - thumb)) for tip in tips) < PINCH:
        return "pinch"
    if is_open.all():
        directions = _unit(np.array(tips) - joints[list(KNUCKLES)])
        return "flat" if _angles(directions[1:], directions[:-1]).max() <= TOGETHER else "spread"
    if is_open.any() and is_closed.any():
        return "pointing" if is_open[0] and not is_open[1:].any() else "counting"
    return "grasp"


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float64)


def _angles(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) unit vectors each -> (...) degrees between them."""
    return np.asarray(np.degrees(np.arccos((one * other).sum(axis=-1).clip(-1, 1))))
