"""Whether the numbers of depth images can be what their unit says, for images of hands before a camera."""

from __future__ import annotations

import math

import numpy as np

from dense3d_ros.geometry.depth import DepthImage

USUAL_UNITS = (0.001, 0.00025, 0.0002, 0.000125, 0.0001)
"""Metres per value of the depth cameras and data sets that there are."""
TOO_NEAR, TOO_FAR = 0.12, 2.0
"""Metres: no depth camera measures nearer things, and before one that films a hand something is nearer than this."""
_ARM = 0.5
"""Metres: where a hand before a camera usually is."""
_FEWEST = 20
"""Measurements of those looked at; of fewer nothing can be said."""
_SPARSE_STEP = 8
"""Between the rows and columns that are looked at in every frame: 0.04 ms."""
_OUTLIERS = 2.0
"""Per cent of the measurements at either end that may be wrong."""


def nearest_and_farthest(depth: DepthImage, step: int = 4) -> tuple[float, float]:
    """How far away the nearest and the farthest things of an image are, metres; NaN where hardly anything is.

    step: every such row and column is looked at.
    """
    metres = depth.metres(slice(None, None, step), slice(None, None, step))
    measured = metres[metres > 0]
    if measured.size < _FEWEST:
        return math.nan, math.nan
    near, far = np.percentile(measured, (_OUTLIERS, 100 - _OUTLIERS))
    return float(near), float(far)


class UnitDoubt:
    """Doubts the unit of a camera's images until a hand is found by it.

    setting: what its user sets the unit by.
    """

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self._proven = 0.0

    def doubt(self, depth: DepthImage, has_hands: bool) -> str:
        """A sentence where the unit of an image, with or without hands, seems wrong; "" where it does not."""
        if has_hands:
            self._proven = depth.unit
        return "" if self._proven == depth.unit else doubt_of_unit(depth, self._setting)


def doubt_of_unit(depth: DepthImage, setting: str) -> str:
    """A sentence where the unit seems wrong; "" where it does not. setting: what is to be set."""
    nearest, farthest = nearest_and_farthest(depth, _SPARSE_STEP)
    if nearest > TOO_FAR:
        seen, unless = f"nothing is nearer than {nearest:.3g} m", ", unless nothing is before the camera"
    elif farthest < TOO_NEAR:
        seen, unless = f"nothing is farther than {1000 * farthest:.3g} mm", ""
    else:
        return ""
    return (
        f"{seen} when a value counts {depth.unit:g} m: set {setting} to what the camera's values count"
        f"{suggested(nearest, depth.unit)}{unless}"
    )


def suggested(nearest: float, unit: float) -> str:
    """The likelier unit of an image whose nearest things are so many metres away, as the end of a sentence."""
    better = likelier_unit(nearest, unit)
    return f", such as {better[0]:g} (then they are {better[1]:.2g} m away)" if better else ""


def likelier_unit(distance: float, unit: float) -> tuple[float, float] | None:
    """The usual unit, metres a value, by which things `distance` metres away in `unit` may be before a hand's camera.

    And how far away they are by it, metres. None where there is none.
    """
    others = {other: distance * other / unit for other in USUAL_UNITS}
    better, there = min(others.items(), key=lambda item: abs(math.log(item[1] / _ARM)))
    return (better, there) if TOO_NEAR <= there <= TOO_FAR else None
