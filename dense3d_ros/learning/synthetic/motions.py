"""How the fingers of the animated hand move: 25 anatomical angles (radians) at any time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand_angles import ANGLE_NAMES
from dense3d_ros.learning.synthetic.poses import pose_space

Angles = NDArray[np.float64]
Motion = Callable[[float], Angles]
"""Seconds -> angles (25,), in the order of ANGLE_NAMES."""

HOLD_S, CHANGE_S = 0.4, 0.8
"""Seconds that a gesture is held, and that the change to the next one takes."""

_CURL = {"mcp": (5.0, 72.0), "pip": (8.0, 95.0), "dip": (4.0, 55.0)}
"""Degrees of a finger's joints when it is straight and when it is closed."""
_BEHIND = {"mcp": 0.0, "pip": 0.5, "dip": 0.7}
"""Radians by which a joint is behind its finger's knuckle, so that fingers roll up instead of closing like hinges."""
_PERIODS = {"index": 2.3, "middle": 2.9, "ring": 3.3, "pinky": 2.6}
"""Seconds in which a finger closes and opens; none a multiple of another, so that no pose comes back."""
_SPREAD = {"index": (4.0, 5.0), "middle": (0.0, 3.0), "ring": (-3.0, 3.0), "pinky": (-8.0, 5.0)}
_THUMB = {"th_pabd": (38.0, 14.0), "th_add": (-6.0, 8.0), "th_twist": (2.0, 8.0), "th_mcp": (14.0, 14.0)}
"""Degrees, mean and amplitude."""
_THUMB_TIP = (20.0, 22.0)


def gestures(rng: np.random.Generator) -> Motion:
    """From gesture to gesture of gestures.yaml, in a random order. Training samples begin with these, too."""
    every = list(pose_space().gestures.values())
    order = [every[index] for index in rng.permutation(len(every))]

    def angles(seconds: float) -> Angles:
        step, within = divmod(seconds, HOLD_S + CHANGE_S)
        blend = max(0.0, (within - HOLD_S) / CHANGE_S)
        blend = blend * blend * (3.0 - 2.0 * blend)
        before, after = (order[(int(step) + k) % len(order)] for k in (0, 1))
        blended: Angles = (1 - blend) * before + blend * after
        return blended

    return angles


def fingers(rng: np.random.Generator) -> Motion:
    """Every finger closes and opens in its own time, and so does the thumb: no gesture, and never twice alike."""
    phases = dict(zip((*_PERIODS, "thumb"), rng.uniform(0.0, 2 * np.pi, 5), strict=True))

    def angles(seconds: float) -> Angles:
        degrees = dict.fromkeys(ANGLE_NAMES, 0.0)
        for finger, period in _PERIODS.items():
            turn = 2 * np.pi * seconds / period + phases[finger]
            for joint, (straight, closed) in _CURL.items():
                degrees[f"{finger}_{joint}"] = straight + (closed - straight) * 0.5 * (
                    1 - np.cos(turn - _BEHIND[joint])
                )
            mean, amplitude = _SPREAD[finger]
            degrees[f"{finger}_abd"] = mean + amplitude * np.sin(0.61 * turn)
        turn = 2 * np.pi * seconds / 2.1 + phases["thumb"]
        for number, (name, (mean, amplitude)) in enumerate(_THUMB.items()):
            degrees[name] = mean + amplitude * np.sin((0.7 + 0.17 * number) * turn)
        degrees["th_ip"] = _THUMB_TIP[0] + _THUMB_TIP[1] * np.sin(turn)
        return np.radians(list(degrees.values()))

    return angles


MOTIONS: dict[str, Callable[[np.random.Generator], Motion]] = {"gestures": gestures, "fingers": fingers}
