"""One Euro filter: smooth at rest, quick in motion.

Casiez, Roussel, Vogel: 1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems,
CHI 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DERIVATIVE_CUTOFF = 1.0
"""Hz, cutoff frequency of the speed, as in the paper."""


def smoothing_factor(cutoff: Array | float, period: float) -> Array:
    """Share of the newest value in a first-order low-pass filter: cutoff in Hz, period in seconds."""
    turn = 2.0 * np.pi * np.asarray(cutoff, np.float64) * period
    return np.asarray(turn / (1.0 + turn))


class OneEuroFilter:
    """Filters N points at once. The speed of a point is the length of its velocity, so that axes do not matter.

    position: (N, 3) metres, as of the last update.
    """

    def __init__(self) -> None:
        self.position: Array | None = None
        self._velocity: Array = np.zeros((0, 3))
        self._share: Array = np.ones((0, 1))
        self._stamp = 0.0

    def update(self, points: Array, stamp: float, *, min_cutoff: float, beta: float) -> Array:
        """(N, 3) metres measured at `stamp` seconds -> (N, 3) filtered.

        min_cutoff: Hz, cutoff frequency at rest. beta: Hz by which it rises for each metre a second. The first points,
        and points whose stamp is not above the last one, start the filter over. Raises ValueError for a stamp that is
        not finite.
        """
        if not np.isfinite(stamp):
            raise ValueError(f"stamp is {stamp}; accepted: a finite number of seconds")
        period = stamp - self._stamp
        if self.position is None or self.position.shape != points.shape or period <= 0.0:
            self.position, self._stamp = points.astype(np.float64), stamp
            self._velocity, self._share = np.zeros(points.shape), np.ones((len(points), 1))
            return self.position
        step = points - self.position
        # The paper differentiates against the last filtered value, not against the last raw one.
        self._velocity = self._velocity + smoothing_factor(DERIVATIVE_CUTOFF, period) * (step / period - self._velocity)
        speed = np.linalg.norm(self._velocity, axis=1, keepdims=True)
        self._share = smoothing_factor(min_cutoff + beta * speed, period)
        self.position = self.position + self._share * step
        self._stamp = stamp
        return self.position

    def predict(self, lead: float) -> Array:
        """(N, 3) metres where the points are `lead` seconds later at the same speed. ValueError before `update`."""
        if self.position is None:
            raise ValueError("the filter has no points yet; call update first")
        # The paper's velocity is that of the raw points against the filtered ones: too high by the share.
        return np.asarray(self.position + lead * self._share * self._velocity)
