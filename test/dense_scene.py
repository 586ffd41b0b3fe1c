"""A made-up hand crop for the tests of dense/: a bumpy disc in front of nothing, joints just behind it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dense3d_ros.dense.maps import MapGeometry, foreground, map_points, sample_depth

VECTORS = Path(__file__).resolve().parents[2] / "shared" / "method" / "vectors"
NO_VECTORS = "the reference vectors of ../shared/method are not here"


class Scene(NamedTuple):
    """image (B, 1, 128, 128), depth and seen (B, 1, 32, 32), points (B, 3, 32, 32), joints (B, J, 3)."""

    image: Tensor
    depth: Tensor
    camera: Tensor
    centre: Tensor
    points: Tensor
    seen: Tensor
    joints: Tensor


def make_scene(geometry: MapGeometry, batch: int = 2, joints: int = 21) -> Scene:
    """A scene in the geometry's own units; joints lie up to a tenth of a unit behind the surface."""
    generator = torch.Generator().manual_seed(5)
    rows, cols = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    bumps = 0.25 + 0.15 * torch.sin(cols / 9) * torch.cos(rows / 11)
    disc = (rows - 64) ** 2 + (cols - 60) ** 2 < 40**2
    image = torch.where(disc, bumps, torch.tensor(geometry.background)).expand(batch, 1, -1, -1).contiguous()
    distance = 4.0 * geometry.unit
    focal = 128 * distance / (2.2 * geometry.unit)
    centre = torch.tensor([0.3, -0.2, 4.0]).mul(geometry.unit).expand(batch, -1).contiguous()
    principal = 63.5 - focal * centre[:, :2] / centre[:, 2:]
    camera = torch.cat([torch.full((batch, 2), focal), principal], dim=1)
    depth = sample_depth(image, geometry)
    points = map_points(depth, camera, centre, geometry)
    seen = foreground(depth, geometry)
    surface = points[0].flatten(1)[:, seen[0].flatten()].T
    pick = torch.randint(len(surface), (batch, joints), generator=generator)
    behind = torch.rand(batch, joints, 3, generator=generator) * torch.tensor([0.02, 0.02, 0.1])
    return Scene(image, depth, camera, centre, points, seen, surface[pick] + behind)
