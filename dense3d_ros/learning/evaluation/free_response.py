"""The free-response ROC curve: the share of hands that pass a threshold over the number of others that do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class RecallPoint(TypedDict):
    """A point of several curves, as it is written: recall by the name of a curve."""

    false_per_image: float
    recall: dict[str, float]


def recall_by_rate(curve: Sequence[RecallPoint]) -> dict[float, dict[str, float]]:
    """False ones an image -> recall by the name of a curve."""
    return {point["false_per_image"]: point["recall"] for point in curve}


def threshold_at(false: Array, allowed: float) -> float:
    """The score above which at most `allowed` of the false ones (F,) are; -inf where all of them are allowed."""
    count = _whole(allowed)
    return float(np.sort(false)[::-1][count]) if count < len(false) else -np.inf


def recall_at(hands: Array, false: Array, allowed: float) -> float:
    """Share of the hands (N,) that pass where `allowed` of the false ones (F,) do; a hand of -inf never does.

    Of those whose score is the threshold itself as large a part of the hands passes as of the false ones.
    """
    threshold = threshold_at(false, allowed)
    equal = np.count_nonzero(false == threshold)
    part = (_whole(allowed) - np.count_nonzero(false > threshold)) / equal if equal else 0.0
    return float((hands > threshold).mean() + part * (hands == threshold).mean())


def _whole(allowed: float) -> int:
    # A product such as 0.29 * 100 may lie a little below the whole number that is meant.
    return int(allowed + 1e-6)
