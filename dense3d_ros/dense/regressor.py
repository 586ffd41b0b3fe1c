"""Network, votes and fusion as one module: crops in, joints in the frame of the crop's camera out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dense3d_ros.dense.maps import MapGeometry, Maps, foreground, map_points, restore_joints, sample_depth, votes
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.voting import softmax_fusion


class Regression(NamedTuple):
    """joints (B, J, 3) metres in the crop's frame; spread (B, J) metres; logits (B, 2): hand, right hand."""

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
    """The default model from normalised crop to joints; plain tensor operations, so that it can be exported."""

    def __init__(self, network: HourglassNetwork, geometry: MapGeometry) -> None:
        super().__init__()
        self.network = network
        self.geometry = geometry

    def forward(self, crops: Tensor, cameras: Tensor, centres: Tensor) -> Regression:
        """crops (B, 1, S, S) normalised; cameras (B, 4) fx, fy, cx, cy of the crops; centres (B, 3) metres."""
        output = dense_output(self.network, crops, cameras, centres, self.geometry)
        return Regression(
            restore_joints(output.joints[-1], centres, self.geometry),
            output.spread * self.geometry.unit,
            output.logits,
        )


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
