"""Sequences of two hands as followers see them whose faults are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.learning.evaluation.tracking_metrics import idf1, tracking_summary
from dense3d_ros.learning.evaluation.two_hands import RATE, follow
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.two_hands import RIGHT_AND_LEFT, TwoHandsAnimation

CAMERA = Camera(120.0, 120.0, 79.5, 59.5, 160, 120)
Follower = Callable[[DepthImage, Camera, float], list[HandPose]]


AWAY = 1.0
"""Seconds at which the left hand is out of the image; at first both are in it."""
SECONDS = 2.5


@pytest.fixture(scope="module")
def animation() -> TwoHandsAnimation:
    """It begins with the left hand's leaving and coming back."""
    return TwoHandsAnimation(CAMERA, HandMesh.load("makehuman"), seed=5)


def follower(animation: TwoHandsAnimation, track_of: Callable[[int, float], int]) -> Follower:
    """Knows both hands wherever they are, 5 mm off; `track_of` numbers hand 0 or 1 at a time."""

    def estimate(depth: DepthImage, camera: Camera, stamp: float) -> list[HandPose]:
        hands = [hand.joints + np.float32([0.003, 0.0, 0.004]) for hand in animation.hands(stamp)]
        scores = np.ones(21, np.float32)
        return [HandPose(hands[index], scores, 0.9, RIGHT_AND_LEFT[index], track_of(index, stamp)) for index in (0, 1)]

    return estimate


def test_a_perfect_follower(animation: TwoHandsAnimation) -> None:
    sequence = follow(animation, follower(animation, lambda index, stamp: index), SECONDS)
    summary = tracking_summary(sequence.frames)
    assert summary["frames"] == int(SECONDS * RATE) == len(sequence.scenes)
    assert 0.3 * summary["frames"] < summary["frames_with_both"] < 0.8 * summary["frames"]
    assert (summary["both_followed"], summary["mota"], summary["correct_handedness"]) == (1, 1, 1)
    assert summary["false_hands"] == 0, "a hand that is out of the image is not false"
    np.testing.assert_allclose(sequence.errors, 5.0, atol=1e-3)


@pytest.mark.parametrize(("change", "switches"), [(0.15, 1), (AWAY, 0)])
def test_a_new_number_is_a_switch_unless_the_hand_was_gone(
    animation: TwoHandsAnimation, change: float, switches: int
) -> None:
    renamed = follower(animation, lambda index, stamp: index + 2 * int(index == 1 and stamp >= change))
    sequence = follow(animation, renamed, SECONDS)
    assert tracking_summary(sequence.frames)["number_switches"] == switches
    assert (idf1([sequence.score]) == 1) == (switches == 0)


def test_a_swap_counts_for_both_hands(animation: TwoHandsAnimation) -> None:
    sequence = follow(animation, follower(animation, lambda index, stamp: (index + int(stamp >= 0.15)) % 2), 1.0)
    assert len(sequence.frames) == RATE
    assert tracking_summary(sequence.frames)["number_switches"] == 2


def test_who_sees_nothing_misses_all(animation: TwoHandsAnimation) -> None:
    sequence = follow(animation, lambda depth, camera, stamp: [], 1.0)
    summary = tracking_summary(sequence.frames)
    assert (summary["missed"], summary["both_followed"], summary["mota"]) == (1, 0, 0)
    assert sequence.errors == []
