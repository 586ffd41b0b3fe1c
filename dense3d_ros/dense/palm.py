"""The palm's own frame, in which a hand looks the same from wherever it is seen."""

from __future__ import annotations

import torch
from torch import Tensor

from dense3d_ros.geometry.hand import JOINT_INDEX

_INDEX_MCP, _MIDDLE_MCP, _LITTLE_MCP = (JOINT_INDEX[f"{finger}_mcp"] for finger in ("index", "middle", "little"))


def palm_axes(joints: Tensor) -> Tensor:
    """(B, J, 3) joints -> (B, 3, 3) whose columns point along and across the palm and out of it."""
    along = joints[:, _MIDDLE_MCP] - joints[:, 0]
    across = joints[:, _INDEX_MCP] - joints[:, _LITTLE_MCP]
    x = along / _length(along)
    across = across - x * (x * across).sum(1, keepdim=True)
    y = across / _length(across)
    x0, x1, x2 = x.unbind(1)
    y0, y1, y2 = y.unbind(1)
    z = torch.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], 1)
    return torch.stack([x, y, z], 2)


def _length(vector: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vector, dim=1, keepdim=True)
    return length.clamp_min(1e-3)
