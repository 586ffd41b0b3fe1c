"""The arm and the body of a hand's owner, against the hand that they belong to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dense3d_ros.geometry.hand import JOINT_INDEX
from dense3d_ros.learning.synthetic.arms import _ARM_STARTS as ARM_STARTS
from dense3d_ros.learning.synthetic.arms import _SHOULDER as SHOULDER
from dense3d_ros.learning.synthetic.arms import arm, body_at
from dense3d_ros.learning.synthetic.bodies import load_bodies
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import scene_options
from dense3d_ros.learning.synthetic.scenes import SceneAssets, random_hand


@pytest.fixture(scope="module")
def assets() -> SceneAssets:
    return SceneAssets.load()


@pytest.fixture(scope="module")
def hands(assets: SceneAssets) -> list[tuple[PosedHand, bool]]:
    return [random_hand(np.random.default_rng([5, number]), assets) for number in range(80)]


def test_an_arm_goes_on_from_the_hand_to_a_shoulder_behind_it(hands: list[tuple[PosedHand, bool]]) -> None:
    reaching = 0
    for number, (hand, _) in enumerate(hands):
        found = arm(np.random.default_rng(number), hand)
        wrist, knuckle = hand.joints[0], hand.joints[JOINT_INDEX["middle_mcp"]]
        if found is None:
            continue
        reaching += 1
        (vertices, faces), shoulder = found
        assert faces.max() == len(vertices) - 1
        assert np.linalg.norm(vertices - wrist, axis=1).min() < 0.2, "it begins at the wrist or where the forearm ends"
        assert np.linalg.norm(vertices - shoulder, axis=1).min() < 0.1
        length = 1.95 * float(np.linalg.norm(wrist - knuckle))
        assert np.linalg.norm(shoulder - wrist) < 3.5 * length, "no longer than an arm"
        assert shoulder[2] > wrist[2] - 0.05, "the arm does not cover the hand"
        beyond_fingers = (vertices - wrist) @ (knuckle - wrist) > 1.5 * np.square(knuckle - wrist).sum()
        assert beyond_fingers.mean() < 0.5, "it leads away from the fingers"
    assert 0.4 * len(hands) < reaching < len(hands)


def test_a_hand_that_reaches_away_from_the_camera_has_none(hands: list[tuple[PosedHand, bool]]) -> None:
    away = [hand for hand, _ in hands if hand.joints[JOINT_INDEX["middle_mcp"], 2] > hand.joints[0, 2] + 0.06]
    assert len(away) > 3
    assert all(arm(np.random.default_rng(number), hand) is None for number, hand in enumerate(away))


@pytest.mark.parametrize("right", [True, False])
def test_the_body_has_its_shoulder_there_and_one_arm_less(right: bool) -> None:
    bodies = tuple(load_bodies())
    options = replace(scene_options(), turned_bodies=0.0, hair=0.0)
    side = -1.0 if right else 1.0
    for number in range(30):
        place = np.array([0.1, -0.1, 0.9])
        vertices, faces = body_at(np.random.default_rng(number), place, right, bodies, options)
        assert np.linalg.norm(vertices - place, axis=1).min() < 0.1, "skin about the shoulder"
        # Back in the body's own axes, which a rigid motion of its vertices tells.
        errors = []
        for own, _ in bodies:
            centred, placed = own - own.mean(axis=0), vertices - vertices.mean(axis=0)
            left, _, turn = np.linalg.svd(centred.T @ placed)
            errors.append((float(np.abs(placed @ (left @ turn).T - centred).max()), own))
        error, own = min(errors, key=lambda pair: pair[0])
        assert error < 1e-3
        shown = own[np.unique(faces)]
        assert (side * shown[:, 0]).max() <= ARM_STARTS, "no arm of its own on that side"
        assert (-side * shown[:, 0]).max() > SHOULDER[0], "the other arm stays"
