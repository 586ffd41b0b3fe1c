"""A smooth random displacement of a resting hand: anatomies that no mesh has, with their joints.

A mesh's own shape directions keep its idea of where knuckles and thumb root are, and a trained network learns it.
Skin and joints that are moved by one smooth field stay in their places in each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WAVES = 6

_WAVELENGTH = (0.7, 2.0)
"""Hand lengths: from less than a finger's length, so that fingers change, not their skin, to the whole hand."""


@dataclass(frozen=True)
class Warp:
    """A sum of K waves. frequencies: (K, 3) radians a hand length. phases: (K,). shifts: (K, 3) hand lengths."""

    frequencies: NDArray[np.float32]
    phases: NDArray[np.float32]
    shifts: NDArray[np.float32]

    @classmethod
    def sample(cls, rng: np.random.Generator, deviation: float) -> Warp:
        """A field whose standard deviation is `deviation` hand lengths in each coordinate."""
        directions = rng.normal(size=(_WAVES, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        frequencies = directions * 2 * np.pi / rng.uniform(*_WAVELENGTH, (_WAVES, 1))
        shifts = rng.normal(0.0, deviation * np.sqrt(2 / _WAVES), (_WAVES, 3))
        phases = rng.uniform(0, 2 * np.pi, _WAVES)
        return cls(frequencies.astype(np.float32), phases.astype(np.float32), shifts.astype(np.float32))

    def moved(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3) points in hand lengths, where the field takes them."""
        waves = np.sin(points @ self.frequencies.T + self.phases)
        return np.asarray(points + waves @ self.shifts)
