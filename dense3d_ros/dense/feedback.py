"""A pose as maps, for a stage that corrects it: its ideal maps, and the surface's points in the palm's own frame.

Where a surface point lies in the palm's frame tells what it is a point of, from wherever the hand is seen.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dense3d_ros.dense.maps import Surface, target_maps
from dense3d_ros.hand import JOINT_INDEX

_INDEX_MCP, _MIDDLE_MCP, _LITTLE_MCP = (JOINT_INDEX[f"{finger}_mcp"] for finger in ("index", "middle", "little"))


def feedback_channels(joints: int) -> int:
    """Channels of `pose_feedback`."""
    return 5 * joints + 3


@torch.no_grad()
def pose_feedback(joints: Tensor, seen: Surface, cameras: Tensor, centres: Tensor) -> Tensor:
    """(B, 5J + 3, S, S) in float32 from joints (B, J, 3), in units, at the cells of a surface.

    cameras (B, 4) and centres (B, 3) as in `maps.map_points`. Nothing is learned through it.
    """
    ideal = target_maps(joints, seen.points, cameras, centres, seen.geometry)
    relative = (seen.points - joints[:, 0, :, None, None]).flatten(2)
    in_palm = (palm_axes(joints).transpose(1, 2) @ relative).view_as(seen.points) * seen.seen
    return torch.cat([ideal.hm, ideal.h3, ideal.um.flatten(1, 2), in_palm], dim=1)


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
