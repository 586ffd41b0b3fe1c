"""The paper's own network: Wan et al., CVPR 2018, a two-stack hourglass with a wide cascade of heads.

94 % of its arithmetic is in the heads. Convolutions and poolings pad as TensorFlow's "SAME" does. Two
substitutions make no difference to a trained network: Batch Renorm is a plain BatchNorm (eps 1e-3, decay
0.99), the same affine map at test time, and the small depth map is a stride-4 slice, which is what the
original's resize comes to.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dense3d_ros.dense.maps import PAPER, Maps, sample_depth

_BACKGROUND = -0.9
_HEAD = 256
_WIDE = 512


class ConvNormReLU(nn.Sequential):
    """Convolution without bias -> norm -> ReLU; stride 2 on an even size pads one more after than before."""

    def __init__(self, kernel: int, inputs: int, outputs: int, stride: int = 1) -> None:
        total = kernel - stride
        before, after = total // 2, total - total // 2
        super().__init__(
            nn.ZeroPad2d((before, after, before, after)) if before != after else nn.Identity(),
            nn.Conv2d(inputs, outputs, kernel, stride, before if before == after else 0, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Bottleneck of half the *input* width. The last ReLU is inside the branch, none follows the sum."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = inputs // 2
        self.body = nn.Sequential(
            ConvNormReLU(1, inputs, half), ConvNormReLU(3, half, half), ConvNormReLU(1, half, outputs)
        )
        self.skip = nn.Identity() if inputs == outputs else ConvNormReLU(1, inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.skip(x) + self.body(x)
        return result


class Hourglass(nn.Module):
    """Residuals at `depth` further scales, each half as large, added back on the way up."""

    def __init__(self, features: int, depth: int = 4) -> None:
        super().__init__()
        self.up = Residual(features, features)
        # ceil_mode puts the missing row and column after the image, as "SAME" does.
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.before = Residual(features, features)
        self.deeper = Hourglass(features, depth - 1) if depth > 1 else nn.Identity()
        self.after = Residual(features, features)

    def forward(self, x: Tensor) -> Tensor:
        low = self.after(self.deeper(self.before(self.pool(x))))
        result: Tensor = self.up(x) + F.interpolate(low, scale_factor=2.0, mode="nearest")
        return result


class Heads(nn.Module):
    """Hourglass features -> 2-D heat map -> 3-D heat map -> unit vectors, each seeing the ones before."""

    def __init__(self, joints: int, features: int) -> None:
        super().__init__()
        cascade = features + 2 * joints
        self.features = nn.Sequential(Residual(features, features), ConvNormReLU(1, features, features))
        self.hm = nn.Conv2d(features, joints, 1)
        self.h3 = nn.Sequential(Residual(features + 3, 128), nn.Conv2d(128, joints, 1))
        self.whole = nn.Sequential(Residual(cascade, _HEAD), Residual(_HEAD, _HEAD))
        self.masked = nn.Sequential(Residual(cascade, _HEAD), Residual(_HEAD, _HEAD))
        self.merge = Residual(2 * _HEAD, _WIDE)
        self.um = nn.Sequential(
            nn.Conv2d(_WIDE + 3, _WIDE, 1),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(_WIDE, _WIDE, 1),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(_WIDE, 3 * joints, 1),
        )

    def forward(self, hourglass: Tensor, uvd: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, F, S, S), (B, 3, S, S) -> features (B, F, S, S), hm, h3 (B, J, S, S), um (B, 3 J, S, S)."""
        features = self.features(hourglass)
        hm = self.hm(features)
        h3 = self.h3(torch.cat([features, uvd], dim=1))
        cascade = torch.cat([hourglass, hm, h3], dim=1)
        seen = cascade.masked_fill(uvd[:, 2:] < _BACKGROUND, 0.0)
        merged = self.merge(torch.cat([self.whole(cascade), self.masked(seen)], dim=1))
        return features, hm, h3, self.um(torch.cat([merged, uvd], dim=1))


class PaperNetwork(nn.Module):
    """(B, 1, 128, 128) crops normalised as in `paper_crop` -> the maps of every stack; the last are decoded.

    All maps are (B, ..., 32, 32) and linear: no sigmoid, no clamp, no unit norm. With the defaults 5,929,262
    parameters and 4.97 G multiply-adds.
    """

    def __init__(self, joints: int = 21, stacks: int = 2, features: int = 128) -> None:
        if min(joints, stacks) < 1 or features < 2:
            raise ValueError(f"too small a network: {joints} joints, {stacks} stacks, {features} features")
        super().__init__()
        self.joints = joints
        self.stem = nn.Sequential(
            ConvNormReLU(7, 1, 32, stride=2),
            Residual(32, 64),
            nn.MaxPool2d(2, 2),
            Residual(64, 64),
            Residual(64, features),
        )
        self.hourglasses = nn.ModuleList(Hourglass(features) for _ in range(stacks))
        self.heads = nn.ModuleList(Heads(joints, features) for _ in range(stacks))
        self.maps_to_next = nn.ModuleList(nn.Conv2d(5 * joints, features, 1) for _ in range(stacks - 1))
        self.features_to_next = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in range(stacks - 1))
        self.apply(_initialise)

    def forward(self, image: Tensor) -> list[Maps]:
        depth = sample_depth(image, PAPER)
        uvd = torch.cat([_pixel_grid(depth), depth], dim=1)
        x = self.stem(image)
        stacks = []
        for stack, (hourglass, heads) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            features, hm, h3, um = heads(hourglass(x), uvd)
            stacks.append(Maps(hm, h3, um.unflatten(1, (self.joints, 3))))
            if stack < len(self.maps_to_next):
                maps = self.maps_to_next[stack](torch.cat([hm, h3, um], dim=1))
                x = x + maps + self.features_to_next[stack](features)
        return stacks


def _pixel_grid(depth: Tensor) -> Tensor:
    """u and v of every map cell (B, 2, S, S), from -1 to just below 1."""
    batch, _, height, width = depth.shape
    u = torch.arange(width, dtype=depth.dtype, device=depth.device) * (2 / width) - 1
    v = torch.arange(height, dtype=depth.dtype, device=depth.device) * (2 / height) - 1
    grid = torch.stack([u.expand(height, width), v[:, None].expand(height, width)])
    return grid.expand(batch, -1, -1, -1)


def _initialise(module: nn.Module) -> None:
    """The paper's start: a normal distribution of sigma 0.01 cut off at 2 sigma, biases 0."""
    if isinstance(module, nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.01, a=-0.02, b=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
