"""Scores from the network's outputs, and the numbers behind them as they come from a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from dense3d_ros.geometry.hand import JOINT_COUNT, HandPose, expected_errors, joint_scores
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.evidence import Evidence, Term

FITTED = Confidence(
    joint_weights=(0.5, 0.25, -0.1),
    joint_offsets=tuple(0.01 * joint for joint in range(JOINT_COUNT)),
    predictors=(1.0, 2.0, 4.0),
    errors_mm=(5.0, 10.0, 40.0),
    evidence=Evidence(-0.5, {"presence": Term(0.5), "spread": Term(-1.0, 0.0, 4.0, 2.0)}),
    handedness=(0.5, 2.0, 0.1),
    min_score=0.8,
    hold_score=0.4,
    fitted={"images": 10},
)


def test_scores_are_expected_errors() -> None:
    np.testing.assert_allclose(joint_scores(np.array([0.0, 0.005, 0.01, 0.02])), [1, 0.8, 2 / 3, 0.5], atol=1e-6)
    errors = np.linspace(0.0, 0.2, 21)
    np.testing.assert_allclose(expected_errors(joint_scores(errors)), errors, atol=1e-6)
    hand = HandPose(np.zeros((21, 3), np.float32), joint_scores(errors), 0.9)
    np.testing.assert_allclose(hand.expected_errors, errors, atol=1e-6)
    assert np.isfinite(expected_errors(np.zeros(3))).all()


def test_without_a_fit_the_spread_is_the_expected_error() -> None:
    spread = np.array([[0.004] * 20 + [0.03]])
    np.testing.assert_allclose(expected_errors(Confidence().joint_scores(spread, np.zeros(1))), spread, rtol=1e-4)


def test_fitted_joint_scores() -> None:
    """By hand: spreads of e² mm and a presence logit of 5 give 0.5 * 2 + 0.25 * 2 - 0.5 = 1 plus the offset."""
    spread = np.full((1, JOINT_COUNT), np.exp(2.0) / 1000)
    errors = 1000 * expected_errors(FITTED.joint_scores(spread, np.array([5.0])))
    np.testing.assert_allclose(errors[0], 5 + 5 * np.array(FITTED.joint_offsets), atol=1e-3)
    # Beyond the fitted range the last error stays.
    assert expected_errors(FITTED.joint_scores(spread * 100, np.zeros(1)))[0, 0] == pytest.approx(0.04, abs=1e-6)


def test_fitted_handedness() -> None:
    spread = np.stack([np.full(JOINT_COUNT, 0.01), np.full(JOINT_COUNT, 0.02)])
    likelihood = FITTED.log_likelihood(spread, np.array([[0.0, 0.0], [1.0, 2.0]]))
    assert likelihood[1] - likelihood[0] == pytest.approx(0.5 * 2 + 0.1 - 2 * np.log(2))


def test_json_round_trip() -> None:
    assert Confidence.from_json(json.loads(json.dumps(asdict(FITTED)))) == FITTED
    assert Confidence.from_json({}) == Confidence()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"joint_weights": [1.0]}, "joint_weights must be 3 finite numbers"),
        ({"joint_weights": "abc"}, "joint_weights must be made of numbers"),
        ({"joint_offsets": [float("nan")] * 21}, "joint_offsets must be 21 finite numbers"),
        ({"evidence": 1.0}, "evidence must be an object"),
        ({"handedness": 1.0}, "handedness must be a list"),
        ({"hold_score": -0.1}, "hold_score must lie in 0..1"),
        ({"predictors": [1.0, 2.0]}, "2 predictors do not fit 3 errors_mm"),
        ({"errors_mm": [5.0, 4.0, 6.0]}, "errors_mm must be finite numbers that rise"),
        ({"errors_mm": [-1.0, 4.0, 6.0]}, "errors_mm must not be below 0"),
        ({"min_score": 0.0}, "min_score must lie above 0"),
        ({"min_score": [0.5]}, "min_score must be a number"),
        ({"handedness": [1.0, True, 0.0]}, "handedness must be made of numbers"),
        ({"fitted": 3}, "fitted must be an object"),
        ({"other": 3}, "confidence must be an object of"),
    ],
)
def test_wrong_numbers_are_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Confidence.from_json(asdict(FITTED) | entries)


def test_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence must be an object"):
        Confidence.from_json([1])
