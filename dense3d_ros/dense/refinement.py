"""Fused joints -> better ones: every joint attends to all others and to what the maps saw of it.

A pixel votes for a joint knowing little of where the other joints were voted to be. Here the 21 fused joints, each
with the features of the pixels that its votes came from, exchange what they know (Vaswani et al., "Attention is all
you need", 2017), which moves hidden fingers to where the others leave room for them, and tells how far off each is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 128
"""Features of a token."""
_HEADS = 4
_LEAST_ERROR = 0.005
"""Of the expected error, in units of the maps: less is never learned, and a logarithm needs a bound."""


class Refined(NamedTuple):
    """joints (B, J, 3) and the expected distance of each from the truth (B, J), in units; hand (B, W): features."""

    joints: Tensor
    error: Tensor
    hand: Tensor


class Attention(nn.Module):
    """Self-attention of (B, N, W) tokens; it starts as zero."""

    def __init__(self, width: int = WIDTH, heads: int = _HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        nn.init.zeros_(self.out.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (self._split(layer(tokens)) for layer in (self.query, self.key, self.value))
        weight = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(dim=-1)
        out: Tensor = self.out((weight @ value).transpose(1, 2).flatten(2))
        return out

    def _split(self, tokens: Tensor) -> Tensor:
        """(B, N, W) -> (B, heads, N, W / heads)."""
        batch, count, width = tokens.shape
        return tokens.reshape(batch, count, self.heads, width // self.heads).transpose(1, 2)


class Block(nn.Module):
    """Attention, then each token by itself; both are added to what comes in."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.attention_norm, self.own_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width)
        last = nn.Linear(4 * width, width, bias=False)
        nn.init.zeros_(last.weight)
        self.own = nn.Sequential(nn.Linear(width, 4 * width, bias=False), nn.ReLU(inplace=True), last)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.attention_norm(tokens))
        moved: Tensor = tokens + self.own(self.own_norm(tokens))
        return moved


class Refinement(nn.Module):
    """A token for each joint and one for the whole hand through `blocks` blocks. It starts by moving no joint."""

    def __init__(self, joints: int, features: int, summary: int, blocks: int, width: int = WIDTH) -> None:
        super().__init__()
        self.joint_in = nn.Linear(features + 5, width, bias=False)
        self.hand_in = nn.Linear(summary, width, bias=False)
        self.names = nn.Parameter(0.5 * torch.randn(joints + 1, width))
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)), nn.LayerNorm(width))
        self.out = nn.Linear(width, 4)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, features: Tensor, weight: Tensor, summary: Tensor, joints: Tensor, spread: Tensor, closeness: Tensor
    ) -> Refined:
        """features (B, F, S, S) and weight (B, J, S * S) of each joint's votes; summary (B, E) of the image.

        joints (B, J, 3), spread (B, J) and highest 3D heat (B, J) as fused, in units.
        """
        looked_at = weight @ features.flatten(2).transpose(1, 2)
        of_joints = self.joint_in(torch.cat([looked_at, joints, spread[..., None], closeness[..., None]], dim=2))
        tokens = torch.cat([self.hand_in(summary)[:, None], of_joints], dim=1)
        tokens = self.blocks(tokens + self.names)
        found = self.out(tokens[:, 1:]).float()
        # About 30 mm before anything is learned.
        error = _LEAST_ERROR + functional.softplus(found[..., 3] - 1.5)
        return Refined(joints + 0.1 * found[..., :3], error, tokens[:, 0].float())
