"""A model's figures on the synthetic test set, the same for the same model and machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dense3d_ros.geometry.hand import FINGERS, JOINT_NAMES, Handedness, hand_centre, upright_roll
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation import synthetic
from dense3d_ros.learning.evaluation.candidates import LOWEST_LOG_ODDS, MOST_CANDIDATES, CandidateRates, CandidateScore
from dense3d_ros.learning.evaluation.detection import (
    Detection,
    DetectionRates,
    Failures,
    OwnDetector,
    detection_summary,
    failures,
)
from dense3d_ros.learning.evaluation.evidence_curves import EvidenceCurves, EvidenceScore
from dense3d_ros.learning.evaluation.metrics import ErrorsByLabel, ProtocolErrors, by_label, full_summary, joint_errors
from dense3d_ros.learning.evaluation.scores import PresencePoint, Reliability, presence_curve, reliability
from dense3d_ros.learning.evaluation.synthetic import (
    CENTRE_JITTER,
    ROLL_JITTER,
    HandFrame,
    SyntheticTestSet,
    hand_frame,
    hand_free_frame,
)
from dense3d_ros.perception.confidence import probability
from dense3d_ros.perception.model import HandModel, Prediction, crops_of

_BATCH = 16
_SURFACE_GAP = 0.02

Errors = NDArray[np.float64]


class PartErrors(TypedDict, total=False):
    """Mean errors by part of the hand, of joints that are seen and of hidden ones; nothing without frames."""

    per_finger_mm: dict[str, float]
    seen_joints_mm: float | None
    hidden_joints_mm: float | None


class HandErrors(ProtocolErrors, PartErrors, ErrorsByLabel):
    """The errors of labelled hands: of all, by part of the hand and by label."""


class DetectedErrors(HandErrors, DetectionRates):
    """The same of hands that have to be found first, and how many are."""


class SyntheticImages(TypedDict):
    """The first so many images with and without a hand of the test set."""

    name: str
    seed: int
    frames: int
    hand_free: int


class SyntheticResult(TypedDict):
    """All measures of a model with so many views, which publishes a new hand from a score of min_score on.

    Upright crops around the true centre with the handedness known ("oracle_crop"), jittered ones with it
    unknown ("jittered_crop"), and what the whole estimator makes of the image ("own_detector", where frames without
    a hand found are left out of the errors). right_hand_accuracy, presence: of jittered crops. reliability: of the own
    detector's hands. "evidence", "detector": recall of hands over false ones in the same images.
    """

    model: str
    views: int
    min_score: float
    data: SyntheticImages
    oracle_crop: HandErrors
    jittered_crop: HandErrors
    own_detector: DetectedErrors
    right_hand_accuracy: float
    presence: list[PresencePoint]
    reliability: Reliability
    evidence: EvidenceCurves
    detector: CandidateRates
    failures: Failures


def evaluate_on_synthetic(model: HandModel, frames: int, hand_free: int) -> SyntheticResult:
    """All measures on the first `frames` images with a hand and the first `hand_free` without one."""
    test_set = SyntheticTestSet.load()
    run = _Run(model)
    with tqdm(total=frames + hand_free, unit="image") as progress:
        numbers = iter(range(frames))
        while batch := [hand_frame(number, test_set) for number in islice(numbers, _BATCH)]:
            run.add_hands(batch)
            progress.update(len(batch))
        numbers = iter(range(hand_free))
        while images := [hand_free_frame(number, test_set) for number in islice(numbers, _BATCH)]:
            run.add_hand_free(images)
            progress.update(len(images))
    return run.result()


class _Run:
    """Collects predictions batch by batch."""

    def __init__(self, model: HandModel) -> None:
        self.model = model
        self.detector = OwnDetector(model)
        self.labels: list[dict[str, str]] = []
        self.hidden: list[NDArray[np.bool_]] = []
        self.errors: dict[str, list[Errors]] = {"oracle_crop": [], "jittered_crop": [], "own_detector": []}
        self.right: list[bool] = []
        self.presence: list[float] = []
        self.presence_without: list[float] = []
        self.detections: list[Detection] = []
        self.false_hands: list[int] = []
        self.candidates = CandidateScore()
        self.places = EvidenceScore(model.for_new_hands.confidence.evidence)

    def add_hands(self, frames: list[HandFrame]) -> None:
        centres = [hand_centre(frame.sample.joints) for frame in frames]
        rng = np.random.default_rng([synthetic.SEED, 2, len(self.labels)])
        jittered = [(centre + rng.normal(0.0, CENTRE_JITTER, 3)).astype(np.float32) for centre in centres]
        rolls = [upright_roll(frame.sample.joints) for frame in frames]
        wrong_rolls = [roll + rng.normal(0.0, ROLL_JITTER) for roll in rolls]
        handednesses = [frame.handedness for frame in frames]
        unknown = [Handedness.UNKNOWN] * len(frames)
        for mode, places, turns, known in (
            ("oracle_crop", centres, rolls, handednesses),
            ("jittered_crop", jittered, wrong_rolls, unknown),
        ):
            crops = [
                crop
                for frame, place, turn in zip(frames, places, turns, strict=True)
                for crop in crops_of(self.model, frame.sample.depth, frame.sample.camera, place, turn)
            ]
            predictions = self.model.predict(crops, known)
            for frame, prediction in zip(frames, predictions, strict=True):
                self.errors[mode].append(joint_errors(prediction.joints, frame.sample.joints))
        self._add_scores(frames, predictions)
        for frame in frames:
            self.labels.append(frame.labels)
            self.hidden.append(frame.hidden)
            detection = self.detector.detect(frame)
            self.detections.append(detection)
            self.errors["own_detector"].append(detection.errors)
            self._add_curves(frame.sample, (frame.sample.joints, *frame.others), frame.labels)

    def _add_curves(
        self, sample: DatasetSample, hands: tuple[NDArray[np.float32], ...], labels: dict[str, str]
    ) -> None:
        self.places.add(self.detector.places(sample, max(len(hands), 1)), hands)
        found = self.model.detect(sample.depth, sample.camera, MOST_CANDIDATES, LOWEST_LOG_ODDS)
        self.candidates.add(found, hands, labels)

    def _add_scores(self, frames: list[HandFrame], predictions: list[Prediction]) -> None:
        """Presence and handedness are judged on jittered crops, since that is what a detector gives."""
        for frame, prediction in zip(frames, predictions, strict=True):
            self.presence.append(probability(prediction.presence))
            self.right.append((prediction.right_hand > 0.5) == (frame.handedness is Handedness.RIGHT))

    def add_hand_free(self, samples: list[DatasetSample]) -> None:
        rng = np.random.default_rng([synthetic.SEED, 3, len(self.false_hands)])
        points = [(sample, point) for sample in samples for point in _surface_points(sample, rng)]
        crops = [crop for sample, point in points for crop in crops_of(self.model, sample.depth, sample.camera, point)]
        predictions = self.model.predict(crops, [Handedness.UNKNOWN] * len(points))
        self.presence_without += [probability(prediction.presence) for prediction in predictions]
        self.false_hands += [self.detector.false_hands(sample) for sample in samples]
        for sample in samples:
            self._add_curves(sample, (), {})

    def result(self) -> SyntheticResult:
        """The figures of everything added so far."""
        hidden = np.stack(self.hidden)
        modes = {mode: self._mode(np.stack(errors), hidden) for mode, errors in self.errors.items()}
        handednesses = [Handedness[labels["handedness"].upper()] for labels in self.labels]
        return {
            "model": self.model.description.name,
            "views": self.model.views,
            "min_score": self.model.for_new_hands.confidence.min_score,
            "data": {
                "name": "synthetic-test",
                "seed": synthetic.SEED,
                "frames": len(self.labels),
                "hand_free": len(self.false_hands),
            },
            "oracle_crop": modes["oracle_crop"],
            "jittered_crop": modes["jittered_crop"],
            "own_detector": {
                **modes["own_detector"],
                **detection_summary(self.detections, self.false_hands, handednesses),
            },
            "right_hand_accuracy": float(np.mean(self.right)),
            "presence": presence_curve(self.presence, self.presence_without),
            "reliability": reliability(
                np.stack([detection.expected for detection in self.detections]), np.stack(self.errors["own_detector"])
            ),
            "evidence": self.places.summary(),
            "detector": self.candidates.summary(),
            "failures": failures(self.detections, self.false_hands),
        }

    def _mode(self, errors: Errors, hidden: NDArray[np.bool_]) -> HandErrors:
        summary = full_summary(errors, JOINT_NAMES)
        parts: PartErrors = {}
        if summary["frames"]:
            per_joint = list(summary["per_joint_mm"].values())
            joints = {"wrist": per_joint[:1]}
            joints |= {finger: per_joint[4 * index + 1 : 4 * index + 5] for index, finger in enumerate(FINGERS)}
            parts = {
                "per_finger_mm": {name: float(np.mean(values)) for name, values in joints.items()},
                "seen_joints_mm": _mean(errors[~hidden]),
                "hidden_joints_mm": _mean(errors[hidden]),
            }
        return {**summary, **parts, **by_label(errors, self.labels)}


def _mean(errors: Errors) -> float | None:
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if known.size else None


def _surface_points(sample: DatasetSample, rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """(3,) a point a little behind a random measured pixel, if there is any."""
    depth = sample.depth.metres()
    rows, columns = np.nonzero(depth)
    if rows.size:
        pick = rng.integers(rows.size)
        pixel = np.array([columns[pick], rows[pick]], np.float64)
        z = np.float64(depth[rows[pick], columns[pick]] + _SURFACE_GAP)
        yield sample.camera.back_project(pixel, np.asarray(z)).astype(np.float32)
