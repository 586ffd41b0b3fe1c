"""Joints <-> dense maps: per-pixel 3-D points, heat maps and unit vectors, and the votes they stand for.

The field of Wan et al., "Dense 3D Regression for Hand Pose Estimation" (CVPR 2018). For joint p and pixel
(i, j) with surface point X, offset o = p - X and ball radius R:

    2-D heat map  hm = max(0, C - |pixel - projection of p|) / C     (C in map pixels)
    3-D heat map  h3 = max(0, R - |o|) / R
    unit vector   um = o / |o| inside the ball, 0 outside
    vote          X + um * (R - R * h3)

Everything 3-D is relative to the crop's centre, in units of `MapGeometry.unit`. All functions are batched and
run on any device; points, foreground and votes can be exported (plain tensor operations, no control flow).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class MapGeometry:
    """How pixels of the normalised crop n become points, and the radii of the maps; by default the paper's.

    unit: camera-frame length of one unit of the points (paper: 100, in millimetres).
    depth_scale, depth_offset: depth = z of the centre + depth_scale * n + depth_offset, camera-frame lengths.
    background, background_depth: n where nothing was measured, and the depth behind the centre it is given.
    stride, first: map cell k reads image pixel stride * k + first.
    ball_radius, ball_edge: R above, and the margin inside R where the vector is already 0; in units.
    cone_radius: C above, in map pixels.
    """

    unit: float = 100.0
    depth_scale: float = 300.0
    depth_offset: float = -150.0
    background: float = -1.0
    background_depth: float = 150.0
    stride: int = 4
    first: int = 0
    ball_radius: float = 0.8
    ball_edge: float = 0.01
    cone_radius: float = 4.0


PAPER = MapGeometry()
"""Millimetres, crop normalised to a 300 mm window, 80 mm ball, maps of the pixels 0, 4, 8, ..."""


def metric_geometry(half_size: float = 0.15, ball_radius: float = 0.1, stride: int = 4) -> MapGeometry:
    """The maps of a metric cube crop: n = (z - z of the centre) / half_size in [-1, 1], background +1.

    Lengths in metres; points come out in units of half_size. stride: crop pixels a map cell. The pixel nearest
    below-right of the middle of a cell is the one read (2, 6, 10, ... at a stride of 4), so a map cell sees the
    middle of its receptive field.
    """
    return MapGeometry(
        unit=half_size,
        depth_scale=half_size,
        depth_offset=0.0,
        background=1.0,
        background_depth=half_size,
        stride=stride,
        first=stride // 2,
        ball_radius=ball_radius / half_size,
    )


class Maps(NamedTuple):
    """hm (B, J, S, S), h3 (B, J, S, S), um (B, J, 3, S, S)."""

    hm: Tensor
    h3: Tensor
    um: Tensor


class Surface(NamedTuple):
    """What a crop shows at the cells of a map: depth (B, 1, S, S), points (B, 3, S, S), seen (B, 1, S, S) bool.

    geometry: of that map. seen: the foreground.
    """

    geometry: MapGeometry
    depth: Tensor
    points: Tensor
    seen: Tensor


def surface(crops: Tensor, cameras: Tensor, centres: Tensor, geometry: MapGeometry) -> Surface:
    """The arguments are as in `sample_depth` and `map_points`."""
    depth = sample_depth(crops, geometry)
    return Surface(geometry, depth, map_points(depth, cameras, centres, geometry), foreground(depth, geometry))


def sample_depth(image: Tensor, geometry: MapGeometry) -> Tensor:
    """Normalised crop (B, 1, H, W) -> the pixels the map cells read (B, 1, H / stride, W / stride)."""
    return image[:, :, geometry.first :: geometry.stride, geometry.first :: geometry.stride]


def foreground(depth: Tensor, geometry: MapGeometry) -> Tensor:
    """Where the sampled crop (B, 1, S, S) saw a surface: bool (B, 1, S, S)."""
    return (depth - geometry.background).abs() > 0.01


def map_points(depth: Tensor, camera: Tensor, centre: Tensor, geometry: MapGeometry) -> Tensor:
    """Surface point of every map cell, relative to the centre, in units: (B, 3, S, S).

    depth: (B, 1, S, S) from `sample_depth`. camera: (B, 4) fx, fy, cx, cy of the crop, in crop pixels whose
    centres have integer coordinates. centre: (B, 3) in the camera frame. Background lies on the far plane.
    """
    height, width = depth.shape[-2:]
    fx, fy, cx, cy = camera[:, :, None, None, None].unbind(1)
    x0, y0, z0 = centre[:, :, None, None, None].unbind(1)
    relative = torch.where(
        foreground(depth, geometry),
        depth * geometry.depth_scale + geometry.depth_offset,
        geometry.background_depth,
    )
    z = relative + z0
    x = (_pixels(width, depth, geometry) - cx) * z / fx - x0
    y = (_pixels(height, depth, geometry)[:, None] - cy) * z / fy - y0
    return torch.cat([x, y, relative], dim=1) / geometry.unit


def normalise_joints(joints: Tensor, centre: Tensor, geometry: MapGeometry) -> Tensor:
    """Joints (B, J, 3) in the camera frame -> relative to the centre (B, 3), in units."""
    return (joints - centre[:, None]) / geometry.unit


def restore_joints(joints: Tensor, centre: Tensor, geometry: MapGeometry) -> Tensor:
    """The inverse of `normalise_joints`."""
    return joints * geometry.unit + centre[:, None]


def project(joints: Tensor, camera: Tensor, centre: Tensor, geometry: MapGeometry) -> Tensor:
    """Points (B, ..., 3) relative to the centre, in units -> sub-pixel map coordinates (B, ..., 2) (u, v)."""
    middle = (1,) * (joints.dim() - 2)
    points = joints * geometry.unit + centre.view(-1, *middle, 3)
    intrinsics = camera.view(-1, *middle, 4)
    pixels = points[..., :2] / points[..., 2:] * intrinsics[..., :2] + intrinsics[..., 2:]
    return (pixels - geometry.first) / geometry.stride


def target_maps(joints: Tensor, points: Tensor, camera: Tensor, centre: Tensor, geometry: MapGeometry) -> Maps:
    """The maps a perfect network would put out.

    joints: (B, J, 3) relative to the centre, in units (`normalise_joints`). points: (B, 3, S, S) from
    `map_points`; camera and centre as there. Background pixels get the targets of their far-plane points.
    """
    height, width = points.shape[-2:]
    u, v = project(joints, camera, centre, geometry)[..., None, None].unbind(2)
    columns = torch.arange(width, dtype=points.dtype, device=points.device)
    rows = torch.arange(height, dtype=points.dtype, device=points.device)[:, None]
    cone = geometry.cone_radius
    # Not hypot, which OpenVINO does not know.
    hm = (1 - ((columns - u).square() + (rows - v).square()).sqrt() / cone).clamp_min(0)

    radius = geometry.ball_radius
    offset = joints[..., None, None] - points[:, None]
    # vector_norm takes fifty times as long over this axis.
    distance = offset.square().sum(dim=2).sqrt()
    h3 = (1 - distance / radius).clamp_min(0)
    inside = distance < radius - geometry.ball_edge
    # A pixel exactly on the joint has no direction: offset 0 over the clamped distance stays 0.
    direction = offset / distance.clamp_min(1e-9)[:, :, None]
    return Maps(hm, h3, direction * inside[:, :, None])


def votes(points: Tensor, h3: Tensor, um: Tensor, geometry: MapGeometry) -> Tensor:
    """Where every pixel says each joint is: (B, J, 3, S, S), relative to the centre, in units.

    points (B, 3, S, S), h3 (B, J, S, S), um (B, J, 3, S, S). As in the paper the vectors are not normalised
    and the heat map is not clamped.
    """
    radius = geometry.ball_radius
    return points[:, None] + um * (radius - radius * h3)[:, :, None]


def _pixels(count: int, like: Tensor, geometry: MapGeometry) -> Tensor:
    """Image coordinates of the map cells along one axis."""
    return torch.arange(count, dtype=like.dtype, device=like.device) * geometry.stride + geometry.first
