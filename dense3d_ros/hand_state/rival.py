"""Whether what is followed may be no hand, while another hand of the same handedness is surely one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import fmean

from dense3d_ros.geometry.hand import HandPose

PERIOD_S = 1.0
"""Seconds over which scores are compared: those of a moving hand may be low for a moment."""
DOUBTFUL = 0.9
"""Mean score under which a followed hand may well be none; hand_pose takes new ones from about 0.8 on."""
TIMES = 10.0
"""By so much the other one must be less likely to be none."""


class Rival:
    """Compares a followed hand with others that could be followed in its place."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, float, dict[int, float]]] = deque()

    def forget(self) -> None:
        """Another hand is followed from now on, or none."""
        self._frames.clear()

    def told(self, stamp: float, followed: HandPose, others: Sequence[HandPose]) -> str:
        """A sentence where one of `others` was much likelier a hand than the followed one for PERIOD_S; else "".

        To be called for each frame with the followed hand, at growing stamps, seconds.
        """
        self._frames.append((stamp, followed.score, {hand.track_id: hand.score for hand in others}))
        while len(self._frames) > 1 and stamp - self._frames[1][0] >= PERIOD_S:
            self._frames.popleft()
        period = stamp - self._frames[0][0]
        if period < PERIOD_S:
            return ""
        own = fmean(score for _, score, _ in self._frames)
        always_seen = set.intersection(*(set(scores) for _, _, scores in self._frames))
        means = {track: fmean(scores[track] for _, _, scores in self._frames) for track in always_seen}
        best = max(means, key=lambda track: means[track], default=None)
        if best is None or own >= DOUBTFUL or TIMES * (1.0 - means[best]) > 1.0 - own:
            return ""
        return (
            f"track_id {followed.track_id} is followed, but track_id {best} is more likely to be a hand: their scores "
            f"were {own:.2f} and {means[best]:.2f} for {period:.1f} s. It is only followed once the former is lost"
        )
