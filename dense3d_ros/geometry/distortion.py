"""Lens distortion as ROS names it: where in an image that is not rectified a ray is seen, and the ray of a pixel.

The models and the order of their coefficients are OpenCV's: k1, k2, p1, p2, k3, k4, k5, k6 for plumb_bob and
rational_polynomial, k1 to k4 for equidistant. Positions are x / z and y / z, without intrinsics. A model takes a ray to
where it is seen; a few cameras give coefficients with which it takes what is seen to the ray (librealsense: inverse
Brown-Conrady).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt

Array: TypeAlias = NDArray[np.floating]

MODELS = {"plumb_bob": (4, 5, 8), "rational_polynomial": (8,), "equidistant": (4,)}
"""Model -> how many coefficients it may have. Some drivers call eight of them plumb_bob; more must be 0."""
OUTSIDE = 1e6
"""Where a ray is seen that the model does not reach: outside of every image."""
_LARGEST = 1e4
"""Coefficients of lenses are smaller."""
_WIDEST = 80.0
"""Degrees from the optical axis up to which a model is used."""
_LEAST_REACH = 0.05
"""x / z up to which a model must go."""
_STEPS = 4
"""Newton's; its start is exact but for the tangential part."""


@dataclass(frozen=True)
class Distortion:
    """A lens. Raises ValueError where the model is not known or its coefficients cannot be a lens's."""

    model: str
    coefficients: tuple[float, ...]
    is_inverse: bool = False

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"distortion_model is '{excerpt(self.model)}'; accepted: {', '.join(MODELS)}")
        counts, given = MODELS[self.model], len(self.coefficients)
        if not (given in counts or (given > counts[-1] and not any(self.coefficients[counts[-1] :]))):
            accepted = " or ".join(map(str, counts))
            raise ValueError(f"distortion_model {self.model} has {given} coefficients; accepted: {accepted}")
        if not (np.abs(self.coefficients) < _LARGEST).all():
            raise ValueError(
                f"the distortion coefficients are {excerpt(list(self.coefficients))}; accepted: numbers of a lens, "
                f"under {_LARGEST:g}"
            )
        if _profile(self).reach < _LEAST_REACH:
            raise ValueError(
                f"the distortion coefficients {excerpt(list(self.coefficients))} fold the image back on itself in its "
                "middle; accepted: those of a lens"
            )

    def distort(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Where rays are seen; OUTSIDE where the model folds back or ends before them."""
        if not self.is_inverse:
            return self._bend(x, y)
        seen_x, seen_y = self._straighten(x, y)
        inside = np.hypot(x, y) < _profile(self).seen[-1]
        return np.where(inside, seen_x, OUTSIDE), np.where(inside, seen_y, OUTSIDE)

    def undistort(self, seen_x: Array, seen_y: Array) -> tuple[Array, Array]:
        """The rays that are seen there. Beyond the model's reach the last ray before it, of an inverse one OUTSIDE."""
        return self._bend(seen_x, seen_y) if self.is_inverse else self._straighten(seen_x, seen_y)

    def _bend(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The model as its polynomials are written."""
        square = x * x + y * y
        inside = square < _profile(self).reach ** 2
        square = np.where(inside, square, 0.0)
        scale, _ = self._radial(square)
        p1, p2 = self._tangential
        seen_x = x * scale + 2 * p1 * x * y + p2 * (square + 2 * x * x)
        seen_y = y * scale + p1 * (square + 2 * y * y) + 2 * p2 * x * y
        return np.where(inside, seen_x, OUTSIDE), np.where(inside, seen_y, OUTSIDE)

    def _straighten(self, seen_x: Array, seen_y: Array) -> tuple[Array, Array]:
        """What the model takes there, by Newton's method."""
        profile = _profile(self)
        radius = np.hypot(seen_x, seen_y)
        ratio = np.interp(radius, profile.seen, profile.radius) / np.maximum(radius, 1e-12)
        x, y = seen_x * ratio, seen_y * ratio
        p1, p2 = self._tangential
        for _ in range(_STEPS):
            square = x * x + y * y
            scale, slope = self._radial(square)
            off_x = x * scale + 2 * p1 * x * y + p2 * (square + 2 * x * x) - seen_x
            off_y = y * scale + p1 * (square + 2 * y * y) + 2 * p2 * x * y - seen_y
            xx = scale + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
            xy = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
            yy = scale + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
            determinant = xx * yy - xy * xy
            # Where the image is nearly folded a step could go anywhere.
            is_sound = (determinant > 1e-6) & (radius < profile.seen[-1])
            factor = is_sound / np.where(is_sound, determinant, 1.0)
            x = x - factor * (yy * off_x - xy * off_y)
            y = y - factor * (xx * off_y - xy * off_x)
        return x, y

    @property
    def _tangential(self) -> tuple[float, float]:
        return (0.0, 0.0) if self.model == "equidistant" else (self.coefficients[2], self.coefficients[3])

    def _radial(self, square: Array) -> tuple[Array, Array]:
        """By which rays of so large a squared x / z are scaled, and the derivative of that by the square."""
        if self.model == "equidistant":
            k1, k2, k3, k4 = self.coefficients[:4]
            radius = np.sqrt(square)
            angle = np.arctan(radius)
            angle2 = angle * angle
            bent = angle * (1 + angle2 * (k1 + angle2 * (k2 + angle2 * (k3 + angle2 * k4))))
            bend = 1 + angle2 * (3 * k1 + angle2 * (5 * k2 + angle2 * (7 * k3 + angle2 * 9 * k4)))
            is_middle = square < 1e-8
            scale = np.where(is_middle, 1.0, bent / np.where(is_middle, 1.0, radius))
            slope = (bend / (1 + square) - scale) / np.where(is_middle, 1.0, 2 * square)
            return scale, np.where(is_middle, k1 - 1 / 3, slope)
        k1, k2, _, _, k3, k4, k5, k6 = (*self.coefficients[:8], 0.0, 0.0, 0.0, 0.0)[:8]
        above = 1 + square * (k1 + square * (k2 + square * k3))
        below = 1 + square * (k4 + square * (k5 + square * k6))
        scale = above / below
        above_slope = k1 + square * (2 * k2 + square * 3 * k3)
        below_slope = k4 + square * (2 * k5 + square * 3 * k6)
        return scale, (above_slope - scale * below_slope) / below


@dataclass(frozen=True)
class _Profile:
    """Radii of rays up to the last one before the image folds back, and those at which they are seen."""

    radius: Array
    seen: Array

    @property
    def reach(self) -> float:
        return float(self.radius[-1])


@lru_cache(maxsize=16)
def _profile(distortion: Distortion) -> _Profile:
    radius = np.tan(np.linspace(0.0, np.radians(_WIDEST), 2000))
    with np.errstate(all="ignore"):
        scale, _ = distortion._radial(np.square(radius))
        seen = radius * scale
        grows = np.isfinite(seen) & (scale > 0) & (np.diff(seen, prepend=-1.0) > 0)
    last = len(radius) if grows.all() else int(np.argmin(grows))
    return _Profile(radius[: max(1, last)], seen[: max(1, last)])
