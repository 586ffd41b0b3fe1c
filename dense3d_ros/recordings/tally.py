"""What came of a recording's frames, why there are so few hands in it, and whether the depth unit can be right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.depth_unit import doubt_of_distance, doubt_of_size, nearest_and_farthest
from dense3d_ros.geometry.hand import hand_length
from dense3d_ros.recordings.offline import FrameResult

SELDOM = 0.1
"""Share of frames with a hand under which the depth unit is suspected."""


class Reasons:
    """Why frames have no hand; those that differ in their numbers alone are one."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, reason: str) -> None:
        """Count a frame's reason."""
        kind = re.sub(r"-?\d+(\.\d+)?", "", reason)
        self._counts[kind] += 1
        self._first.setdefault(kind, reason)

    def most_frequent(self) -> str:
        """As its first frame says it, and how often; "" where there are none."""
        if not self._counts:
            return ""
        kind, count = self._counts.most_common(1)[0]
        return f"{self._first[kind]} ({count} of {self._counts.total()})"


class Tally:
    """Counts the frames of `dense3d run`. unreadable: what is wrong with each file that is no image of the camera."""

    def __init__(self) -> None:
        self.frames = self.with_hand = 0
        self.unreadable: list[str] = []
        self.reasons = Reasons()
        self._nearest: list[float] = []
        self._lengths: list[float] = []

    def add(self, result: FrameResult) -> None:
        """Count a frame."""
        self.frames += 1
        if not result.readable:
            self.unreadable.append(result.estimate.cause)
            return
        self._nearest.append(nearest(result.depth))
        self._lengths += [hand_length(hand.joints) for hand in result.estimate.hands]
        if result.estimate.hands:
            self.with_hand += 1
        else:
            self.reasons.add(result.estimate.cause)

    def unit_doubt(self, unit: float) -> str:
        """A sentence where hardly a frame has a hand and the depth unit may be why; else ""."""
        return unit_doubt(self._nearest, unit) if self.with_hand < SELDOM * self.frames else ""

    def size_doubt(self, unit: float) -> str:
        """A sentence where hands were found whose size speaks for another depth unit; else ""."""
        return doubt_of_size(self._lengths, unit)


def nearest(depth: DepthImage) -> float:
    """How far away the nearest things of an image are, metres; NaN where nothing is measured."""
    return nearest_and_farthest(depth)[0]


def unit_doubt(nearest_things: Sequence[float], unit: float) -> str:
    """A sentence where images whose values count `unit` metres cannot be of a hand before a camera; else "".

    nearest_things: `nearest` of each image.
    """
    known = [value for value in nearest_things if value > 0]
    return doubt_of_distance(float(np.median(known)), unit) if known else ""
