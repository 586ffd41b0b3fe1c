"""What an uncalibrated model says of pictures whose hands are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import HandPose, expected_errors, hand_centre, upright_roll
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation.metrics import joint_errors
from dense3d_ros.learning.evaluation.synthetic import CENTRE_JITTER, ROLL_JITTER, HandFrame
from dense3d_ros.perception.confidence import log_spread_mm
from dense3d_ros.perception.estimator import CANDIDATES, HandPoseEstimator
from dense3d_ros.perception.model import HandModel

AT_HAND, OFF_HAND = 0.06, 0.1
"""A place within the first distance of a true hand, metres, is one; beyond the second it is none."""
CROPS = 2
"""Places at each hand from which the side is judged."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A place that the estimator took for a hand, of any score.

    presence: logit. spread: (21,) metres. hand: whether a true hand is there, None where it can hardly be said.
    errors: (21,) mm from the labelled hand, None if it is not the one.
    """

    presence: float
    spread: Array
    hand: bool | None
    errors: Array | None


class Observer:
    """Runs a model whose confidence is the default one, which passes on what the network says."""

    def __init__(self, model: HandModel) -> None:
        self._estimator = HandPoseEstimator(model, max_hands=CANDIDATES, min_score=0.0)

    def sides(self, frame: HandFrame, rng: np.random.Generator) -> Iterator[tuple[Array, bool]]:
        """For places at the labelled hand, looked at as the estimator does.

        Features (3,) as in `Confidence.side`, and whether it is a right one.
        """
        sample = frame.sample
        centres = (hand_centre(sample.joints) + rng.normal(0.0, CENTRE_JITTER, (CROPS, 3))).astype(np.float32)
        rolls = upright_roll(sample.joints) + rng.normal(0.0, ROLL_JITTER, CROPS)
        for centre, roll in zip(centres, rolls, strict=True):
            one, other = self._estimator.both_sides(sample.depth, sample.camera, centre, roll)
            features = np.array(
                [
                    (_logit(right), -log_spread_mm(expected_errors(view.joint_scores)).mean(), _logit(view.presence))
                    for view, right in ((one, one.right_hand), (other, 1 - other.right_hand))
                ]
            )
            yield features[0] - features[1], frame.labels["side"] == "right"

    def places(self, frame: HandFrame) -> list[Place]:
        """Every plausible place that the estimator finds in a picture with hands."""
        truths = np.stack([frame.sample.joints, *frame.others])
        centres = hand_centre(truths)
        found = []
        for hand in self._hands(frame.sample):
            distances = np.linalg.norm(centres - hand.centre, axis=1)
            nearest = float(distances.min())
            is_hand = True if nearest < AT_HAND else False if nearest > OFF_HAND else None
            own = nearest <= OFF_HAND and distances.argmin() == 0
            found.append(_place(hand, is_hand, joint_errors(hand.joints, truths[0]) if own else None))
        return found

    def places_without_hand(self, sample: DatasetSample) -> list[Place]:
        """The same in a picture that has none."""
        return [_place(hand, False, None) for hand in self._hands(sample)]

    def _hands(self, sample: DatasetSample) -> list[HandPose]:
        self._estimator.reset()
        return self._estimator.estimate(sample.depth, sample.camera).hands


def _place(hand: HandPose, is_hand: bool | None, errors: Array | None) -> Place:
    # Without a fit the expected error is the spread, and the score the presence.
    return Place(_logit(hand.score), hand.expected_errors, is_hand, errors)


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-12), 1 - 1e-12)
    return float(np.log(bounded / (1 - bounded)))
