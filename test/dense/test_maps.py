import numpy as np
import pytest
import torch
from dense_scene import NO_VECTORS, VECTORS, make_scene

from dense3d_ros.dense.maps import (
    PAPER,
    foreground,
    map_points,
    metric_geometry,
    normalise_joints,
    project,
    restore_joints,
    sample_depth,
    target_maps,
    votes,
)
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import crop_hand
from dense3d_ros.geometry.depth import DepthImage

METRIC = metric_geometry()
both = pytest.mark.parametrize("geometry", [PAPER, METRIC], ids=["paper", "metric"])


@pytest.mark.skipif(not VECTORS.is_dir(), reason=NO_VECTORS)
def test_targets_equal_the_published_graph():
    inputs, expected = np.load(VECTORS / "inputs.npz"), np.load(VECTORS / "targets.npz")
    depth = torch.from_numpy(inputs["d"]).permute(0, 3, 1, 2)
    camera, centre = torch.from_numpy(inputs["cfg"][:, :4]), torch.from_numpy(inputs["com"])
    points = map_points(depth, camera, centre, PAPER)
    joints = normalise_joints(torch.from_numpy(inputs["mm"]).float(), centre, PAPER)
    maps = target_maps(joints, points, camera, centre, PAPER)
    np.testing.assert_allclose(points[0].permute(1, 2, 0), expected["xyz"][0], atol=1e-6)
    np.testing.assert_allclose(maps.hm[0].permute(1, 2, 0), expected["hm"][0], atol=2e-6)
    np.testing.assert_allclose(maps.h3[0].permute(1, 2, 0), expected["h3"][0], atol=2e-6)
    um = maps.um[0].flatten(0, 1).permute(1, 2, 0)
    np.testing.assert_allclose(um, expected["um"][0], atol=2e-5)


def test_metric_points_are_the_back_projected_crop():
    values = np.full((240, 320), 0.56, np.float32)
    values[100:140, 150:200] = 0.5
    values[120, 170] = 0.0
    camera = Camera(250.0, 260.0, 158.0, 121.0, 320, 240)
    crop = crop_hand(DepthImage(values, 1.0), camera, np.array([0.02, 0.01, 0.52]))
    intrinsics = torch.tensor([[crop.camera.fx, crop.camera.fy, crop.camera.cx, crop.camera.cy]])
    depth = sample_depth(torch.from_numpy(crop.image)[None, None], METRIC)
    centre = torch.from_numpy(crop.centre)[None]
    points = map_points(depth, intrinsics, centre, METRIC)[0]

    rows, cols = np.meshgrid(np.arange(2, 128, 4), np.arange(2, 128, 4), indexing="ij")
    metres = crop.image[2::4, 2::4] * crop.half_size + crop.centre[2]
    expected = crop.camera.back_project(np.stack([cols, rows], axis=-1), metres)
    restored = restore_joints(points.flatten(1).T[None], centre, METRIC)[0].reshape(32, 32, 3)
    np.testing.assert_allclose(restored, expected, atol=1e-6)
    np.testing.assert_allclose(points[2][~foreground(depth, METRIC)[0, 0]], 1.0)


@both
def test_background_lies_on_the_far_plane(geometry):
    scene = make_scene(geometry)
    background = scene.points[:, 2][~scene.seen[:, 0]]
    assert torch.equal(background, torch.full_like(background, geometry.background_depth / geometry.unit))
    assert 0.2 < scene.seen.float().mean() < 0.5


@both
def test_votes_of_perfect_maps_are_the_joints(geometry):
    scene = make_scene(geometry)
    maps = target_maps(scene.joints, scene.points, scene.camera, scene.centre, geometry)
    field = votes(scene.points, maps.h3, maps.um, geometry)
    error = (field - scene.joints[..., None, None]).norm(dim=2)
    ball = maps.um.norm(dim=2) > 0
    assert ball.flatten(2).any(dim=-1).all()
    assert error[ball].max() < 1e-5
    torch.testing.assert_close(maps.um.norm(dim=2)[ball], torch.ones(int(ball.sum())))


@both
def test_map_values_at_known_distances(geometry):
    scene = make_scene(geometry, joints=3)
    row, col = 14, 17
    surface = scene.points[:, :, row, col]
    ahead = torch.tensor([0.0, 0.0, 1.0])
    lengths = geometry.ball_radius * torch.tensor([0.0, 0.5, 0.999])
    joints = surface[:, None] + lengths[:, None] * ahead
    maps = target_maps(joints, scene.points, scene.camera, scene.centre, geometry)
    torch.testing.assert_close(maps.h3[0, :, row, col], torch.tensor([1.0, 0.5, 0.001]), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.um[0, 1, :, row, col], ahead, atol=1e-4, rtol=0)
    # On the joint there is no direction, and in the last hundredth of the ball it is already 0.
    assert not maps.um[0, [0, 2], :, row, col].any()
    # The first joint projects onto the pixel itself, so the cone falls by a quarter per pixel from there.
    expected = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0])
    torch.testing.assert_close(maps.hm[0, 0, row, col - 4 : col + 5], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(maps.hm[0, 0, row - 4 : row + 5, col], expected, atol=1e-4, rtol=0)


@both
def test_map_cells_project_onto_themselves(geometry):
    scene = make_scene(geometry)
    cells = project(scene.points.flatten(2).transpose(1, 2), scene.camera, scene.centre, geometry)
    rows, cols = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    torch.testing.assert_close(cells[1], torch.stack([cols, rows], dim=-1).flatten(0, 1), atol=1e-3, rtol=0)


@both
def test_joints_survive_normalisation(geometry):
    scene = make_scene(geometry)
    there = restore_joints(scene.joints, scene.centre, geometry)
    torch.testing.assert_close(normalise_joints(there, scene.centre, geometry), scene.joints, atol=1e-5, rtol=0)


def test_metric_ball_is_the_same_length_at_any_cube_size():
    assert metric_geometry(0.1, 0.08).ball_radius * 0.1 == pytest.approx(0.08)
    assert METRIC.ball_radius * METRIC.unit == pytest.approx(0.1)
