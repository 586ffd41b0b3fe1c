"""What networks are made of: convolutions, the hourglass, and a stack of it with its heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dense3d_ros.dense.maps import Maps


class ConvBlock(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Residual: 1x1 to `inner` channels (half of them by default), 3x3, 1x1 back. It starts as the identity."""

    def __init__(self, features: int, inner: int | None = None) -> None:
        super().__init__()
        inner = inner or features // 2
        last = nn.BatchNorm2d(features)
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(
            ConvBlock(features, inner),
            ConvBlock(inner, inner, 3),
            nn.Conv2d(inner, features, 1, bias=False),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.body(x))


def make_stem(features: int, stride: int = 4) -> nn.Sequential:
    """(B, 1, S, S) crops -> (B, features, S/stride, S/stride); stride 4 or 8."""
    if stride == 4:
        first, last = 32, ConvBlock(features // 2, features)
    else:
        # Fewer, since the first layer's image is large.
        first, last = 16, ConvBlock(features // 2, features, 3, stride=2)
    return nn.Sequential(
        ConvBlock(1, first, 5, stride=2), ConvBlock(first, features // 2, 3, stride=2), last, Residual(features)
    )


class Hourglass(nn.Module):
    """Down to 1/16 of the size and up again, with a residual at every scale; returns the deepest features too."""

    def __init__(self, features: int, depth: int = 4, wide_blocks: int = 0) -> None:
        super().__init__()
        # Two, and wide ones at the middle scales, because they are nearly free where the maps are small.
        inner = [[features // 2] * 2 for _ in range(depth)]
        inner[0] += [features] * wide_blocks
        inner[1] += [2 * features] * wide_blocks
        self.skip = nn.ModuleList(Residual(features) for _ in range(depth))
        self.down = nn.ModuleList(nn.Sequential(*(Residual(features, width) for width in widths)) for widths in inner)
        self.up = nn.ModuleList(Residual(features) for _ in range(depth))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        skips = []
        for skip, down in zip(self.skip, self.down, strict=True):
            skips.append(skip(x))
            x = down(functional.max_pool2d(x, 2))
        deepest = x
        for kept, up in zip(reversed(skips), reversed(self.up), strict=True):
            x = kept + functional.interpolate(up(x), scale_factor=2.0, mode="nearest")
        return x, deepest


class Stack(nn.Module):
    """One hourglass and its three heads."""

    def __init__(self, features: int, joints: int, wide_blocks: int) -> None:
        super().__init__()
        self.hourglass = Hourglass(features, wide_blocks=wide_blocks)
        self.trunk = nn.Sequential(Residual(features), ConvBlock(features, features))
        self.heat_2d = nn.Conv2d(features, joints, 1)
        self.trunk_3d = ConvBlock(features + joints + 3, features)
        self.heat_3d = nn.Conv2d(features, joints, 1)
        self.trunk_vectors = ConvBlock(2 * features + 2 * joints + 3, features)
        self.unit_vectors = nn.Conv2d(features, 3 * joints, 1)

    def forward(self, x: Tensor, coordinates: Tensor) -> tuple[Maps, Tensor, Tensor, Tensor]:
        features, deepest = self.hourglass(x)
        trunk = self.trunk(features)
        heat_2d = self.heat_2d(trunk)
        features_3d = self.trunk_3d(torch.cat([trunk, heat_2d, coordinates], 1))
        heat_3d = self.heat_3d(features_3d)
        vectors = self.trunk_vectors(torch.cat([trunk, features_3d, heat_2d, heat_3d, coordinates], 1))
        um = self.unit_vectors(vectors).unflatten(1, (-1, 3))
        # The channels last, as in the other gradients: sums of two layouts take ten times as long.
        summary = torch.cat([part.flatten(2).transpose(1, 2).mean(1) for part in (deepest, trunk, vectors)], 1)
        return Maps(heat_2d, heat_3d, um), trunk, vectors, summary


def map_coordinates(crops: Tensor, stride: int) -> Tensor:
    """(B, 3, S / stride, S / stride): u and v in [-1, 1] and the normalised depth of each map pixel."""
    small = crops[:, :, stride // 2 :: stride, stride // 2 :: stride]
    size = small.shape[-1]
    axis = torch.linspace(-1.0, 1.0, size, device=crops.device, dtype=crops.dtype)
    grid = torch.stack([axis.expand(size, size), axis.unsqueeze(1).expand(size, size)])
    coordinates = torch.cat([grid.unsqueeze(0).expand(crops.shape[0], -1, -1, -1), small], 1)
    return coordinates.contiguous(memory_format=torch.channels_last)
