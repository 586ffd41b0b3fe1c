"""What is true of a batch of crops, the losses of each variant's outputs, and the way back to joints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dense3d_ros.dense.maps import (
    MapGeometry,
    Maps,
    foreground,
    map_points,
    normalise_joints,
    project,
    sample_depth,
    target_maps,
    votes,
)
from dense3d_ros.dense.voting import mean_shift, softmax_fusion
from dense3d_ros.learning.ablation.crops import HALF_SIZE, RESOLUTION, Crops
from dense3d_ros.learning.ablation.network import Output
from dense3d_ros.learning.ablation.variants import Variant

GEOMETRY = MapGeometry(
    unit=0.1,
    depth_scale=HALF_SIZE,
    depth_offset=0.0,
    background=1.0,
    background_depth=HALF_SIZE,
    first=2,
    ball_radius=0.8,
    cone_radius=RESOLUTION / 32,
)
"""The paper's lengths, 80 mm ball, cone of an eighth of the map and units of 100 mm, on a metric cube of 300 mm."""

HEAT_WEIGHT = 10.0
VECTOR_WEIGHT = 1.0
JOINT_WEIGHT = 3.0


class Truth(NamedTuple):
    """points (B, 3, S, S), seen (B, 1, S, S), joints (B, J, 3) relative to the centre, in units, and the true maps."""

    points: Tensor
    seen: Tensor
    cameras: Tensor
    centres: Tensor
    joints: Tensor
    maps: Maps


@dataclass(frozen=True)
class Fusion:
    """How votes become joints. candidates: how many votes count, 0 for all of the foreground."""

    kind: str
    candidates: int = 0

    @property
    def name(self) -> str:
        """What it is called in results."""
        return f"{self.kind} of {self.candidates or 'all'}"


PAPER_FUSION = Fusion("mean shift", 5)
SOFTMAX = Fusion("softmax")
COUNTS = (1, 3, 5, 10, 20)
FUSIONS: tuple[Fusion, ...] = (
    *(Fusion("mean shift", count) for count in COUNTS),
    *(Fusion("weighted average", count) for count in COUNTS),
    SOFTMAX,
)


def truth_of(crops: Crops) -> Truth:
    """Points, joints and true maps of a batch."""
    depth = sample_depth(crops.images.float(), GEOMETRY)
    points = map_points(depth, crops.cameras, crops.centres, GEOMETRY)
    joints = normalise_joints(crops.joints, crops.centres, GEOMETRY)
    maps = target_maps(joints, points, crops.cameras, crops.centres, GEOMETRY)
    return Truth(points, foreground(depth, GEOMETRY), crops.cameras, crops.centres, joints, maps)


def surface_gap(crops: Crops) -> Tensor:
    """(J,) how far each joint lies behind the surface that it projects to: the median over the crops, in units."""
    truth = truth_of(crops)
    size = truth.points.shape[-1]
    column, row = project(truth.joints, truth.cameras, truth.centres, GEOMETRY).round().long().unbind(-1)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    cell = torch.where(inside, row * size + column, 0)
    inside &= truth.seen.flatten(1).gather(1, cell)
    gap = truth.joints[..., 2] - truth.points[:, 2].flatten(1).gather(1, cell)
    return gap.masked_fill(~inside, torch.nan).nanmedian(dim=0).values


def training_loss(variant: Variant, outputs: list[Output], truth: Truth, gap: Tensor) -> Tensor:
    """Squared errors of the maps that there are, or absolute ones of joints; summed over the stacks.

    3D maps count on foreground pixels, since only those vote. Masked or not, the vectors' error is divided by the
    same number, so that what is inside the ball weighs the same.
    """
    pixels = truth.seen.float()
    count = pixels.sum() * truth.joints.shape[1]
    loss = truth.points.new_zeros(())
    for output in outputs:
        if output.joints is not None:
            loss = loss + JOINT_WEIGHT * (output.joints - truth.joints).abs().mean()
        if output.hm is not None:
            loss = loss + HEAT_WEIGHT * (output.hm - truth.maps.hm).square().mean()
        if output.h3 is not None:
            loss = loss + HEAT_WEIGHT * ((output.h3 - truth.maps.h3).square() * pixels).sum() / count
        if output.vectors is not None:
            error = (output.vectors - _true_vectors(variant, truth.maps)).square().sum(2) * pixels
            if variant.masked:
                error = error * truth.maps.um.any(2)
            loss = loss + VECTOR_WEIGHT * error.sum() / count
        if variant.joint_loss:
            fused = decode(variant, output, truth, gap, SOFTMAX)
            loss = loss + JOINT_WEIGHT * (fused - truth.joints).abs().mean()
    return loss


def decode(variant: Variant, output: Output, truth: Truth, gap: Tensor, fusion: Fusion) -> Tensor:
    """(B, J, 3) joints relative to the centre, in units. A missing heat map's part is taken by the other one."""
    if output.joints is not None:
        return output.joints
    cast = _votes(variant, output, truth, gap)
    hm, h3 = output.hm, output.h3
    some = hm if hm is not None else h3
    assert some is not None
    if fusion.kind == SOFTMAX.kind:
        flat = torch.zeros_like(some)
        both = (hm, h3) if hm is not None and h3 is not None else (flat, some)
        return softmax_fusion(*both, cast, truth.seen)[0]
    average = fusion.kind == "weighted average"
    return mean_shift(
        hm if hm is not None else torch.zeros_like(some),
        h3 if h3 is not None else torch.ones_like(some),
        cast,
        truth.points,
        truth.seen,
        truth.cameras,
        truth.centres,
        GEOMETRY,
        weighting="hm" if hm is not None else "h3",
        candidates=fusion.candidates,
        # Mean shift with a kernel as wide as this is the weighted average, after one round.
        bandwidth=1e4 if average else 0.4,
        iterations=1 if average else 10,
    )


def _true_vectors(variant: Variant, maps: Maps) -> Tensor:
    """Unit vectors, or offsets in ball radii: both lie in the unit ball, both are 0 outside the joint's ball."""
    if variant.vectors == "unit":
        return maps.um
    return maps.um * (1 - maps.h3)[:, :, None]


def _votes(variant: Variant, output: Output, truth: Truth, gap: Tensor) -> Tensor:
    """(B, J, 3, S, S) where each pixel says each joint is."""
    if variant.vectors == "unit":
        assert output.h3 is not None
        assert output.vectors is not None
        return votes(truth.points, output.h3, output.vectors, GEOMETRY)
    if output.vectors is not None:
        return truth.points[:, None] + GEOMETRY.ball_radius * output.vectors
    behind = torch.zeros(gap.numel(), 3, device=gap.device)
    behind[:, 2] = gap
    return truth.points[:, None] + behind[None, :, :, None, None]
