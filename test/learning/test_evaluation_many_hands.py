"""The set of images with none to four hands, and the rates over it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, HandPose, hand_centre
from dense3d_ros.learning.evaluation.many_hands import ManyHandsImage, many_hands_image
from dense3d_ros.learning.evaluation.pose_class import POSE_CLASSES, pose_class
from dense3d_ros.learning.evaluation.recall import recall_summary
from dense3d_ros.learning.evaluation.synthetic import SyntheticTestSet

COUNT = 40


@pytest.fixture(scope="module")
def test_set() -> SyntheticTestSet:
    return SyntheticTestSet.load()


@pytest.fixture(scope="module")
def images(test_set: SyntheticTestSet) -> list[ManyHandsImage]:
    return [many_hands_image(number, test_set) for number in range(COUNT)]


def test_a_image_depends_on_its_number_alone(test_set: SyntheticTestSet, images: list[ManyHandsImage]) -> None:
    for number in (5, 9):
        again = many_hands_image(number, test_set)
        np.testing.assert_array_equal(again.depth.values, images[number].depth.values)
        assert [hand.visible for hand in again.hands] == [hand.visible for hand in images[number].hands]


def test_hands_sensors_and_meshes_take_turns(images: list[ManyHandsImage]) -> None:
    assert [len(image.hands) for image in images] == [0, 1, 2, 3, 4] * 8
    assert all(image.labels["hands"] == str(len(image.hands)) for image in images)
    assert len({tuple(image.labels.items()) for image in images}) == COUNT


def test_hands_are_apart_and_of_every_class(images: list[ManyHandsImage]) -> None:
    hands = [hand for image in images for hand in image.hands]
    assert {pose_class(hand.joints) for hand in hands} == set(POSE_CLASSES)
    assert {hand.handedness for hand in hands} == {Handedness.LEFT, Handedness.RIGHT}
    for image in images:
        centres = np.array([hand_centre(hand.joints) for hand in image.hands]).reshape(-1, 3)
        distances = np.linalg.norm(centres[:, None] - centres, axis=2) + np.eye(len(centres))
        assert (distances > 0.099).all()
        assert ((centres[:, 2] >= 0.2) & (centres[:, 2] <= 1.5)).all()


def test_hands_are_where_their_labels_say(images: list[ManyHandsImage]) -> None:
    """Where a fully visible hand was measured, the surface is a finger's or palm's half thickness before the joint."""
    gaps = []
    for image in images:
        for hand in image.hands:
            if hand.visible == hand.inside == 1:
                columns, rows = np.rint(image.camera.project(hand.joints)).astype(int).T
                seen = image.depth.metres(slice(None), slice(None))[rows, columns]
                gaps.append((hand.joints[:, 2] - seen)[seen > 0])
    gap = np.concatenate(gaps)
    assert len(gaps) > 10
    assert 0.003 < np.median(gap) < 0.015


def pose(joints: np.ndarray, handedness: Handedness) -> HandPose:
    return HandPose(joints.astype(np.float32), np.full(21, 0.8, np.float32), 0.9, handedness)


def test_rates_of_a_detector_that_knows_and_misleads(images: list[ManyHandsImage]) -> None:
    """It finds the fists alone, 10 mm off and calls all right, and sees a hand where there is none in every image."""
    shown = iter(images)

    def find(depth: DepthImage, camera: Camera) -> list[HandPose]:
        hands = [hand.joints for hand in next(shown).hands if pose_class(hand.joints) == "fist"]
        found = [pose(joints + np.float32([0.006, 0, 0.008]), Handedness.RIGHT) for joints in hands]
        return [*found, pose(np.tile(np.float32([0, 0, 3.0]), (21, 1)), Handedness.RIGHT)]

    result = recall_summary(find, images)
    counted = [hand for image in images for hand in image.hands if hand.to_be_found]
    fists = [hand for hand in counted if pose_class(hand.joints) == "fist"]
    right = np.mean([hand.handedness == Handedness.RIGHT for hand in fists])
    assert result["hands"] == len(counted)
    assert result["missed"] == pytest.approx(1 - len(fists) / len(counted))
    assert result["mean_joint_error_mm"] == pytest.approx(10, abs=1e-3)
    assert result["correct_handedness"] == pytest.approx(right)
    assert result["false_hands"] == COUNT, "hidden fists that are found are not false"
    assert result["images_with_a_false_hand"] == 1
    assert result["by_pose"]["fist"]["missed"] == 0
    assert result["by_pose"]["flat"]["missed"] == 1
    assert result["by_pose"]["flat"]["correct_handedness"] is None
    assert result["by_handedness"]["left"]["correct_handedness"] in (0, None)
    assert result["by_hands"]["0"]["images"] == result["by_hands"]["0"]["false_hands"] == COUNT / 5
    assert result["by_hands"]["0"]["hands"] == 0
    assert result["by_hands"]["0"]["missed"] is None
    for kind in ("pose", "distance", "sensor", "visible_share", "hands", "mesh", "handedness", "image"):
        assert sum(group["hands"] for group in result[f"by_{kind}"].values()) == len(counted)
    assert sum(group["false_hands"] for group in result["by_sensor"].values()) == COUNT


def test_hidden_hands_are_not_missed(images: list[ManyHandsImage]) -> None:
    hidden = [replace(image, hands=tuple(replace(hand, measured=0.44) for hand in image.hands)) for image in images]
    result = recall_summary(lambda depth, camera: [], hidden)
    assert (result["hands"], result["missed"], result["false_hands"]) == (0, None, 0)
