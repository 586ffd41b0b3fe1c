"""Votes -> joints: the differentiable softmax fusion of the default model and the paper's mean shift."""

from __future__ import annotations

from torch import Tensor

# Far below any score; finite, so that a crop without foreground gives no NaN, and within half precision.
_MASKED = -1e4


def softmax_fusion(
    hm: Tensor, h3: Tensor, votes: Tensor, foreground: Tensor, temperature: float = 12.0
) -> tuple[Tensor, Tensor]:
    """Weighted mean of all foreground votes, weights softmax(temperature * (h3 + hm / 2)) over the pixels.

    hm, h3: (B, J, S, S); votes: (B, J, 3, S, S) from `maps.votes`; foreground: bool (B, 1, S, S).
    Returns joints (B, J, 3) and their spread (B, J), the weighted RMS distance of the votes from the joint, both
    in the units of the votes. Without any foreground the joints are 0 (the centre) and the spread is 1.
    Softmax of the closeness as in Huang et al., "AWR" (AAAI 2020), with the 2-D heat map added to the score.
    """
    mask = foreground.flatten(2)
    score = (temperature * (h3 + 0.5 * hm)).flatten(2).masked_fill(~mask, _MASKED)
    mask = mask.to(score.dtype)
    weight = score.softmax(dim=-1) * mask
    points = votes.flatten(3)
    joints = (points * weight[:, :, None]).sum(dim=-1)
    squared = ((points - joints[..., None]) ** 2).sum(dim=2)
    missing = 1 - mask.amax(dim=-1)
    # The floor keeps the square root's gradient finite when all votes agree.
    spread = ((squared * weight).sum(dim=-1) + missing).clamp_min(1e-12).sqrt()
    return joints, spread
