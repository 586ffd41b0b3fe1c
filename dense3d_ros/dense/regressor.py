"""Network, votes and fusion as one module: crops in, joints in the camera frame out."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from dense3d_ros.dense.maps import (
    MapGeometry,
    Maps,
    foreground,
    map_points,
    restore_joints,
    sample_depth,
    votes,
)
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.voting import softmax_fusion


class Regression(NamedTuple):
    """joints (B, J, 3) metres in the camera frame; spread (B, J) metres; logits (B, 2): hand, right hand."""

    joints: Tensor
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
        stacks, logits = self.network(crops)
        depth = sample_depth(crops, self.geometry)
        points = map_points(depth, cameras, centres, self.geometry)
        joints, spread = fuse(stacks[-1], points, foreground(depth, self.geometry), self.geometry)
        return Regression(restore_joints(joints, centres, self.geometry), spread * self.geometry.unit, logits)


def fuse(maps: Maps, points: Tensor, mask: Tensor, geometry: MapGeometry) -> tuple[Tensor, Tensor]:
    """One stack's maps -> joints (B, J, 3) and spread (B, J), relative to the centre, in units."""
    return softmax_fusion(maps.hm, maps.h3, votes(points, maps.h3, maps.um, geometry), mask)
