"""From a model and calibration images to the numbers of its `Confidence`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dense3d_ros.geometry.hand import JOINT_COUNT
from dense3d_ros.learning.calibration.evidence_fit import compared_terms, fit_evidence, recall_curve, signed_regression
from dense3d_ros.learning.calibration.fits import least_score, logistic_regression, ridge_regression, rising_curve
from dense3d_ros.learning.calibration.observations import LabelledPlace, Observer
from dense3d_ros.learning.evaluation.synthetic import CALIBRATION_SEED, SyntheticTestSet, hand_frame, hand_free_frame
from dense3d_ros.learning.synthetic.whole_scenes import make_whole_scene
from dense3d_ros.perception.confidence import Confidence, log_spread_mm, probability
from dense3d_ros.perception.evidence import NAMES, TERMS, Evidence, bone_statistics
from dense3d_ros.perception.graph_export import refresh_graph
from dense3d_ros.perception.model import HandModel
from dense3d_ros.perception.model_file import model_path, read_model, save_model
from dense3d_ros.runtime.selection import choose_device

FALSE_HANDS = 0.003
"""Share of hand-free images in which a hand may be seen; those of the calibration are harder than real ones."""
HOLD_SCORE = 0.2
"""Probability of a hand down to which one is followed: there has been one."""
HANDEDNESS_EXCHANGED = 0.1
"""Share of a feature's values that are another example's when the handedness is fitted, as for the evidence.

Of rendered hands the network's verdict and the agreement of its votes say the same, and a fit would trust one alone.
"""
HAND_FREE_SHARE = 3
"""For each image with a hand there are so many without: false hands are rare, and the least score rests on them."""
SCENE_SHARE = 2
"""For so many images with a hand there is a whole scene with any number of hands, for the evidence."""
_SCENE_WIDTH = 640
_ERROR_FLOOR = 2.0
"""Millimetres added to an error before its logarithm is taken, so that no error is infinitely good."""
_DIGITS = 5


def calibrate_file(
    name_or_path: str, output: Path | None, images: int, device: str = "auto", runtime: str = "auto", views: int = 1
) -> tuple[Path, Confidence]:
    """Fit the confidence of a model file to `images` with a hand and three times as many without; write it atomically.

    output: the file to write, by default the one that was read. views: crops of each hand, 1 or 3, that the confidence
    is for. Everything else in the file stays as it was, the confidence of the other number of views, too.
    """
    description, network = read_model(name_or_path)
    path = output or model_path(name_or_path)
    blank = replace(description, confidences={})
    # A copy, because a model folds its network's layers.
    model = HandModel(blank, deepcopy(network), choose_device(device), runtime, views=views)
    confidence = fit_confidence(model, images)
    confidences = dict(sorted((description.confidences | {views: confidence}).items()))
    save_model(path, network, replace(description, confidences=confidences))
    refresh_graph(path)
    return path, confidence


def fit_confidence(model: HandModel, images: int) -> Confidence:
    """Numbers for a model whose confidence is the default one; ValueError if so few images do not say enough."""
    calibration_set = SyntheticTestSet.for_calibration()
    rng = np.random.default_rng([CALIBRATION_SEED, 2])
    observer = Observer(model)
    with tqdm(total=(2 + HAND_FREE_SHARE) * images + images // SCENE_SHARE, unit="image") as progress:
        observations, joints = [], []
        # Images of their own: the others are judged with the handedness that these decide.
        for number in range(images, 2 * images):
            frame = hand_frame(number, calibration_set)
            observations.append(observer.handedness(frame, rng))
            joints.append(frame.sample.joints)
            progress.update()
        bones, size = bone_statistics(np.stack(joints))
        confidence = Confidence(handedness=fit_handedness(observations), evidence=Evidence(bones=bones, size=size))
        # The handedness decides what the rest is: the same network, with the handedness judged as it will be.
        observer = Observer(model.with_confidence(confidence))
        with_hand = []
        for number in range(images):
            with_hand.append(list(observer.places(hand_frame(number, calibration_set))))
            progress.update()
        without = []
        for number in range(HAND_FREE_SHARE * images):
            without.append(list(observer.places_without_hand(hand_free_frame(number, calibration_set))))
            progress.update()
        in_scenes: list[LabelledPlace] = []
        for number in range(images // SCENE_SHARE):
            scene = make_whole_scene(
                np.random.default_rng([CALIBRATION_SEED, 3, number]), calibration_set.trained, width=_SCENE_WIDTH
            )
            in_scenes += observer.places_in_scene(scene)
            progress.update()
    return fit_scores(confidence, with_hand, without, in_scenes)


def fit_handedness(observations: list[tuple[NDArray[np.float64], bool]]) -> tuple[float, ...]:
    """Weights of the features that tell the handedness; none speaks against its own sign.

    No bias: a mirror image swaps the sign of every feature and the handedness.
    """
    features = np.stack([features for features, _ in observations])
    right = np.array([is_right for _, is_right in observations])
    weights = signed_regression(features, right, np.ones(3, np.int64), HANDEDNESS_EXCHANGED, CALIBRATION_SEED)
    # The direction is found; how much it says, by the features as they are.
    weights = weights * logistic_regression((features @ weights)[:, None], right)[0]
    return _numbers(weights)


def fit_scores(
    confidence: Confidence,
    with_hand: list[list[LabelledPlace]],
    without: list[list[LabelledPlace]],
    in_scenes: list[LabelledPlace],
) -> Confidence:
    """Evidence, least scores and joint scores from the places in images with a hand and without one.

    in_scenes: places in whole scenes, for the evidence alone.
    """
    places = [place for image in with_hand + without for place in image]
    judged = [place for place in places + in_scenes if place.hand is not None]
    values = np.stack([place.terms for place in judged]) if judged else np.zeros((0, len(TERMS)))
    is_hand = np.array([bool(place.hand) for place in judged])
    blank = confidence.evidence
    evidence = fit_evidence(values, is_hand, blank.bones, blank.size, CALIBRATION_SEED)
    highest = np.array([max((_score(evidence, place) for place in image), default=0.0) for image in without])
    min_score = float(np.clip(round(least_score(highest, FALSE_HANDS), 4), 0.0001, 0.9999))
    confidence = replace(confidence, evidence=evidence, min_score=min_score, hold_score=min(HOLD_SCORE, min_score))
    confidence = _fit_joints(confidence, [place for place in places if place.errors is not None])
    fitted = _summary(confidence, with_hand, highest)
    fitted["terms"] = compared_terms(evidence, values, is_hand, CALIBRATION_SEED)
    fitted["curve"] = recall_curve(evidence.log_odds(values), is_hand)
    return replace(confidence, fitted=fitted)


def _score(evidence: Evidence, place: LabelledPlace) -> float:
    return probability(float(evidence.log_odds(place.terms[None])[0]))


def _fit_joints(confidence: Confidence, places: list[LabelledPlace]) -> Confidence:
    """Expected errors of the hands that would be published."""
    published = [p for p in places if _score(confidence.evidence, p) >= confidence.min_score] or places
    if not published:
        raise ValueError("no hand was found in the calibration images; the model is no good or they are too few")
    errors = np.stack([place.errors for place in published if place.errors is not None])
    log = log_spread_mm(np.stack([place.spread for place in published]))
    presence = np.array([place.terms[NAMES.index("presence")] for place in published])
    parts = np.stack(np.broadcast_arrays(log, log.mean(axis=1, keepdims=True), presence[:, None]), axis=-1)
    offsets = np.broadcast_to(np.eye(JOINT_COUNT), (*errors.shape, JOINT_COUNT))
    features = np.concatenate([parts, offsets], axis=-1).reshape(errors.size, -1)
    weights = ridge_regression(features, np.log(errors + _ERROR_FLOOR).ravel())
    # The curve is of all joints together, and of what the rounded weights make of them.
    joint_weights, joint_offsets = _numbers(weights[:3]), _numbers(weights[3:])
    predictor = parts @ np.array(joint_weights) + np.array(joint_offsets)
    predictors, values = rising_curve(predictor.ravel(), errors.ravel())
    return replace(
        confidence,
        joint_weights=joint_weights,
        joint_offsets=joint_offsets,
        predictors=_numbers(predictors),
        errors_mm=_numbers(values),
    )


def _summary(
    confidence: Confidence, with_hand: list[list[LabelledPlace]], highest: NDArray[np.float64]
) -> dict[str, Any]:
    def published(image: list[LabelledPlace]) -> bool:
        scores = [_score(confidence.evidence, place) for place in image if place.errors is not None]
        return max(scores, default=0.0) >= confidence.min_score

    return {
        "seed": CALIBRATION_SEED,
        "images_with_hand": len(with_hand),
        "images_without_hand": len(highest),
        "hands_missed": round(1 - float(np.mean([published(image) for image in with_hand])), 4),
        "hands_not_named": round(float(np.mean([all(p.errors is None for p in image) for image in with_hand])), 4),
        "false_hands": round(float(np.mean(highest >= confidence.min_score)), 4),
    }


def _numbers(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in values)
