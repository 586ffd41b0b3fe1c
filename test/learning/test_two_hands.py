"""The story of two hands: all its scenes happen, and it is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import hand_centre, wrist_rotation
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.two_hands import STAY_S, TRAVEL_S, TwoHandsAnimation

CAMERA = Camera(240.0, 240.0, 159.5, 119.5, 320, 240)
RATE = 15.0


@pytest.fixture(scope="module", params=["soma", "webxr"])
def animation(request: pytest.FixtureRequest) -> TwoHandsAnimation:
    return TwoHandsAnimation(CAMERA, HandMesh.load(request.param), seed=3)


def times(animation: TwoHandsAnimation, scene: str) -> list[float]:
    every = np.arange(0.0, animation.seconds, 1 / RATE)
    return [float(time) for time in every if animation.scene(float(time)) == scene]


def settled(animation: TwoHandsAnimation, scene: str) -> list[float]:
    """Times at which a stance of the scene is kept."""
    return [time for time in times(animation, scene) if time % (TRAVEL_S + STAY_S) > TRAVEL_S]


def test_same_seed_same_images() -> None:
    mesh = HandMesh.load()
    one, same, other = (TwoHandsAnimation(CAMERA, mesh, seed=seed, sensor="stereo") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.frame(1.3)[0], same.frame(1.3)[0])
    assert not np.array_equal(one.frame(1.3)[0], other.frame(1.3)[0])
    assert [hand.joints.tolist() for hand in one.frame(2.0)[1]] == [hand.joints.tolist() for hand in same.frame(2.0)[1]]


def test_every_scene_happens(animation: TwoHandsAnimation) -> None:
    scenes = {animation.scene(float(time)) for time in np.arange(0.0, animation.seconds, 0.2)}
    assert scenes == {"free", "leave right", "leave left", "leave both", "cross", "touch", "hold"}


def test_hands_leave_and_come_back(animation: TwoHandsAnimation) -> None:
    for scene, seen in (("leave right", [False, True]), ("leave left", [True, False]), ("leave both", [False, False])):
        for time in settled(animation, scene):
            assert [hand.inside > 0 for hand in animation.frame(time)[1]] == seen
    for time in settled(animation, "free"):
        assert all(hand.to_be_found for hand in animation.frame(time)[1])


def test_crossing_hands_change_sides_and_hide_each_other(animation: TwoHandsAnimation) -> None:
    frames = [animation.frame(time)[1] for time in times(animation, "cross")]
    apart = [float(left.joints[:, 0].mean() - right.joints[:, 0].mean()) for right, left in frames]
    assert min(apart) < -0.2
    assert max(apart) > 0.2
    least = np.array([[hand.visible for hand in frame] for frame in frames]).min(axis=0)
    assert (least < 0.7).all(), "each is behind the other one once"


def test_touching_hands_touch(animation: TwoHandsAnimation) -> None:
    for time in settled(animation, "touch"):
        right, left = animation.hands(time)
        assert cKDTree(right.vertices).query(left.vertices)[0].min() < 0.003


def test_held_between_both_palms(animation: TwoHandsAnimation) -> None:
    """While a thing is shown, the palms face each other with the thing between them, and both hands are seen."""
    shown = [time for time in settled(animation, "hold") if animation.frame(time)[1][0].inside == 1]
    assert shown
    for time in shown:
        depth, hands = animation.frame(time)
        right, left = (wrist_rotation(hand.joints, hand.handedness)[:, 2] for hand in hands)
        assert right @ left < -0.8
        assert right[0] < 0 < left[0], "the backs look outwards"
        middle = np.mean([hand_centre(hand.joints) for hand in hands], axis=0)
        column, row = np.rint(CAMERA.project(middle)).astype(int)
        assert 0 < middle[2] - depth[row, column] < 0.06


def test_hands_have_the_handedness_they_are_told_to_have(animation: TwoHandsAnimation) -> None:
    """Fingers bend towards the palm, which on the other hand would be the back."""
    bends = []
    for time in settled(animation, "free"):
        for hand in animation.frame(time)[1]:
            back = wrist_rotation(hand.joints, hand.handedness)[:, 2]
            bends.append((hand.joints[8:21:4] - hand.joints[5:21:4]) @ back)
    assert np.max(bends) < 0.02
    assert np.mean(bends) < -0.005


def test_hands_move_at_the_speed_of_hands(animation: TwoHandsAnimation) -> None:
    every = np.arange(0.0, animation.seconds, 1 / 10)
    centres = np.array([[hand_centre(hand.joints) for hand in animation.hands(float(time))] for time in every])
    speed = np.linalg.norm(np.diff(centres, axis=0), axis=-1) * 10
    assert np.median(speed) > 0.02
    assert speed.max() < 2.0


def test_unknown_sensor() -> None:
    with pytest.raises(ValueError, match="sensor is 'sonar'; accepted: none, coded_light, "):
        TwoHandsAnimation(CAMERA, HandMesh.load(), sensor="sonar")
