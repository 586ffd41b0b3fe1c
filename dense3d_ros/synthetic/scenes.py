"""Training crops: a posed hand among arms, bodies, tables and objects, seen by a noisy depth sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.camera import Camera
from dense3d_ros.crop import crop_hand
from dense3d_ros.depth import DepthImage
from dense3d_ros.hand import JOINT_INDEX, hand_centre
from dense3d_ros.synthetic import clutter
from dense3d_ros.synthetic.bodies import load_bodies
from dense3d_ros.synthetic.hand_mesh import HandMesh, PosedHand
from dense3d_ros.synthetic.poses import sample_angles
from dense3d_ros.synthetic.primitives import Mesh
from dense3d_ros.synthetic.render import render_depth
from dense3d_ros.synthetic.sensors import random_sensor

HALF_SIZE = 0.15
WINDOW = 0.42
"""Edge of the rendered cross-section at the hand, metres: the crop cube with room for an off-centre crop."""
MAX_WINDOW_PIXELS = 200
HAND_ID = 1
RIGHT_SHARE = 0.75
EMPTY_SHARE = 0.18

NEAR_CENTRE = 0.05
FAR_CENTRE = 0.09
"""Within the first distance (metres) of its true centre a crop holds the hand, beyond the second it does not."""
LEARNED_CENTRE = 0.12
"""Up to this far from the true centre the joints are learned, so that a poor first guess can be re-centred."""


@dataclass(frozen=True)
class SceneAssets:
    """Meshes that scenes are made of, loaded once a process."""

    hands: tuple[HandMesh, ...]
    bodies: tuple[Mesh, ...]

    @classmethod
    def load(cls) -> SceneAssets:
        """The meshes that come with the package, without the hand that is kept for tests."""
        return cls((HandMesh.load("soma"),), tuple(load_bodies()))


@dataclass(frozen=True)
class Sample:
    """One training crop.

    image: (S, S) as in HandCrop. camera: (4,) fx, fy, cx, cy of the crop. centre: (3,) metres.
    joints: (21, 3) metres in the camera frame. presence: 1 hand here, 0 none, -1 neither can be said.
    has_joints: a right hand near enough to learn its joints; left hands only teach that they are left, since a left
    hand is shown to the network mirrored.
    """

    image: NDArray[np.float32]
    camera: NDArray[np.float32]
    centre: NDArray[np.float32]
    joints: NDArray[np.float32]
    presence: int
    right: bool
    has_joints: bool


def make_sample(rng: np.random.Generator, assets: SceneAssets, resolution: int = 128) -> Sample:
    """A random crop; tries again while the hand is hidden or the crop would be empty."""
    while True:
        hand, right = random_hand(rng, assets, RIGHT_SHARE)
        camera = window_camera(hand_centre(hand.joints), rng)
        with_hand = rng.random() > EMPTY_SHARE
        depth = _scene(rng, assets, hand, camera, with_hand=with_hand)
        if depth is None:
            continue
        depth = random_sensor(rng, float(hand.joints[0, 2])).apply(depth, camera, rng)
        true_centre = hand_centre(hand.joints)
        centre = _crop_centre(rng, true_centre) if with_hand else None
        if centre is None:
            centre = _surface_point(rng, depth, camera)
        if centre is None:
            continue
        crop = crop_hand(DepthImage(depth), camera, centre, HALF_SIZE, resolution)
        if np.count_nonzero(crop.image < 1) < 0.01 * crop.image.size:
            continue
        error = float(np.linalg.norm(centre - true_centre)) if with_hand else np.inf
        return Sample(
            crop.image,
            np.array([crop.camera.fx, crop.camera.fy, crop.camera.cx, crop.camera.cy], np.float32),
            crop.centre,
            hand.joints,
            presence=1 if error < NEAR_CENTRE else 0 if error > FAR_CENTRE else -1,
            right=right,
            has_joints=right and error < LEARNED_CENTRE,
        )


def random_hand(rng: np.random.Generator, assets: SceneAssets, right_share: float = 0.5) -> tuple[PosedHand, bool]:
    """A hand of random shape, pose, side and place in the camera frame, and whether it is a right one."""
    right = bool(rng.random() < right_share)
    mesh = assets.hands[rng.integers(len(assets.hands))]
    hand = mesh.pose(
        sample_angles(rng),
        shape=rng.normal(0.0, 1.0, mesh.shape_count).clip(-2.5, 2.5) if mesh.shape_count else None,
        length=float(np.clip(rng.normal(0.183, 0.014), 0.145, 0.225)),
        forearm=float(rng.uniform(0.1, 0.85)),
        finger_scale=rng.normal(1.0, 0.03, 5),
        left=not right,
    )
    z = float(np.exp(rng.uniform(np.log(0.25), np.log(1.4))))
    place = np.array([rng.uniform(-0.45, 0.45) * z, rng.uniform(-0.35, 0.35) * z, z])
    towards_elbow = hand.joints[0] - hand.joints[JOINT_INDEX["middle_mcp"]]
    towards_elbow = towards_elbow / np.linalg.norm(towards_elbow)
    view = place / np.linalg.norm(place)
    while True:
        rotation = clutter.random_rotation(rng)
        # Nobody's elbow is between the hand and the camera.
        if (rotation @ towards_elbow) @ view > -0.77:
            break
    shift = place - rotation @ hand_centre(hand.joints)
    return (
        PosedHand(
            (hand.vertices @ rotation.T + shift).astype(np.float32),
            hand.faces,
            (hand.joints @ rotation.T + shift).astype(np.float32),
        ),
        right,
    )


def window_camera(centre: NDArray[np.floating], rng: np.random.Generator) -> Camera:
    """The window of a 50-90 degree camera picture around a hand, coarser when it would be too large."""
    x, y, z = (float(value) for value in centre)
    focal = min(rng.uniform(330.0, 640.0), MAX_WINDOW_PIXELS * z / WINDOW)
    size = max(32, int(np.ceil(WINDOW * focal / z)))
    middle = (size - 1) / 2
    return Camera(focal, focal, middle - focal * x / z, middle - focal * y / z, size, size)


def _scene(
    rng: np.random.Generator, assets: SceneAssets, hand: PosedHand, camera: Camera, *, with_hand: bool
) -> NDArray[np.float32] | None:
    """(H, W) true depth of hand and clutter, or None if too little of the hand would be seen."""
    shape = (camera.height, camera.width)
    depth = np.zeros(shape, np.float32)
    ids = np.zeros(shape, np.uint8)
    if with_hand:
        render_depth(hand.vertices, hand.faces, camera, depth, ids=ids, object_id=HAND_ID)
        own = np.count_nonzero(ids)
    for mesh in clutter.surroundings(rng, hand, assets.bodies, at_least_one=not with_hand):
        render_depth(*mesh, camera, depth, ids=ids, object_id=HAND_ID + 1)
    if rng.random() < 0.12:
        other, _ = random_hand(rng, assets)
        shift = clutter.beside(rng, hand, 0.07, 0.25) - hand_centre(other.joints)
        if with_hand:
            moved = (other.vertices + shift).astype(np.float32)
            render_depth(moved, other.faces, camera, depth, ids=ids, object_id=HAND_ID + 1)
    clutter.draw_plane(rng, hand, camera, depth, ids)
    if with_hand and np.count_nonzero(ids == HAND_ID) < max(60, 0.45 * own):
        return None
    return depth


def _crop_centre(rng: np.random.Generator, true: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Where a finder might put the crop; None for somewhere on a surface instead."""
    kind = rng.random()
    if kind < 0.8:
        return (true + rng.normal(0.0, 0.012, 3)).astype(np.float32)
    if kind < 0.94:
        direction = rng.normal(0.0, 1.0, 3)
        offset: NDArray[np.float64] = direction / np.linalg.norm(direction) * rng.uniform(0.02, 0.09)
        return (true + offset).astype(np.float32)
    return None


def _surface_point(rng: np.random.Generator, depth: NDArray[np.float32], camera: Camera) -> NDArray[np.float32] | None:
    """A measured point of the picture's middle part, pushed a little behind the surface.

    Any point, or the one that sticks out furthest in some direction, where a finder would look for a hand.
    """
    rows, cols = np.nonzero(depth)
    middle = (np.abs(rows - camera.height / 2) < camera.height / 3) & (
        np.abs(cols - camera.width / 2) < camera.width / 3
    )
    rows, cols = rows[middle], cols[middle]
    if rows.size == 0:
        return None
    points = camera.back_project(np.stack([cols, rows], 1).astype(np.float64), depth[rows, cols])
    pick = rng.integers(rows.size)
    if rng.random() < 0.6:
        # Towards the camera more often than not: that is what a finder tries first.
        pick = int((points @ (rng.normal(size=3) - [0.0, 0.0, 0.8])).argmax())
    return np.asarray(points[pick] + [0.0, 0.0, rng.uniform(0.0, 0.06)], np.float32)
