"""The network that runs on a whole depth image at once: where hands' centres are, which hands, how far, how turned.

The method's idea at image scale: every cell of a map says whether a hand's centre is near, and where exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dense3d_ros.dense.detector_layout import MAPS
from dense3d_ros.dense.hourglass import ConvBlock

_LEAST_DEPTH, _MOST_DEPTH = 0.1, 8.0
_INPUTS = 5


class _Block(nn.Module):
    """Two 3x3 convolutions beside the identity, as which it starts."""

    def __init__(self, features: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(features)
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(
            ConvBlock(features, features, 3), nn.Conv2d(features, features, 3, padding=1, bias=False), last
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.body(x))


class DetectorNetwork(nn.Module):
    """(B, 1, HEIGHT, WIDTH) metres, 0 where nothing was measured, and (B,) focal lengths in samples
    -> (B, len(MAPS), HEIGHT / STRIDE, WIDTH / STRIDE).

    features: channels at a stride of 4; there are 2, 4 and 5 times as many at strides of 8, 16 and 32.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        first, second, third, fourth = channels = [features * times for times in (1, 2, 4, 5)]
        self.stem = nn.Sequential(ConvBlock(_INPUTS, 16, 3, stride=2), ConvBlock(16, first, 3, stride=2))
        self.down = nn.ModuleList(
            [
                _Block(first),
                nn.Sequential(ConvBlock(first, second, 3, stride=2), _Block(second), _Block(second)),
                nn.Sequential(ConvBlock(second, third, 3, stride=2), _Block(third), _Block(third)),
                nn.Sequential(ConvBlock(third, fourth, 3, stride=2), _Block(fourth)),
            ]
        )
        self.narrow = nn.ModuleList([nn.Conv2d(channels[n + 1], channels[n], 1) for n in range(3)])
        self.up = nn.ModuleList([_Block(first), _Block(second), ConvBlock(third, third, 3)])
        self.head = nn.Sequential(ConvBlock(first, 2 * first, 3), nn.Conv2d(2 * first, len(MAPS), 1))
        last = self.head[-1]
        # Hands are rare: the first steps would only unlearn that they are everywhere.
        with torch.no_grad():
            last.get_parameter("bias")[0] = -4.0

    def forward(self, depth: Tensor, focal: Tensor) -> Tensor:
        with torch.autocast(depth.device.type, enabled=False):
            x = _surface(depth, focal)
        x = self.stem(x)
        kept = []
        for down in self.down:
            x = down(x)
            kept.append(x)
        for level in (2, 1, 0):
            above = functional.interpolate(self.narrow[level](x), size=kept[level].shape[-2:], mode="nearest")
            x = self.up[level](kept[level] + above)
        maps: Tensor = self.head(x)
        return maps


def _surface(depth: Tensor, focal: Tensor) -> Tensor:
    """What is measured, (B, _INPUTS, H, W): whether, how far, how large a sample is there, and the slopes.

    Slopes, because half precision would lose a hand's relief in its distance.
    """
    seen = (depth > _LEAST_DEPTH).float()
    metres = depth.clamp(_LEAST_DEPTH, _MOST_DEPTH)
    distance = metres.log()
    pitch = metres / focal.view(-1, 1, 1, 1)
    slopes = []
    for axis in (3, 2):
        padding = (1, 1, 0, 0) if axis == 3 else (0, 0, 1, 1)
        size = metres.shape[axis]
        around, both = (functional.pad(part, padding) for part in (metres, seen))
        rise = around.narrow(axis, 2, size) - around.narrow(axis, 0, size)
        slope = rise / (2 * pitch) * seen * both.narrow(axis, 2, size) * both.narrow(axis, 0, size)
        slopes.append(slope / (1 + slope.abs()))
    return torch.cat([seen, distance * seen, (pitch.log() + 5) * seen, *slopes], 1)
