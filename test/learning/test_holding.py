"""The story of a hand that holds a thing: both move together, as fast and as often as they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.evaluation.two_hands import follow, followed_summary
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.holding import MOTIONS, SHAKING_HZ, SHAKING_SPEED, HoldingAnimation
from dense3d_ros.learning.synthetic.primitives import Mesh

CAMERA = Camera(120.0, 120.0, 79.5, 59.5, 160, 120)
SEEDS = range(6)


@pytest.fixture(scope="module")
def mesh() -> HandMesh:
    return HandMesh.load("makehuman")


@pytest.fixture(scope="module")
def animations(mesh: HandMesh) -> list[HoldingAnimation]:
    return [HoldingAnimation(CAMERA, mesh, "medium_wrap", seed=seed) for seed in SEEDS]


def centres(animation: HoldingAnimation, motion: str, rate: float) -> np.ndarray:
    times = [float(time) for time in np.arange(0.0, animation.seconds, 1 / rate)]
    return np.array([hand_centre(animation.hand(time).joints) for time in times if animation.scene(time) == motion])


def surface(mesh: Mesh | None) -> np.ndarray:
    """(N, 3) points all over a mesh."""
    assert mesh is not None
    vertices, faces = mesh
    shares = np.random.default_rng(0).dirichlet(np.ones(3), (200, len(faces)))
    return np.einsum("nfc,fcx->nfx", shares, vertices[faces]).reshape(-1, 3)


def test_same_arguments_same_images(mesh: HandMesh) -> None:
    one, same, other = (HoldingAnimation(CAMERA, mesh, "tripod", seed=seed, sensor="stereo") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.frame(1.3)[0], same.frame(1.3)[0])
    assert not np.array_equal(one.frame(1.3)[0], other.frame(1.3)[0])


def test_every_motion_happens_and_the_hand_can_be_found(animations: list[HoldingAnimation]) -> None:
    found = []
    for animation in animations:
        times = [float(time) for time in np.arange(0.0, animation.seconds, 0.1)]
        scenes = [animation.scene(time) for time in times]
        assert set(scenes) == set(MOTIONS)
        assert scenes[0] == "pick up"
        hands = [hand for time in times for hand in animation.frame(time)[1]]
        assert {hand.handedness for hand in hands} == {animation.handedness}
        found += [hand.to_be_found for hand in hands]
    assert np.mean(found) > 0.85
    assert len({animation.handedness for animation in animations}) == 2


def test_hand_and_thing_move_as_one(animations: list[HoldingAnimation]) -> None:
    for animation in animations:
        hands = [animation.hand(time) for time in (0.1, 0.9, 1.7, 2.5)]
        together = [np.concatenate([hand.joints, hand.held[0][::20]]) for hand in hands if hand.held]
        assert len(together) == len(hands)
        for moved in together[1:]:
            np.testing.assert_allclose(pdist(moved), pdist(together[0]), atol=1e-5)
        assert cKDTree(surface(hands[0].held)).query(hands[0].vertices)[0].min() < 0.005, "it lies in the hand"


def test_shaking_is_as_fast_and_as_often_as_it_says(animations: list[HoldingAnimation]) -> None:
    rate = 240.0
    for animation in animations:
        places = centres(animation, "shake", rate)
        fastest = np.linalg.norm(np.diff(places, axis=0), axis=1).max() * rate
        assert 0.95 * SHAKING_SPEED[0] < fastest < 1.2 * SHAKING_SPEED[1], "the start may be a little faster"
        along = np.linalg.svd(places - places[0])[2][0]
        swings = (places - places[0]) @ along
        crossings = np.count_nonzero(np.diff(np.sign(swings[np.abs(swings) > 1e-4])))
        hertz = crossings / 2 / MOTIONS["shake"]
        assert SHAKING_HZ[0] - 0.6 < hertz < SHAKING_HZ[1] + 0.6
        assert np.linalg.norm(places[-1] - places[0]) < 0.01


def test_carrying_is_slower_than_a_metre_a_second(animations: list[HoldingAnimation]) -> None:
    for animation in animations:
        for motion in ("pick up", "carry"):
            places = centres(animation, motion, 60.0)
            assert 0.1 < np.linalg.norm(np.diff(places, axis=0), axis=1).max() * 60 < 1.25
        assert np.linalg.norm(np.diff(centres(animation, "turn", 60.0), axis=0), axis=1).max() < 1e-5


def test_what_follows_two_hands_follows_one(animations: list[HoldingAnimation]) -> None:
    sequence = follow(animations[0], lambda depth, camera, stamp: [], 0.5)
    summary = followed_summary({"trained on": [sequence], "never trained on": []})
    assert summary["by_scene"]["pick up"]["missed"] == summary["by_mesh"]["trained on"]["missed"] == 1
    assert summary["frames"] == 15
    assert summary["numbers_per_hand"] is summary["by_mesh"]["never trained on"]["mean_joint_error_mm"] is None


def test_unknown_names(mesh: HandMesh) -> None:
    with pytest.raises(ValueError, match="sensor is 'sonar'; accepted: none, coded_light, "):
        HoldingAnimation(CAMERA, mesh, "tripod", sensor="sonar")
    with pytest.raises(ValueError, match="no grasp is 'grip'; accepted: large_diameter, "):
        HoldingAnimation(CAMERA, mesh, "grip")
