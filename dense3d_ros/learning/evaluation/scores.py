"""Whether a model's scores mean something: joint scores against measured errors, presence with and without a hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, spearmanr

from dense3d_ros.geometry.hand import joint_scores

_BINS = 10
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class ErrorBin(TypedDict):
    """Joints of about the same expected error: their mean score, and expected and measured errors."""

    score: float
    expected_error_mm: float
    mean_error_mm: float
    median_error_mm: float
    p90_error_mm: float


class Reliability(TypedDict):
    """Expected against measured joint errors.

    rank_correlation is Spearman's, 1 if a larger expected error always means a larger one, None without variation.
    calibration_error_mm: mean over the bins of the difference between mean expected and mean measured error, None
    without joints. bins: ten equal groups of joints by rising expected error.
    """

    rank_correlation: float | None
    calibration_error_mm: float | None
    bins: list[ErrorBin]


class PresencePoint(TypedDict):
    """At a threshold: share of hands whose presence is below it, and of other crops whose is not; None without any."""

    threshold: float
    hands_missed: float | None
    false_hands: float | None


def reliability(expected: NDArray[np.floating], errors: NDArray[np.floating]) -> Reliability:
    """How true expected errors are; expected, errors: mm, the same shape, NaN where there is no prediction."""
    known = ~np.isnan(errors).ravel()
    expectation, error = (np.asarray(values, np.float64).ravel()[known] for values in (expected, errors))
    order = np.argsort(expectation, kind="stable")
    groups = [group for group in np.array_split(order, _BINS) if group.size]
    varied = error.size > 1 and np.ptp(expectation) > 0 and np.ptp(error) > 0
    gaps = [abs(expectation[group].mean() - error[group].mean()) for group in groups]
    return {
        "rank_correlation": float(spearmanr(expectation, error).statistic) if varied else None,
        "calibration_error_mm": float(np.mean(gaps)) if gaps else None,
        "bins": [
            {
                "score": float(joint_scores(expectation[group] / 1000).mean()),
                "expected_error_mm": float(expectation[group].mean()),
                "mean_error_mm": float(error[group].mean()),
                "median_error_mm": float(np.median(error[group])),
                "p90_error_mm": float(np.percentile(error[group], 90)),
            }
            for group in groups
        ],
    }


def wilson_interval(count: int, total: int) -> list[float]:
    """Wilson's 95 % score interval of a share of which `count` of `total` were seen."""
    low, high = binomtest(count, total).proportion_ci(method="wilson")
    return [float(low), float(high)]


def presence_curve(with_hand: Sequence[float], without_hand: Sequence[float]) -> list[PresencePoint]:
    """What each threshold of the presence score does, by the scores of crops with a hand and of others."""
    hands, others = np.asarray(with_hand), np.asarray(without_hand)
    return [
        {
            "threshold": threshold,
            "hands_missed": float((hands < threshold).mean()) if hands.size else None,
            "false_hands": float((others >= threshold).mean()) if others.size else None,
        }
        for threshold in _THRESHOLDS
    ]
