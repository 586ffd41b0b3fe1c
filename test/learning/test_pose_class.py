"""Pose classes of hands whose joints are known."""

from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.learning.evaluation.pose_class import POSE_CLASSES, finger_bend, finger_turns, pose_class
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space

EXPECTED = {
    "fist": ("fist", "thumbs_up"),
    "pinch": ("pinch_i", "pinch_m", "ok", "tripod"),
    "flat": ("flat", "open", "four"),
    "spread": ("spread",),
    "pointing": ("point", "gun"),
    "counting": ("peace", "three", "shaka", "horns", "pinky_only"),
    "grasp": ("cylinder", "sphere", "relaxed"),
}


@pytest.mark.parametrize("mesh", ["soma", "makehuman"])
def test_gestures_fall_into_the_class_of_their_name(mesh: str) -> None:
    hand = HandMesh.load(mesh)
    gestures = pose_space().gestures
    assert tuple(EXPECTED) == POSE_CLASSES
    for name, members in EXPECTED.items():
        for member in members:
            assert pose_class(hand.pose(gestures[member]).joints) == name, member


def flat_hand() -> np.ndarray:
    """Straight fingers side by side, 2 cm apart and the thumb 4 cm, with bones of 2.5 cm."""
    joints = np.zeros((21, 3), np.float32)
    for finger in range(5):
        for segment in range(4):
            joints[1 + 4 * finger + segment] = [0.02 * (finger - 2), -0.08 - 0.025 * segment, 0.0]
    joints[1:5, 0] -= 0.02
    return joints


def test_turns_are_the_angles_between_bones() -> None:
    joints = flat_hand()
    # The middle finger goes straight on from the wrist; the index finger leaves its metacarpal at atan(2 / 8).
    np.testing.assert_allclose(finger_turns(joints)[:2], [np.degrees(np.arctan2(0.02, 0.08)), 0], atol=1e-2)
    joints[11] = joints[10] + np.float32([0, 0, 0.025])
    joints[12] = joints[11] + np.float32([0, 0.025, 0])
    assert finger_turns(joints)[1] == pytest.approx(180, abs=1e-2)


def test_bend_of_open_and_closed_fingers() -> None:
    joints = flat_hand()
    assert finger_bend(joints) == "open"
    assert pose_class(joints) == "flat"
    for tip in range(8, 21, 4):
        joints[tip - 2 : tip + 1, 1] = [-0.08, -0.06, -0.06]
        joints[tip - 2 : tip + 1, 2] = [0.03, 0.03, 0.01]
    assert finger_bend(joints) == "closed"
