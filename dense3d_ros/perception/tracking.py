"""Hands followed from frame to frame: numbers, where to look next, and which hand it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import Handedness

Array = NDArray[np.float32]

LONGEST_GAP = 0.5
"""Seconds without a frame after which a hand may be anywhere."""
STILL = 0.01
"""A centre that moves less than this between two frames is taken to rest, metres; it may be noise."""
LARGEST_STEP = 0.1
"""The furthest that a hand is looked for from where it was, metres."""
MEMORY = 0.9
"""What is left of the evidence for the right or left hand after a frame."""
FRAME_EVIDENCE, ALL_EVIDENCE = 4.0, 6.0
"""Bounds on the log-odds of one frame and of the whole track, so that a track can change its mind."""
UNDECIDED, DECIDED = 0.2, 3.0
"""Log-odds below which nothing is said of the side, and above which one side is enough to look at."""
CHECK_INTERVAL = 10
"""Frames after which a decided hand is looked at from both sides again."""


@dataclass
class Track:
    """One hand that was seen in the last frame.

    centre, before: (3,) metres, in the last frame and in the one before. stamp, stamp_before: their times in
    seconds, if known. roll: radians, see `hand.upright_roll`, in the last frame. right_log_odds: evidence that it is a
    right hand. unchecked: frames since both were tried.
    """

    number: int
    centre: Array
    stamp: float | None = None
    roll: float = 0.0
    before: Array | None = None
    stamp_before: float | None = None
    right_log_odds: float = 0.0
    unchecked: int = 0

    def predicted(self, stamp: float | None) -> Array:
        """(3,) metres where the hand is at `stamp` if it goes on as it did; where it was if it rested."""
        if self.before is None:
            return self.centre
        step = self.centre - self.before
        if np.linalg.norm(step) < STILL:
            return self.centre
        if stamp is not None and self.stamp is not None and self.stamp_before is not None:
            past = self.stamp - self.stamp_before
            step = step * ((stamp - self.stamp) / past if past > 0 else 0.0)
        length = float(np.linalg.norm(step))
        step = step * min(1.0, LARGEST_STEP / max(length, 1e-9))
        return (self.centre + step).astype(np.float32)

    def seen(self, centre: Array, roll: float, stamp: float | None, right_hand: float | None) -> None:
        """Take over this frame's centre, (3,) metres, its roll, and the probability of a right hand if both sides were
        tried.
        """
        self.before, self.stamp_before = self.centre, self.stamp
        self.centre, self.roll, self.stamp = centre, roll, stamp
        self.weigh(right_hand)

    def weigh(self, right_hand: float | None) -> None:
        """Take in one frame's probability that it is a right hand; None if only one side was looked at."""
        if right_hand is None:
            self.unchecked += 1
            return
        self.unchecked = 0
        probability = min(max(right_hand, 1e-6), 1 - 1e-6)
        evidence = float(np.log(probability / (1 - probability)))
        evidence = min(max(evidence, -FRAME_EVIDENCE), FRAME_EVIDENCE)
        total = MEMORY * self.right_log_odds + evidence
        self.right_log_odds = min(max(total, -ALL_EVIDENCE), ALL_EVIDENCE)

    @property
    def side_to_look_at(self) -> Handedness:
        """The hand's side; UNKNOWN if both should be tried, for doubt or because it is time to check."""
        decided = abs(self.right_log_odds) >= DECIDED and self.unchecked < CHECK_INTERVAL
        return self.handedness if decided else Handedness.UNKNOWN

    @property
    def handedness(self) -> Handedness:
        """What the frames so far say; UNKNOWN while they say nothing."""
        if abs(self.right_log_odds) < UNDECIDED:
            return Handedness.UNKNOWN
        return Handedness.RIGHT if self.right_log_odds > 0 else Handedness.LEFT


class Tracks:
    """The hands of the last frame. A hand that is not seen in a frame is gone; its number is not used again."""

    def __init__(self) -> None:
        self.current: list[Track] = []
        self._next_number = 1
        self._stamp: float | None = None

    def reset(self) -> None:
        """Forget all hands and the time."""
        self.current = []
        self._stamp = None

    def advance(self, stamp: float | None) -> None:
        """Go to a frame at `stamp` seconds; back in time or after a long gap nothing is known any more."""
        if stamp is not None and self._stamp is not None and not 0 <= stamp - self._stamp <= LONGEST_GAP:
            self.current = []
        self._stamp = stamp

    def new(self, centre: Array, roll: float, right_hand: float | None) -> Track:
        """A hand seen for the first time, not yet among the current ones."""
        track = Track(self._next_number, centre, self._stamp, roll)
        track.weigh(right_hand)
        self._next_number += 1
        return track

    def nearest(self, centre: Array, within: float) -> Track | None:
        """The current track closest to `centre`, (3,) metres, and not further than `within` metres."""

        def distance(track: Track) -> float:
            return float(np.linalg.norm(track.centre - centre))

        closest = min(self.current, key=distance, default=None)
        return closest if closest is not None and distance(closest) <= within else None
