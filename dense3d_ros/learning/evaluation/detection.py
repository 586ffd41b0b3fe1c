"""How the whole way from image to hands does: hands found, missed and made up, by the estimator's own detector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import Handedness, HandPose, hand_centre
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation.metrics import joint_errors
from dense3d_ros.learning.evaluation.scores import wilson_interval
from dense3d_ros.learning.evaluation.synthetic import HandFrame
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.hypotheses import Place
from dense3d_ros.perception.model import HandModel

MATCH = 0.1
"""An estimate belongs to the nearest true hand if their centres are at most this far apart, metres."""
MOST_FAILURES = 12
"""Images of each kind that `failures` names."""


@dataclass(frozen=True)
class Detection:
    """What the estimator made of an image with a labelled hand.

    errors: (21,) mm of that hand, NaN if it was missed. expected: (21,) mm that its joint scores say, NaN likewise.
    centre_error: mm, NaN likewise. handedness: as estimated. false: hands that are no true hand's.
    """

    errors: NDArray[np.float64]
    expected: NDArray[np.float64]
    centre_error: float
    handedness: Handedness
    false: int


class DetectionRates(TypedDict):
    """Shares of the images with a labelled hand, and, as false_hand_rate, of those without any, None without images.

    correct_handedness, mean_centre_error_mm: of the found hands, None if there are none. "..._95" are 95 % confidence
    intervals, low and high.
    """

    found: float
    missed: float
    missed_95: list[float]
    correct_handedness: float | None
    frames_with_a_false_hand: float
    mean_centre_error_mm: float | None
    hand_free_images: int
    false_hand_rate: float | None
    false_hand_rate_95: list[float] | None


class LargeError(TypedDict):
    """An image by its number, and its hand's mean joint error."""

    image: int
    mean_joint_error_mm: float


class Failures(TypedDict):
    """Numbers of the images that went worst, up to MOST_FAILURES of each kind; the last of images without a hand."""

    largest_errors: list[LargeError]
    missed: list[int]
    false_beside_a_hand: list[int]
    false_without_a_hand: list[int]


class OwnDetector:
    """The estimator as users run it, on unrelated images: it forgets its tracks between them."""

    def __init__(self, model: HandModel) -> None:
        # As many hands as are in the image, one or two.
        self._estimators = [HandPoseEstimator(model, max_hands=count) for count in (1, 2)]

    def detect(self, frame: HandFrame) -> Detection:
        """Estimate and compare with the labelled hand and the others in the image."""
        truths = [frame.sample.joints, *frame.others]
        centres = np.stack([hand_centre(joints) for joints in truths])
        unknown = np.full(len(truths[0]), np.nan)
        found, false = Detection(unknown, unknown, np.nan, Handedness.UNKNOWN, 0), 0
        for hand in self.estimate(frame.sample, len(truths)):
            distances = np.linalg.norm(centres - hand.centre, axis=1)
            nearest = int(distances.argmin())
            if distances[nearest] > MATCH:
                false += 1
            elif nearest == 0:
                errors, expected = joint_errors(hand.joints, truths[0]), 1000 * hand.expected_errors
                found = Detection(errors, expected, float(distances[0]) * 1000, hand.handedness, 0)
        return replace(found, false=false)

    def false_hands(self, sample: DatasetSample) -> int:
        """Number of hands seen in an image that has none."""
        return len(self.estimate(sample, 1))

    def places(self, sample: DatasetSample, count: int) -> list[Place]:
        """What `estimate` looks at in search of `count` hands, 1 or 2, and judges, of any score."""
        return self._estimators[count - 1].places(sample.depth, sample.camera, count)

    def estimate(self, sample: DatasetSample, count: int) -> list[HandPose]:
        """Up to `count` hands, 1 or 2, in an image by itself."""
        estimator = self._estimators[count - 1]
        estimator.reset()
        return estimator.estimate(sample.depth, sample.camera).hands


def detection_summary(
    detections: list[Detection], false_hands: list[int], handednesses: list[Handedness]
) -> DetectionRates:
    """Rates over images with a hand, and over images without one; handednesses: the labelled hands' own."""
    missed = np.array([np.isnan(detection.centre_error) for detection in detections])
    centre_errors = np.array([detection.centre_error for detection in detections])[~missed]
    correct = [detection.handedness == true for detection, true in zip(detections, handednesses, strict=True)]
    false = sum(count > 0 for count in false_hands)
    return {
        "found": float((~missed).mean()),
        "missed": float(missed.mean()),
        "missed_95": wilson_interval(int(missed.sum()), len(missed)),
        "correct_handedness": float(np.mean(np.array(correct)[~missed])) if centre_errors.size else None,
        "frames_with_a_false_hand": float(np.mean([detection.false > 0 for detection in detections])),
        "mean_centre_error_mm": float(centre_errors.mean()) if centre_errors.size else None,
        "hand_free_images": len(false_hands),
        "false_hand_rate": false / len(false_hands) if false_hands else None,
        "false_hand_rate_95": wilson_interval(false, len(false_hands)) if false_hands else None,
    }


def failures(detections: list[Detection], false_hands: list[int]) -> Failures:
    """The images that went worst, by what the estimator made of those with a hand and of those without."""
    means = np.array([detection.errors.mean() for detection in detections])
    found = np.flatnonzero(~np.isnan(means))
    worst = [int(number) for number in found[np.argsort(-means[found], kind="stable")][:MOST_FAILURES]]
    return {
        "largest_errors": [{"image": number, "mean_joint_error_mm": float(means[number])} for number in worst],
        "missed": [number for number, mean in enumerate(means) if np.isnan(mean)][:MOST_FAILURES],
        "false_beside_a_hand": [number for number, detection in enumerate(detections) if detection.false][
            :MOST_FAILURES
        ],
        "false_without_a_hand": [number for number, count in enumerate(false_hands) if count][:MOST_FAILURES],
    }
