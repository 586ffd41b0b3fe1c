"""Fused joints -> better ones: every joint attends to all others and to all that the maps saw.

A pixel votes for a joint knowing little of where the other joints were voted to be. Here the 21 fused joints, each
with the features of the pixels that its votes came from, exchange what they know and look at the whole crop again
(the decoder of Vaswani et al., "Attention is all you need", 2017), which moves hidden fingers to where the others and
the surface leave room for them, and tells how far off each is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dense3d_ros.dense.maps import Surface

WIDTH = 128
"""Features of a token."""
_HEADS = 4
_PLACE_FEATURES = 5
"""Numbers that tell where a cell is: its point, its squared distance from the centre, whether anything is seen."""
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
        query, key, value = (split_heads(layer(tokens), self.heads) for layer in (self.query, self.key, self.value))
        out: Tensor = self.out(attend(query, key, value))
        return out


class CrossAttention(nn.Module):
    """Attention of (B, N, W) tokens to others, of which keys and values are given; it starts as zero."""

    def __init__(self, width: int = WIDTH, heads: int = _HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.out = (nn.Linear(width, width, bias=False) for _ in range(2))
        nn.init.zeros_(self.out.weight)

    def forward(self, tokens: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """tokens (B, N, W); key and value (B, heads, M, W / heads)."""
        out: Tensor = self.out(attend(split_heads(self.query(tokens), self.heads), key, value))
        return out


def split_heads(x: Tensor, heads: int = _HEADS) -> Tensor:
    """(B, N, W) -> (B, heads, N, W / heads)."""
    batch, count, width = x.shape
    return x.reshape(batch, count, heads, width // heads).transpose(1, 2)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(B, N, W): the values (B, heads, M, W / heads) weighted by how well each of N queries matches their keys."""
    weight = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(dim=-1)
    mixed: Tensor = (weight @ value).transpose(1, 2).flatten(2)
    return mixed


class Block(nn.Module):
    """Attention to each other, to the maps' cells, then each token by itself; all are added to what comes in."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.attention_norm, self.looking_norm, self.own_norm = (nn.LayerNorm(width) for _ in range(3))
        self.attention, self.looking = Attention(width), CrossAttention(width)
        last = nn.Linear(4 * width, width, bias=False)
        nn.init.zeros_(last.weight)
        self.own = nn.Sequential(nn.Linear(width, 4 * width, bias=False), nn.ReLU(inplace=True), last)

    def forward(self, tokens: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """tokens (B, N, W); key and value (B, heads, M, W / heads) of the cells."""
        tokens = tokens + self.attention(self.attention_norm(tokens))
        tokens = tokens + self.looking(self.looking_norm(tokens), key, value)
        moved: Tensor = tokens + self.own(self.own_norm(tokens))
        return moved


class Refinement(nn.Module):
    """A token for each joint and one for the whole hand through `blocks` blocks. It starts by moving no joint."""

    def __init__(self, joints: int, features: int, summary: int, blocks: int, width: int = WIDTH) -> None:
        super().__init__()
        self.joint_in = nn.Linear(features + 5, width, bias=False)
        self.hand_in = nn.Linear(summary, width, bias=False)
        self.names = nn.Parameter(0.5 * torch.randn(joints + 1, width))
        # Shared by all blocks: for 256 cells, they are costly.
        self.cell_key, self.cell_value = (nn.Linear(features + _PLACE_FEATURES, width, bias=False) for _ in range(2))
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 4)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        features: Tensor,
        seen: Surface,
        weight: Tensor,
        summary: Tensor,
        joints: Tensor,
        spread: Tensor,
        closeness: Tensor,
    ) -> Refined:
        """features (B, F, S, S) of what is seen at the maps' cells, weight (B, J, S * S) of each joint's votes.

        summary (B, E) of the image; joints (B, J, 3), spread (B, J) and highest 3D heat (B, J) as fused, in units.
        """
        pixels = features.flatten(2).transpose(1, 2)
        # With the squared distance, a product of query and key can fall with the distance from a point.
        square = seen.points.square().sum(1, keepdim=True)
        place = torch.cat([seen.points, square, seen.seen.float()], dim=1).flatten(2).transpose(1, 2)
        cells = torch.cat([pixels, place], dim=2)
        key, value = split_heads(self.cell_key(cells)), split_heads(self.cell_value(cells))
        looked_at = weight @ pixels
        of_joints = self.joint_in(torch.cat([looked_at, joints, spread[..., None], closeness[..., None]], dim=2))
        tokens = torch.cat([self.hand_in(summary)[:, None], of_joints], dim=1)
        tokens = tokens + self.names
        for block in self.blocks:
            tokens = block(tokens, key, value)
        tokens = self.norm(tokens)
        found = self.out(tokens[:, 1:]).float()
        # About 30 mm before anything is learned.
        error = _LEAST_ERROR + functional.softplus(found[..., 3] - 1.5)
        return Refined(joints + 0.1 * found[..., :3], error, tokens[:, 0].float())
