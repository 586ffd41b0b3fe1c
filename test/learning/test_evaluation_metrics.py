"""Error measures against closed forms, and scores whose meaning is known."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from dense3d_ros.learning.evaluation.metrics import THRESHOLDS_MM, full_summary, grouped, joint_errors, share_within
from dense3d_ros.learning.evaluation.scores import presence_curve, reliability, wilson_interval


def test_joint_errors_are_distances_in_millimetres() -> None:
    truth = np.zeros((2, 3, 3))
    predicted = truth.copy()
    predicted[0, 1] = [0.003, 0.004, 0.0]
    predicted[1, 2] = [0.0, -0.002, 0.0]
    np.testing.assert_allclose(joint_errors(predicted, truth), [[0, 5, 0], [0, 0, 2]], atol=1e-12)


def test_share_within_counts_errors_at_the_threshold_and_not_nan() -> None:
    share = dict(zip(THRESHOLDS_MM, share_within(np.array([10.0, 10.2, 30.0, np.nan])), strict=True))
    assert (share[9], share[10], share[11], share[29], share[30], share[80]) == (0, 0.25, 0.5, 0.5, 0.75, 0.75)


def test_full_summary() -> None:
    errors = np.array([[1.0, 3.0], [5.0, 7.0], [np.nan, np.nan]])
    summary = full_summary(errors, ["a", "b"])
    assert summary["frames"] == 2
    assert summary["mean_joint_error_mm"] == 4
    assert summary["median_joint_error_mm"] == 4
    assert summary["per_joint_mm"] == {"a": 3, "b": 5}
    # The worst joints are at 3 and 7 mm; the frame without a prediction is never within.
    assert summary["frames_within"][:8] == pytest.approx([0, 0, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert summary["joints_within"][0] == pytest.approx(1 / 6)


def test_nothing_predicted() -> None:
    summary = full_summary(np.full((4, 2), np.nan), ["a", "b"])
    assert summary["frames"] == 0
    assert summary["mean_joint_error_mm"] is None
    assert summary["frames_within"] == [0.0] * 80


def test_grouped() -> None:
    groups = grouped(np.array([[1.0, 3.0], [5.0, 7.0], [np.nan, np.nan], [9.0, 9.0]]), ["x", "y", "x", "y"])
    assert list(groups) == ["x", "y"]
    assert (groups["x"]["frames"], groups["x"]["mean_joint_error_mm"]) == (1, 2)
    assert (groups["x"]["missed"], groups["y"]["missed"]) == (0.5, 0)
    assert (groups["y"]["frames"], groups["y"]["mean_joint_error_mm"]) == (2, 7.5)


def test_reliability_of_expected_errors_that_are_true() -> None:
    """Perfect order, and each bin holds its tenth of the errors; a missed hand is left out."""
    errors = np.linspace(1, 100, 1000).reshape(50, 20)
    missed = np.full((1, 20), np.nan)
    result = reliability(np.concatenate([errors, missed]), np.concatenate([errors, missed]))
    assert result["rank_correlation"] == pytest.approx(1)
    assert result["calibration_error_mm"] == pytest.approx(0)
    means = np.linspace(1, 100, 1000).reshape(10, 100).mean(axis=1)
    np.testing.assert_allclose([group["mean_error_mm"] for group in result["bins"]], means)
    np.testing.assert_allclose([group["expected_error_mm"] for group in result["bins"]], means)
    assert reliability(errors + 5, errors)["calibration_error_mm"] == pytest.approx(5)


def test_reliability_of_scores_that_say_nothing() -> None:
    assert reliability(np.full((4, 5), 20.0), np.arange(20.0).reshape(4, 5))["rank_correlation"] is None
    missed = np.full((2, 5), np.nan)
    assert reliability(missed, missed)["bins"] == []


def test_wilson_interval() -> None:
    """Against the roots of (p - share)^2 = z^2 p (1 - p) / n, which define it."""
    z = NormalDist().inv_cdf(0.975)
    for count, total in ((0, 1000), (5, 1000), (3, 10), (10, 10)):
        share = count / total
        squared = z**2 / total
        roots = np.sort(np.roots([1 + squared, -2 * share - squared, share**2]).real)
        np.testing.assert_allclose(wilson_interval(count, total), roots, atol=1e-9)


def test_presence_curve() -> None:
    curve = {point["threshold"]: point for point in presence_curve([0.95, 0.85, 0.3, 0.99], [0.0, 0.5])}
    assert curve[0.5] == {"threshold": 0.5, "hands_missed": 0.25, "false_hands": 0.5}
    assert curve[0.9] == {"threshold": 0.9, "hands_missed": 0.5, "false_hands": 0.0}
    assert presence_curve([], [])[0] == {"threshold": 0.1, "hands_missed": None, "false_hands": None}
