"""Candidates that were no hand: they wait before the network runs on them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIRST_WAIT, LONGEST_WAIT = 0.1, 0.5
"""Seconds for which a rejected candidate gets no pass; twice as long each time, up to the second."""
REJECTED_REACH, REJECTED_DEPTH = 0.03, 0.1
"""A candidate this close to a rejected one, metres across its ray and along it, is the same one.

The detector's depth is off by more than 0.06 m for every fourth hand beyond 1 m.
"""


@dataclass(frozen=True)
class Rejected:
    """A candidate that was no hand.

    centre: (3,) metres as the detector named it. reason: why it was none. stamp: when, seconds. wait: seconds until
    it gets another pass.
    """

    centre: NDArray[np.float32]
    reason: str
    stamp: float
    wait: float = FIRST_WAIT

    def again(self, centre: NDArray[np.float32], reason: str, stamp: float) -> Rejected:
        """The same, rejected once more."""
        return Rejected(centre, reason, stamp, min(2 * self.wait, LONGEST_WAIT))


def known_at(rejected: Sequence[Rejected], centre: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) which of N rejected candidates one at `centre`, (3,) metres, is the same as."""
    # All at once: in a room of noise there are dozens, in every frame.
    centres = np.array([old.centre for old in rejected], np.float32).reshape(-1, 3)
    rays = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    apart = centre - centres
    along = (apart * rays).sum(axis=1)
    across = np.linalg.norm(apart - along[:, None] * rays, axis=1)
    return np.asarray((across < REJECTED_REACH) & (np.abs(along) < REJECTED_DEPTH))
