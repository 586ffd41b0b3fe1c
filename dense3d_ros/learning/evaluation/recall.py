"""Which of the hands in single images are found, whether their handedness is correct, and which are made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_COUNT, HandPose, hand_centre
from dense3d_ros.learning.evaluation.many_hands import MOST_HANDS, ManyHandsImage, many_hands_image
from dense3d_ros.learning.evaluation.matching import match_hands
from dense3d_ros.learning.evaluation.metrics import ErrorSummary, joint_errors, summary
from dense3d_ros.learning.evaluation.scores import wilson_interval
from dense3d_ros.learning.evaluation.synthetic import SyntheticTestSet, distance_band, hand_labels
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel

FALSE_KINDS = ("hands", "sensor", "mesh", "distance")
"""What is known of a false hand."""

Detect = Callable[[DepthImage, Camera], list[HandPose]]
"""Depth and camera -> the hands of an image by itself."""


@dataclass(frozen=True)
class HandOutcome:
    """A true hand that is to be found. errors: (21,) mm, NaN if it was missed."""

    labels: dict[str, str]
    errors: NDArray[np.float64]
    correct_handedness: bool


class HandRates(ErrorSummary):
    """Of hands that are to be found: the share missed, and of the found ones that whose handedness is correct.

    missed_95: 95 % confidence interval, low and high. None where there are no such hands.
    """

    hands: int
    missed: float | None
    missed_95: list[float] | None
    correct_handedness: float | None


class GroupCounts(TypedDict, total=False):
    """false_hands: for FALSE_KINDS alone. images: for kinds of label that whole images have."""

    false_hands: int
    images: int


class GroupRates(HandRates, GroupCounts):
    """Of a group's hands."""


class RatesByLabel(TypedDict, total=False):
    """Group -> rates for the kind of label that is read by name; there is such an entry for each kind."""

    by_pose: dict[str, GroupRates]


class ManyHandsRates(HandRates, RatesByLabel):
    """Of all images and by label. Hands are counted, images_with_a_false_hand are a share of the images."""

    images: int
    false_hands: int
    false_hands_per_hand: float | None
    images_with_a_false_hand: float
    images_with_a_false_hand_95: list[float]


def evaluate_on_many_hands(model: HandModel, images: int) -> ManyHandsRates:
    """Figures over the first images of `many_hands`, searched for up to four hands; see `recall_summary`."""
    test_set = SyntheticTestSet.load()
    estimator = HandPoseEstimator(model, max_hands=MOST_HANDS)

    def find(depth: DepthImage, camera: Camera) -> list[HandPose]:
        estimator.reset()
        return estimator.estimate(depth, camera).hands

    return recall_summary(find, (many_hands_image(n, test_set) for n in tqdm(range(images), unit="image")))


def recall_summary(detect: Detect, images: Iterable[ManyHandsImage]) -> ManyHandsRates:
    """Shares of hands missed and of found hands whose handedness is correct, errors, and numbers of false hands.

    False hands are told by what is known of them: the number of hands in the image, its sensor and meshes, and their
    distance.
    """
    outcomes: list[HandOutcome] = []
    false: list[dict[str, str]] = []
    seen: list[dict[str, str]] = []
    with_false = 0
    for image in images:
        found = detect(image.depth, image.camera)
        hands = [hand for hand in image.hands if hand.to_be_found]
        ignored = [hand_centre(hand.joints) for hand in image.hands if not hand.to_be_found]
        matches = match_hands(
            [hand_centre(hand.joints) for hand in hands], ignored, [estimate.centre for estimate in found]
        )
        estimate_of = dict(matches.pairs)
        for index, hand in enumerate(hands):
            labels = {**image.labels, **hand_labels(hand.joints, hand.handedness, hand.visible, hand.inside)}
            if index in estimate_of:
                estimate = found[estimate_of[index]]
                errors, right = joint_errors(estimate.joints, hand.joints), estimate.handedness == hand.handedness
            else:
                errors, right = np.full(JOINT_COUNT, np.nan), False
            outcomes.append(HandOutcome(labels, errors, right))
        false += [{**image.labels, "distance": distance_band(found[index].centre)} for index in matches.false]
        seen.append(image.labels)
        with_false += bool(matches.false)
    return {
        "images": len(seen),
        **_rates(outcomes),
        "false_hands": len(false),
        "false_hands_per_hand": len(false) / len(outcomes) if outcomes else None,
        "images_with_a_false_hand": with_false / len(seen),
        "images_with_a_false_hand_95": wilson_interval(with_false, len(seen)),
        **_by_kind(outcomes, false, seen),
    }


def _by_kind(outcomes: list[HandOutcome], false: list[dict[str, str]], images: list[dict[str, str]]) -> RatesByLabel:
    result: dict[str, dict[str, GroupRates]] = {}
    kinds = {kind: None for labels in (*images, *(outcome.labels for outcome in outcomes)) for kind in labels}
    for kind in kinds:
        hands, others, seen = (
            Counter(labels[kind] for labels in group if kind in labels)
            for group in ((outcome.labels for outcome in outcomes), false, images)
        )
        groups = result[f"by_{kind}"] = {}
        for name in sorted({*hands, *others, *seen}):
            counts: GroupCounts = {}
            if kind in FALSE_KINDS:
                counts["false_hands"] = others[name]
            if seen:
                counts["images"] = seen[name]
            groups[name] = {**_rates([outcome for outcome in outcomes if outcome.labels[kind] == name]), **counts}
    return cast(RatesByLabel, result)


def _rates(outcomes: list[HandOutcome]) -> HandRates:
    errors = np.array([outcome.errors for outcome in outcomes]).reshape(-1, JOINT_COUNT)
    missed = np.asarray(np.isnan(errors).any(axis=1))
    right = np.array([outcome.correct_handedness for outcome in outcomes])[~missed]
    return {
        "hands": len(outcomes),
        "missed": float(missed.mean()) if outcomes else None,
        "missed_95": wilson_interval(int(missed.sum()), len(missed)) if outcomes else None,
        "correct_handedness": float(right.mean()) if right.size else None,
        **summary(errors),
    }
