"""Candidates that were no hand: they wait before the network runs on them again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIRST_WAIT, LONGEST_WAIT = 0.1, 0.5
"""Seconds for which a rejected candidate gets no pass; twice as long each time, up to the second."""
REJECTED_REACH = 0.03
"""A candidate this close to a rejected one, metres, is the same one."""


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

    def is_at(self, centre: NDArray[np.float32]) -> bool:
        """Whether a candidate at `centre`, (3,) metres, is the same one."""
        return bool(np.linalg.norm(self.centre - centre) < REJECTED_REACH)

    def again(self, centre: NDArray[np.float32], reason: str, stamp: float) -> Rejected:
        """The same, rejected once more."""
        return Rejected(centre, reason, stamp, min(2 * self.wait, LONGEST_WAIT))
