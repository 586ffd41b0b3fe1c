"""Hands seen from the wearer's head and from a robot's wrist, and how often anything new is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import scene_options, without_later_options
from dense3d_ros.learning.synthetic.scenes import SceneAssets, random_hand
from dense3d_ros.learning.synthetic.views import HEAD, WRIST, View, head_view, of_view, sample_view, wrist_view
from dense3d_ros.learning.synthetic.whole_scenes import make_whole_scene

Seen = tuple[PosedHand, bool, View]


@pytest.fixture(scope="module")
def assets() -> SceneAssets:
    assets = SceneAssets.load()
    # A long forearm tells its direction.
    return replace(assets, options=replace(assets.options, forearm=(0.85, 0.85), other_hands=0.0))


@pytest.fixture(scope="module")
def from_the_head(assets: SceneAssets) -> list[Seen]:
    rng = np.random.default_rng(0)
    views = [head_view(rng) for _ in range(500)]
    return [(*random_hand(rng, assets, view=view), view) for view in views]


def arm_end(hand: PosedHand) -> np.ndarray:
    """(3,) where the forearm is cut: the mean of the vertices furthest from the fingers."""
    away = np.linalg.norm(hand.vertices - hand.joints[9], axis=1)
    return np.asarray(hand.vertices[away > away.max() - 0.02].mean(axis=0) - hand.joints[0])


def test_from_the_head_the_forearm_comes_from_below_and_is_nearer(from_the_head: list[Seen]) -> None:
    arms = np.array([arm_end(hand) for hand, _, _ in from_the_head])
    falls = np.array([arm @ view.down for arm, (_, _, view) in zip(arms, from_the_head, strict=True)])
    assert np.mean(falls > 0) > 0.6, "the elbow hangs"
    assert np.mean(arms[:, 1] > 0) > 0.8, "and is below the hand in the image"
    # A hand that is held high before the eyes is nearer than its elbow.
    assert np.mean(arms[:, 2] < 0) > 0.6, "nearer to the camera than the hand"
    towards = [arm @ hand.joints[0] for arm, (hand, _, _) in zip(arms, from_the_head, strict=True)]
    cosines = np.array(towards) / np.linalg.norm(arms, axis=1)
    cosines /= [np.linalg.norm(hand.joints[0]) for hand, _, _ in from_the_head]
    assert np.mean(cosines < -0.77) > 0.1, "as no other scene has it"
    # A right arm comes from the right.
    sides = np.array([1 if right else -1 for _, right, _ in from_the_head])
    assert np.mean(arms[:, 0] * sides > 0) > 0.65


def test_distances_are_those_of_arms(from_the_head: list[Seen]) -> None:
    distance = np.array([hand_centre(hand.joints)[2] for hand, _, _ in from_the_head])
    assert 0.25 <= distance.min() < 0.32
    assert 0.55 < distance.max() <= 0.7


def test_a_robot_sees_arms_of_others(assets: SceneAssets) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        view = wrist_view(rng)
        hand, _ = random_hand(rng, assets, view=view)
        centre = hand_centre(hand.joints)
        assert 0.2 <= centre[2] <= 0.6
        arm = arm_end(hand)
        assert arm @ hand.joints[0] / np.linalg.norm(arm) / np.linalg.norm(hand.joints[0]) > -0.55
        jaws = list(view.jaws(rng))
        assert len(jaws) in (0, 2)
        assert all(vertices[:, 2].max() < 0.3 for vertices, _ in jaws)


@pytest.mark.parametrize("make", [head_view, wrist_view])
def test_what_is_behind_is_behind_all_of_the_hand(assets: SceneAssets, make) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(2)
    seen = 0
    for _ in range(60):
        view = make(rng)
        hand, _ = random_hand(rng, assets, view=view)
        behind = view.background(rng, hand)
        if behind is not None:
            normal, level = behind
            assert (hand.vertices @ normal > level - 1e-6).all()
            assert normal[2] < 0, "it faces the camera"
            seen += 1
    assert seen > 30
    assert of_view(assets.options).bodies == 0


def test_most_hands_are_as_before() -> None:
    options = scene_options()
    assert (1 - options.own_views) * (1 - options.grasps) * (1 - options.other_hands) >= 0.55
    rng = np.random.default_rng(3)
    views = [sample_view(rng, options) for _ in range(1500)]
    kinds = [view.kind for view in views if view is not None]
    assert len(kinds) / len(views) == pytest.approx(options.own_views, abs=0.03)
    assert kinds.count(HEAD) / len(kinds) == pytest.approx(options.head_views, abs=0.1)
    assert WRIST in kinds


def test_the_fixed_test_sets_have_none_of_it() -> None:
    options = without_later_options(scene_options())
    rng = np.random.default_rng(4)
    before = rng.bit_generator.state
    assert sample_view(rng, options) is None
    assert rng.bit_generator.state == before, "nothing is drawn"
    assert options.grasps == options.other_hands == 0


def test_whole_scenes_show_a_wearers_hands(assets: SceneAssets) -> None:
    own = replace(assets, options=replace(assets.options, own_views=1.0, head_views=1.0))
    both = 0
    for number in range(25):
        scene = make_whole_scene(np.random.default_rng([6, number]), own)
        assert len(scene.hands) <= 2
        if len(scene.hands) == 2:
            both += 1
            assert scene.hands[0].right != scene.hands[1].right
        for hand in scene.hands:
            column, row = scene.camera.project(hand_centre(hand.joints)[None])[0]
            assert 0 <= column <= scene.camera.width
            assert 0 <= row <= scene.camera.height
    assert both > 2
