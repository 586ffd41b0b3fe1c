"""Frames of wrist, palm, pinch and grasp: rotations for both hands, and where their axes point."""

from __future__ import annotations

import numpy as np
import pytest
from rendered_hands import gesture, rendered_hands

from dense3d_ros.geometry.hand import JOINT_INDEX, Handedness, wrist_rotation
from dense3d_ros.hand_state.frames import FRAME_NAMES, hand_frames

LEFT_AND_RIGHT = (Handedness.LEFT, Handedness.RIGHT)


def test_all_rotations_are_proper_and_move_with_the_hand() -> None:
    for hand in rendered_hands("webxr", 40):
        frames = hand_frames(hand.joints, hand.handedness)
        assert tuple(frames) == FRAME_NAMES
        moved = hand_frames(hand.joints @ hand.rotation + [1.0, 2.0, 3.0], hand.handedness)
        for name, pose in frames.items():
            np.testing.assert_allclose(pose.rotation.T @ pose.rotation, np.eye(3), atol=1e-9)
            assert np.linalg.det(pose.rotation) == pytest.approx(1.0)
            np.testing.assert_allclose(moved[name].rotation, hand.rotation.T @ pose.rotation, atol=1e-6)
            np.testing.assert_allclose(moved[name].position, pose.position @ hand.rotation + [1.0, 2.0, 3.0], atol=1e-9)


@pytest.mark.parametrize("handedness", LEFT_AND_RIGHT)
def test_wrist_and_palm_are_those_of_the_message(handedness: Handedness) -> None:
    joints = gesture("open", handedness)
    frames = hand_frames(joints, handedness)
    for name in ("wrist", "palm"):
        np.testing.assert_allclose(frames[name].rotation, wrist_rotation(joints, handedness))
    np.testing.assert_allclose(frames["wrist"].position, joints[0])
    np.testing.assert_allclose(frames["palm"].position, (joints[0] + joints[JOINT_INDEX["middle_mcp"]]) / 2)


@pytest.mark.parametrize("handedness", LEFT_AND_RIGHT)
@pytest.mark.parametrize("name", ["pinch_i", "ok", "open"])
def test_pinch_closes_from_thumb_to_index_away_from_the_knuckles(handedness: Handedness, name: str) -> None:
    joints = gesture(name, handedness)
    pinch = hand_frames(joints, handedness)["pinch"]
    np.testing.assert_allclose(pinch.position, (joints[4] + joints[8]) / 2)
    closing = joints[7] + joints[8] - joints[3] - joints[4]
    assert pinch.rotation[:, 1] @ closing == pytest.approx(np.linalg.norm(closing))
    assert pinch.rotation[:, 2] @ (pinch.position - (joints[2] + joints[5]) / 2) > 0.02


def test_pinch_of_a_closed_form_hand() -> None:
    joints = gesture("open")
    joints[[2, 3, 4]] = [[0.0, -0.02, 0.0], [0.03, -0.02, 0.0], [0.06, -0.01, 0.0]]
    joints[[5, 7, 8]] = [[0.0, 0.02, 0.0], [0.03, 0.02, 0.0], [0.06, 0.01, 0.0]]
    pinch = hand_frames(joints, Handedness.RIGHT)["pinch"]
    np.testing.assert_allclose(pinch.position, [0.06, 0.0, 0.0])
    np.testing.assert_allclose(pinch.rotation, [[0, 0, 1], [0, 1, 0], [-1, 0, 0]], atol=1e-12)


@pytest.mark.parametrize("handedness", LEFT_AND_RIGHT)
def test_grasp_approaches_out_of_the_palm_with_the_bar_across_it(handedness: Handedness) -> None:
    grasp = hand_frames(gesture("cylinder", handedness), handedness)["grasp"]
    # The mesh's axes: fingers along x, back of the hand along z, a right hand's thumb along y.
    assert grasp.rotation[:, 2] @ [0, 0, -1] > 0.95
    assert grasp.rotation[:, 1] @ [1, 0, 0] > 0.95
    palm = hand_frames(gesture("cylinder", handedness), handedness)["palm"]
    assert 0.01 < (grasp.position - palm.position) @ grasp.rotation[:, 2] < 0.06


def test_mirrored_hands_have_mirrored_frames() -> None:
    mirror = np.diag([1.0, -1.0, 1.0])
    right = hand_frames(gesture("pinch_i"), Handedness.RIGHT)
    left = hand_frames(gesture("pinch_i") @ mirror, Handedness.LEFT)
    for name, unmirrored in (("wrist", 1), ("palm", 1), ("pinch", 0), ("grasp", 0)):
        signs = np.ones(3)
        # A mirror turns a right-handed frame into a left-handed one; one axis makes up for it.
        signs[unmirrored] = -1.0
        np.testing.assert_allclose(left[name].position, right[name].position @ mirror, atol=1e-12)
        np.testing.assert_allclose(left[name].rotation, mirror @ right[name].rotation * signs, atol=1e-9)


def test_fingers_that_lie_on_each_other_fall_back_to_the_wrist() -> None:
    joints = gesture("open")
    joints[[3, 4, 7, 8]] = joints[8]
    frames = hand_frames(joints, Handedness.RIGHT)
    np.testing.assert_allclose(frames["pinch"].rotation, frames["grasp"].rotation)


def test_unusable_hands_are_refused() -> None:
    joints = gesture("open")
    with pytest.raises(ValueError, match="handedness is UNKNOWN"):
        hand_frames(joints, Handedness.UNKNOWN)
    joints[4, 1] = np.inf
    with pytest.raises(ValueError, match=r"thumb_tip is .*inf.*accepted: finite metres"):
        hand_frames(joints, Handedness.RIGHT)
