"""Batch norms folded into the convolutions before them, for networks that are only run."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(module: nn.Module) -> None:
    """Fold every batch norm into the convolution before it; the outputs stay the same."""
    for child in module.modules():
        if isinstance(child, nn.Sequential):
            for index in range(len(child) - 1):
                convolution, norm = child[index], child[index + 1]
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    child[index] = fuse_conv_bn_eval(convolution, norm)
                    child[index + 1] = nn.Identity()
