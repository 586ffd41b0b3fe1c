"""Votes -> joints: the differentiable softmax fusion of the default model and the paper's mean shift."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from dense3d_ros.dense.maps import MapGeometry, project

Weighting = Literal["hm", "h3", "hm*h3", "none"]

# Far below any score; finite, so that a crop without foreground gives no NaN, and within half precision.
_MASKED = -1e4

_BINS = 4
"""Per axis of the first vote, half a unit each, over -1..1."""
_SMALLEST_SUM = 1e-6


def vote_weights(hm: Tensor, h3: Tensor, foreground: Tensor, temperature: float = 12.0) -> Tensor:
    """What each pixel's vote counts, (B, J, S * S): softmax(temperature * (h3 + hm / 2)) over the foreground.

    hm, h3: (B, J, S, S); foreground: bool (B, 1, S, S). Without any foreground all are 0.
    Softmax of the closeness as in Huang et al., "AWR" (AAAI 2020), with the 2-D heat map added to the score.
    """
    mask = foreground.flatten(2)
    score = (temperature * (h3 + 0.5 * hm)).flatten(2).masked_fill(~mask, _MASKED)
    return score.softmax(dim=-1) * mask.to(score.dtype)


def fuse_votes(votes: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean of the votes (B, J, 3, S, S) by weights (B, J, S * S) from `vote_weights`.

    Returns joints (B, J, 3) and their spread (B, J), the weighted RMS distance of the votes from the joint,
    both in the units of the votes. Without any foreground the joints are 0 (the centre) and the spread is 1.
    """
    points = votes.flatten(3)
    joints = (points * weight[:, :, None]).sum(dim=-1)
    squared = ((points - joints[..., None]) ** 2).sum(dim=2)
    missing = (weight.amax(dim=-1) == 0).to(weight.dtype)
    # The floor keeps the square root's gradient finite when all votes agree.
    spread = ((squared * weight).sum(dim=-1) + missing).clamp_min(1e-12).sqrt()
    return joints, spread


def softmax_fusion(
    hm: Tensor, h3: Tensor, votes: Tensor, foreground: Tensor, temperature: float = 12.0
) -> tuple[Tensor, Tensor]:
    """`fuse_votes` by `vote_weights`: joints (B, J, 3) and their spread (B, J) from maps as in both."""
    return fuse_votes(votes, vote_weights(hm, h3, foreground, temperature))


def mean_shift(
    hm: Tensor,
    h3: Tensor,
    votes: Tensor,
    points: Tensor,
    foreground: Tensor,
    camera: Tensor,
    centre: Tensor,
    geometry: MapGeometry,
    *,
    weighting: Weighting = "hm",
    depth_clip: bool = False,
    candidates: int = 5,
    bandwidth: float = 0.4,
    iterations: int = 10,
) -> Tensor:
    """The paper's decoding: the mode of the best candidates' votes, (B, J, 3) in units from the centre.

    hm, h3: (B, J, S, S); votes: (B, J, 3, S, S) from `maps.votes`; points: (B, 3, S, S) and foreground: bool
    (B, 1, S, S) as in `maps`; camera (B, 4) and centre (B, 3) as in `maps.map_points`.
    The candidates are the foreground pixels of largest (hm + 1) * h3. Each is weighted by the map named in
    `weighting`, read where its vote projects (0 outside the map). From the heaviest cell of a 4x4x4 grid over
    -1..1, `iterations` rounds of mean shift with a Gaussian of sigma `bandwidth` (units) find the mode.
    depth_clip keeps votes from lying in front of the surface they project to; the paper's code computes it
    but does not use it. Unlike there, negative weights count as 0, and an estimate without candidates of any
    weight near it moves to the best candidate.
    """
    score = ((hm + 1) * h3).masked_fill(~foreground, 0.0).flatten(2)
    # A stable sort, since topk promises no order among equals: the lowest pixel index has to win.
    best = score.sort(dim=-1, descending=True, stable=True).indices[..., :candidates]
    chosen = votes.flatten(3).gather(-1, best[:, :, None].expand(-1, -1, 3, -1)).transpose(2, 3)

    cell, inside = _map_cells(chosen, camera, centre, geometry, hm.shape[-2], hm.shape[-1])
    weight = _weights(hm, h3, cell, weighting).clamp_min(0) * inside
    if depth_clip:
        surface = points[:, 2].masked_fill(~foreground[:, 0], -torch.inf).flatten(1)
        nearest = surface[:, None].expand(-1, hm.shape[1], -1).gather(-1, cell)
        z = torch.where(inside, torch.maximum(chosen[..., 2], nearest), chosen[..., 2])
        chosen = torch.cat([chosen[..., :2], z[..., None]], dim=-1)

    estimate = _heaviest_cell(chosen, weight)
    for _ in range(iterations):
        squared = ((chosen - estimate[:, :, None]) ** 2).sum(dim=-1)
        kernel = weight * torch.exp(-squared / (2 * bandwidth**2))
        total = kernel.sum(dim=-1, keepdim=True)
        mean = (kernel[..., None] * chosen).sum(dim=2) / total.clamp_min(_SMALLEST_SUM)
        estimate = torch.where(total < _SMALLEST_SUM, chosen[:, :, 0], mean)
    return estimate


def _map_cells(
    chosen: Tensor, camera: Tensor, centre: Tensor, geometry: MapGeometry, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Flat index of the map cell each point (B, J, K, 3) projects to, and whether it is one of the map's."""
    column, row = (project(chosen, camera, centre, geometry) + 0.5).trunc().unbind(-1)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return torch.where(inside, row * width + column, 0).long(), inside


def _weights(hm: Tensor, h3: Tensor, cell: Tensor, weighting: Weighting) -> Tensor:
    """The weighting map at the flat cells (B, J, K)."""
    if weighting == "none":
        return torch.ones_like(cell, dtype=hm.dtype)
    weights = {"hm": hm, "h3": h3}
    if weighting in weights:
        return weights[weighting].flatten(2).gather(-1, cell)
    if weighting == "hm*h3":
        return (hm * h3).flatten(2).gather(-1, cell)
    raise ValueError(f"weighting must be 'hm', 'h3', 'hm*h3' or 'none', got {weighting!r}")


def _heaviest_cell(chosen: Tensor, weight: Tensor) -> Tensor:
    """Middle of the grid cell with the largest weight, the last one of equals: (B, J, 3)."""
    bins = (2 * (chosen + 1)).clamp(0, 3.9).long()
    flat = (bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2]
    grid = weight.new_zeros(*weight.shape[:2], _BINS**3).scatter_add(-1, flat, weight)
    heaviest = _BINS**3 - 1 - grid.flip(-1).argmax(dim=-1)
    axes = [heaviest // _BINS**2, heaviest // _BINS % _BINS, heaviest % _BINS]
    return torch.stack(axes, dim=-1) / 2 - 0.75
