"""What one stack tells the next: the maps of its fused joints, and its points in the palm's frame."""

from __future__ import annotations

import pytest
import torch
from dense_scene import make_scene

from dense3d_ros.dense.feedback import feedback_channels, palm_axes, pose_feedback
from dense3d_ros.dense.maps import Maps, metric_geometry, target_maps
from dense3d_ros.hand import JOINT_INDEX

METRIC = metric_geometry()
WRIST, INDEX, MIDDLE, LITTLE = (JOINT_INDEX[name] for name in ("wrist", "index_mcp", "middle_mcp", "little_mcp"))


def palm() -> torch.Tensor:
    """(1, 21, 3) joints of a palm whose fingers point along x and whose index finger is towards y."""
    joints = torch.zeros(1, 21, 3)
    joints[0, MIDDLE] = torch.tensor([0.6, 0.0, 0.0])
    joints[0, INDEX] = torch.tensor([0.6, 0.2, 0.0])
    joints[0, LITTLE] = torch.tensor([0.5, -0.4, 0.0])
    return joints


def test_axes_turn_with_the_palm() -> None:
    torch.testing.assert_close(palm_axes(palm())[0], torch.eye(3))
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))
    turn = turn * torch.linalg.det(turn)
    torch.testing.assert_close(palm_axes(palm() @ turn.T)[0], turn)


def test_joints_on_one_spot_give_finite_axes() -> None:
    assert torch.isfinite(palm_axes(torch.zeros(1, 21, 3))).all()


def test_perfect_maps_come_back_with_the_points_in_the_palms_frame() -> None:
    scene = make_scene(METRIC)
    perfect = target_maps(scene.joints, scene.points, scene.camera, scene.centre, METRIC)
    told = pose_feedback(perfect, scene.points, scene.seen, scene.camera, scene.centre, METRIC)
    assert told.shape == (2, feedback_channels(21), 32, 32)
    assert (told[:, :21] - perfect.hm).abs().mean() < 0.01
    in_palm = told[:, -3:]
    assert not in_palm[~scene.seen.expand_as(in_palm)].any()
    # Distances stay what they are in any frame.
    ours = in_palm[0].flatten(1)[:, scene.seen[0].flatten()].T[:200]
    true = scene.points[0].flatten(1)[:, scene.seen[0].flatten()].T[:200]
    torch.testing.assert_close(torch.cdist(ours, ours), torch.cdist(true, true), atol=1e-3, rtol=0)


@pytest.mark.parametrize("seen", [True, False])
def test_nothing_is_learned_through_it(seen: bool) -> None:
    scene = make_scene(METRIC)
    maps = Maps(*(torch.zeros(shape, requires_grad=True) for shape in ((2, 21, 32, 32),) * 2 + ((2, 21, 3, 32, 32),)))
    told = pose_feedback(maps, scene.points, scene.seen & seen, scene.camera, scene.centre, METRIC)
    assert not told.requires_grad
    assert torch.isfinite(told).all()
