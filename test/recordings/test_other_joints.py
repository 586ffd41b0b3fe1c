"""What `dense3d run --joints` writes is what the conventions say, and can be read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rendered_hands import gesture, hand_pose
from scipy.spatial.transform import Rotation

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.hand_state import conventions
from dense3d_ros.hand_state.conventions import OPENXR_NAMES, openxr_hand
from dense3d_ros.recordings.other_joints import CONVERSIONS, in_convention

CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)


def test_openxr_has_26_unit_quaternions() -> None:
    joints = gesture("relaxed")
    written = json.loads(json.dumps(in_convention("openxr", hand_pose(joints), CAMERA)))
    expected = openxr_hand(joints, Handedness.RIGHT)
    assert len(written["positions"]) == len(OPENXR_NAMES)
    np.testing.assert_allclose(written["positions"], expected.positions, atol=1e-5)
    turns = Rotation.from_quat(written["orientations"]).as_matrix()
    np.testing.assert_allclose(turns, expected.rotations, atol=1e-4)


def test_mediapipe_image_landmarks_are_shares_of_the_image() -> None:
    joints = gesture("open")
    written = in_convention("mediapipe", hand_pose(joints, Handedness.UNKNOWN), CAMERA)
    assert written is not None
    pixels = (CAMERA.project(joints) + 0.5) / [640, 480]
    np.testing.assert_allclose(np.array(written["image_landmarks"])[:, :2], pixels, atol=1e-5)
    np.testing.assert_allclose(np.mean(written["world_landmarks"], axis=0), 0.0, atol=1e-5)


def test_files_and_the_node_know_the_same_conventions() -> None:
    assert tuple(CONVERSIONS) == conventions.JOINT_CONVENTIONS


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
def test_a_hand_of_unknown_handedness_has_what_does_not_depend_on_it(name: str) -> None:
    assert in_convention(name, hand_pose(gesture("open")), CAMERA) is not None
    told = in_convention(name, hand_pose(gesture("open"), Handedness.UNKNOWN), CAMERA)
    assert (told is not None) == (name == "mediapipe")
