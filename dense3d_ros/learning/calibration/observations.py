"""What an uncalibrated model says of images whose hands are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre, upright_roll
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation.metrics import joint_errors
from dense3d_ros.learning.evaluation.synthetic import CENTRE_JITTER, ROLL_JITTER, HandFrame
from dense3d_ros.learning.synthetic.whole_scenes import WholeScene
from dense3d_ros.perception.confidence import log_spread_mm
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.hypotheses import Place
from dense3d_ros.perception.model import HandModel

AT_HAND, OFF_HAND = 0.06, 0.1
"""A place within the first distance of a true hand, metres, is one; beyond the second it is none."""
SHOWN = 0.5
"""A hand of a scene of which less shows is neither one nor none."""
CANDIDATES = 8
"""Of an image that are judged: many more than a robot judges, for more that are no hand."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LabelledPlace:
    """A place that the detector named, after the passes.

    terms: as in `evidence.TERMS`. spread: (21,) metres. hand: whether a true hand is there, None where it can hardly be
    said. errors: (21,) mm from the labelled hand, None if it is not the one.
    """

    terms: Array
    spread: Array
    hand: bool | None
    errors: Array | None


class Observer:
    """Runs a model whose evidence is the default one."""

    def __init__(self, model: HandModel) -> None:
        self._estimator = HandPoseEstimator(model)

    def handedness(self, frame: HandFrame, rng: np.random.Generator) -> tuple[Array, bool]:
        """Features (3,) that tell the labelled hand's handedness as in `Confidence`, and whether it is a right one.

        The hand is looked for at the detector's own centre and turn alone.
        """
        sample = frame.sample
        truth = hand_centre(sample.joints)
        found = self._estimator.model.detect(sample.depth, sample.camera, CANDIDATES)
        near = [candidate for candidate in found if np.linalg.norm(candidate.centre - truth) < AT_HAND]
        if near:
            centre, roll = near[0].centre, near[0].roll
        else:
            centre = (truth + rng.normal(0.0, CENTRE_JITTER, 3)).astype(np.float32)
            roll = upright_roll(sample.joints) + rng.normal(0.0, ROLL_JITTER)
        one, other = self._estimator.as_right_and_left(sample.depth, sample.camera, centre, roll)
        features = np.array(
            [
                (_logit(right), -log_spread_mm(seen.spread).mean(), seen.presence)
                for seen, right in ((one, one.right_hand), (other, 1 - other.right_hand))
            ]
        )
        return features[0] - features[1], frame.handedness is Handedness.RIGHT

    def places(self, frame: HandFrame) -> Iterator[LabelledPlace]:
        """Every possible place in an image with hands."""
        truths = np.stack([frame.sample.joints, *frame.others])
        centres = hand_centre(truths)
        for place in self._places(frame.sample):
            distances = np.linalg.norm(centres - place.best.centre, axis=1)
            nearest = float(distances.min())
            is_hand = True if nearest < AT_HAND else False if nearest > OFF_HAND else None
            own = nearest <= OFF_HAND and distances.argmin() == 0
            yield _labelled_place(place, is_hand, truths[0] if own else None)

    def places_in_scene(self, scene: WholeScene) -> Iterator[LabelledPlace]:
        """Every possible place in a whole scene; its hands are not compared joint by joint."""
        centres = np.array([hand_centre(hand.joints) for hand in scene.hands]).reshape(-1, 3)
        for place in self._estimator.places(DepthImage(scene.depth), scene.camera, CANDIDATES):
            distances = np.linalg.norm(centres - place.best.centre, axis=1)
            nearest = float(distances.min(initial=np.inf))
            shown = nearest < AT_HAND and scene.hands[int(distances.argmin())].visible > SHOWN
            yield _labelled_place(place, True if shown else False if nearest > OFF_HAND else None, None)

    def places_without_hand(self, sample: DatasetSample) -> Iterator[LabelledPlace]:
        """The same in an image that has none."""
        for place in self._places(sample):
            yield _labelled_place(place, False, None)

    def _places(self, sample: DatasetSample) -> list[Place]:
        return self._estimator.places(sample.depth, sample.camera, CANDIDATES)


def _labelled_place(place: Place, is_hand: bool | None, truth: NDArray[np.float32] | None) -> LabelledPlace:
    prediction = place.best.prediction
    assert prediction is not None
    errors = None if truth is None else joint_errors(prediction.joints, truth)
    return LabelledPlace(place.terms, prediction.spread.astype(np.float64), is_hand, errors)


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-12), 1 - 1e-12)
    return float(np.log(bounded / (1 - bounded)))
