"""The arm and the body of a hand's owner, against the hand that they belong to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import JOINT_INDEX
from dense3d_ros.learning.synthetic import clutter, whole_scenes
from dense3d_ros.learning.synthetic.arms import _ARM_STARTS as ARM_STARTS
from dense3d_ros.learning.synthetic.arms import _SHOULDER as SHOULDER
from dense3d_ros.learning.synthetic.arms import Arm, arm_of, owner_of
from dense3d_ros.learning.synthetic.bodies import load_bodies
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import scene_options
from dense3d_ros.learning.synthetic.primitives import Mesh
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.scenes import SceneAssets, random_hand
from dense3d_ros.learning.synthetic.whole_scenes import make_whole_scene

MIDDLE = JOINT_INDEX["middle_mcp"]


@pytest.fixture(scope="module")
def assets() -> SceneAssets:
    return SceneAssets.load()


@pytest.fixture(scope="module")
def hands(assets: SceneAssets) -> list[PosedHand]:
    return [random_hand(np.random.default_rng([5, number]), assets)[0] for number in range(120)]


@pytest.fixture(scope="module")
def arms(hands: list[PosedHand]) -> list[tuple[PosedHand, Arm]]:
    found = [(hand, arm_of(np.random.default_rng(number), hand)) for number, hand in enumerate(hands)]
    return [(hand, arm) for hand, arm in found if arm is not None]


def hand_length(hand: PosedHand) -> float:
    return 2.0 * float(np.linalg.norm(hand.joints[0] - hand.joints[MIDDLE]))


def test_arms_have_the_length_of_arms_and_no_gap(arms: list[tuple[PosedHand, Arm]], hands: list[PosedHand]) -> None:
    assert 0.4 * len(hands) < len(arms) < 0.8 * len(hands)
    for hand, arm in arms:
        wrist, length = hand.joints[0].astype(float), hand_length(hand)
        assert 1.2 < np.linalg.norm(arm.elbow - wrist) / length < 1.55
        assert 1.45 < np.linalg.norm(arm.shoulder - arm.elbow) / length < 1.95
        skin = np.concatenate([hand.vertices, arm.limbs[0]])
        width = 0.35 * length
        for start, end in ((wrist, arm.elbow), (arm.elbow, arm.shoulder)):
            axis = (end - start) / np.linalg.norm(end - start)
            along = (skin - start) @ axis
            away = np.linalg.norm(skin - start - along[:, None] * axis, axis=1)
            near = np.sort(along[(away < width) & (along > 0) & (along < np.linalg.norm(end - start))])
            assert np.diff(near).max() < 0.75 * length, "vertices only at the rings of a tube"
        faces = arm.limbs[1]
        assert faces.min() == 0
        assert faces.max() == len(arm.limbs[0]) - 1


def test_an_elbow_bends_no_further_than_arms_do(arms: list[tuple[PosedHand, Arm]]) -> None:
    for hand, arm in arms:
        forearm, upper = arm.elbow - hand.joints[0], arm.shoulder - arm.elbow
        cosine = forearm @ upper / np.linalg.norm(forearm) / np.linalg.norm(upper)
        assert cosine > -0.8


def test_shoulders_are_above_elbows_and_behind_them_more_often_than_not(arms: list[tuple[PosedHand, Arm]]) -> None:
    upper = np.array([arm.shoulder - arm.elbow for _, arm in arms])
    assert (upper[:, 1] < 0).mean() > 0.65
    assert (upper[:, 2] > 0).mean() > 0.8


def test_a_bare_arm_is_as_wide_as_the_hand_s_own_forearm(arms: list[tuple[PosedHand, Arm]]) -> None:
    compared = 0
    for hand, arm in arms:
        wrist, end = clutter.forearm_end(hand)
        shown = float(np.linalg.norm(end - wrist))
        axis = (end - wrist) / shown
        first, skin = arm.limbs[0][:12] - wrist, hand.vertices - wrist
        start = float((first @ axis).mean())
        # A sleeve begins within the first 0.7 of what shows.
        if shown > 0.5 * hand_length(hand) and start > 0.72 * shown:
            compared += 1
            own = skin[np.abs(skin @ axis - start) < 0.05 * hand_length(hand)]
            tube, forearm = (np.linalg.norm(np.cross(points, axis), axis=1).mean() for points in (first, own))
            assert tube == pytest.approx(forearm, rel=0.2)
    assert compared > 5


def test_arms_leave_the_hand_in_view(arms: list[tuple[PosedHand, Arm]]) -> None:
    camera = Camera(400.0, 400.0, 319.5, 239.5, 640, 480)
    shares = []
    for hand, arm in arms:
        middle = np.append(hand.joints[:, :2].mean(axis=0), 0.0).astype(np.float32)
        depth, ids = np.zeros((480, 640), np.float32), np.zeros((480, 640), np.uint8)
        render_depth(hand.vertices - middle, hand.faces, camera, depth, ids=ids, object_id=1)
        pixels = np.rint(camera.project(hand.joints[1:] - middle)).astype(int)
        shown = [(row, column) for column, row in pixels if 0 <= row < 480 and 0 <= column < 640 and ids[row, column]]
        render_depth(arm.limbs[0] - middle, arm.limbs[1], camera, depth, ids=ids, object_id=2)
        shares.append(np.mean([ids[place] == 1 for place in shown]))
    assert np.mean(shares) > 0.95


def test_a_hand_that_reaches_away_from_the_camera_has_no_arm(hands: list[PosedHand]) -> None:
    away = [hand for hand in hands if hand.joints[MIDDLE, 2] > hand.joints[0, 2] + 0.06]
    assert len(away) > 3
    assert all(arm_of(np.random.default_rng(number), hand) is None for number, hand in enumerate(away))


def standing(vertices: NDArray[np.float32], bodies: tuple[Mesh, ...]) -> tuple[Mesh, NDArray, NDArray]:
    """The body that was placed, and the rotation and shift that took it there."""
    fits = []
    for body in bodies:
        own = body[0].astype(float)
        left, _, right = np.linalg.svd((own - own.mean(axis=0)).T @ (vertices - vertices.mean(axis=0)))
        rotation = (left @ right).T
        shift = vertices.mean(axis=0) - rotation @ own.mean(axis=0)
        fits.append((float(np.abs(own @ rotation.T + shift - vertices).max()), body, rotation, shift))
    error, body, rotation, shift = min(fits, key=lambda fit: fit[0])
    assert error < 1e-3
    return body, rotation, shift


@pytest.mark.parametrize("right", [True, False])
def test_the_owner_has_that_shoulder_there_and_no_other_arm_on_that_side(
    arms: list[tuple[PosedHand, Arm]], right: bool
) -> None:
    bodies, side = tuple(load_bodies()), -1.0 if right else 1.0
    options = replace(scene_options(), turned_bodies=0.0, hair=0.0)
    in_front = []
    for number, (_, arm) in enumerate(arms[:40]):
        vertices, faces = owner_of(np.random.default_rng(number), arm, right, bodies, options)
        body, rotation, shift = standing(vertices, bodies)
        np.testing.assert_allclose(rotation @ (SHOULDER * [side, 1, 1]) + shift, arm.shoulder, atol=1e-3)
        # Of a person who looks at the camera the right shoulder is on the left of the image.
        assert side * (arm.shoulder - shift)[0] > -0.02
        own = body[0].astype(float)
        across = side * own[:, 0]
        shown = np.unique(faces)
        assert across[shown].max() <= ARM_STARTS
        assert own[shown][(across[shown] > 0.0) & (own[shown, 1] > -0.25), 2].min() > -0.15, "nor one in front"
        assert (-across[shown]).max() > SHOULDER[0], "the other arm stays"
        trunk = (own[:, 2] > -0.14) & (across < 0.165)
        assert len(faces[trunk[faces].all(axis=1)]) == trunk[body[1]].all(axis=1).sum(), "and so do chest and head"
        elbow = rotation.T @ (arm.elbow - arm.shoulder)
        in_front.append(elbow[2] < 0.1 and side * elbow[0] > -0.12 and elbow[1] > -0.12)
    assert np.mean(in_front) > 0.8


def test_whole_scenes_give_each_arm_to_its_hand_and_one_of_them_to_a_body(
    assets: SceneAssets, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = replace(assets, options=replace(assets.options, arms=1.0, owners=1.0, own_views=0.3))
    drawn: list[tuple[str, bool | None]] = []

    def spied_arm(rng: np.random.Generator, hand: PosedHand) -> Arm | None:
        arm = arm_of(rng, hand)
        drawn.append(("arm" if arm else "none", None))
        return arm

    def spied_owner(rng: np.random.Generator, arm: Arm, right: bool, *others: object) -> Mesh:
        drawn.append(("owner", right))
        return owner_of(rng, arm, right, *others)  # type: ignore[arg-type]

    def spied_sleeve(rng: np.random.Generator, hand: PosedHand) -> Mesh:
        drawn.append(("sleeve", None))
        return sleeve(rng, hand)

    sleeve = clutter.sleeve
    monkeypatch.setattr(whole_scenes, "arm_of", spied_arm)
    monkeypatch.setattr(whole_scenes, "owner_of", spied_owner)
    monkeypatch.setattr(clutter, "sleeve", spied_sleeve)
    owners = without = 0
    for number in range(150):
        drawn.clear()
        scene = make_whole_scene(np.random.default_rng([6, number]), everything)
        kinds = [kind for kind, _ in drawn]
        asked = [kind for kind in kinds if kind in ("arm", "none")]
        # Where head or wrist look there are none.
        assert len(asked) in (0, len(scene.hands))
        without += bool(scene.hands) and not asked
        assert kinds.count("owner") == min(1, kinds.count("arm"))
        if kinds.count("owner"):
            owners += 1
            first = asked.index("arm")
            assert drawn[kinds.index("owner")][1] == scene.hands[first].right
        if asked == ["arm"]:
            assert "sleeve" not in kinds, "its arm has one or not"
    assert owners > 30
    assert without > 10


def test_without_the_option_scenes_are_those_of_before(assets: SceneAssets) -> None:
    """Their mean depth, metres, as of commit 7e6570b."""
    without = replace(assets, options=replace(assets.options, arms=0.0))
    means = [float(make_whole_scene(np.random.default_rng([8, number]), without).depth.mean()) for number in range(4)]
    np.testing.assert_allclose(means, [0.172112, 0.791406, 0.039223, 0.468030], atol=1e-5)
