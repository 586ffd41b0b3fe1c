from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.hand import (
    BONES,
    FINGER_COLOURS,
    FINGERS,
    JOINT_COUNT,
    JOINT_INDEX,
    JOINT_NAMES,
    Handedness,
    HandPose,
    hand_centre,
    wrist_rotation,
)


def test_joint_order_is_mediapipes() -> None:
    assert JOINT_COUNT == 21
    assert JOINT_NAMES[0] == "wrist"
    assert JOINT_NAMES[1:5] == ("thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip")
    assert JOINT_NAMES[5:9] == ("index_mcp", "index_pip", "index_dip", "index_tip")
    assert JOINT_NAMES[17:] == ("little_mcp", "little_pip", "little_dip", "little_tip")
    assert [JOINT_INDEX[name] for name in JOINT_NAMES] == list(range(21))


def test_bones_are_a_tree_from_the_wrist() -> None:
    assert len(BONES) == 20
    assert sorted(child for _, child in BONES) == list(range(1, 21))
    for parent, child in BONES:
        if parent == 0:
            assert JOINT_NAMES[child].endswith(("mcp", "cmc"))
        else:
            assert JOINT_NAMES[parent].partition("_")[0] == JOINT_NAMES[child].partition("_")[0]
    assert len(FINGERS) == len(FINGER_COLOURS) == 5


def joints_of_a_flat_hand(*, left: bool = False) -> np.ndarray:
    """Fingers along +x, back of the hand towards +z, thumb of a right hand towards +y."""
    joints = np.zeros((21, 3))
    for finger, y in enumerate((0.05, 0.03, 0.0, -0.02, -0.04)):
        for joint in range(4):
            joints[1 + 4 * finger + joint] = [0.03 + 0.03 * joint if finger == 0 else 0.09 + 0.03 * joint, y, 0]
    if left:
        joints[:, 1] *= -1
    return joints


@pytest.mark.parametrize("handedness", [Handedness.RIGHT, Handedness.LEFT, Handedness.UNKNOWN])
def test_wrist_frame_of_a_flat_hand(handedness: Handedness) -> None:
    joints = joints_of_a_flat_hand(left=handedness == Handedness.LEFT)
    np.testing.assert_allclose(wrist_rotation(joints, handedness), np.eye(3), atol=1e-12)


def test_wrist_frame_turns_with_the_hand() -> None:
    angle = 0.7
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    rotated = joints_of_a_flat_hand() @ turn.T + [0.1, 0.2, 0.5]
    np.testing.assert_allclose(wrist_rotation(rotated, Handedness.RIGHT), turn, atol=1e-12)


def test_wrist_frame_of_a_bent_hand_is_a_rotation() -> None:
    joints = np.random.default_rng(4).normal(size=(21, 3))
    rotation = wrist_rotation(joints, Handedness.LEFT)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_a_degenerate_palm_gives_the_identity() -> None:
    np.testing.assert_array_equal(wrist_rotation(np.ones((21, 3)), Handedness.RIGHT), np.eye(3))


def test_centre_is_the_mean_of_all_joints() -> None:
    joints = np.random.default_rng(5).normal(size=(3, 21, 3))
    np.testing.assert_allclose(hand_centre(joints), joints.mean(axis=1), rtol=1e-6)
    pose = HandPose(joints[0].astype(np.float32), np.ones(21, np.float32), 0.9)
    np.testing.assert_allclose(pose.centre, joints[0].mean(axis=0), rtol=1e-5)
    pose.joints = pose.joints + np.float32(0.5)
    np.testing.assert_allclose(pose.centre, joints[0].mean(axis=0) + 0.5, rtol=1e-5)


def test_another_number_of_joints_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have shape \(21, 3\), got \(20, 3\)"):
        HandPose(np.zeros((20, 3), np.float32), np.zeros(20, np.float32), 1.0)
