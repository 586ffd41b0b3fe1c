"""Held things and the hands on them, against surfaces sampled from the triangles that are drawn."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic import grasps
from dense3d_ros.learning.synthetic.grasps import GraspBank, grasp_bank, grasp_types
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.held_things import ThingKind, held_thing
from dense3d_ros.learning.synthetic.options import scene_options
from dense3d_ros.learning.synthetic.poses import pose_space
from dense3d_ros.learning.synthetic.primitives import Mesh
from dense3d_ros.learning.synthetic.settling import sample_grasp, settled
from dense3d_ros.learning.synthetic.solids import Superquadric, Union

Double = NDArray[np.float64]

LENGTH = 0.183
SIZES = {
    ThingKind.BOX: [0.2, 0.3, 0.05],
    ThingKind.SUPERQUADRIC: [0.2, 0.3, 0.25, 0.5, 0.7],
    ThingKind.CAN: [0.2, 0.4],
    ThingKind.BOTTLE: [0.2, 0.4, 0.08, 0.2],
    ThingKind.PEN: [0.03, 0.4, 0.1],
    ThingKind.TOOL: [0.1, 0.3, 0.04, 0.5],
    ThingKind.HAMMER: [0.08, 0.6, 0.2, 0.1, 0.1],
    ThingKind.KNIFE: [0.06, 0.4, 0.1, 0.1, 0.6],
    ThingKind.BAG: [0.05, 0.4, 0.4, 0.5, 0.5, 0.2],
}
"""Of solid things; cups, mugs and pans are drawn hollow and held as if they were not."""


@pytest.fixture(scope="module")
def bank() -> GraspBank:
    return grasp_bank()


@pytest.fixture(scope="module")
def mesh() -> HandMesh:
    return HandMesh.load("soma")


class Surface:
    """The exact surface of a mesh: distances to its triangles, and winding numbers that say what is inside."""

    def __init__(self, mesh: Mesh) -> None:
        self.corners = mesh[0].astype(np.float64)[mesh[1]]
        cross = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        size = np.linalg.norm(cross, axis=1)
        self.corners, self.normals = self.corners[size > 1e-12], (cross / size.clip(1e-12)[:, None])[size > 1e-12]

    def samples(self, rng: np.random.Generator, count: int) -> Double:
        """(count, 3) points on it, any triangle as often as another."""
        chosen = self.corners[rng.integers(len(self.corners), size=count)]
        points: Double = (rng.dirichlet(np.ones(3), count)[:, :, None] * chosen).sum(axis=1)
        return points

    def distance(self, points: Double) -> Double:
        """(N,) to the nearest triangle, negative inside."""
        to = points[:, None, None] - self.corners
        edges = np.roll(self.corners, -1, axis=1) - self.corners
        share = ((to * edges).sum(axis=-1) / (edges**2).sum(axis=-1)).clip(0, 1)
        to_edges = np.linalg.norm(to - share[..., None] * edges, axis=-1).min(axis=-1)
        within = (np.cross(edges, to) * self.normals[:, None]).sum(axis=-1).min(axis=-1) >= 0
        level = np.abs((to[:, :, 0] * self.normals).sum(axis=-1))
        nearest = np.where(within, level, to_edges).min(axis=1)
        # The solid angle of a triangle, Van Oosterom and Strackee 1983.
        length = np.linalg.norm(to, axis=-1)
        first, second, third = to[:, :, 0], to[:, :, 1], to[:, :, 2]
        triple = -(first * np.cross(second, third)).sum(axis=-1)
        dots = [(one * other).sum(axis=-1) for one, other in ((first, second), (second, third), (third, first))]
        below = length.prod(axis=-1) + dots[0] * length[..., 2] + dots[1] * length[..., 0] + dots[2] * length[..., 1]
        winding = np.arctan2(triple, below).sum(axis=1) / (2 * np.pi)
        signed: Double = np.where(winding > 0.5, -nearest, nearest)
        return signed


@pytest.mark.parametrize("kind", SIZES)
def test_distances_are_those_of_the_drawn_surface(kind: ThingKind) -> None:
    thing = held_thing(kind, [*SIZES[kind], 0, 0, 0, 0][:6])
    surface, rng = Surface(thing.mesh()), np.random.default_rng(1)
    points = surface.samples(rng, 150) + rng.normal(0.0, 0.05, (150, 3))
    true, told = surface.distance(points), thing.distance(points)
    if isinstance(thing, Superquadric):
        # Chords between vertices on the surface are up to 0.012 within it, at the blunt edges.
        assert (np.abs(told) > np.abs(true) - 0.012).all(), "never too near"
        assert (np.sign(told) == np.sign(true))[np.abs(true) > 0.012].all()
    else:
        # A circle of 16 corners is up to 2 % of its radius within the round one, and parts of a union may overlap.
        single = told > 0 if isinstance(thing, Union) else slice(None)
        assert np.abs(told - true)[single].max() < 0.005
        assert (told < 0.005)[true < 0].all()


@pytest.mark.parametrize("kind", ThingKind)
def test_meshes_look_outwards(kind: ThingKind) -> None:
    """The volume enclosed by the triangles is positive; a mug's handle is open at its ends."""
    sizes = {
        ThingKind.CUP: [0.2, 0.25, 0.3],
        ThingKind.MUG: [0.25, 0.3, 0.2, 0.03],
        ThingKind.PAN: [0.08, 0.4, 0.5, 0.1],
    }
    vertices, faces = held_thing(kind, [*(SIZES | sizes)[kind], 0, 0, 0, 0][:6]).mesh()
    corners = vertices.astype(np.float64)[faces]
    assert np.einsum("ni,ni->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0


def test_grasp_types_are_those_of_the_taxonomy() -> None:
    """Numbers, types, oppositions and thumbs as in table I of Feix et al. 2016."""
    kinds = {kind.name: (kind.number, kind.kind, kind.opposition, kind.thumb) for kind in grasp_types()}
    assert len(kinds) >= 12
    assert len({number for number, *_ in kinds.values()}) == len(kinds)
    assert kinds["large_diameter"] == (1, "power", "palm", "abducted")
    assert kinds["adducted_thumb"] == (4, "power", "palm", "adducted")
    assert kinds["tripod"] == (14, "precision", "pad", "abducted")
    assert kinds["lateral"] == (16, "intermediate", "side", "adducted")


def test_the_bank_is_small_and_within_the_limits(bank: GraspBank) -> None:
    assert (Path(grasps.__file__).parent / "assets" / "grasps.npz").stat().st_size < 1_500_000
    space = pose_space()
    assert bank.angles.shape == (len(bank), 25)
    assert ((bank.angles >= space.low - 1e-9) & (bank.angles <= space.high + 1e-9)).all()
    assert len(bank.of_type) == len(grasp_types())
    assert min(len(of_type) for of_type in bank.of_type) >= 100
    assert len(np.unique(bank.things)) == len(ThingKind)


@pytest.mark.parametrize("kind", range(len(grasp_types())), ids=[kind.name for kind in grasp_types()])
def test_tips_lie_on_what_they_hold_and_nothing_is_deep_in_it(bank: GraspBank, mesh: HandMesh, kind: int) -> None:
    of_type = bank.of_type[kind]
    for index in of_type[len(of_type) // 4 :: len(of_type) // 2]:
        grasp = bank.grasp(int(index))
        skin = mesh.pose(grasp.angles, length=1.0, forearm=0.9).vertices.astype(np.float64)
        surface = Surface(grasp.held.mesh())
        near = grasp.held.distance(skin) < 0.02
        distances = np.full(len(skin), np.inf)
        distances[near] = surface.distance(skin[near]) * LENGTH
        tips = [distances[mesh.main_bones == 6 + 3 * digit] for digit in np.flatnonzero(grasp.touching)]
        assert all(np.abs(tip).min() < 0.004 for tip in tips)
        assert distances.min() > -0.004
        # As if cups were solid.
        assert grasp.held.distance(skin).min() * LENGTH > -0.004
        if grasp.kind.opposition == "pad":
            assert grasp.touching[list(grasp.kind.needed)].all()


def test_other_hands_are_settled_on_the_thing(bank: GraspBank, mesh: HandMesh) -> None:
    """Tips of hands of other shapes, some in gloves, lie on the thing nearly as those of the mean hand."""
    gaps, depths = [], []
    for number in range(51):
        rng = np.random.default_rng([5, number])
        grasp = sample_grasp(rng, scene_options())
        shaped = mesh.shaped(
            shape=rng.normal(0.0, 1.0, mesh.shape_count).clip(-2, 2),
            length=0.17,
            finger_scale=rng.normal(1.0, 0.03, 5),
            thickness=np.full(19, 0.004 * (number % 5 == 0)),
        )
        hand, angles = settled(shaped, 0.17, grasp)
        assert hand.held is not None
        np.testing.assert_array_equal(hand.joints, shaped.pose(angles).joints)
        # Nothing but a shift out of the palm.
        shift = (hand.held[0] - grasp.held.mesh()[0] * 0.17).mean(axis=0).astype(np.float64)
        assert np.abs(shift[:2]).max() < 1e-4
        held = replace(grasp.held, place=grasp.held.place + shift / 0.17)
        distances = held.distance(hand.vertices / 0.17) * 0.17
        gaps += [np.abs(distances[mesh.main_bones == 6 + 3 * d]).min() for d in np.flatnonzero(grasp.touching)]
        depths.append(-distances[mesh.main_bones != 1].min())
    assert np.mean(np.array(gaps) < 0.004) > 0.85
    assert np.median(depths) < 0.003
    assert np.mean(np.array(depths) < 0.006) > 0.9


def test_a_bank_is_read_back_as_it_was_written(bank: GraspBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "again.npz")
    again = GraspBank.load(tmp_path / "again.npz")
    for name in ("angles", "types", "touching", "things", "sizes", "turns", "places"):
        np.testing.assert_allclose(getattr(again, name), getattr(bank, name), atol=1e-12)


def test_the_script_finds_the_shipped_grasps_again(bank: GraspBank, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = Path(__file__).parents[2] / "scripts"
    if not (scripts / "build_grasp_bank.py").is_file():
        pytest.skip(f"{scripts} is not there: this is an installed package")
    monkeypatch.syspath_prepend(str(scripts))
    script = import_module("build_grasp_bank")
    skin = script.Skin()
    for name in ("palmar_pinch", "lateral"):
        number = [kind.name for kind in grasp_types()].index(name)
        again = script.search(np.random.default_rng([script.SEED, number]), skin, grasp_types()[number], 3)
        for one, index in zip(again, bank.of_type[number], strict=False):
            np.testing.assert_allclose(one.angles[0], bank.angles[index], atol=1e-9)
            np.testing.assert_allclose(one.places[0], bank.places[index], atol=1e-3)
            assert one.things[0] == bank.things[index]
