"""Network, votes and fusion as one module: crops in, joints in the frame of the crop's camera out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dense3d_ros.dense.maps import MapGeometry, Maps, Surface, restore_joints, surface, votes
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


class Fused(NamedTuple):
    """maps of a stage, the weights (B, J, S * S) of their votes, joints (B, J, 3) and their votes' spread (B, J)."""

    maps: Maps
    weight: Tensor
    joints: Tensor
    spread: Tensor


class DenseOutput(NamedTuple):
    """Everything training reads, lengths relative to the centre in units of the geometry.

    stages: of every stack. refined, if the network refines. logits (B, 2): hand, right hand.
    """

    surface: Surface
    stages: list[Fused]
    refined: Refined | None
    logits: Tensor

    @property
    def pose(self) -> Tensor:
        """(B, J, 3) the best joints there are."""
        return self.refined.joints if self.refined else self.stages[-1].joints

    @property
    def uncertainty(self) -> Tensor:
        """(B, J) see `Regression.spread`, in units."""
        return self.refined.error if self.refined else self.stages[-1].spread


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
    """Run the network, fuse the votes of every stage in float32, refine the last joints and judge the hand."""
    found, (pixels, summary) = network(crops)
    summary = summary.float()
    with torch.autocast(crops.device.type, enabled=False):
        seen = surface(crops, cameras, centres, geometry)
        stages = [fuse(maps, seen) for maps in found]
        last = stages[-1]
        closeness = (last.maps.h3 * seen.seen).flatten(2).amax(-1)
    refined, pose = None, last.joints
    if network.refinement is not None:
        refined = network.refinement(pixels.float(), seen, last.weight, summary, last.joints, last.spread, closeness)
        pose, summary = refined.joints, torch.cat([summary, refined.hand], dim=1)
    with torch.autocast(crops.device.type, enabled=False):
        # Detached: what judges the joints must not bend them.
        logits = network.hand_head(summary, pose.detach(), last.spread.detach(), closeness.detach())
    return DenseOutput(seen, stages, refined, logits)


def fuse(maps: Maps, seen: Surface) -> Fused:
    """Votes and joints of a stage's maps, in float32."""
    hm, h3, um = (tensor.float() for tensor in maps)
    weight = vote_weights(hm, h3, seen.seen)
    joints, spread = fuse_votes(votes(seen.points, h3, um, seen.geometry), weight)
    return Fused(Maps(hm, h3, um), weight, joints, spread)
