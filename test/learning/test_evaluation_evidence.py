"""Recall over false hands of the evidence and of its terms, of places whose scores are known and of a shipped model."""

from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.evaluation.evidence_curves import EvidenceScore
from dense3d_ros.perception.evidence import NAMES, Evidence, Term
from dense3d_ros.perception.hypotheses import Place
from dense3d_ros.perception.model import Prediction

HAND = np.zeros((21, 3), np.float32) + np.float32([0.0, 0.0, 0.5])
AWAY = HAND + np.float32([0.3, 0.0, 0.0])
EVIDENCE = Evidence(0.5, {"presence": Term(1.0), "spread": Term(-2.0, usual=1.0)})


def place(joints: np.ndarray, presence: float, spread: float) -> Place:
    one = Place.at(hand_centre(joints), 0.0, Handedness.RIGHT)
    one.best.prediction = Prediction(joints, np.ones(21, np.float32), 0.0, 1.0, 0.0, np.ones(21, np.float32))
    one.terms = np.zeros(len(NAMES))
    one.terms[[NAMES.index("presence"), NAMES.index("spread")]] = presence, spread
    return one


def test_recall_of_places_of_known_scores() -> None:
    """Log-odds of hands 0.5 + 4 - 2 and 0.5 + 1 - 0 and none; of false hands 0.5 + 3 - 4 and 0.5 + 2 - 6."""
    score = EvidenceScore(EVIDENCE)
    score.add([place(HAND, 4.0, 1.0), place(HAND, -1.0, 9.0), place(AWAY, 3.0, 2.0)], [HAND])
    score.add([place(HAND, 1.0, 0.0), place(AWAY, 9.0, 0.0)], [HAND, AWAY])
    score.add([], [HAND])
    score.add([place(AWAY, 2.0, 3.0)], [])
    for _ in range(6):
        score.add([], [])
    result = score.summary()
    assert (result["images"], result["hands"], result["false_per_image"]) == (10, 3, 0.2)
    recall = {point["false_per_image"]: point["recall"] for point in result["curve"]}
    # Presence: hands 4, 1, false 3, 2. Spread, less is better: hands 1, 0, false 2, 3. The others are 0 everywhere.
    assert [recall[0.07][name] for name in ("evidence", "presence", "spread", "bones")] == pytest.approx(
        [2 / 3, 1 / 3, 2 / 3, 0]
    )
    # One of two false hands passes: so does half of each hand that is level with them.
    assert [recall[0.1][name] for name in ("evidence", "presence", "bones")] == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    assert set(recall[0.2].values()) == {2 / 3}


def test_a_value_that_is_missing_is_the_usual_one() -> None:
    score = EvidenceScore(EVIDENCE)
    score.add([place(HAND, 0.0, float("nan"))], [HAND])
    score.add([place(AWAY, 0.0, 1.5)], [])
    assert score.summary()["curve"][0]["recall"]["spread"] == 1
