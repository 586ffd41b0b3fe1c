"""Whole rendered scenes, and what the detector learns of them, against the hands that are in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dense3d_ros.dense.detector_layout import MAPS
from dense3d_ros.dense.detector_network import DetectorNetwork
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import angle_between, hand_centre, upright_roll
from dense3d_ros.learning.synthetic.scenes import SceneAssets
from dense3d_ros.learning.synthetic.whole_scenes import CLIPPED_BEHIND, WholeScene, make_whole_scene
from dense3d_ros.learning.training.detector import DetectorMethod, detector_loss, missed_hands
from dense3d_ros.learning.training.detector_data import (
    LEAST_INSIDE,
    LEAST_VISIBLE,
    DetectorBatch,
    DetectorBatches,
    make_view,
)
from dense3d_ros.learning.training.recipe import Recipe, Stage
from dense3d_ros.perception.detector import candidates, sampling


@pytest.fixture(scope="module")
def assets() -> SceneAssets:
    return SceneAssets.load()


@pytest.fixture(scope="module")
def scenes(assets: SceneAssets) -> list[WholeScene]:
    return [make_whole_scene(np.random.default_rng([3, number]), assets) for number in range(100)]


def clear(scene: WholeScene) -> bool:
    """Whether there is one hand, all of it in view, and little over it but a sleeve."""
    if len(scene.hands) != 1:
        return False
    pixels = scene.camera.project(scene.hands[0].joints)
    inside = ((pixels >= 5) & (pixels < [scene.camera.width - 6, scene.camera.height - 6])).all()
    return bool(inside and scene.hands[0].visible > 0.75)


def test_scenes_vary(scenes: list[WholeScene]) -> None:
    counts = np.bincount([len(scene.hands) for scene in scenes], minlength=5)
    assert counts[0] > 15
    assert counts[1] > 15
    assert counts[2:].sum() > 15
    assert len({scene.camera.height for scene in scenes}) == 4
    right = [hand.right for scene in scenes for hand in scene.hands]
    assert 0.3 < np.mean(right) < 0.7


def test_visible_hands_are_where_they_are_labelled(scenes: list[WholeScene]) -> None:
    """The surface over a visible hand's joints is within a hand's thickness of them."""
    gaps = []
    for scene in filter(clear, scenes):
        (hand,) = scene.hands
        cols, rows = np.rint(scene.camera.project(hand.joints)).astype(int).T
        surface = scene.depth[rows, cols]
        if (surface > 0).any():
            gaps.append(np.median((hand.joints[:, 2] - surface)[surface > 0]))
    assert len(gaps) >= 5
    assert np.median(gaps) == pytest.approx(0.015, abs=0.012)


@pytest.mark.parametrize("mirrored", [False, True])
def test_targets_are_what_a_perfect_network_says(scenes: list[WholeScene], mirrored: bool) -> None:
    """Read back as the detector reads its maps, a view's targets are its hands."""
    checked = 0
    for scene in filter(clear, scenes):
        size = scene.camera.width, scene.camera.height
        samples, focal, targets, counted, weights, _ = make_view(scene, (0, 0, *size), mirrored=mirrored)
        camera = replace(scene.camera, cx=size[0] - 1 - scene.camera.cx) if mirrored else scene.camera
        depth = scene.depth[:, ::-1] if mirrored else scene.depth
        grid = sampling(camera)
        np.testing.assert_array_equal(samples, grid.samples(DepthImage(np.ascontiguousarray(depth))))
        assert focal == pytest.approx(grid.camera.fx)
        maps = targets.copy()
        maps[0] = 20 * targets[0] - 10
        (found,) = candidates(maps, grid.camera, 2.0, 2)
        joints = scene.hands[0].joints * np.float32([-1 if mirrored else 1, 1, 1])
        np.testing.assert_allclose(found.centre, hand_centre(joints), atol=1e-3)
        assert angle_between(found.roll, upright_roll(joints)) < 1e-3
        assert counted.all()
        assert weights.max() == 1
        checked += 1
    assert checked >= 5


def test_hands_that_hardly_show_do_not_count(scenes: list[WholeScene]) -> None:
    seen = 0
    for scene in scenes:
        whole = (0, 0, scene.camera.width, scene.camera.height)
        _, _, targets, counted, _, _ = make_view(scene, whole, mirrored=False)
        pixels = [scene.camera.project(hand.joints) for hand in scene.hands]
        inside = [((p > -0.5) & (p < [whole[2] - 0.5, whole[3] - 0.5])).all(axis=1).mean() for p in pixels]
        shown = [hand.visible >= LEAST_VISIBLE and share >= LEAST_INSIDE
                 for hand, share in zip(scene.hands, inside, strict=True)]  # fmt: skip
        assert np.count_nonzero(targets[0] == 1) <= sum(shown)
        hidden = len(shown) - sum(shown)
        seen += hidden
        if hidden == 0:
            assert counted.all()
    assert seen > 5


def test_a_short_range_leaves_the_hands_and_nothing_far_behind_them(assets: SceneAssets) -> None:
    options = assets.options
    always, never = (replace(assets, options=replace(options, clipped_depths=share)) for share in (1.0, 0.0))
    lost = 0
    for number in range(20):
        clipped, whole = (make_whole_scene(np.random.default_rng([4, number]), each) for each in (always, never))
        kept = clipped.depth > 0
        np.testing.assert_array_equal(clipped.depth[kept], whole.depth[kept])
        nearest = float(np.percentile(whole.depth[whole.depth > 0], 5))
        furthest = max((float(hand_centre(hand.joints)[2]) for hand in clipped.hands), default=nearest)
        assert clipped.depth.max() < furthest + CLIPPED_BEHIND[1]
        assert kept[(whole.depth > 0) & (whole.depth < furthest + CLIPPED_BEHIND[0])].all()
        lost += np.count_nonzero(whole.depth) > np.count_nonzero(kept)
    assert lost > 5


def test_batches_depend_on_seed_and_number_only() -> None:
    batches = list(DetectorBatches(seed=5, batch_size=4, first=3, count=2))
    (again,) = DetectorBatches(seed=5, batch_size=4, first=4, count=1)
    assert torch.equal(batches[1].depth, again.depth)
    assert torch.equal(batches[1].targets, again.targets)
    assert not torch.equal(batches[0].depth, batches[1].depth)
    assert batches[0].depth.shape == (4, 1, 120, 160)
    assert batches[0].targets.shape == (4, len(MAPS), 30, 40)


def perfect_maps(batch: DetectorBatch) -> torch.Tensor:
    maps = batch.targets.clone()
    maps[:, 0] = torch.where(batch.targets[:, 0] == 1, 12.0, -12.0)
    return maps


def test_perfect_maps_have_next_to_no_loss_and_miss_nothing() -> None:
    (batch,) = DetectorBatches(seed=6, batch_size=16, first=0, count=1)
    maps = perfect_maps(batch)
    loss, parts = detector_loss(maps, batch)
    assert float(loss) < 0.01
    assert missed_hands(maps, batch)[0] == 0
    assert missed_hands(maps, batch)[1] == int((batch.targets[:, 0] == 1).sum()) > 0
    worse, _ = detector_loss(maps + 0.1, batch)
    assert float(worse) > float(loss)
    assert set(parts) == {"heat", "place", "depth", "roll"}
    # Somewhere else than where the hands are.
    elsewhere = maps.clone()
    elsewhere[:, 0] = maps[:, 0].roll((8, 11), (1, 2))
    assert missed_hands(elsewhere, batch)[0] > 0.7 * missed_hands(elsewhere, batch)[1]


def test_the_network_learns_a_batch() -> None:
    torch.manual_seed(0)
    method = DetectorMethod(Recipe("small", (Stage(1000, 128),), "detector", features=16))
    network = DetectorNetwork(16)
    (batch,) = DetectorBatches(seed=7, batch_size=8, first=0, count=1)
    optimiser = method.optimiser(network)
    for group in optimiser.param_groups:
        group["lr"] = 0.02
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss, _ = method.loss(network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
