"""Network, votes and fusion as one module: crops in, joints in the frame of the crop's camera out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dense3d_ros.dense.feedback import pose_feedback
from dense3d_ros.dense.maps import MapGeometry, Maps, foreground, map_points, restore_joints, sample_depth, votes
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.refinement import Refined
from dense3d_ros.dense.voting import fuse_votes, vote_weights


class Regression(NamedTuple):
    """joints (B, J, 3) metres in the crop's frame; spread (B, J) metres; logits (B, 2): hand, right hand.

    spread: how uncertain each joint is, the expected error of a refined one, else how far apart its votes are.
    """

    joints: Tensor
    spread: Tensor
    logits: Tensor


class DenseOutput(NamedTuple):
    """Everything training looks at, lengths relative to the centre in units of the geometry.

    maps and joints (B, J, 3) of every stack; spread (B, J) of the last's votes; refined, if the network refines;
    logits (B, 2): hand, right hand.
    """

    maps: list[Maps]
    joints: list[Tensor]
    spread: Tensor
    refined: Refined | None
    logits: Tensor

    @property
    def pose(self) -> Tensor:
        """(B, J, 3) the best joints there are."""
        return self.refined.joints if self.refined else self.joints[-1]

    @property
    def uncertainty(self) -> Tensor:
        """(B, J) see `Regression.spread`, in units."""
        return self.refined.error if self.refined else self.spread


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
            restore_joints(output.pose, centres, self.geometry),
            output.uncertainty * self.geometry.unit,
            output.logits,
        )


def dense_output(
    network: HourglassNetwork, crops: Tensor, cameras: Tensor, centres: Tensor, geometry: MapGeometry
) -> DenseOutput:
    """Run the network, fuse the votes of every stack in float32, refine the last stack's joints and judge the hand."""
    depth = sample_depth(crops, geometry)
    points = map_points(depth, cameras, centres, geometry)
    mask = foreground(depth, geometry)

    def feedback(stack: Maps) -> Tensor:
        return pose_feedback(stack, points, mask, cameras, centres, geometry)

    stacks, (pixels, summary) = network(crops, feedback)
    summary = summary.float()
    maps, joints = [], []
    with torch.autocast(crops.device.type, enabled=False):
        for stack in stacks:
            hm, h3, um = (tensor.float() for tensor in stack)
            weight = vote_weights(hm, h3, mask)
            fused, spread = fuse_votes(votes(points, h3, um, geometry), weight)
            maps.append(Maps(hm, h3, um))
            joints.append(fused)
        closeness = (h3 * mask).flatten(2).amax(-1)
    refined = None
    pose = fused
    if network.refinement is not None:
        refined = network.refinement(pixels.float(), weight, summary, fused, spread, closeness)
        pose, summary = refined.joints, torch.cat([summary, refined.hand], dim=1)
    with torch.autocast(crops.device.type, enabled=False):
        # Detached: what judges the joints must not bend them.
        logits = network.hand_head(summary, pose.detach(), spread.detach(), closeness.detach())
    return DenseOutput(maps, joints, spread, refined, logits)
