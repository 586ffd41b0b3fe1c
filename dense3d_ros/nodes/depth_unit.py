"""Whether the numbers of a depth image can be what their unit says."""

from __future__ import annotations

import numpy as np

from dense3d_ros.geometry.depth import DepthImage

TOO_FAR, TOO_NEAR = 10.0, 0.1
"""Metres: an image of which nothing is nearer, or nothing farther, has another unit."""
_STEP = 8
_FEWEST = 20
"""Samples; of fewer nothing can be said."""
_OUTLIERS = 2.0
"""Per cent of the samples at either end that may be wrong measurements."""


def doubt_of_unit(depth: DepthImage) -> str:
    """A sentence where the unit seems wrong; "" where it does not."""
    metres = depth.metres(slice(None, None, _STEP), slice(None, None, _STEP))
    measured = metres[metres > 0]
    if measured.size < _FEWEST:
        return ""
    nearest, farthest = np.percentile(measured, (_OUTLIERS, 100 - _OUTLIERS))
    if nearest > TOO_FAR:
        seen = f"nothing is nearer than {nearest:.3g} m"
    elif farthest < TOO_NEAR:
        seen = f"nothing is farther than {1000 * farthest:.3g} mm"
    else:
        return ""
    return (
        f"{seen} when a value counts {depth.unit:g} m: set depth_unit to what the camera's values count, such as "
        "0.001, 0.00025 or 0.0001"
    )
