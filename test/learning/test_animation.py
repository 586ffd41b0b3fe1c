"""The rendered scene of depth_camera: the same for the same seed, smooth, and true to its joints."""

from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand_angles import ANGLE_NAMES
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.learning.synthetic.collision import hand_spheres
from dense3d_ros.learning.synthetic.motions import fingers
from dense3d_ros.learning.synthetic.poses import pose_space

CAMERA = Camera(240.0, 240.0, 159.5, 119.5, 320, 240)


def test_same_seed_same_images() -> None:
    first, second = (HandAnimation(CAMERA, seed=4, sensor="structured_light") for _ in range(2))
    for seconds in (0.0, 3.7):
        for a, b in zip(first.frame(seconds), second.frame(seconds), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(HandAnimation(CAMERA, seed=5).frame(0.0)[1], first.frame(0.0)[1])


def test_the_surface_is_in_front_of_every_joint_in_sight() -> None:
    """Along the ray of a joint the hand's skin comes first, and never more than a palm's depth before it."""
    animation = HandAnimation(CAMERA, seed=0)
    in_front = []
    for seconds in np.arange(0.0, 30.0, 1.7):
        depth, joints = animation.frame(float(seconds))
        columns, rows = np.rint(CAMERA.project(joints)).astype(int).T
        inside = (columns >= 0) & (columns < 320) & (rows >= 0) & (rows < 240)
        assert inside.mean() > 0.9
        in_front.append(joints[inside, 2] - depth[rows[inside], columns[inside]])
    gaps = np.concatenate(in_front)
    # Tips and thin fingers may miss their pixel by rounding and show the wall.
    assert np.mean((gaps > -0.004) & (gaps < 0.15)) > 0.95


def test_it_moves_at_the_speed_of_a_hand() -> None:
    animation = HandAnimation(CAMERA, seed=0)
    joints = np.stack([animation.hand(index / 30).joints for index in range(300)])
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * 30
    assert 0.05 < np.median(speed) < 0.5
    assert speed.max() < 3.0


def test_bones_keep_their_lengths() -> None:
    animation = HandAnimation(CAMERA, seed=0)
    joints = np.stack([animation.hand(seconds).joints for seconds in np.arange(0.0, 20.0, 0.9)])
    palm = np.linalg.norm(joints[:, 9] - joints[:, 0], axis=-1)
    np.testing.assert_allclose(palm, palm[0], rtol=1e-3)


def test_fingers_move_freely_within_their_limits_and_hardly_touch() -> None:
    space = pose_space()
    angles = np.stack([fingers(np.random.default_rng(seed))(0.1 * step) for seed in range(3) for step in range(300)])
    assert (angles >= space.low).all()
    assert (angles <= space.high).all()
    assert np.mean([hand_spheres().collide(pose) for pose in angles]) < 0.02
    nearest = [min(np.abs(pose - gesture).max() for gesture in space.gestures.values()) for pose in angles]
    assert np.degrees(np.percentile(nearest, 5)) > 15
    flexions = np.degrees(angles[:, ANGLE_NAMES.index("index_pip")])
    assert flexions.min() < 10
    assert flexions.max() > 90


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="motion is 'dance'; accepted: gestures, fingers"):
        HandAnimation(CAMERA, motion="dance")
    with pytest.raises(ValueError, match="sensor is 'sonar'; accepted: none, coded_light, "):
        HandAnimation(CAMERA, sensor="sonar")
