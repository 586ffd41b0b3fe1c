"""Children's hands, gloves, nails, rings, watches and sleeves, against the hand that wears them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.hands import shaped_hand
from dense3d_ros.learning.synthetic.options import scene_options
from dense3d_ros.learning.synthetic.people import Traits, glove_thickness, sample_traits, worn
from dense3d_ros.learning.synthetic.poses import pose_space

LENGTH = 0.18


@pytest.fixture(scope="module", params=["soma", "makehuman", "webxr"])
def mesh(request: pytest.FixtureRequest) -> HandMesh:
    return HandMesh.load(request.param)


def test_shares_and_ranges_are_those_of_the_options() -> None:
    options, rng = scene_options(), np.random.default_rng(0)
    traits = [sample_traits(rng, options) for _ in range(2000)]
    lengths = np.array([one.length for one in traits if one.length is not None])
    gloves = np.array([one.glove for one in traits if one.glove])
    assert len(lengths) / 2000 == pytest.approx(options.children, abs=0.04)
    assert 0.12 <= lengths.min() < 0.122
    assert lengths.max() <= options.child_length[1]
    assert len(gloves) / 2000 == pytest.approx(options.thick_gloves, abs=0.04)
    assert 0.002 <= gloves.min() < gloves.max() <= 0.006
    assert np.mean([one.half_sleeve for one in traits]) == pytest.approx(options.half_sleeves, abs=0.04)
    assert not any(one.glove and (one.nails or one.rings) for one in traits), "hidden under the glove"


def test_children_have_short_hands(mesh: HandMesh) -> None:
    hand = shaped_hand(np.random.default_rng(1), mesh, scene_options(), None, Traits(length=0.12))
    middle = hand.joints[[0, 9, 10, 11, 12]]
    assert np.linalg.norm(np.diff(middle, axis=0), axis=1).sum() == pytest.approx(0.12, rel=1e-3)


def test_gloves_are_as_thick_as_they_say(mesh: HandMesh) -> None:
    angles = pose_space().gestures["open"]
    bare = mesh.pose(angles, length=LENGTH)
    gloved = mesh.shaped(length=LENGTH, thickness=glove_thickness(Traits(glove=0.005))).pose(angles)
    fingers = mesh.main_bones >= 4
    moved = np.linalg.norm(gloved.vertices - bare.vertices, axis=1)
    assert np.median(moved[fingers]) == pytest.approx(0.005, rel=0.1)
    assert np.median(moved[mesh.main_bones == 1]) < 5e-4
    np.testing.assert_array_equal(gloved.joints, bare.joints)


def test_nails_stand_beyond_the_tips_and_the_joints_stay(mesh: HandMesh) -> None:
    angles = pose_space().gestures["relaxed"]
    hand = mesh.pose(angles, length=LENGTH)
    reaches = []
    for seed in range(12):
        nails = worn(np.random.default_rng(seed), mesh, hand, angles, LENGTH, Traits(nails=True))
        assert nails is not None
        plates = nails[0].reshape(5, 8, 3)
        for digit in range(5):
            tip, before = hand.joints[4 + 4 * digit], hand.joints[3 + 4 * digit]
            along = (tip - before) / np.linalg.norm(tip - before)
            reach = (plates[digit] - tip) @ along
            assert reach.min() < 0, "it begins on the finger"
            reaches.append(reach.max())
            skin = hand.vertices[mesh.main_bones == 6 + 3 * digit]
            assert np.linalg.norm(skin[:, None] - plates[digit], axis=2).min() < 0.005, "on its skin"
    assert 0 < min(reaches) < 0.012
    assert 0.015 < max(reaches) < 0.03


def test_rings_are_around_a_finger(mesh: HandMesh) -> None:
    angles = pose_space().gestures["open"]
    hand = mesh.pose(angles, length=LENGTH)
    for seed in range(10):
        rings = worn(np.random.default_rng(seed), mesh, hand, angles, LENGTH, Traits(rings=True))
        assert rings is not None
        roots, ends = hand.joints[[2, 5, 9, 13, 17]], hand.joints[[3, 6, 10, 14, 18]]
        for vertex in rings[0]:
            share = ((vertex - roots) * (ends - roots)).sum(axis=1) / ((ends - roots) ** 2).sum(axis=1)
            away = np.linalg.norm(vertex - roots - share[:, None] * (ends - roots), axis=1)
            assert ((share > 0.1) & (share < 0.95) & (away < 0.025)).any()


def test_a_band_is_around_the_wrist(mesh: HandMesh) -> None:
    angles = pose_space().gestures["flat"]
    hand = mesh.pose(angles, length=LENGTH, forearm=0.5)
    for seed in range(10):
        band = worn(np.random.default_rng(seed), mesh, hand, angles, LENGTH, Traits(band=True))
        assert band is not None
        assert -0.06 < band[0][:, 0].min() < band[0][:, 0].max() < 0.02, "behind the wrist joint"
        near = hand.vertices[np.abs(hand.vertices[:, 0] - np.median(band[0][:, 0])) < 0.004]
        assert (band[0][:, 1:].min(axis=0) < near[:, 1:].min(axis=0)).all()
        assert (band[0][:, 1:].max(axis=0) > near[:, 1:].max(axis=0)).all()


def test_half_sleeves_cover_the_palm_as_far_as_their_cuff(mesh: HandMesh) -> None:
    angles = pose_space().gestures["flat"]
    hand = mesh.pose(angles, length=LENGTH, forearm=0.5)
    palm = hand.vertices[np.isin(mesh.main_bones, (0, 2, 3))]
    cuffs = []
    for seed in range(12):
        sleeve = worn(np.random.default_rng(seed), mesh, hand, angles, LENGTH, Traits(half_sleeve=True))
        assert sleeve is not None
        cuffs.append(float(sleeve[0][:, 0].max()))
        covered = palm[(palm[:, 0] > 0.005) & (palm[:, 0] < cuffs[-1] - 0.01)]
        low, high = sleeve[0].min(axis=0), sleeve[0].max(axis=0)
        assert ((covered > low - 0.003) & (covered < high + 0.003)).all(axis=1).mean() > 0.98
    assert min(cuffs) < 0.45 * hand.joints[9, 0]
    assert 0.55 * hand.joints[9, 0] < max(cuffs) < 0.95 * hand.joints[9, 0]


def test_a_left_hand_wears_its_mirror_image() -> None:
    mesh, options = HandMesh.load("soma"), replace(scene_options(), contact_poses=0.0)
    hand = shaped_hand(np.random.default_rng(3), mesh, options, None, Traits(rings=True))
    mirrored = hand.mirrored()
    assert hand.worn is not None
    assert mirrored.worn is not None
    np.testing.assert_array_equal(mirrored.worn[0] * [1, -1, 1], hand.worn[0])
    np.testing.assert_array_equal(mirrored.joints * [1, -1, 1], hand.joints)
