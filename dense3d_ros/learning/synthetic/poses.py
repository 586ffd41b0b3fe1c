"""Anatomical hand poses: joint limits, gestures, and a sampler that covers what hands do.

The 25 angles are those of gestures.yaml: degrees in the file, radians here, 0 = straight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray

Angles = NDArray[np.float64]

_FINGER_COLUMNS = np.arange(7, 23).reshape(4, 4)
"""(finger, [abduction, MCP, PIP, DIP]) -> index of the angle."""
_ABDUCTION, _MCP, _PIP, _DIP = range(4)
_THUMB = slice(2, 7)
_RIGHT_ANGLE = np.pi / 2
_STEPS = 255


@dataclass(frozen=True)
class PoseSpace:
    """Names of the angles, their limits and the gesture prototypes, all in radians.

    low, high: (25,). gestures: name -> (25,) with a straight wrist. stacked: the same of fists, flat hands and fingers
    that lie on each other.
    """

    names: tuple[str, ...]
    low: Angles
    high: Angles
    gestures: dict[str, Angles]
    stacked: dict[str, Angles]

    def packed(self, angles: Angles) -> NDArray[np.uint8]:
        """(N, 25) radians within the limits in 1/255 of their range, about 0.4 degrees."""
        return np.round((angles - self.low) / (self.high - self.low) * _STEPS).astype(np.uint8)

    def unpacked(self, packed: NDArray[np.uint8]) -> Angles:
        """(N, 25) radians of what `packed` gave."""
        return np.asarray(self.low + packed / _STEPS * (self.high - self.low))


@cache
def pose_space() -> PoseSpace:
    """The pose space of gestures.yaml."""
    text = files("dense3d_ros.learning.synthetic").joinpath("gestures.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    limits = data["limits"]
    low, high = np.radians(np.array(list(limits.values()), dtype=np.float64)).T
    gestures, stacked = (
        {name: prototype(fingers) for name, fingers in data[kind].items()} for kind in ("gestures", "stacked")
    )
    return PoseSpace(tuple(limits), low, high, gestures, stacked)


def prototype(fingers: dict[str, list[float]]) -> Angles:
    """(25,) radians of a prototype in a file: five degrees of the thumb, four of each finger, the wrist straight."""
    degrees = np.zeros(25)
    degrees[_THUMB] = fingers["thumb"]
    for row, finger in zip(_FINGER_COLUMNS, ("index", "middle", "ring", "little"), strict=True):
        degrees[row] = fingers[finger]
    return np.radians(degrees)


def sample_angles(rng: np.random.Generator) -> Angles:
    """(25,) radians: a random pose within the limits, without regard to self-collision."""
    space = pose_space()
    kind = rng.random()
    if kind < 0.35:
        angles = _synergy(rng)
    elif kind < 0.5:
        angles = _finger_by_finger(rng)
    elif kind < 0.9:
        angles = _gesture(rng, space)
    else:
        angles = rng.uniform(space.low, space.high)
    angles[:2] = sample_wrist(rng)
    flexion = angles[_FINGER_COLUMNS[:, _MCP]] / _RIGHT_ANGLE
    # Collateral ligaments tighten as the MCP joint flexes: a bent finger cannot spread.
    angles[_FINGER_COLUMNS[:, _ABDUCTION]] *= 1.0 - 0.8 * flexion.clip(0.0, 1.0)
    # The ring and little metacarpals arch when their fingers close.
    angles[23:25] = np.radians([6.0, 12.0]) * flexion[2:].clip(0.0, 1.0) * rng.uniform(0.3, 1.0)
    return np.clip(angles, space.low, space.high)


def sample_stacked(rng: np.random.Generator) -> Angles:
    """(25,) radians: a fist, a flat hand or fingers on each other, sometimes half open, without regard to collision."""
    space = pose_space()
    prototypes = list(space.stacked.values())
    angles = prototypes[rng.integers(len(prototypes))]
    if rng.random() < 0.3:
        angles = angles + rng.uniform(0.0, 0.35) * (space.gestures["relaxed"] - angles)
    blurred: Angles = angles + np.radians(rng.normal(0.0, rng.uniform(1.5, 6.0), 25))
    # All four fingers together more or less bent, so that they stay side by side.
    blurred[_FINGER_COLUMNS[:, 1:]] += np.radians(rng.normal(0.0, [5.0, 5.0, 3.0]))
    blurred[:2] = sample_wrist(rng)
    return np.clip(blurred, space.low, space.high)


def sample_wrist(rng: np.random.Generator) -> Angles:
    """(2,) flexion and deviation of the wrist, radians, not yet within the limits."""
    return rng.normal(0.0, np.radians([22.0, 9.0]))


def _bend(curl: Angles, rng: np.random.Generator) -> Angles:
    """(4,) curl of each finger, 0 open .. 1 fist -> (25,) angles with natural MCP/PIP/DIP proportions."""
    angles = np.zeros(25)
    mcp_share, pip_share = rng.normal(1.0, 0.35, 2).clip(0.1, 1.7)
    mcp = np.radians(-6.0 + 90.0 * curl * mcp_share + rng.normal(0.0, 6.0, 4))
    pip = np.radians(3.0 + 100.0 * curl * pip_share + rng.normal(0.0, 7.0, 4))
    dip = pip * rng.normal(0.62, 0.1) + np.radians(rng.normal(0.0, 5.0, 4))
    spread = rng.normal(0.4, 0.5)
    abduction = spread * np.radians([10.0, 0.0, -8.0, -16.0]) + np.radians(rng.normal(0.0, 3.0, 4))
    angles[_FINGER_COLUMNS] = np.stack([abduction, mcp, pip, dip], axis=1)
    opposed = np.radians([40.0, 5.0, 18.0, 20.0, 35.0])
    outside = np.radians([0.0, -8.0, 0.0, 3.0, 3.0])
    closing = rng.beta(0.8, 0.8)
    angles[_THUMB] = outside + closing * (opposed - outside) + np.radians(rng.normal(0.0, 10.0, 5))
    return angles


def _synergy(rng: np.random.Generator) -> Angles:
    """One curl for all fingers, changing smoothly along the hand."""
    curl = np.empty(4)
    curl[0] = rng.beta(0.8, 1.0)
    for finger in range(1, 4):
        curl[finger] = curl[finger - 1] + rng.normal(0.0, 0.14)
    if rng.random() < 0.5:
        curl = curl[::-1]
    return _bend(curl.clip(0.0, 1.0), rng)


def _finger_by_finger(rng: np.random.Generator) -> Angles:
    """Each finger open, half closed or closed by itself."""
    return _bend((rng.choice([0.0, 0.5, 1.0], 4) + rng.normal(0.0, 0.1, 4)).clip(0.0, 1.0), rng)


def _gesture(rng: np.random.Generator, space: PoseSpace) -> Angles:
    """A gesture, half of the time on its way to another one, never exactly."""
    prototypes = list(space.gestures.values())
    first, second = rng.choice(len(prototypes), 2, replace=False)
    share = rng.random() if rng.random() < 0.5 else 0.0
    angles = (1.0 - share) * prototypes[first] + share * prototypes[second]
    blurred: Angles = angles + np.radians(rng.normal(0.0, rng.uniform(2.0, 9.0), 25))
    return blurred
