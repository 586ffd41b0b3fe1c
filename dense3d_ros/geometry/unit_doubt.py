"""Whether the unit of a camera's images is to be doubted, frame after frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.depth_unit import (
    TOO_FAR,
    TOO_NEAR,
    doubt_of_distance,
    doubt_of_size,
    nearest_and_farthest,
)
from dense3d_ros.geometry.hand import HandPose, hand_length

_STEP = 8
"""Between the rows and columns that are looked at in every frame: 0.04 ms."""
_AGAIN_S = 5.0
"""Seconds of images that no unit fits after which one that has proven right is doubted again."""
_MEASURE_S = 1.0
"""Seconds after which images with hands are measured again."""
_LENGTHS = 100
"""Hands whose lengths are kept."""


class UnitDoubt:
    """Doubts the unit of a camera's images until a hand is found by it.

    It is doubted again where the hands' size says so, or where for some seconds there is nothing but what is farther
    than all that was seen with a hand, or too near: a driver may be set to another unit while it runs.
    """

    def __init__(self) -> None:
        self._unit = self._farthest = 0.0
        self._measured_at = 0.0
        self._is_proven = False
        self._doubted_since: float | None = None
        self._lengths: deque[float] = deque(maxlen=_LENGTHS)

    def doubt(self, depth: DepthImage, hands: Sequence[HandPose], stamp: float) -> str:
        """A sentence where the unit of an image at `stamp` seconds with these hands seems wrong; "" where not."""
        if depth.unit != self._unit:
            self._unit, self._is_proven = depth.unit, False
            self._lengths.clear()
        if hands:
            if not self._is_proven or abs(stamp - self._measured_at) >= _MEASURE_S:
                self._farthest, self._measured_at = nearest_and_farthest(depth, _STEP)[1], stamp
            self._is_proven, self._doubted_since = True, None
            self._lengths.extend(hand_length(hand.joints) for hand in hands)
            return doubt_of_size(self._lengths, depth.unit)
        nearest, farthest = nearest_and_farthest(depth, _STEP)
        doubt = "" if nearest < TOO_NEAR <= farthest else doubt_of_distance(nearest, depth.unit)
        if not self._is_proven:
            return doubt
        if not doubt or TOO_FAR < nearest <= self._farthest:
            self._doubted_since = None
            return ""
        if self._doubted_since is None or stamp < self._doubted_since:
            self._doubted_since = stamp
        return doubt if stamp - self._doubted_since >= _AGAIN_S else ""
