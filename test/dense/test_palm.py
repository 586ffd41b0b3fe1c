"""The palm's own frame."""

from __future__ import annotations

import torch

from dense3d_ros.dense.palm import palm_axes
from dense3d_ros.geometry.hand import JOINT_INDEX

INDEX, MIDDLE, LITTLE = (JOINT_INDEX[name] for name in ("index_mcp", "middle_mcp", "little_mcp"))


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
