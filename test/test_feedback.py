"""What a fine stage is told of the pose before it, and that it starts with that pose."""

from __future__ import annotations

import torch
from dense_scene import make_scene

from dense3d_ros.dense.feedback import feedback_channels, palm_axes, pose_feedback
from dense3d_ros.dense.maps import metric_geometry, surface, target_maps
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.regressor import dense_output
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


def test_the_maps_are_the_poses_and_the_points_are_in_the_palms_frame() -> None:
    scene = make_scene(METRIC)
    seen = surface(scene.image, scene.camera, scene.centre, METRIC, 4)
    told = pose_feedback(scene.joints, seen, scene.camera, scene.centre)
    ideal = target_maps(scene.joints, scene.points, scene.camera, scene.centre, METRIC)
    hm, h3, um, in_palm = torch.split(told, [21, 21, 63, 3], dim=1)
    assert told.shape[1] == feedback_channels(21)
    assert torch.equal(hm, ideal.hm)
    assert torch.equal(h3, ideal.h3)
    assert torch.equal(um, ideal.um.flatten(1, 2))
    assert not in_palm[~scene.seen.expand_as(in_palm)].any()
    # Distances stay what they are in any frame.
    ours = in_palm[0].flatten(1)[:, scene.seen[0].flatten()].T[:200]
    true = scene.points[0].flatten(1)[:, scene.seen[0].flatten()].T[:200]
    torch.testing.assert_close(torch.cdist(ours, ours), torch.cdist(true, true), atol=1e-3, rtol=0)


def test_a_new_fine_stage_keeps_the_pose_of_the_stacks() -> None:
    geometry = metric_geometry(stride=8)
    scene = make_scene(metric_geometry())
    torch.manual_seed(0)
    network = HourglassNetwork(stacks=1, features=16, stride=8, fine_features=16).eval()
    with torch.no_grad():
        output = dense_output(network, scene.image, scene.camera, scene.centre, geometry)
    coarse, fine = output.stages
    assert [stage.maps.hm.shape[-1] for stage in output.stages] == [16, 32]
    # Joints that are far from any surface have few votes.
    assert (coarse.joints - fine.joints).norm(dim=-1).median() < 0.05
    assert [seen.geometry.stride for seen in output.surfaces] == [8, 4]


def test_frozen_stacks_stay_in_evaluation_mode() -> None:
    network = HourglassNetwork(stacks=1, features=16, stride=8, fine_features=16)
    network.freeze_stacks()
    network.train()
    assert not network.stem.training
    assert not network.stacks[0].training
    assert network.fine.training
    assert not any(parameter.requires_grad for parameter in network.stacks.parameters())
    assert all(parameter.requires_grad for parameter in network.fine.parameters())


def test_nothing_is_learned_through_it() -> None:
    scene = make_scene(METRIC)
    seen = surface(scene.image, scene.camera, scene.centre, METRIC, 4)
    joints = torch.zeros(2, 21, 3, requires_grad=True)
    told = pose_feedback(joints, seen, scene.camera, scene.centre)
    assert not told.requires_grad
    assert torch.isfinite(told).all()
