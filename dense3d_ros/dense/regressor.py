"""Network, votes and fusion as one module: crops in, joints in the camera frame out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dense3d_ros.dense.maps import MapGeometry, Maps, foreground, map_points, restore_joints, sample_depth, votes
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.voting import softmax_fusion

_FLOOR = 0.02
"""Metres added to the spread of a view's votes: joints are uncertain even where all votes agree."""


class Regression(NamedTuple):
    """joints (B, J, 3) metres in the camera frame; spread (B, J) metres; logits (B, 2): hand, right hand."""

    joints: Tensor
    spread: Tensor
    logits: Tensor


class DenseOutput(NamedTuple):
    """Everything training looks at, lengths relative to the centre in units of the geometry.

    maps and joints (B, J, 3) of every stack; spread (B, J) of the last; logits (B, 2): hand, right hand.
    """

    maps: list[Maps]
    joints: list[Tensor]
    spread: Tensor
    logits: Tensor


class DenseRegressor(nn.Module):
    """The default model from normalised crop to joints; plain tensor operations, so that it can be exported.

    views: 1, or 4 to look at every crop as cameras turned by 0, 90, 180 and 270 degrees would have seen it and to
    fuse what they say.
    """

    def __init__(self, network: HourglassNetwork, geometry: MapGeometry, views: int = 1) -> None:
        super().__init__()
        self.network = network
        self.geometry = geometry
        self.views = views

    def forward(self, crops: Tensor, cameras: Tensor, centres: Tensor) -> Regression:
        """crops (B, 1, S, S) normalised; cameras (B, 4) fx, fy, cx, cy of the crops; centres (B, 3) metres."""
        if self.views == 1:
            return self._regress(crops, cameras, centres)
        turned = [(crops, cameras, centres)]
        while len(turned) < self.views:
            turned.append(_quarter_turn(*turned[-1]))
        crops, cameras, centres = (torch.cat(parts) for parts in zip(*turned, strict=True))
        seen = self._regress(crops, cameras, centres)
        joints = list(seen.joints.chunk(self.views))
        for turns in range(1, self.views):
            for _ in range(turns):
                joints[turns] = _turn_back(joints[turns])
        spreads = torch.stack(seen.spread.chunk(self.views))
        return fuse_views(torch.stack(joints), spreads, torch.stack(seen.logits.chunk(self.views)))

    def _regress(self, crops: Tensor, cameras: Tensor, centres: Tensor) -> Regression:
        output = dense_output(self.network, crops, cameras, centres, self.geometry)
        return Regression(
            restore_joints(output.joints[-1], centres, self.geometry),
            output.spread * self.geometry.unit,
            output.logits,
        )


def fuse_views(joints: Tensor, spread: Tensor, logits: Tensor) -> Regression:
    """Joints (V, B, J, 3), spread (V, B, J) and logits (V, B, 2) of V views of the same crops -> of the crops.

    Each view's joint counts by how well its votes agree; where the views disagree the spread grows.
    """
    weight = 1 / (spread + _FLOOR) ** 2
    weight = weight / weight.sum(0)
    mean = (joints * weight[..., None]).sum(0)
    between = (((joints - mean) ** 2).sum(-1) * weight).sum(0)
    return Regression(mean, ((spread**2 * weight).sum(0) + between).sqrt(), logits.mean(0))


def _quarter_turn(crops: Tensor, cameras: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a camera sees that is turned by 90 degrees: (x, y, z) becomes (y, -x, z). Exact."""
    fx, fy, cx, cy = cameras.unbind(1)
    turned = torch.stack([fy, fx, cy, crops.shape[-1] - 1 - cx], 1)
    x, y, z = centres.unbind(1)
    return crops.transpose(2, 3).flip(2), turned, torch.stack([y, -x, z], 1)


def _turn_back(joints: Tensor) -> Tensor:
    """The inverse of `_quarter_turn` for points (B, J, 3)."""
    x, y, z = joints.unbind(-1)
    return torch.stack([-y, x, z], -1)


def dense_output(
    network: HourglassNetwork, crops: Tensor, cameras: Tensor, centres: Tensor, geometry: MapGeometry
) -> DenseOutput:
    """Run the network, fuse the votes of every stack in float32, and judge the last stack's hand."""
    stacks, summary = network(crops)
    depth = sample_depth(crops, geometry)
    points = map_points(depth, cameras, centres, geometry)
    mask = foreground(depth, geometry)
    maps, joints = [], []
    with torch.autocast(crops.device.type, enabled=False):
        for stack in stacks:
            hm, h3, um = (tensor.float() for tensor in stack)
            fused, spread = softmax_fusion(hm, h3, votes(points, h3, um, geometry), mask)
            maps.append(Maps(hm, h3, um))
            joints.append(fused)
        closeness = (h3 * mask).flatten(2).amax(-1)
        # Detached: what judges the joints must not bend them.
        logits = network.hand_head(summary.float(), fused.detach(), spread.detach(), closeness.detach())
    return DenseOutput(maps, joints, spread, logits)
