"""Batch Renorm (Ioffe, 2017) with the limits of the paper's published code; in evaluation an ordinary batch norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dense3d_ros.dense.paper_network import ConvNormReLU

TIME_STEP = 1e-5
"""What the limits' time t grows by in each forward pass in training."""


class BatchRenorm2d(nn.BatchNorm2d):
    """Batch norm whose training output is drawn towards that of the moving statistics.

    With batch mean m and deviation s and moving ones M and S: y = (x - m) / s * r + d, r = s / S within
    [1 / r_max, r_max], d = (m - M) / S within [-d_max, d_max], r_max = 3 / (1 + 2 exp(-t)), and
    d_max = 5 / (1 + 4999 exp(-2t)), or 5 / (5000 exp(-2t)) if `published`. Weights and file are a batch norm's.
    """

    def __init__(self, channels: int, eps: float, momentum: float, *, published: bool) -> None:
        super().__init__(channels, eps, momentum)
        self.published = published

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        x = input.float()
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), unbiased=False)
        with torch.no_grad():
            r_max, d_max = limits(self.num_batches_tracked * TIME_STEP, published=self.published)
            moving = (self.running_var + self.eps).sqrt()
            r = ((variance + self.eps).sqrt() / moving).clamp(1 / r_max, r_max)
            d = ((mean - self.running_mean) / moving).clamp(-d_max, d_max)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance, self.momentum)
            self.num_batches_tracked.add_(1)
        # Normalise with the batch's own statistics, then r and d as one more affine map.
        y = functional.batch_norm(x, None, None, r, d, training=True, eps=self.eps)
        result: Tensor = y * self.weight[:, None, None] + self.bias[:, None, None]
        return result.to(input.dtype)


def limits(time: Tensor, *, published: bool) -> tuple[Tensor, Tensor]:
    """r_max and d_max at t = `time`."""
    r_max = 3 / (1 + 2 * torch.exp(-time))
    decay = torch.exp(-2 * time)
    return r_max, 5 / (5000 * decay) if published else 5 / (1 + 4999 * decay)


def use_batch_renorm(network: nn.Module, *, published: bool) -> None:
    """Replace every batch norm of the paper's network."""
    for module in list(network.modules()):
        if isinstance(module, ConvNormReLU):
            norm = module[2]
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.momentum is not None
            module[2] = BatchRenorm2d(norm.num_features, norm.eps, norm.momentum, published=published)
