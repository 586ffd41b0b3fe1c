import numpy as np
import pytest
import torch
from dense_scene import NO_VECTORS, VECTORS, make_scene

from dense3d_ros.dense.maps import (
    PAPER,
    foreground,
    map_points,
    metric_geometry,
    project,
    restore_joints,
    sample_depth,
    target_maps,
    votes,
)
from dense3d_ros.dense.voting import mean_shift, softmax_fusion

METRIC = metric_geometry()
both = pytest.mark.parametrize("geometry", [PAPER, METRIC], ids=["paper", "metric"])


@pytest.mark.skipif(not VECTORS.is_dir(), reason=NO_VECTORS)
def test_mean_shift_equals_the_published_graph():
    inputs = {name: torch.from_numpy(value) for name, value in np.load(VECTORS / "inputs.npz").items()}
    hm, h3, um, depth = (inputs[name].permute(0, 3, 1, 2) for name in ("hm", "h3", "um", "d"))
    camera, centre = inputs["cfg"][:, :4], inputs["com"]
    points = map_points(depth, camera, centre, PAPER)
    field = votes(points, h3, um.unflatten(1, (21, 3)), PAPER)
    joints = mean_shift(hm, h3, field, points, foreground(depth, PAPER), camera, centre, PAPER)
    np.testing.assert_allclose(restore_joints(joints, centre, PAPER), np.load(VECTORS / "pose.npy"), atol=1e-3)


def plain_mean_shift(hm, h3, field, points, seen, camera, centre, geometry, weighting, depth_clip):
    """One joint at a time, as the steps are written down: hm, h3 (S, S); field, points (3, S, S)."""
    size = hm.shape[-1]
    score = np.where(seen, (hm + 1) * h3, 0).ravel()
    chosen = [field.reshape(3, -1)[:, i].copy() for i in sorted(range(len(score)), key=lambda i: -score[i])[:5]]
    table = {"hm": hm, "h3": h3, "hm*h3": hm * h3, "none": np.ones_like(hm)}[weighting]
    weights = []
    grid = np.zeros((4, 4, 4))
    for point in chosen:
        x, y, z = point * geometry.unit + centre
        pixel = np.array([x / z * camera[0] + camera[2], y / z * camera[1] + camera[3]])
        col, row = np.trunc((pixel - geometry.first) / geometry.stride + 0.5).astype(int)
        inside = 0 <= col < size and 0 <= row < size
        weights.append(max(table[row, col], 0) if inside else 0)
        if depth_clip and inside and seen[row, col]:
            point[2] = max(point[2], points[2, row, col])
        grid[tuple(np.clip(2 * (point + 1), 0, 3.9).astype(int))] += weights[-1]
    last = np.flatnonzero(grid.ravel() == grid.max())[-1]
    estimate = np.array(np.unravel_index(last, grid.shape)) / 2 - 0.75
    for _ in range(10):
        kernel = [w * np.exp(-((p - estimate) ** 2).sum() / 0.32) for w, p in zip(weights, chosen, strict=True)]
        total = sum(kernel)
        estimate = sum(k * p for k, p in zip(kernel, chosen, strict=True)) / total if total > 1e-6 else chosen[0]
    return estimate


@both
@pytest.mark.parametrize("depth_clip", [False, True])
@pytest.mark.parametrize("weighting", ["hm", "h3", "hm*h3", "none"])
def test_mean_shift_equals_a_plain_loop_on_noisy_maps(geometry, weighting, depth_clip):
    scene = make_scene(geometry, joints=6)
    generator = torch.Generator().manual_seed(3)
    maps = target_maps(scene.joints, scene.points, scene.camera, scene.centre, geometry)
    hm, h3, um = (m + 0.2 * torch.randn(m.shape, generator=generator) for m in maps)
    field = votes(scene.points, h3, um, geometry)
    arguments = [hm, h3, field, scene.points, scene.seen, scene.camera, scene.centre]
    arguments = [a if a.dtype == torch.bool else a.double() for a in arguments]
    joints = mean_shift(*arguments, geometry, weighting=weighting, depth_clip=depth_clip)
    hm, h3, field, points, seen, camera, centre = (a.numpy() for a in arguments)
    for b in range(2):
        for j in range(6):
            one = (hm[b, j], h3[b, j], field[b, j], points[b], seen[b, 0], camera[b], centre[b])
            expected = plain_mean_shift(*one, geometry, weighting, depth_clip)
            np.testing.assert_allclose(joints[b, j], expected, atol=1e-9)


@both
def test_perfect_maps_decode_to_their_joints(geometry):
    scene = make_scene(geometry)
    maps = target_maps(scene.joints, scene.points, scene.camera, scene.centre, geometry)
    field = votes(scene.points, maps.h3, maps.um, geometry)
    around = (scene.points, scene.seen, scene.camera, scene.centre, geometry)
    torch.testing.assert_close(mean_shift(maps.hm, maps.h3, field, *around), scene.joints, atol=1e-5, rtol=0)
    joints, spread = softmax_fusion(maps.hm, maps.h3, field, scene.seen)
    # Pixels outside the ball keep a little weight, none of it when the softmax is sharp.
    assert (joints - scene.joints).norm(dim=-1).max() < 1e-3
    assert spread.max() < 0.02
    sharp, _ = softmax_fusion(maps.hm, maps.h3, field, scene.seen, temperature=60.0)
    torch.testing.assert_close(sharp, scene.joints, atol=1e-4, rtol=0)


def scatter_votes(positions, scores, weights):
    """Maps of one joint: its first pixels have these votes and scores (h3); hm is set where they project."""
    depth = torch.zeros(1, 1, 32, 32)
    camera, centre = torch.tensor([[200.0, 200.0, 64.0, 64.0]]), torch.tensor([[0.0, 0.0, 500.0]])
    field = torch.zeros(1, 1, 3, 32, 32)
    h3, hm = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    positions = torch.tensor(positions)
    cells = (project(positions[None], camera, centre, PAPER)[0] + 0.5).long()
    for k, ((col, row), score, weight) in enumerate(zip(cells, scores, weights, strict=True)):
        field[0, 0, :, 0, k] = positions[k]
        h3[0, 0, 0, k] = score
        hm[0, 0, row, col] = weight
    points = map_points(depth, camera, centre, PAPER)
    return hm, h3, field, points, foreground(depth, PAPER), camera, centre, PAPER


def test_mean_shift_ignores_a_far_vote():
    near = [[0.30, 0.1, 0.0], [0.30, 0.1, 0.01], [0.30, 0.1, -0.01], [0.30, 0.1, 0.0]]
    joint = mean_shift(*scatter_votes([*near, [-1.5, -1.0, 0.9]], [1.0] * 5, [0.5] * 5))
    torch.testing.assert_close(joint[0, 0], torch.tensor([0.30, 0.1, 0.0]), atol=1e-4, rtol=0)


def test_mean_shift_without_weight_falls_back_to_the_best_candidate():
    positions = [[0.5, 0.2, 0.1], [-0.5, 0.2, 0.3], [0.1, -0.6, 0.0], [0.0, 0.6, 0.0], [-0.4, -0.4, 0.0]]
    for weight in (0.0, -1.0):
        joint = mean_shift(*scatter_votes(positions, [0.5, 0.9, 0.4, 0.3, 0.2], [weight] * 5))
        assert torch.equal(joint[0, 0], torch.tensor(positions[1]))
    outside = [[9.0, 0.0, 0.0], [-9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, -9.0, 0.0], [9.0, 9.0, 0.0]]
    maps = scatter_votes([[0.0, 0.0, 0.0]] * 5, [0.5, 0.4, 0.3, 0.2, 0.1], [1.0] * 5)
    maps[2][0, 0, :, 0, :5] = torch.tensor(outside).T
    assert torch.equal(mean_shift(*maps)[0, 0], torch.tensor(outside[0]))


def test_mean_shift_takes_the_lowest_pixel_among_equals():
    positions = [[0.1 * k, 0.0, 0.0] for k in range(8)]
    joint = mean_shift(*scatter_votes(positions, [0.5] * 8, [0.0] * 8))
    assert torch.equal(joint[0, 0], torch.tensor(positions[0]))


def test_mean_shift_refuses_an_unknown_weighting():
    with pytest.raises(ValueError, match="weighting must be"):
        mean_shift(*scatter_votes([[0.0, 0.0, 0.0]], [1.0], [1.0]), weighting="median")


def test_softmax_fusion_of_two_pixels():
    hm, h3 = torch.tensor([[[[0.0, 1.0], [5.0, 5.0]]]]), torch.tensor([[[[0.5, 0.25], [5.0, 5.0]]]])
    field = torch.tensor([[1.0, -1.0, 9.0, 9.0], [0.0, 2.0, 9.0, 9.0], [0.0, 0.0, 9.0, 9.0]]).view(1, 1, 3, 2, 2)
    seen = torch.tensor([[[[True, True], [False, False]]]])
    joints, spread = softmax_fusion(hm, h3, field, seen, temperature=4.0)
    second = 1 / (1 + np.exp(4.0 * (0.5 - 0.75)))
    expected = torch.tensor([1 - 2 * second, 2 * second, 0.0])
    torch.testing.assert_close(joints[0, 0], expected.float())
    # Two votes a distance L apart: the weighted variance is w (1 - w) L².
    assert spread.item() == pytest.approx(np.sqrt(second * (1 - second) * 8), rel=1e-5)


@both
def test_a_image_of_background_is_finite(geometry):
    depth = torch.full((1, 1, 32, 32), geometry.background)
    camera, centre = (
        torch.tensor([[200.0, 200.0, 64.0, 64.0]]),
        torch.tensor([[0.0, 0.0, 4.0]]) * geometry.unit,
    )
    points = map_points(depth, camera, centre, geometry)
    hm, h3, um = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), torch.randn(1, 3, 3, 32, 32)
    field, seen = votes(points, h3, um, geometry), foreground(depth, geometry)
    joints, spread = softmax_fusion(hm, h3, field, seen)
    assert torch.equal(joints, torch.zeros(1, 3, 3))
    assert torch.equal(spread, torch.ones(1, 3))
    assert mean_shift(hm, h3, field, points, seen, camera, centre, geometry).isfinite().all()


@both
@pytest.mark.parametrize("case", ["noisy", "perfect", "background", "equal votes"])
def test_gradients_are_finite(geometry, case):
    scene = make_scene(geometry, joints=3)
    maps = target_maps(scene.joints, scene.points, scene.camera, scene.centre, geometry)
    noise = 0.1 if case == "noisy" else 0.0
    maps = [(m + noise * torch.rand_like(m)).requires_grad_() for m in maps]
    points = scene.points * (case != "equal votes")
    seen = scene.seen & (case != "background")
    joints, spread = softmax_fusion(maps[0], maps[1], votes(points, *maps[1:], geometry), seen)
    (joints.square().sum() + spread.sum()).backward()
    assert all(m.grad is not None and m.grad.isfinite().all() for m in maps)


class Decoder(torch.nn.Module):
    def forward(self, image, camera, centre, hm, h3, um):
        depth = sample_depth(image, METRIC)
        points = map_points(depth, camera, centre, METRIC)
        joints, spread = softmax_fusion(hm, h3, votes(points, h3, um, METRIC), foreground(depth, METRIC))
        return restore_joints(joints, centre, METRIC), spread


def test_the_default_decoding_can_be_exported():
    openvino = pytest.importorskip("openvino")
    scene = make_scene(METRIC)
    maps = target_maps(scene.joints, scene.points, scene.camera, scene.centre, METRIC)
    inputs = (scene.image, scene.camera, scene.centre, *maps)
    exported = openvino.compile_model(openvino.convert_model(Decoder(), example_input=inputs), "CPU")
    # Other values than at export, one crop without a hand: nothing of the example may be baked in.
    image = scene.image.flip(-1)
    image[1] = METRIC.background
    other = (image, scene.camera * 1.1, scene.centre * 0.9, *(0.5 * m for m in maps))
    for result, expected in zip(exported([m.numpy() for m in other]).values(), Decoder()(*other), strict=True):
        np.testing.assert_allclose(result, expected, atol=1e-5)
