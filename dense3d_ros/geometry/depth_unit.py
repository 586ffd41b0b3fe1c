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


def likelier_unit(distance: float, unit: float) -> tuple[float, float] | None:
    """The usual unit, metres a value, by which things `distance` metres away in `unit` may be before a hand's camera.

    And how far away they are by it, metres. None where there is none.
    """
    others = {other: distance * other / unit for other in USUAL_UNITS}
    better, there = min(others.items(), key=lambda item: abs(math.log(item[1] / _ARM)))
    return (better, there) if TOO_NEAR <= there <= TOO_FAR else None
