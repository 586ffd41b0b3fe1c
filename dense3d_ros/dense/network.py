"""The default network: an hourglass with light heads in cascade, a finer stage on top of it, and what judges the hand.

The idea is Wan et al. (CVPR 2018): per stack a 2D heat map, from it a 3D heat map, from both the unit
vectors. The paper's own network, whose wide heads hold 94 % of the arithmetic, is in `paper_network`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dense3d_ros.dense.feedback import feedback_channels, palm_axes
from dense3d_ros.dense.hourglass import ConvBlock, Stack, make_stem, map_coordinates
from dense3d_ros.dense.maps import Maps
from dense3d_ros.dense.refinement import WIDTH, Refinement

STRIDES = (4, 8)
"""Crop pixels a cell of the maps; a fine stage has half of it."""


class HandHead(nn.Module):
    """Is it a hand, and is it a right one?

    The second question needs more than features: which way the fingers bend against the palm. So the fused joints
    are looked at, turned into the palm's own frame.
    """

    def __init__(self, summary: int, joints: int) -> None:
        super().__init__()
        inputs = summary + 5 * joints
        self.layers = nn.Sequential(
            nn.BatchNorm1d(inputs),
            nn.Linear(inputs, 128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 64),
            nn.ReLU(inplace=True),
            nn.Linear(64, 2),
        )

    def forward(self, summary: Tensor, joints: Tensor, spread: Tensor, closeness: Tensor) -> Tensor:
        """Logits (B, 2) from the summary, joints (B, J, 3), their spread (B, J) and highest 3D heat (B, J)."""
        in_palm = (joints - joints[:, :1]) @ palm_axes(joints)
        logits: Tensor = self.layers(torch.cat([summary, in_palm.flatten(1), spread, closeness], 1))
        return logits


class FineStage(nn.Module):
    """A stack of its own stem at half the stride, which corrects the maps of the pose that the stacks before found."""

    def __init__(self, joints: int, features: int, coarse_features: int) -> None:
        super().__init__()
        self.stem = make_stem(features)
        self.from_coarse = nn.Conv2d(coarse_features, features, 1, bias=False)
        self.join = ConvBlock(2 * features + feedback_channels(joints), features)
        self.stack = Stack(features, joints, wide_blocks=1)
        # It starts with the maps that it was given.
        for layer in (self.stack.heat_2d, self.stack.heat_3d, self.stack.unit_vectors):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(self, crops: Tensor, coarse: Tensor, told: Tensor) -> tuple[Maps, Tensor, Tensor]:
        """crops (B, 1, S, S), features (B, F, S / 8, S / 8) and `pose_feedback` at S / 4: maps, features, summary."""
        x = self.stem(crops)
        told = told.to(x.dtype)
        coarse = functional.interpolate(self.from_coarse(coarse), scale_factor=2.0, mode="nearest")
        x = self.join(torch.cat([x, coarse, told], 1))
        change, _, pixels, summary = self.stack(x, map_coordinates(crops, 4).to(x.dtype))
        joints = change.hm.shape[1]
        hm, h3, um, _ = torch.split(told, [joints, joints, 3 * joints, 3], dim=1)
        return Maps(hm + change.hm, h3 + change.h3, um.view_as(change.um) + change.um), pixels, summary


class Features(NamedTuple):
    """pixels (B, F, S, S): of the last maps' cells. summary (B, 3F): of the whole crop."""

    pixels: Tensor
    summary: Tensor


class HourglassNetwork(nn.Module):
    """(B, 1, S, S) normalised crops -> maps of every stack, of S / stride cells, and of the fine stage, if any.

    `refinement`, if there are refining blocks, and `hand_head` look at the features of the last maps and at the fused
    joints.
    """

    def __init__(
        self,
        joints: int = 21,
        stacks: int = 2,
        features: int = 128,
        wide_blocks: int = 0,
        stride: int = 4,
        refining_blocks: int = 0,
        fine_features: int = 0,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.stem = make_stem(features, stride)
        self.stacks = nn.ModuleList(Stack(features, joints, wide_blocks) for _ in range(stacks))
        self.remap = nn.ModuleList(nn.Conv2d(features + 5 * joints, features, 1) for _ in range(stacks - 1))
        self.fine = FineStage(joints, fine_features, features) if fine_features else None
        last = fine_features or features
        summary = 3 * features + 3 * fine_features
        self.refinement = Refinement(joints, last, summary, refining_blocks) if refining_blocks else None
        self.hand_head = HandHead(summary + (WIDTH if refining_blocks else 0), joints)
        self._frozen: list[nn.Module] = []

    def freeze_stacks(self) -> None:
        """Keep the stem and the stacks as they are while all that comes after them is trained."""
        self._frozen = [self.stem, *self.stacks, *self.remap]
        for part in self._frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> HourglassNetwork:
        """As of any module, but what is frozen stays in evaluation mode."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(self, crops: Tensor, feedback: Callable[[Maps, int], Tensor]) -> tuple[list[Maps], Features]:
        """feedback: of maps and a stride, what the maps' pose tells a stage of that stride; see `pose_feedback`."""
        x = self.stem(crops)
        coordinates = map_coordinates(crops, self.stride).to(x.dtype)
        found = []
        for index, stack in enumerate(self.stacks):
            maps, trunk, pixels, summary = stack(x, coordinates)
            found.append(maps)
            if index < len(self.remap):
                features = torch.cat([trunk, maps.hm, maps.h3, maps.um.flatten(1, 2)], 1)
                x = x + self.remap[index](features)
        if self.fine is not None:
            maps, pixels, fine_summary = self.fine(crops, pixels, feedback(maps, 4))
            found.append(maps)
            summary = torch.cat([summary, fine_summary], 1)
        return found, Features(pixels, summary)
