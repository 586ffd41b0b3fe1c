"""What the evidence and each of its terms are worth: recall of hands over false hands as the least score falls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.evaluation.detection import MATCH
from dense3d_ros.learning.evaluation.free_response import RecallPoint, recall_at
from dense3d_ros.perception.evidence import NAMES, TERMS, Evidence, Term
from dense3d_ros.perception.hypotheses import Place

FALSE_PER_IMAGE = (0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
"""Points of the curves."""
ALL_TERMS = "evidence"

Array = NDArray[np.float64]


class EvidenceCurves(TypedDict):
    """Recall over false hands of the evidence, ALL_TERMS, and of each term alone.

    false_per_image: places that are judged and are no hand, of any score.
    """

    images: int
    hands: int
    false_per_image: float
    curve: list[RecallPoint]


class EvidenceScore:
    """Collects the judged places of images one by one."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._hands: list[Array] = []
        self._false: list[Array] = []
        self._images = 0

    def add(self, places: Sequence[Place], joints: Sequence[NDArray[np.float32]]) -> None:
        """An image's places, and the joints (21, 3) of its hands; only the first hand counts.

        A place belongs to the nearest hand within MATCH, and is false without one.
        """
        self._images += 1
        centres = np.array([hand_centre(one) for one in joints]).reshape(-1, 3)
        best = np.full(1 + len(NAMES), -np.inf)
        for place in places:
            scores = self._scores(place)
            distances = np.linalg.norm(centres - hand_centre(_joints(place)), axis=1)
            if distances.min(initial=np.inf) > MATCH:
                self._false.append(scores)
            elif distances.argmin() == 0:
                best = np.maximum(best, scores)
        if joints:
            self._hands.append(best)

    def summary(self) -> EvidenceCurves:
        """The curves of the hands of all images."""
        hands, false = (np.array(rows).reshape(-1, 1 + len(NAMES)) for rows in (self._hands, self._false))
        names = (ALL_TERMS, *NAMES)
        return {
            "images": self._images,
            "hands": len(hands),
            "false_per_image": len(false) / self._images,
            "curve": [
                {
                    "false_per_image": rate,
                    "recall": {
                        name: recall_at(hands[:, index], false[:, index], rate * self._images)
                        for index, name in enumerate(names)
                    },
                }
                for rate in FALSE_PER_IMAGE
            ],
        }

    def _scores(self, place: Place) -> Array:
        """(1 + len(TERMS)) the log-odds, and each term so that more of it is more like a hand."""
        usual = np.array([self._evidence.terms.get(name, Term()).usual for name in NAMES])
        terms = np.where(np.isnan(place.terms), usual, place.terms) * np.array(list(TERMS.values()))
        return np.append(self._evidence.log_odds(place.terms[None]), terms)


def _joints(place: Place) -> NDArray[np.float32]:
    prediction = place.best.prediction
    assert prediction is not None
    return prediction.joints
