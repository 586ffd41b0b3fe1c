"""Other projects' conventions, against closed forms and against how those projects compute them."""

from __future__ import annotations

import numpy as np
import pytest
from rendered_hands import gesture, rendered_hands

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import JOINT_INDEX, JOINT_NAMES, Handedness, wrist_rotation
from dense3d_ros.hand_state.conventions import (
    JOINT_CONVENTIONS,
    MANO_ORDER,
    OPENXR_NAMES,
    convention_poses,
    dex_retargeting_joints,
    mano_joints,
    mano_rotation,
    mediapipe_image,
    mediapipe_world,
    openxr_hand,
)

LEFT_AND_RIGHT = (Handedness.LEFT, Handedness.RIGHT)
FLIP = np.array([1.0, -1.0, -1.0])


def test_mediapipe_image_landmarks_of_known_points() -> None:
    camera = Camera(500.0, 500.0, 319.5, 239.5, 640, 480)
    joints = np.tile([0.0, 0.0, 0.5], (21, 1))
    joints[1] = [0.1, -0.05, 0.5]
    joints[2] = [0.0, 0.0, 0.45]
    landmarks = mediapipe_image(joints, camera)
    np.testing.assert_allclose(landmarks[0], [0.5, 0.5, 0.0], atol=1e-6)
    np.testing.assert_allclose(landmarks[1], [0.5 + 100 / 640, 0.5 - 50 / 480, 0.0], atol=1e-6)
    np.testing.assert_allclose(landmarks[2], [0.5, 0.5, -50 / 640], atol=1e-6)
    joints[3, 2] = -0.1
    with pytest.raises(ValueError, match=r"depth of -0\.1 m"):
        mediapipe_image(joints, camera)


def test_mediapipe_world_landmarks_are_metres_about_the_centre() -> None:
    joints = gesture("open")
    world = mediapipe_world(joints)
    np.testing.assert_allclose(world.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.diff(world, axis=0), np.diff(joints, axis=0), atol=1e-12)


def test_openxr_has_its_26_joints_in_order() -> None:
    assert len(OPENXR_NAMES) == 26
    # XrHandJointEXT: palm 0, wrist 1, thumb tip 5, index proximal 7, index tip 10, middle tip 15, ring 20, little 25.
    joints = gesture("open")
    positions = openxr_hand(joints, Handedness.RIGHT).positions * FLIP
    for number, name in ((1, "wrist"), (2, "thumb_cmc"), (5, "thumb_tip"), (7, "index_mcp"), (10, "index_tip"),
                         (15, "middle_tip"), (20, "ring_tip"), (22, "little_mcp"), (25, "little_tip")):  # fmt: skip
        np.testing.assert_allclose(positions[number], joints[JOINT_INDEX[name]], atol=1e-12)
    assert OPENXR_NAMES[21] == "little_metacarpal"


@pytest.mark.parametrize("mesh", ["soma", "webxr"])
def test_openxr_orientations_point_along_the_bones(mesh: str) -> None:
    for hand in rendered_hands(mesh, 20):
        found = openxr_hand(hand.joints, hand.handedness)
        for rotation in found.rotations:
            np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-9)
            assert np.linalg.det(rotation) == pytest.approx(1.0)
        for first, last in ((2, 5), (6, 10), (11, 15), (16, 20), (21, 25)):
            for joint in range(first, last):
                bone = found.positions[joint + 1] - found.positions[joint]
                assert -found.rotations[joint][:, 2] @ bone == pytest.approx(np.linalg.norm(bone))


@pytest.mark.parametrize("handedness", LEFT_AND_RIGHT)
@pytest.mark.parametrize("name", ["open", "fist", "point", "peace", "hook"])
def test_openxr_orientations_bend_about_one_axis(name: str, handedness: Handedness) -> None:
    """Also where a bone is bent past 90 degrees against the one before it."""
    found = openxr_hand(gesture(name, handedness), handedness)
    for first, last in ((2, 5), (6, 10), (11, 15), (16, 20), (21, 25)):
        for joint in range(first, last):
            assert found.rotations[joint][:, 0] @ found.rotations[joint + 1][:, 0] > 0.5


@pytest.mark.parametrize("handedness", LEFT_AND_RIGHT)
def test_openxr_of_a_flat_hand_with_its_back_up(handedness: Handedness) -> None:
    # Mesh axes: fingers x, back z; here turned so that the fingers point away from the viewer, back up (y up, z back).
    x, y, z = gesture("open", handedness).T
    openxr = np.stack([-y, z - 0.5, -x], axis=1)
    found = openxr_hand(openxr * FLIP, handedness)
    # So held, both hands have the identity, as the specification's image shows it.
    np.testing.assert_allclose(found.rotations[0], np.eye(3), atol=0.05)
    np.testing.assert_allclose(found.rotations[OPENXR_NAMES.index("middle_proximal")], np.eye(3), atol=0.15)


def test_openxr_metacarpals_lie_in_the_palm() -> None:
    hand = rendered_hands("soma", 1)[0]
    found = openxr_hand(hand.joints, hand.handedness).positions * FLIP
    for name in ("index", "middle", "ring", "little"):
        root, knuckle = (found[OPENXR_NAMES.index(f"{name}_{joint}")] for joint in ("metacarpal", "proximal"))
        assert 0.03 < np.linalg.norm(knuckle - root) < 0.09
        assert np.linalg.norm(root - hand.joints[0]) < 0.05


def test_mano_order() -> None:
    names = [JOINT_NAMES[joint] for joint in MANO_ORDER]
    # index, middle, pinky, ring, thumb: the order of MANO's kinematic tree.
    assert names[:16:3] == ["wrist", "index_dip", "middle_dip", "little_dip", "ring_dip", "thumb_ip"]
    assert [names[k] for k in (1, 4, 7, 10, 13)] == ["index_mcp", "middle_mcp", "little_mcp", "ring_mcp", "thumb_cmc"]
    assert sorted(MANO_ORDER) == list(range(21))


def frame_by_singular_values(joints: np.ndarray) -> np.ndarray:
    """MANO's axes as dex-retargeting's example finds them: a plane through wrist, index and middle MCP by SVD."""
    points = (joints - joints[0])[[0, 5, 9]]
    normal = np.linalg.svd(points - points.mean(axis=0))[2][2]
    x = points[0] - points[2]
    x = x - (x @ normal) * normal
    x = x / np.linalg.norm(x)
    z = np.cross(x, normal)
    if z @ (points[1] - points[2]) < 0:
        normal, z = -normal, -z
    return np.stack([x, normal, z], axis=1)


OPERATOR_TO_MANO = {
    Handedness.RIGHT: np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]]),
    Handedness.LEFT: np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]),
}


def test_mano_axes_and_the_operator_frame_are_those_of_dex_retargeting() -> None:
    for hand in rendered_hands("webxr", 20):
        expected = frame_by_singular_values(hand.joints)
        np.testing.assert_allclose(mano_rotation(hand.joints, hand.handedness), expected, atol=1e-7)
        in_mano = (hand.joints - hand.joints[0]) @ expected
        np.testing.assert_allclose(mano_joints(hand.joints, hand.handedness), in_mano[list(MANO_ORDER)], atol=1e-7)
        operator = in_mano @ OPERATOR_TO_MANO[hand.handedness]
        np.testing.assert_allclose(dex_retargeting_joints(hand.joints, hand.handedness), operator, atol=1e-7)


@pytest.mark.parametrize("handedness", LEFT_AND_RIGHT)
def test_the_operator_frame_has_fingers_along_z_and_the_palm_along_x(handedness: Handedness) -> None:
    joints = gesture("open", handedness)
    found = dex_retargeting_joints(joints, handedness)
    np.testing.assert_allclose(found[9], [0, 0, np.linalg.norm(joints[9] - joints[0])], atol=1e-9)
    # A fist closes into the palm.
    assert dex_retargeting_joints(gesture("fist", handedness), handedness)[12, 0] > 0.02
    wrist = wrist_rotation(joints, handedness)
    thumb = (joints[4] - joints[0]) @ wrist[:, 1]
    assert found[4, 1] == pytest.approx(thumb, abs=0.03)


@pytest.mark.parametrize("handedness", LEFT_AND_RIGHT)
def test_poses_in_place_give_each_convention_back(handedness: Handedness) -> None:
    """In a robot's frame, whose axes are not the camera's: the hand turns with it, and so do the orientations."""
    turn = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    joints = gesture("pinch_i", handedness) @ turn.T + [0.3, 0.1, 0.9]
    for name in JOINT_CONVENTIONS:
        poses = convention_poses(name, joints, handedness)
        positions, rotations = (np.array([getattr(pose, part) for pose in poses]) for part in ("position", "rotation"))
        wrist = positions[0]
        if name == "openxr":
            expected = openxr_hand(joints, handedness)
            np.testing.assert_allclose(positions, expected.positions * FLIP, atol=1e-12)
            np.testing.assert_allclose(rotations, np.diag(FLIP) @ expected.rotations, atol=1e-12)
            tips = -rotations[3:5, :, 2] * np.linalg.norm(np.diff(positions[3:6], axis=0), axis=1)[:, None]
            np.testing.assert_allclose(positions[4:6], positions[3:5] + tips, atol=1e-9)
            continue
        np.testing.assert_array_equal(rotations[1:], np.broadcast_to(np.eye(3), (20, 3, 3)))
        np.testing.assert_array_equal(positions, joints[list(MANO_ORDER) if name == "mano" else range(21)])
        given = (positions - wrist) @ rotations[0]
        if name == "mediapipe":
            np.testing.assert_array_equal(rotations[0], np.eye(3))
        else:
            again = mano_joints if name == "mano" else dex_retargeting_joints
            np.testing.assert_allclose(given, again(joints, handedness), atol=1e-12)
            # The same numbers as in the camera's frame: these conventions do not know where the hand is.
            np.testing.assert_allclose(given, again(gesture("pinch_i", handedness), handedness), atol=1e-6)


def test_another_convention_is_refused() -> None:
    with pytest.raises(ValueError, match="convention is 'manus'; accepted: mediapipe, openxr, mano, dex_retargeting"):
        convention_poses("manus", gesture("open"), Handedness.RIGHT)


def test_a_palm_in_one_line_is_refused() -> None:
    with pytest.raises(ValueError, match="lie in one line"):
        mano_rotation(np.zeros((21, 3)), Handedness.RIGHT)
