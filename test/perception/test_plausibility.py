from __future__ import annotations

import numpy as np
import pytest
from room import CAMERA, make_room

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_INDEX
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space, sample_angles
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.perception.plausibility import implausibility


@pytest.fixture(scope="module")
def mesh() -> HandMesh:
    return HandMesh.load()


@pytest.fixture(scope="module")
def scene(mesh: HandMesh) -> tuple[np.ndarray, DepthImage]:
    """Joints (21, 3) of an open hand and its image."""
    hand = mesh.pose(pose_space().gestures["open"])
    place = np.array([0.0, 0.0, 0.6])
    depth = render_depth(hand.vertices + place.astype(np.float32), hand.faces, CAMERA)
    return hand.joints + place, DepthImage(depth)


def test_true_hands_are_plausible(mesh: HandMesh) -> None:
    """Every size from a child's to a large man's, every pose, seen in a noisy room."""
    for seed in range(15):
        room = make_room(np.random.default_rng(seed), mesh, person=True)
        assert implausibility(room.joints, room.depth, room.camera) == ""
    rng = np.random.default_rng(8)
    for length in (0.14, 0.183, 0.23):
        for _ in range(20):
            hand = mesh.pose(sample_angles(rng), length=length)
            joints = hand.joints + np.array([0, 0, 0.6])
            depth = render_depth(hand.vertices + np.float32([0, 0, 0.6]), hand.faces, CAMERA)
            assert implausibility(joints, DepthImage(depth), CAMERA) == ""


def test_joints_as_wrong_as_a_networks_are_plausible(scene: tuple[np.ndarray, DepthImage]) -> None:
    joints, depth = scene
    rng = np.random.default_rng(9)
    noisy = [implausibility(joints + rng.normal(0, 0.008, (21, 3)), depth, CAMERA) for _ in range(50)]
    assert sum(map(bool, noisy)) <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda joints: joints * np.nan, "not numbers"),
        (lambda joints: joints - [0, 0, 1.0], "not in front of the camera"),
        (lambda joints: (joints - joints[0]) * 2.2 + joints[0], "mm across"),
        (lambda joints: (joints - joints[0]) * 0.2 + joints[0], "mm across"),
        (lambda joints: np.random.default_rng(10).permutation(joints), "bones are too long or too short"),
        (lambda joints: joints - [0, 0, 0.1], "joints are more than 35 mm in front of the surface"),
        (lambda joints: joints + np.array([0.25, 0, 0]), "only 0 joints are near a measured surface"),
        (lambda joints: joints + np.array([5.0, 0, 0]), "only 0 of 21 joints are in the image"),
    ],
)
def test_what_is_no_hand(change, message: str, scene: tuple[np.ndarray, DepthImage]) -> None:  # type: ignore[no-untyped-def]
    joints, depth = scene
    assert message in implausibility(change(joints), depth, CAMERA)


def test_a_few_wrong_bones_are_forgiven(scene: tuple[np.ndarray, DepthImage]) -> None:
    joints, depth = scene
    bent = joints.copy()
    bent[JOINT_INDEX["little_tip"]] = bent[JOINT_INDEX["little_dip"]]
    bent[JOINT_INDEX["thumb_tip"]] = bent[JOINT_INDEX["thumb_ip"]]
    assert implausibility(bent, depth, CAMERA) == ""


def test_a_hand_half_out_of_the_image_is_still_one(mesh: HandMesh) -> None:
    hand = mesh.pose(np.zeros(25))
    left_edge = Camera(476.0, 476.0, 20.0, 239.5, 640, 480)
    depth = render_depth(hand.vertices + np.float32([0, 0, 0.5]), hand.faces, left_edge)
    assert implausibility(hand.joints + np.array([0, 0, 0.5]), DepthImage(depth), left_edge) == ""
