"""The detector's recall over false candidates: handmade cases, closed forms, and the detector itself on images."""

from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.hand import upright_roll
from dense3d_ros.learning.evaluation.candidates import (
    FALSE_PER_IMAGE,
    CandidateScore,
)
from dense3d_ros.learning.evaluation.free_response import recall_at, threshold_at
from dense3d_ros.perception.detector import LEAST_LOG_ODDS, Candidate

LABELS = {"in_view": "fully"}


def hand_at(x: float, z: float) -> np.ndarray:
    """(21, 3) joints about a centre; the middle finger's knuckle is right of the wrist."""
    joints = np.zeros((21, 3), np.float32)
    joints[:, 0] = np.linspace(-0.05, 0.05, 21)
    return (joints - joints.mean(axis=0) + [x, 0.0, z]).astype(np.float32)


def candidate(x: float, z: float, log_odds: float, surface: float | None = None) -> Candidate:
    centre = np.array([x, 0.0, z], np.float32)
    roll = upright_roll(hand_at(0.0, 0.5)) + np.radians(30)
    return Candidate(centre, log_odds, float(roll), None if surface is None else centre * np.float32(surface / z))


def test_thresholds_of_a_handmade_case() -> None:
    """Four false candidates in ten images: 0.07 an image allows none, 0.1 one, 0.3 three."""
    false = np.array([-1.0, 2.0, 0.5, -3.0])
    assert [threshold_at(false, 10 * rate) for rate in (0.07, 0.1, 0.3)] == [2.0, 0.5, -3.0]
    assert threshold_at(false, 10 * 0.4) == -np.inf
    hands = np.array([3.0, 1.0, 0.0, -5.0, -np.inf])
    assert [recall_at(hands, false, 10 * rate) for rate in (0.07, 0.1, 0.3, 0.4)] == [0.2, 0.4, 0.6, 0.8]
    # One of three false ones at 0 may pass, and so may a third of the hands there.
    ties = np.array([0.0, 0.0, 0.0, -1.0])
    assert recall_at(np.array([1.0, 0.0, 0.0, 0.0, -1.0, -1.0]), ties, 1) == pytest.approx(1 / 6 + 3 / 6 / 3)
    # 0.07 * 100 is 7.000000000000001, 0.29 * 100 is 28.999999999999996.
    many = np.arange(100.0)
    assert [threshold_at(many, rate * 100) for rate in (0.07, 0.29)] == [92.0, 70.0]


def test_recall_of_uniform_log_odds() -> None:
    """False log-odds uniform in 0..1, four an image; hands' in 0.5..1.5: r false ones an image leave 0.5 + r / 4."""
    score, images = CandidateScore(), 500
    steps = (np.arange(4 * images) + 0.5) / (4 * images)
    hands = (np.arange(images) + 0.5) / images + 0.5
    for hand, false in zip(hands, np.random.default_rng(1).permutation(steps).reshape(images, 4), strict=True):
        found = [candidate(0.0, 0.5, hand), *(candidate(0.3, 0.5, one) for one in false)]
        score.add(sorted(found, key=lambda one: -one.log_odds), [hand_at(0.0, 0.5)], LABELS)
    curve = score.summary()["curve"]
    expected = [min(1.0, 0.5 + rate / 4) for rate in FALSE_PER_IMAGE]
    assert [point["recall"]["all"] for point in curve] == pytest.approx(expected, abs=1.01 / images)
    assert [point["log_odds"] for point in curve[:-1]] == pytest.approx(
        [1 - rate / 4 for rate in FALSE_PER_IMAGE[:-1]], abs=1e-3
    )


def test_what_names_a_hand() -> None:
    score = CandidateScore()
    near, far, unnamed = hand_at(0.0, 0.4), hand_at(0.0, 1.2), hand_at(0.0, 0.8)
    # 40 mm off; another one on the same hand, which is not false either; one on a hand that does not count.
    found = [candidate(0.04, 0.4, 2.0), candidate(-0.02, 0.4, 1.0), candidate(0.3, 0.4, 0.5)]
    score.add(found, [near, hand_at(0.3, 0.4)], LABELS)
    # The surface's start is 20 mm in front of the hand, the network's own 120 mm behind.
    score.add([candidate(0.0, 1.32, -1.0, surface=1.18)], [far], {**LABELS, "in_view": "in part"})
    # 51 mm off: false, and the hand is not named; below the threshold in use.
    score.add([candidate(0.051, 0.8, LEAST_LOG_ODDS - 0.1)], [unnamed], LABELS)
    score.add([candidate(0.0, 0.5, -1.2)], [], {})
    result = score.summary()
    assert (result["images"], result["false_per_image"]) == (4, 0.25)
    assert {name: group["recall"] for name, group in result["groups"].items()} == {
        "all": 2 / 3,
        "in view": 1 / 2,
        "below 0.5 m": 1,
        "0.5-1 m": 0,
        "above 1 m": 1,
    }
    assert result["groups"]["below 0.5 m"]["lateral_mm"] == pytest.approx([40, 40], abs=1e-3)
    assert result["groups"]["below 0.5 m"]["depth_mm"] == pytest.approx([0, 0], abs=1e-3)
    assert result["groups"]["above 1 m"]["depth_mm"] == pytest.approx([20, 20], abs=1e-3)
    assert result["groups"]["all"]["turn_degrees"] == pytest.approx([30, 30], abs=1e-3)
    assert result["groups"]["0.5-1 m"]["turn_degrees"] is None
