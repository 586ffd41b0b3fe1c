"""The synthetic test set is fixed and labelled truly, and the evaluation of a model adds up its errors rightly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import HandCrop, crop_hand
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.evaluation import sequences, synthetic
from dense3d_ros.learning.evaluation.candidates import LOWEST_LOG_ODDS, MOST_CANDIDATES, CandidateScore
from dense3d_ros.learning.evaluation.detection import MATCH, OwnDetector
from dense3d_ros.learning.evaluation.evidence_curves import EvidenceScore
from dense3d_ros.learning.evaluation.model import evaluate_on_synthetic
from dense3d_ros.learning.evaluation.report import plot_model, write_json
from dense3d_ros.learning.evaluation.synthetic import HandFrame, SyntheticTestSet, hand_frame, hand_free_frame
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.learning.synthetic.protrusions import find_candidates
from dense3d_ros.learning.synthetic.sensors import SENSORS
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.detector import LEAST_LOG_ODDS, Candidate, load_detector
from dense3d_ros.perception.model import HandModel, Prediction, load_model
from dense3d_ros.perception.model_description import ModelDescription

COUNT = 16
ALL = slice(None)
CAMERA = Camera(475, 475, 319.5, 239.5, 640, 480)
SPREAD = np.full(21, 0.005, np.float32)
OFFSET = np.array([0.006, 0.0, 0.008], np.float32)


@pytest.fixture(scope="module")
def test_set() -> SyntheticTestSet:
    return SyntheticTestSet.load()


@pytest.fixture(scope="module")
def frames(test_set: SyntheticTestSet) -> list[HandFrame]:
    return [hand_frame(number, test_set) for number in range(COUNT)]


class KnowingModel:
    """A stand-in for a network: near a true hand it answers with that hand moved by 10 mm, elsewhere with no hand."""

    device, crops_itself, views, confidence = "cpu", False, 1, Confidence()
    description = ModelDescription("knowing", 1, 64, 0.15, 0.1, 128, "Apache-2.0")

    def __init__(self, frames: list[HandFrame]) -> None:
        self.hands = [(joints, frame) for frame in frames for joints in (frame.sample.joints, *frame.others)]
        self.centres = np.stack([hand_centre(joints) for joints, _ in self.hands])

    @property
    def for_new_hands(self) -> KnowingModel:
        return self

    def detect(
        self, depth: DepthImage, camera: Camera, limit: int, least_log_odds: float = LEAST_LOG_ODDS
    ) -> list[Candidate]:
        near = [
            hand_centre(joints) + OFFSET
            for joints, frame in self.hands
            if np.array_equal(frame.sample.depth.values, depth.values)
        ]
        return [Candidate(centre, 0.9, 0.0) for centre in near[:limit]]

    def predict(self, crops: Sequence[HandCrop], handednesses: Sequence[Handedness]) -> list[Prediction]:
        assert len(crops) == len(handednesses)
        return [self._answer(crop, handedness) for crop, handedness in zip(crops, handednesses, strict=True)]

    def _answer(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        centre = crop.in_camera(crop.centre)
        distances = np.linalg.norm(self.centres - centre, axis=1)
        scores = np.full(21, 0.9, np.float32)
        for index in np.argsort(distances):
            joints, frame = self.hands[index]
            # Another image's hand may be at the same place.
            own = crop_hand(frame.sample.depth, frame.sample.camera, centre, crop.half_size, len(crop.image), crop.roll)
            if distances[index] < 0.06 and np.array_equal(own.image, crop.image):
                right = frame.labels["handedness"] == "right"
                likelihood = 5.0 * ((handedness == Handedness.RIGHT) == right)
                return Prediction(joints + OFFSET, scores, 4.6, float(right), likelihood, SPREAD)
        return Prediction(self.hands[0][0] + OFFSET, scores, -4.6, 0.5, 0.0, SPREAD)


def test_a_frame_depends_on_its_number_alone(test_set: SyntheticTestSet, frames: list[HandFrame]) -> None:
    again = hand_frame(5, test_set)
    np.testing.assert_array_equal(again.sample.depth.values, frames[5].sample.depth.values)
    np.testing.assert_array_equal(again.sample.joints, frames[5].sample.joints)
    assert again.labels == frames[5].labels
    empty = [hand_free_frame(3, test_set).depth.values for _ in range(2)]
    np.testing.assert_array_equal(empty[0], empty[1])


def test_sensors_and_meshes_take_turns(frames: list[HandFrame]) -> None:
    kinds = [(frame.labels["sensor"], frame.labels["mesh"]) for frame in frames]
    assert len(set(kinds)) == 8
    assert all(kinds.count(kind) == 2 for kind in kinds)


def test_the_hand_is_in_the_image_where_its_label_says(frames: list[HandFrame]) -> None:
    """Depth at a joint that nothing covers is the skin in front of it: a finger's or palm's half thickness away."""
    gaps = []
    for frame in frames:
        camera, joints = frame.sample.camera, frame.sample.joints
        assert frame.sample.depth.shape == (camera.height, camera.width)
        columns, rows = np.rint(camera.project(joints)).astype(int).T
        inside = (rows >= 0) & (rows < camera.height) & (columns >= 0) & (columns < camera.width)
        assert inside.mean() >= 0.75
        assert (frame.labels["image"] == "whole hand inside") == inside.all()
        use = inside & ~frame.hidden
        seen = frame.sample.depth.metres(ALL, ALL)[rows[use], columns[use]]
        gaps.append((joints[use, 2] - seen)[seen > 0])
    gap = np.concatenate(gaps)
    assert 0.003 < np.median(gap) < 0.015
    assert np.percentile(gap, 10) > -0.02


def test_labels_of_known_hands() -> None:
    """A flat right hand whose back looks at the camera, and the same end on."""
    flat = np.zeros((21, 3), np.float32)
    for finger in range(5):
        for segment in range(4):
            flat[1 + 4 * finger + segment] = [0.02 * (2 - finger) * -1, -0.08 - 0.025 * segment, 0]
    flat[:, 2] = 0.5
    assert synthetic._view(flat, Handedness.LEFT) == "palm"
    assert synthetic._view(flat, Handedness.RIGHT) == "back"
    mirrored = flat * np.array([-1, 1, 1], np.float32)
    assert synthetic._view(mirrored, Handedness.RIGHT) == "palm"
    turned = flat.copy()
    turned[:, 1:] = np.stack([np.zeros(21), 0.5 + flat[:, 1]], axis=1)
    assert synthetic._view(turned, Handedness.RIGHT) == "end on"


def test_calibration_images_are_not_the_test_sets(test_set: SyntheticTestSet, frames: list[HandFrame]) -> None:
    calibration = SyntheticTestSet.for_calibration()
    others = [hand_frame(number, calibration) for number in (0, 4)]
    assert all(other.labels["mesh"] == "trained on" for other in others)
    assert all(not np.array_equal(other.sample.joints, frame.sample.joints) for other in others for frame in frames)


def test_bands() -> None:
    edges = (0.45, 0.7, 0.9, 1.0)
    bands = [synthetic._band(value, edges, "") for value in (0.45, 0.69, 0.7, 1.0)]
    assert bands == ["0.45-0.70", "0.45-0.70", "0.70-0.90", "0.90-1.00"]


class Follower(KnowingModel):
    """Answers with the hand of the animations that is nearest, of any time."""

    def __init__(self, seconds: float) -> None:
        animations = [HandAnimation(CAMERA, seed=sequences.SEED + index) for index in range(len(SENSORS))]
        times = np.arange(int(seconds * sequences.RATE)) / sequences.RATE
        self.joints = np.stack([animation.hand(time).joints for animation in animations for time in times])
        self.centres = hand_centre(self.joints)

    def detect(
        self, depth: DepthImage, camera: Camera, limit: int, least_log_odds: float = LEAST_LOG_ODDS
    ) -> list[Candidate]:
        return [Candidate(centre, 0.9, 0.0) for centre in find_candidates(depth, camera, limit=limit)]

    def _answer(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        distances = np.linalg.norm(self.centres - crop.in_camera(crop.centre), axis=1)
        joints = self.joints[int(distances.argmin())]
        presence, likelihood = 4.6 if distances.min() < 0.06 else -4.6, 5.0 * (handedness == Handedness.RIGHT)
        return Prediction(joints, np.full(21, 0.9, np.float32), presence, 1.0, likelihood, SPREAD)


def test_sequences_are_followed() -> None:
    seconds = 0.2
    result = sequences.evaluate_on_sequences(cast(HandModel, Follower(seconds)), seconds)
    assert result["sequences"] == 4
    assert result["frames"] == round((1 - result["missed"]) * 4 * int(seconds * sequences.RATE))
    assert result["missed"] < 0.5
    assert result["mean_joint_error_mm"] < 30
    assert result["correct_handedness"] == 1
    assert result["false"] == 0


def test_evaluation_adds_up(tmp_path: Path, frames: list[HandFrame]) -> None:
    """Every joint is off by 10 mm in all modes; the own detector misses hands that it was not led to."""
    model = cast(HandModel, KnowingModel(frames))
    result = evaluate_on_synthetic(model, COUNT, 6)
    for mode in ("oracle_crop", "jittered_crop", "own_detector"):
        assert result[mode]["mean_joint_error_mm"] == pytest.approx(10, abs=1e-3)
        assert result[mode]["per_finger_mm"] == pytest.approx(
            dict.fromkeys(("wrist", "thumb", "index", "middle", "ring", "little"), 10), abs=1e-3
        )
    oracle, own = result["oracle_crop"], result["own_detector"]
    assert oracle["frames"] == COUNT
    assert oracle["frames_within"][8] == 0
    assert oracle["frames_within"][10] == 1
    for kind in frames[0].labels:
        assert sum(group["frames"] for group in oracle[f"by_{kind}"].values()) == COUNT
        missed = [group["missed"] * oracle[f"by_{kind}"][name]["frames"] for name, group in own[f"by_{kind}"].items()]
        assert sum(missed) == pytest.approx(COUNT - own["frames"])
    assert own["frames"] == round(own["found"] * COUNT)
    assert own["found"] + own["missed"] == pytest.approx(1)
    assert own["found"] > 0.4
    assert own["false_hand_rate"] == 0
    assert own["false_hand_rate_95"][0] == 0 < own["false_hand_rate_95"][1] < 0.5
    assert own["correct_handedness"] == 1
    assert len(result["failures"]["missed"]) == COUNT - own["frames"]
    assert result["reliability"]["bins"][0]["mean_error_mm"] == pytest.approx(10, abs=1e-3)
    assert own["mean_centre_error_mm"] == pytest.approx(10, abs=1e-3)
    assert result["right_hand_accuracy"] == 1
    assert result["presence"][4]["hands_missed"] == 0
    # It is sure of all hands whose place is judged, and no other place is.
    judged = result["evidence"]
    assert (judged["images"], judged["hands"], judged["false_per_image"]) == (COUNT + 6, COUNT, 0)
    assert all(point["recall"]["evidence"] == pytest.approx(own["found"]) for point in judged["curve"])
    # The stand-in names every hand, 10 mm off, and nothing else.
    named = result["detector"]["groups"]["all"]
    assert (result["detector"]["images"], named["hands"], named["recall"]) == (COUNT + 6, COUNT, 1)
    assert result["detector"]["false_per_image"] == 0
    assert min(point["recall"]["all"] for point in result["detector"]["curve"]) == 1
    assert named["depth_mm"][0] <= 10.001
    assert named["lateral_mm"][1] <= 10.001
    assert evaluate_on_synthetic(model, COUNT, 6) == result
    write_json(tmp_path / "result.json", result)
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    plot_model(tmp_path / "result.png", result)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "result.png"]


def test_the_shipped_detectors_curve(test_set: SyntheticTestSet, frames: list[HandFrame]) -> None:
    """Recall and false candidates at the threshold in use are those of its default call; the curve only rises."""
    detector, score = load_detector("cpu", "auto"), CandidateScore()
    named, false = 0, 0
    images = [(frame.sample, (frame.sample.joints, *frame.others), frame.labels) for frame in frames[:8]]
    for sample, hands, labels in (*images, (hand_free_frame(0, test_set), (), {})):
        found = detector.detect(sample.depth, sample.camera, MOST_CANDIDATES, LOWEST_LOG_ODDS)
        score.add(found, hands, labels)
        in_use = detector.detect(sample.depth, sample.camera, MOST_CANDIDATES)
        assert [one.log_odds for one in found[: len(in_use)]] == [one.log_odds for one in in_use]
        assert all(LOWEST_LOG_ODDS <= one.log_odds < LEAST_LOG_ODDS for one in found[len(in_use) :])
        centres = [np.stack(one.centres) for one in in_use]
        gaps = [[np.linalg.norm(one - hand_centre(hand), axis=1).min() for one in centres] for hand in hands]
        named += bool(hands) and min(gaps[0], default=1.0) <= 0.05
        false += sum(min((row[index] for row in gaps), default=1.0) > 0.05 for index in range(len(in_use)))
    result = score.summary()
    assert result["groups"]["all"]["recall"] == named / 8 > 0.8
    assert result["false_per_image"] == false / 9
    recall = [point["recall"]["all"] for point in result["curve"]]
    assert recall == sorted(recall)
    assert 0 < result["groups"]["all"]["lateral_mm"][0] < 20


def test_the_shipped_models_evidence(frames: list[HandFrame]) -> None:
    """The hands that pass the model's own least score are those that its estimator finds."""
    model = load_model("hand", "cpu")
    detector, score = OwnDetector(model), EvidenceScore(model.confidence.evidence)
    found, passing = [], []
    for frame in frames[:6]:
        hands = (frame.sample.joints, *frame.others)
        places = detector.places(frame.sample, len(hands))
        score.add(places, hands)
        at_hand = [one for one in places if np.linalg.norm(one.best.centre - hand_centre(hands[0])) <= MATCH]
        passing.append(max((one.score for one in at_hand), default=0.0) >= model.confidence.min_score)
        found.append(bool(np.isfinite(detector.detect(frame).centre_error)))
    assert passing == found
    assert score.summary()["curve"][-1]["recall"]["evidence"] >= np.mean(found)
