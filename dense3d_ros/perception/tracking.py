"""Hands followed from frame to frame: numbers, where the next crop is, and which hand it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import Handedness

Array = NDArray[np.float32]

LONGEST_GAP = 0.5
"""Seconds without a frame after which a hand may be anywhere."""
FRAME_SECONDS = 1 / 30
"""What a frame without a stamp is taken to last."""
STILL = 0.01
"""A centre that moves less than this between two frames is taken to rest, metres; it may be noise."""
LARGEST_STEP = 0.1
"""The furthest that a hand is looked for from where it was, metres."""
REACH, SPEED, FARTHEST = 0.12, 1.0, 0.25
"""How far from where it was expected a hand may come back, metres, more for every second, m/s, and at most, metres."""
BESIDE = 0.15
"""Two hands whose centres are this close, metres, may be taken for each other."""
MEMORY = 0.9
"""What is left of the evidence for the right or left hand after a frame."""
FRAME_EVIDENCE, ALL_EVIDENCE = 4.0, 6.0
"""Bounds on the log-odds of one frame and of the whole track, so that a track can change its mind."""
UNDECIDED, DECIDED = 0.2, 3.0
"""Log-odds below which nothing is said of the handedness, and above which the other hand is not tried."""
CHECK_INTERVAL = 10
"""Frames after which a decided hand is tried as a right and as a left one again."""


@dataclass
class Track:
    """One hand, seen in the last frame or lost for a moment.

    centre, before: (3,) metres, when it was last seen and in the frame before that. stamp, stamp_before: their times in
    seconds. roll: radians, see `hand.upright_roll`, when last seen. right_log_odds: evidence that it is a right hand.
    unchecked: frames since both were tried. detector: its log-odds when it last named the hand, NaN before that.
    is_lost: not seen in the last frame.
    """

    number: int
    centre: Array
    stamp: float
    roll: float = 0.0
    before: Array | None = None
    stamp_before: float = 0.0
    right_log_odds: float = 0.0
    unchecked: int = 0
    detector: float = float("nan")
    is_lost: bool = False

    def predicted(self, stamp: float) -> Array:
        """(3,) metres where the hand is at `stamp` if it goes on as it did; where it was if it rested.

        Always a place where a hand can be: in front of the camera.
        """
        if self.before is None:
            return self.centre
        step = self.centre - self.before
        past = self.stamp - self.stamp_before
        if np.linalg.norm(step) < STILL or past <= 0:
            return self.centre
        step = step * ((stamp - self.stamp) / past)
        length = float(np.linalg.norm(step))
        ahead = self.centre + step * min(1.0, LARGEST_STEP / max(length, 1e-9))
        # Never nearer than half of its distance: a hand that comes close slows down, or is out of range.
        ahead[2] = max(ahead[2], 0.5 * self.centre[2])
        return ahead.astype(np.float32)

    def seen(self, centre: Array, roll: float, stamp: float) -> None:
        """Take over this frame's centre, (3,) metres, and its roll."""
        self.before, self.stamp_before = self.centre, self.stamp
        if self.is_lost:
            # A speed over the time in which it was not seen says nothing.
            self.before = None
        self.centre, self.roll, self.stamp, self.is_lost = centre, roll, stamp, False

    def weighed(self, right_log_odds: float | None) -> float:
        """Evidence for a right hand with one frame's log-odds; None if only one handedness was tried."""
        if right_log_odds is None:
            return self.right_log_odds
        evidence = min(max(right_log_odds, -FRAME_EVIDENCE), FRAME_EVIDENCE)
        total = MEMORY * self.right_log_odds + evidence
        return min(max(total, -ALL_EVIDENCE), ALL_EVIDENCE)

    def weigh(self, right_log_odds: float | None) -> None:
        """Take in one frame's log-odds of a right hand; None if only one handedness was tried."""
        self.unchecked = self.unchecked + 1 if right_log_odds is None else 0
        self.right_log_odds = self.weighed(right_log_odds)

    def contradicts(self, right_log_odds: float | None) -> bool:
        """Whether a hand of these log-odds is of the other handedness beyond doubt."""
        if right_log_odds is None or min(abs(self.right_log_odds), abs(right_log_odds)) < DECIDED:
            return False
        return self.handedness != handedness_of(right_log_odds)

    def reaches(self, centre: Array, stamp: float) -> bool:
        """Whether the hand can be at `centre`, (3,) metres, at `stamp`."""
        reach = min(REACH + SPEED * max(0.0, stamp - self.stamp), FARTHEST)
        return bool(np.linalg.norm(self.predicted(stamp) - centre) <= reach)

    @property
    def handedness_to_try(self) -> Handedness:
        """For the next pass; UNKNOWN if both should be tried, for doubt or because it is time to check."""
        decided = abs(self.right_log_odds) >= DECIDED and self.unchecked < CHECK_INTERVAL
        return self.handedness if decided else Handedness.UNKNOWN

    @property
    def handedness(self) -> Handedness:
        """What the frames so far say; UNKNOWN while they say nothing."""
        return handedness_of(self.right_log_odds)


def handedness_of(right_log_odds: float) -> Handedness:
    """Log-odds of a right hand -> the handedness; UNKNOWN where they say nothing."""
    if abs(right_log_odds) < UNDECIDED:
        return Handedness.UNKNOWN
    return Handedness.RIGHT if right_log_odds > 0 else Handedness.LEFT


class Tracks:
    """The hands of the last frames. A number is not used again once its hand is gone.

    max_lost: seconds for which a hand that is not seen keeps its number. numbers: where the hands' numbers come from.
    stamp: of the frame. last_new, last_seen: when a hand was last seen for the first time, and at all before the frame;
    -inf if none was since the time last jumped.
    """

    def __init__(self, max_lost: float, numbers: Iterator[int] | None = None) -> None:
        self.max_lost = max_lost
        self._numbers = numbers or count(1)
        self.current: list[Track] = []
        self.stamp = 0.0
        self.last_new = self.last_seen = float("-inf")
        self._stamped = False

    def reset(self) -> None:
        """Forget all hands and the time."""
        self.current = []
        self._stamped = False

    def advance(self, stamp: float | None) -> bool:
        """Go to a frame at `stamp` seconds; False if that is back in time or after a long gap: nothing is known then.

        Without stamps frames are FRAME_SECONDS apart.
        """
        now = self.stamp + FRAME_SECONDS if stamp is None else stamp
        if any(not track.is_lost for track in self.current):
            self.last_seen = self.stamp
        goes_on = self._stamped and 0 <= now - self.stamp <= LONGEST_GAP
        if not goes_on:
            self.current = []
            self.last_new = self.last_seen = float("-inf")
        self.stamp, self._stamped = now, True
        self.current = [track for track in self.current if not track.is_lost or now - track.stamp <= self.max_lost]
        return goes_on

    def new(self, centre: Array, roll: float, right_log_odds: float | None) -> Track:
        """A hand seen for the first time, not yet among the current ones."""
        self.last_new = self.stamp
        track = Track(next(self._numbers), centre, self.stamp, roll)
        track.weigh(right_log_odds)
        return track

    def nearest(self, centre: Array, taken: Collection[Track | None] = ()) -> Track | None:
        """The current track, none of `taken`, that is expected closest to `centre`, (3,) metres, and reaches it."""
        reaching = [
            track
            for track in self.current
            if track.reaches(centre, self.stamp) and all(track is not other for other in taken)
        ]
        return min(reaching, key=lambda track: self._surprise(track, centre), default=None)

    def is_beside_another(self, track: Track) -> bool:
        """Whether another hand is so close that one may be taken for the other."""
        return any(
            other is not track and np.linalg.norm(other.centre - track.centre) < BESIDE for other in self.current
        )

    def forget_the_lost(self, most: int) -> None:
        """Keep at most so many lost hands, those that were seen last."""
        lost = sorted((track for track in self.current if track.is_lost), key=lambda track: -track.stamp)
        self.current = [track for track in self.current if not any(track is old for old in lost[most:])]

    def _surprise(self, track: Track, centre: Array) -> float:
        return float(np.linalg.norm(track.predicted(self.stamp) - centre))
