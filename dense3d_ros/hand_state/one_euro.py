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
LEAST_ERROR = 0.002
"""Metres; no measurement is taken for better."""
MEAN_SQUARE = 2.0
"""Mean square of an error over its squared mean, as an exponential distribution has it: now and then it is large."""
CHANCE = 6.63
"""Square of a speed over its variance that Gaussian noise along a line exceeds once in 100 times: χ² of 1 degree of
freedom. Noise that is large now and then exceeds it more often."""


def smoothing_factor(cutoff: Array | float, period: float) -> Array:
    """Share of the newest value in a first-order low-pass filter: cutoff in Hz, period in seconds."""
    turn = 2.0 * np.pi * np.asarray(cutoff, np.float64) * period
    return np.asarray(turn / (1.0 + turn))


class OneEuroFilter:
    """Filters N points at once. The speed of a point is the length of its velocity, so that axes do not matter.

    Where the expected errors of the measurements are given, each weighs by 1 / error², and a speed counts only as far
    as neither these errors nor the scatter of the steps that it averages explain it. At a doubtful measurement among
    good ones a point then rests where it rested and goes on where it went; where all are doubtful, none is discounted.
    A point that comes to rest is the mean of what was measured since, until that is as long as the filter averages.
    position: (N, 3) metres, as of the last update.
    """

    def __init__(self) -> None:
        self.position: Array | None = None
        self._velocity: Array = np.zeros((0, 3))
        self._drift: Array = np.zeros((0, 3))
        # Averages of 1 / error² over what is in the position and in the velocity.
        self._weight: Array = np.ones((0, 1))
        # Seconds over which the position is an average.
        self._averaged: Array = np.zeros((0, 1))
        self._velocity_weight: Array = np.ones((0, 1))
        # Of the steps in the velocity: mean expected error, metres, variance, metres², sum of their squared shares, and
        # of these over period², 1 / s².
        self._error: Array = np.zeros((0, 1))
        self._scatter: Array = np.zeros((0, 1))
        self._squared_shares: Array = np.zeros((0, 1))
        self._gain: Array = np.zeros((0, 1))
        self._stamp = 0.0

    def update(
        self, points: Array, stamp: float, *, min_cutoff: float, beta: float, errors: Array | None = None
    ) -> Array:
        """(N, 3) metres measured at `stamp` seconds -> (N, 3) filtered.

        min_cutoff: Hz, cutoff frequency at rest. beta: Hz by which it rises for each metre a second. errors: (N,)
        metres by which the points are expected to be wrong; None is the paper's filter, to which all measurements are
        alike. The first points, and points whose stamp is not above the last one, start the filter over. Raises
        ValueError for a stamp that is not finite.
        """
        if not np.isfinite(stamp):
            raise ValueError(f"stamp is {stamp}; accepted: a finite number of seconds")
        shape = (len(points), 1)
        weight = np.ones(shape) if errors is None else 1.0 / np.maximum(errors, LEAST_ERROR).reshape(shape) ** 2
        period = stamp - self._stamp
        if self.position is None or self.position.shape != points.shape or period <= 0.0:
            self.position, self._stamp = points.astype(np.float64), stamp
            self._velocity = self._drift = np.zeros(points.shape)
            self._weight = self._velocity_weight = weight
            self._averaged = np.full(shape, np.nan)
            self._error, self._scatter = 1.0 / np.sqrt(weight), np.zeros(shape)
            self._squared_shares = self._gain = np.zeros(shape)
            return self.position
        step = points - self.position
        # The paper differentiates against the last filtered value, not against the last raw one.
        factor = smoothing_factor(DERIVATIVE_CUTOFF, period)
        share, self._velocity_weight = _weighted(factor, weight, self._velocity_weight)
        surprise = step / period - self._velocity
        self._velocity = self._velocity + share * surprise
        square = (self._velocity**2).sum(axis=1, keepdims=True)
        real = np.ones(shape)
        if errors is not None:
            self._error = self._error + factor * (1.0 / np.sqrt(weight) - self._error)
            noise = self._noise(surprise * period, share, period)
            real = np.sqrt(np.maximum(1.0 - noise / np.maximum(square, 1e-12), 0.0))
        full = smoothing_factor(min_cutoff + beta * real * np.sqrt(square), period)
        # The first measurement counts as one of that period.
        averaged = np.where(np.isnan(self._averaged), period, self._averaged)
        self._averaged = period + np.minimum(averaged, period / full - period)
        if errors is not None:
            # A low-pass filter alone would hold on to where a motion ended, or the hand was first seen.
            full = period / self._averaged
        share, self._weight = _weighted(full, weight, self._weight)
        doubt = np.maximum(1.0 - share / full, 0.0)
        move = share * step + doubt * real * period * self._drift
        self.position = self.position + move
        self._drift = self._drift + factor * (move / period - self._drift)
        self._stamp = stamp
        return self.position

    def _noise(self, surprise: Array, share: Array, period: float) -> Array:
        """(N, 1) m²/s² of the velocity's square that chance explains, with the newest step taken in.

        surprise: (N, 3) metres by which that step, of the given share, differs from the mean of those before.
        """
        # Weighted variance as the values come (West 1979).
        self._scatter = (1.0 - share) * (self._scatter + share * (surprise**2).sum(axis=1, keepdims=True))
        self._squared_shares = share**2 + (1.0 - share) ** 2 * self._squared_shares
        self._gain = (share / period) ** 2 + (1.0 - share) ** 2 * self._gain
        variance = self._scatter / np.maximum(1.0 - self._squared_shares, 1e-12)
        # Steps that scatter more than the expected errors are those of a hand that speeds up or stops.
        explained = CHANCE * np.minimum(variance, self._error**2)
        return np.asarray(self._gain * np.maximum(explained, MEAN_SQUARE / self._velocity_weight))

    def predict(self, lead: float) -> Array:
        """(N, 3) metres where the points are `lead` seconds later at the same speed. ValueError before `update`."""
        if self.position is None:
            raise ValueError("the filter has no points yet; call update first")
        # The paper's velocity is that of the raw points against the filtered ones, which is too high.
        return np.asarray(self.position + lead * self._drift)


def _weighted(factor: Array, weight: Array, before: Array) -> tuple[Array, Array]:
    """The share of a newest value that weighs `weight` where what is filtered weighed `before`; what that weighs now.

    This keeps an average in which a value's weight is `weight` times what a low-pass filter of `factor` gives it.
    """
    now = factor * weight + (1.0 - factor) * before
    return factor * weight / now, now
