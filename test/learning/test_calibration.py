"""The fits behind a model's confidence against data made with known numbers, and the file that they end up in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import HandCrop, crop_hand
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, expected_errors, hand_centre, joint_scores
from dense3d_ros.learning.calibration import calibrate
from dense3d_ros.learning.calibration.calibrate import calibrate_file, fit_confidence, fit_handedness, fit_scores
from dense3d_ros.learning.calibration.evidence_fit import fit_evidence
from dense3d_ros.learning.calibration.fits import least_score, logistic_regression, rising_curve
from dense3d_ros.learning.calibration.observations import LabelledPlace
from dense3d_ros.learning.evaluation.synthetic import SyntheticTestSet, hand_frame
from dense3d_ros.perception.confidence import Confidence, probability
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.perception.evidence import NAMES, Evidence, Term
from dense3d_ros.perception.model import HandModel, Prediction
from dense3d_ros.perception.model_description import ModelDescription
from dense3d_ros.perception.model_file import read_model, save_model

DESCRIPTION = ModelDescription("small", 1, 16, 0.15, 0.1, 64, "Apache-2.0", errors={"nothing": 1.0})


def test_logistic_regression_is_the_most_likely() -> None:
    rng = np.random.default_rng(1)
    features = np.column_stack([np.ones(4000), rng.normal(size=(4000, 2))])
    positive = rng.random(4000) < 1 / (1 + np.exp(-(features @ [-1.0, 2.0, 0.0])))
    weights = logistic_regression(features, positive)

    def loss(w: np.ndarray) -> float:
        return float(np.logaddexp(0, np.where(positive, -1, 1) * (features @ w)).sum() + 0.5e-3 * (w**2).sum())

    np.testing.assert_allclose(weights, minimize(loss, np.zeros(3), tol=1e-10).x, atol=1e-4)
    np.testing.assert_allclose(weights, [-1, 2, 0], atol=0.15)


def test_logistic_regression_of_separable_kinds_stays_finite() -> None:
    features = np.column_stack([np.ones(20), np.repeat([-1.0, 1.0], 10)])
    weights = logistic_regression(features, features[:, 1] > 0)
    assert np.isfinite(weights).all()
    assert weights[1] > 2
    with pytest.raises(ValueError, match="20 of 20 examples are positive"):
        logistic_regression(features, np.ones(20, bool))


def test_a_rising_curve() -> None:
    x = np.arange(1200.0)
    knots, values = rising_curve(x, 3 * x)
    np.testing.assert_allclose(values, 3 * knots)
    assert (np.diff(rising_curve(x, -x)[1]) == 0).all()
    # Groups of 2, 4, 3, 5: the violators 4 and 3 become their mean.
    _, values = rising_curve(np.arange(4.0), np.array([2.0, 4.0, 3.0, 5.0]), knots=4)
    np.testing.assert_allclose(values, [2, 3.5, 3.5, 5])


def test_the_least_score_lets_few_pass() -> None:
    scores = np.arange(1000) / 1000
    for rate, passing in ((0.005, 5), (0.0, 0), (0.0101, 10)):
        assert np.count_nonzero(scores >= least_score(scores, rate)) == passing


def observations(rng: np.random.Generator, hand: bool, count: int) -> list[list[LabelledPlace]]:
    """Images of one place each: presence around ±2, unexplained surface around 0.2 and 0.6, nothing else told.

    The mean error of a joint is twice its spread.
    """
    made = []
    for _ in range(count):
        spread = np.exp(rng.uniform(np.log(0.003), np.log(0.03), 21))
        errors = 2000 * spread * rng.gamma(4.0, 0.25, 21) if hand else None
        terms = np.zeros(len(NAMES))
        terms[NAMES.index("presence")] = rng.normal(2.0 if hand else -2.0, 1.0)
        terms[NAMES.index("unexplained")] = rng.normal(0.2 if hand else 0.6, 0.1)
        made.append([LabelledPlace(terms, spread, hand, errors)])
    return made


def test_fitted_scores() -> None:
    rng = np.random.default_rng(2)
    without = observations(rng, False, 2000)
    fitted = fit_scores(Confidence(), observations(rng, True, 2000), without, [])
    evidence = fitted.evidence
    assert evidence.terms["presence"].weight > 0
    assert evidence.terms["unexplained"].weight < 0
    assert evidence.terms["bones"].weight == 0
    scores = np.array([probability(evidence.log_odds(image[0].terms[None])[0]) for image in without])
    assert np.mean(scores >= fitted.min_score) == fitted.fitted["false_hands"] == 0.003
    assert fitted.hold_score == 0.2 < fitted.min_score
    # Each term is four deviations apart: one of them alone would miss 11 % of the hands, both at best 0.2 %.
    assert fitted.fitted["hands_missed"] < 0.01
    assert fitted.fitted["terms"]["all"] > fitted.fitted["terms"]["presence"]["alone"]
    test = observations(rng, True, 2000)
    spread = np.stack([image[0].spread for image in test])
    errors = np.stack([image[0].errors for image in test if image[0].errors is not None])
    expected = 1000 * expected_errors(fitted.joint_scores(spread, np.full(2000, 2.0)))
    for low, high in ((6, 10), (10, 20), (20, 50)):
        group = (expected >= low) & (expected < high)
        assert expected[group].mean() == pytest.approx(errors[group].mean(), rel=0.1)


def test_no_term_is_trusted_alone() -> None:
    """Of two terms that say the same, a plain fit all but forgets the one with more noise; real images may mute any."""
    rng = np.random.default_rng(3)
    is_hand = np.arange(6000) < 2000
    seen = np.where(is_hand, 2.5, -2.5) + rng.normal(size=6000)
    terms = np.zeros((6000, len(NAMES)))
    for name, noise in (("presence", 0.1), ("detector", 0.8)):
        terms[:, NAMES.index(name)] = seen + noise * rng.normal(size=6000)
    fitted = fit_evidence(terms, is_hand, [], (-3.6, 0.12), 1).terms
    assert fitted["detector"].weight > 0.5 * fitted["presence"].weight


def test_surface_beside_a_hand_counts_though_rendered_hands_have_as_much_of_it() -> None:
    rng = np.random.default_rng(6)
    images = observations(rng, True, 500) + observations(rng, False, 500)
    terms = np.stack([image[0].terms for image in images])
    terms[:, NAMES.index("unexplained")] = rng.uniform(0.0, 0.5, 1000)
    fitted = fit_evidence(terms, np.arange(1000) < 500, [], (-3.6, 0.12), 1)
    assert fitted.terms["unexplained"].weight < -1.5
    clear, cluttered = np.tile(terms[:1], (2, 1))
    clear[NAMES.index("unexplained")], cluttered[NAMES.index("unexplained")] = 0.0, 0.5
    odds = fitted.log_odds(np.stack([clear, cluttered]))
    assert odds[0] - odds[1] > 0.7


def test_a_hand_is_not_held_for_longer_than_a_new_one_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    monkeypatch.setattr(calibrate, "FALSE_HANDS", 0.3)
    fitted = fit_scores(Confidence(), observations(rng, True, 500), observations(rng, False, 500), [])
    assert fitted.hold_score == fitted.min_score < 0.2


def test_scores_are_probabilities() -> None:
    rng = np.random.default_rng(5)
    fitted = fit_scores(Confidence(), observations(rng, True, 3000), observations(rng, False, 3000), [])
    images = observations(rng, True, 3000) + observations(rng, False, 3000)
    scores = np.array([probability(fitted.evidence.log_odds(image[0].terms[None])[0]) for image in images])
    is_hand = np.array([image[0].hand for image in images], bool)
    for low, high in ((0.0, 0.1), (0.9, 1.0)):
        group = (scores >= low) & (scores < high)
        assert is_hand[group].mean() == pytest.approx(scores[group].mean(), abs=0.02)


def test_a_term_never_speaks_the_other_way() -> None:
    """Hands whose presence is lower than that of other places: the term is left out, not turned round."""
    rng = np.random.default_rng(6)
    values = np.zeros((4000, len(NAMES)))
    is_hand = np.arange(4000) < 2000
    values[:, NAMES.index("presence")] = rng.normal(np.where(is_hand, -1.0, 1.0))
    values[:, NAMES.index("in_front")] = rng.normal(np.where(is_hand, 0.0, 1.0), 0.3)
    evidence = fit_evidence(values, is_hand, (), (-3.6, 0.1), 0)
    assert evidence.terms["presence"].weight == 0
    assert evidence.terms["in_front"].weight < 0


def test_fitted_handedness() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(3000, 3))
    right = rng.random(3000) < 1 / (1 + np.exp(-(features @ [1.0, 3.0, 0.0])))
    assert fit_handedness(list(zip(features, right, strict=True))) == pytest.approx((1, 3, 0), abs=0.25)


class KnowingModel:
    """Knows which crops are of the images with a hand and near it, and which hands are right ones."""

    description = replace(DESCRIPTION, resolution=64)
    device, crops_itself, views, confidence = "cpu", False, 1, Confidence()

    def __init__(self, images: int) -> None:
        calibration_set = SyntheticTestSet.for_calibration()
        self.hands = [hand_frame(number, calibration_set) for number in range(2 * images)]
        self.centres = np.stack([hand_centre(frame.sample.joints) for frame in self.hands])

    @property
    def for_new_hands(self) -> KnowingModel:
        return self

    def with_confidence(self, confidence: Confidence) -> KnowingModel:
        assert confidence.handedness != Confidence().handedness
        return self

    def detect(self, depth: DepthImage, camera: Camera, limit: int) -> list[Candidate]:
        """Its hand, a centimetre off, and the image's lower middle, which is none; nothing in an empty image."""
        metres = depth.metres(slice(None), slice(None))
        rows, cols = np.nonzero(metres)
        if not len(rows):
            return []
        pick = len(rows) // 2
        pixel = np.array([cols[pick], rows[pick]], np.float64)
        centres = [camera.back_project(pixel, np.float64(metres[rows[pick], cols[pick]])).astype(np.float32)]
        for frame, centre in zip(self.hands, self.centres, strict=True):
            if np.array_equal(frame.sample.depth.values, depth.values):
                centres.insert(0, (centre + np.float32([0.01, 0, 0])).astype(np.float32))
        return [Candidate(centre, 0.5, 0.0) for centre in centres[:limit]]

    def predict(self, crops: Sequence[HandCrop], handednesses: Sequence[Handedness]) -> list[Prediction]:
        return [self._of(crop, handedness) for crop, handedness in zip(crops, handednesses, strict=True)]

    def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        centre = crop.in_camera(crop.centre)
        distances = np.linalg.norm(self.centres - centre, axis=1)
        number = int(distances.argmin())
        frame = self.hands[number]
        right = frame.labels["handedness"] == "right"
        here = crop_hand(frame.sample.depth, frame.sample.camera, centre, crop.half_size, len(crop.image), crop.roll)
        if distances[number] > 0.09 or not np.array_equal(here.image, crop.image):
            joints = frame.sample.joints - self.centres[number] + centre
            spread = np.full(21, 0.03, np.float32)
            return Prediction(joints, joint_scores(spread), -1.4, 0.5, 0.0, spread)
        wrong = handedness == (Handedness.LEFT if right else Handedness.RIGHT)
        right_hand = {Handedness.LEFT: 0.3, Handedness.RIGHT: 0.7}.get(handedness, float(right))
        spread = np.linspace(0.004, 0.03 if wrong else 0.02, 21).astype(np.float32)
        presence = 1.4 + 0.1 * (number % 2)
        return Prediction(frame.sample.joints, joint_scores(spread), presence, right_hand, -5.0 * wrong, spread)


def test_confidence_of_a_model_that_knows() -> None:
    images = 16
    fitted = fit_confidence(cast(HandModel, KnowingModel(images)), images)
    assert fitted.handedness[1] > 0
    assert fitted.evidence.terms["presence"].weight > 0
    assert len(fitted.evidence.bones[0]) == 20
    assert fitted.fitted["false_hands"] == 0
    assert fitted.fitted["hands_missed"] < 0.5
    assert max(fitted.errors_mm) < 0.1


def test_the_file_keeps_everything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.safetensors"
    torch.manual_seed(0)
    network = DESCRIPTION.build_network()
    of_one = Confidence(min_score=0.5)
    save_model(path, network, replace(DESCRIPTION, confidences={1: of_one, 3: Confidence(min_score=0.6)}))
    fitted = Confidence(evidence=Evidence(-1.0, {"presence": Term(0.5)}), min_score=0.8)

    def fit(model: HandModel, images: int) -> Confidence:
        assert (model.views, model.confidence) == (3, Confidence())
        return fitted

    monkeypatch.setattr(calibrate, "fit_confidence", fit)
    assert calibrate_file(str(path), None, 100, "cpu", "torch", views=3) == (path, fitted)
    description, read = read_model(str(path))
    assert description == replace(DESCRIPTION, confidences={1: of_one, 3: fitted})
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], tensor, rtol=1e-3, atol=1e-6)
    assert {file.name for file in tmp_path.iterdir()} - {"small.onnx"} == {"small.safetensors"}
