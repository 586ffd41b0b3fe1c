"""One small hourglass for all variants, with the heads that a variant asks for."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dense3d_ros.dense.hourglass import ConvBlock, Hourglass, Residual, make_stem
from dense3d_ros.learning.ablation.variants import Variant

_DEPTH = 3
"""Of the hourglass, from maps of 16 cells down to 2."""
_HOLISTIC_WIDTH = 256


class Output(NamedTuple):
    """What one stack says, None where the variant has no such head.

    hm, h3 (B, J, S, S); vectors (B, J, 3, S, S), unit vectors or offsets in ball radii; joints (B, J, 3) relative to
    the centre, in units, of the holistic variant alone.
    """

    hm: Tensor | None = None
    h3: Tensor | None = None
    vectors: Tensor | None = None
    joints: Tensor | None = None

    def float(self) -> Output:
        """The same in float32."""
        return Output(*(None if tensor is None else tensor.float() for tensor in self))


class AblationNetwork(nn.Module):
    """(B, 1, R, R) crops and their (B, 3, R/4, R/4) map points -> one `Output` a stack, the last one counts.

    Parts are made in the order in which the variants share them, so that equal seeds start equal trunks alike.
    """

    def __init__(self, variant: Variant, joints: int, features: int, resolution: int) -> None:
        super().__init__()
        self.stem = make_stem(features)
        self.hourglasses = nn.ModuleList([Hourglass(features, _DEPTH)])
        self.trunks = nn.ModuleList([_trunk(features)])
        self.heads = nn.ModuleList()
        if variant.holistic:
            self.heads.append(_HolisticHead(joints, features, resolution // 4))
        else:
            self.heads.append(_DenseHeads(variant, joints, features))
        for _ in range(variant.stacks - 1):
            self.hourglasses.append(Hourglass(features, _DEPTH))
            self.trunks.append(_trunk(features))
            self.heads.append(_DenseHeads(variant, joints, features))
        channels = joints * (variant.heat_2d + variant.heat_3d + 3 * (variant.vectors != "none"))
        self.remap = nn.ModuleList(nn.Conv2d(features + channels, features, 1) for _ in range(variant.stacks - 1))

    def forward(self, crops: Tensor, points: Tensor) -> list[Output]:
        x = self.stem(crops)
        outputs: list[Output] = []
        for index, (hourglass, trunk, heads) in enumerate(zip(self.hourglasses, self.trunks, self.heads, strict=True)):
            features = trunk(hourglass(x)[0])
            output: Output = heads(features, points)
            outputs.append(output)
            if index < len(self.remap):
                x = x + self.remap[index](torch.cat([features, *_channels(output)], 1))
        return outputs


class _DenseHeads(nn.Module):
    """The light heads of the default network; without the cascade each has the same depth but sees the trunk alone."""

    def __init__(self, variant: Variant, joints: int, features: int) -> None:
        super().__init__()
        self.cascade = variant.cascade
        maps_2d = joints * (variant.heat_2d and variant.cascade)
        maps_3d = joints * (variant.heat_3d and variant.cascade)
        self.heat_2d = nn.Conv2d(features, joints, 1) if variant.heat_2d else None
        self.trunk_3d = ConvBlock(features + maps_2d + 3, features)
        self.heat_3d = nn.Conv2d(features, joints, 1) if variant.heat_3d else None
        self.vectors: nn.Module | None = None
        if variant.vectors != "none":
            first: nn.Module
            if variant.cascade:
                first = ConvBlock(2 * features + maps_2d + maps_3d + 3, features)
            else:
                first = nn.Sequential(ConvBlock(features + 3, features), ConvBlock(features, features))
            self.vectors = nn.Sequential(first, nn.Conv2d(features, 3 * joints, 1))

    def forward(self, trunk: Tensor, points: Tensor) -> Output:
        points = points.to(trunk.dtype)
        hm = self.heat_2d(trunk) if self.heat_2d is not None else None
        seen = [trunk, *([hm] if hm is not None and self.cascade else []), points]
        features_3d = self.trunk_3d(torch.cat(seen, 1))
        h3 = self.heat_3d(features_3d) if self.heat_3d is not None else None
        vectors = None
        if self.vectors is not None:
            if self.cascade:
                seen = [features_3d, *seen, *([h3] if h3 is not None else [])]
            vectors = self.vectors(torch.cat(seen, 1)).unflatten(1, (-1, 3))
        return Output(hm, h3, vectors)


class _HolisticHead(nn.Module):
    """Two strided convolutions, two linear layers: all coordinates at once."""

    def __init__(self, joints: int, features: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvBlock(features + 3, features, 3, stride=2),
            ConvBlock(features, features, 3, stride=2),
            nn.Flatten(),
            nn.Linear(features * (size // 4) ** 2, _HOLISTIC_WIDTH),
            nn.ReLU(inplace=True),
            nn.Linear(_HOLISTIC_WIDTH, 3 * joints),
        )

    def forward(self, trunk: Tensor, points: Tensor) -> Output:
        joints: Tensor = self.layers(torch.cat([trunk, points.to(trunk.dtype)], 1))
        return Output(joints=torch.unflatten(joints, 1, (-1, 3)))


def _trunk(features: int) -> nn.Module:
    return nn.Sequential(Residual(features), ConvBlock(features, features))


def _channels(output: Output) -> list[Tensor]:
    """The maps of a stack as (B, C, S, S)."""
    maps = (output.hm, output.h3, None if output.vectors is None else output.vectors.flatten(1, 2))
    return [tensor for tensor in maps if tensor is not None]
