"""Whether a model's scores mean something: joint scores against measured errors, presence with and without a hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

_BINS = 10
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def reliability(scores: NDArray[np.floating], errors: NDArray[np.floating]) -> dict[str, Any]:
    """Joints in ten equal groups by rising score: mean score, and mean, median and 90th percentile error in mm.

    scores, errors: the same shape. rank_correlation is Spearman's, -1 if a higher score always means less error.
    """
    score, error = np.asarray(scores, np.float64).ravel(), np.asarray(errors, np.float64).ravel()
    order = np.argsort(score, kind="stable")
    groups = [group for group in np.array_split(order, _BINS) if group.size]
    ordered = np.ptp(score) > 0 and np.ptp(error) > 0
    return {
        "rank_correlation": float(spearmanr(score, error).statistic) if ordered else None,
        "bins": [
            {
                "score": float(score[group].mean()),
                "mean_error_mm": float(error[group].mean()),
                "median_error_mm": float(np.median(error[group])),
                "p90_error_mm": float(np.percentile(error[group], 90)),
            }
            for group in groups
        ],
    }


def presence_curve(with_hand: Sequence[float], without_hand: Sequence[float]) -> list[dict[str, float | None]]:
    """For each threshold: share of hands whose presence is below it, share of other crops whose is not."""
    hands, others = np.asarray(with_hand), np.asarray(without_hand)
    return [
        {
            "threshold": threshold,
            "hands_missed": float((hands < threshold).mean()) if hands.size else None,
            "false_hands": float((others >= threshold).mean()) if others.size else None,
        }
        for threshold in _THRESHOLDS
    ]
