"""Whether the numbers of depth images can be what their unit says, for images of hands before a camera."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dense3d_ros.geometry.depth import DepthImage

USUAL_UNITS = (0.001, 0.00025, 0.0002, 0.000125, 0.0001)
"""Metres per value of the depth cameras and data sets that there are."""
TOO_NEAR, TOO_FAR = 0.12, 2.0
"""Metres: no depth camera measures nearer things, and before one that films a hand something is nearer than this."""
_ARM, _REACH = 0.5, 1.5
"""Metres: where a hand before a camera usually is. It may as well be farther or nearer by this factor."""
_HAND, _SHORTEST, _LONGEST = 0.185, 0.158, 0.215
"""Metres from wrist to the tip of the middle finger, of most adults."""
_FEWEST_HANDS = 8
"""By fewer hands nothing is said of their length."""
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


def likelier_units(distance: float, unit: float) -> list[tuple[float, float]]:
    """The usual units, metres a value, by which things `distance` metres away in `unit` may be before a hand's camera.

    Each with how far away they are by it, metres; the smallest unit first. Empty where there is none.
    """
    others = [(other, distance * other / unit) for other in sorted(USUAL_UNITS)]
    off = {other: abs(math.log(there / _ARM)) for other, there in others}
    # A hand may well be half as far again as usual.
    enough = max(min(off.values()), math.log(_REACH))
    return [(other, there) for other, there in others if off[other] <= enough and TOO_NEAR <= there <= TOO_FAR]


def doubt_of_distance(nearest: float, unit: float) -> str:
    """A sentence where the nearest things before a camera are where no hand can be by `unit`, metres a value; else "".

    nearest: how far away they are, metres; of NaN nothing is said.
    """
    if math.isnan(nearest) or TOO_NEAR <= nearest <= TOO_FAR:
        return ""
    return (
        f"the nearest things are {plain(nearest)} m away when a value counts {unit:g} m: set the depth unit to "
        f"{unit_to_set(nearest, unit)}"
    )


def unit_to_set(nearest: float, unit: float) -> str:
    """What the depth unit should be where the nearest things are so many metres away, as the end of a sentence."""
    such_as = ""
    if better := likelier_units(nearest, unit):
        units = " or ".join(f"{other:g}" for other, _ in better)
        there = " or ".join(plain(distance) for _, distance in better)
        which = "; see the camera's documentation" if len(better) > 1 else ""
        such_as = f", such as {units} (then they are {there} m away{which})"
    unless = ", unless nothing is before the camera" if nearest > TOO_FAR else ""
    return f"what the camera's values count{such_as}{unless}"


def doubt_of_size(lengths: Sequence[float], unit: float) -> str:
    """A sentence where hands found by `unit` have lengths that another usual unit explains better; else "".

    lengths: of hands, as `hand.hand_length` measures them, metres.
    """
    if len(lengths) < _FEWEST_HANDS:
        return ""
    length = float(np.median(lengths))
    better = min(USUAL_UNITS, key=lambda other: abs(math.log(length * other / unit / _HAND)))
    there = length * better / unit
    if _SHORTEST <= length <= _LONGEST or better == unit or not _SHORTEST <= there <= _LONGEST:
        return ""
    return (
        f"hands are {1000 * length:.0f} mm long from the wrist to the tip of the middle finger, when a value counts "
        f"{unit:g} m; with {better:g} they are {1000 * there:.0f} mm, as most people's are"
    )


def plain(metres: float) -> str:
    """A length of two digits, without an exponent where it is large."""
    return f"{float(f'{metres:.2g}'):g}"
