"""Angles → joints → angles on rendered hands, and the angles' names and limits."""

from __future__ import annotations

import numpy as np
import pytest
from rendered_hands import gesture, rendered_hands

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.geometry.hand_angles import ANGLE_COUNT, ANGLE_NAMES, ARCH_ANGLES
from dense3d_ros.hand_state.angles import ANGLE_LIMITS, hand_angles
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space


def errors(mesh: str, *, shaped: bool) -> np.ndarray:
    """(60, 23) degrees between true angles and those told from the joints, the wrist's left out."""
    hands = rendered_hands(mesh, 60, shaped=shaped)
    return np.degrees(np.abs([hand_angles(hand.joints, hand.handedness) - hand.angles for hand in hands]))[:, 2:]


def test_the_average_hand_comes_back_exactly() -> None:
    found = errors("soma", shaped=False)
    assert np.median(found) < 0.01
    # A thumb that is nearly straight does not show its twist.
    assert np.delete(found, ANGLE_NAMES.index("th_twist") - 2, axis=1).max() < 0.1


@pytest.mark.parametrize("mesh", ["soma", "makehuman", "webxr"])
def test_hands_of_other_people_come_back_within_a_degree(mesh: str) -> None:
    assert np.median(errors(mesh, shaped=True)) < 1.0


def test_a_straight_thumb_has_no_twist() -> None:
    angles = np.zeros(ANGLE_COUNT)
    found = hand_angles(HandMesh.load().pose(angles).joints, Handedness.RIGHT)
    np.testing.assert_allclose(found[2:], 0.0, atol=np.radians(0.1))


def test_left_and_right_hands_have_the_same_angles() -> None:
    left, right = (hand_angles(gesture("cylinder", one), one) for one in (Handedness.LEFT, Handedness.RIGHT))
    np.testing.assert_allclose(left[2:], right[2:], atol=1e-5)


def test_the_wrist_is_not_told() -> None:
    assert np.isnan(hand_angles(gesture("open"), Handedness.RIGHT)[:2]).all()


def test_a_finger_bent_beyond_a_right_angle_keeps_its_sign() -> None:
    angles = np.zeros(ANGLE_COUNT)
    angles[ANGLE_NAMES.index("index_mcp")], angles[ANGLE_NAMES.index("index_pip")] = np.radians([92.0, 105.0])
    angles[ANGLE_NAMES.index("middle_mcp")] = np.radians(-25.0)
    found = hand_angles(HandMesh.load().pose(angles).joints, Handedness.RIGHT)
    np.testing.assert_allclose(found[2:], angles[2:], atol=np.radians(0.1))


def test_limits_are_those_of_the_generator() -> None:
    space = pose_space()
    assert space.names == ANGLE_NAMES
    np.testing.assert_allclose(ANGLE_LIMITS, np.stack([space.low, space.high], axis=1))
    assert ANGLE_NAMES[ARCH_ANGLES] == ("met_ring", "met_pinky")


def test_any_21_points_give_finite_angles() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        found = hand_angles(rng.normal(0.0, 0.05, (21, 3)), Handedness.RIGHT)[2:]
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= np.radians(240.0)


def test_joints_without_a_hand_are_refused() -> None:
    joints = gesture("open")
    for broken, message in (
        (np.full((21, 3), np.nan), "wrist is .nan"),
        (joints[:20], "shape .20, 3."),
        (np.zeros((21, 3)), "shortest bone has 0.0e.00 m"),
    ):
        with pytest.raises(ValueError, match=message):
            hand_angles(broken, Handedness.RIGHT)
    with pytest.raises(ValueError, match="handedness is UNKNOWN; accepted: LEFT, RIGHT"):
        hand_angles(joints, Handedness.UNKNOWN)
