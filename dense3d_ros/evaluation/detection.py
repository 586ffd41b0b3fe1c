"""How the whole way from picture to hands does: hands found, missed and made up, by the estimator's own finder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.datasets.sample import DatasetSample
from dense3d_ros.estimator import HandPoseEstimator
from dense3d_ros.evaluation.metrics import joint_errors
from dense3d_ros.evaluation.synthetic import HandFrame
from dense3d_ros.hand import hand_centre
from dense3d_ros.model import HandModel

MATCH = 0.1
"""An estimate belongs to the nearest true hand if their centres are at most this far apart, metres."""


@dataclass(frozen=True)
class Detection:
    """errors: (21,) mm of the labelled hand, NaN if it was missed. centre_error: mm, NaN likewise. false: hands
    that are no true hand's."""

    errors: NDArray[np.float64]
    centre_error: float
    false: int


class OwnFinder:
    """The estimator as users run it, on unrelated pictures: it forgets its tracks between them."""

    def __init__(self, model: HandModel) -> None:
        # As many hands as are in the picture, one or two.
        self._estimators = [HandPoseEstimator(model, max_hands=count) for count in (1, 2)]

    def detect(self, frame: HandFrame) -> Detection:
        """Estimate and compare with the labelled hand and the others in the picture."""
        truths = [frame.sample.joints, *frame.others]
        centres = np.stack([hand_centre(joints) for joints in truths])
        errors, centre_error, false = np.full(len(truths[0]), np.nan), np.nan, 0
        for joints in self._estimate(frame.sample, len(truths)):
            distances = np.linalg.norm(centres - hand_centre(joints), axis=1)
            nearest = int(distances.argmin())
            if distances[nearest] > MATCH:
                false += 1
            elif nearest == 0:
                errors, centre_error = joint_errors(joints, truths[0]), float(distances[0]) * 1000
        return Detection(errors, centre_error, false)

    def false_hands(self, sample: DatasetSample) -> int:
        """Number of hands seen in a picture that has none."""
        return len(self._estimate(sample, 1))

    def _estimate(self, sample: DatasetSample, count: int) -> list[NDArray[np.float32]]:
        estimator = self._estimators[count - 1]
        estimator.reset()
        return [hand.joints for hand in estimator.estimate(sample.depth, sample.camera).hands]


def detection_summary(detections: list[Detection], false_hands: list[int]) -> dict[str, Any]:
    """Rates over pictures with a hand, and over pictures without one."""
    missed = np.array([np.isnan(detection.centre_error) for detection in detections])
    centre_errors = np.array([detection.centre_error for detection in detections])[~missed]
    return {
        "found": float((~missed).mean()),
        "missed": float(missed.mean()),
        "frames_with_a_false_hand": float(np.mean([detection.false > 0 for detection in detections])),
        "mean_centre_error_mm": float(centre_errors.mean()) if centre_errors.size else None,
        "hand_free_pictures": len(false_hands),
        "false_hand_rate": float(np.mean([count > 0 for count in false_hands])) if false_hands else None,
    }
