"""The default network: hourglasses with light heads in cascade, and what judges the hand.

The idea is Wan et al. (CVPR 2018): per stack a 2D heat map, from it a 3D heat map, from both the unit
vectors. The paper's own network, whose wide heads hold 94 % of the arithmetic, is in `paper_network`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dense3d_ros.dense.hourglass import Stack, make_stem, map_coordinates
from dense3d_ros.dense.maps import Maps
from dense3d_ros.dense.palm import palm_axes
from dense3d_ros.dense.refinement import WIDTH, Refinement


class HandHead(nn.Module):
    """Is it a hand, and is it a right one?

    The second question needs more than features: which way the fingers bend against the palm. So the fused joints
    are read, turned into the palm's own frame.
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


class Features(NamedTuple):
    """pixels (B, F, S, S): of the last maps' cells. summary (B, 3F): of the whole crop."""

    pixels: Tensor
    summary: Tensor


class HourglassNetwork(nn.Module):
    """(B, 1, S, S) normalised crops -> maps of every stack, of S / stride cells.

    `refinement`, if there are refining blocks, and `hand_head` read the features of the last maps and the fused
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
    ) -> None:
        super().__init__()
        self.stride = stride
        self.stem = make_stem(features, stride)
        self.stacks = nn.ModuleList(Stack(features, joints, wide_blocks) for _ in range(stacks))
        self.remap = nn.ModuleList(nn.Conv2d(features + 5 * joints, features, 1) for _ in range(stacks - 1))
        summary = 3 * features
        self.refinement = Refinement(joints, features, summary, refining_blocks) if refining_blocks else None
        self.hand_head = HandHead(summary + (WIDTH if refining_blocks else 0), joints)

    def forward(self, crops: Tensor) -> tuple[list[Maps], Features]:
        x = self.stem(crops)
        coordinates = map_coordinates(crops, self.stride).to(x.dtype)
        found = []
        for index, stack in enumerate(self.stacks):
            maps, trunk, pixels, summary = stack(x, coordinates)
            found.append(maps)
            if index < len(self.remap):
                features = torch.cat([trunk, maps.hm, maps.h3, maps.um.flatten(1, 2)], 1)
                x = x + self.remap[index](features)
        return found, Features(pixels, summary)
