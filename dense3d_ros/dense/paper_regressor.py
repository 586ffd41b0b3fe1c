"""The paper's network and decoding together: normalised crops in, joints in millimetres out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dense3d_ros.dense.maps import PAPER, Maps, foreground, map_points, restore_joints, sample_depth, votes
from dense3d_ros.dense.paper_crop import PaperCrop
from dense3d_ros.dense.voting import mean_shift


class PaperJoints(NamedTuple):
    """joints (B, J, 3) mm in the camera frame; heat (B, J) each joint's highest score on the surface."""

    joints: Tensor
    heat: Tensor


def stack_crops(crops: Sequence[PaperCrop]) -> tuple[Tensor, Tensor, Tensor]:
    """Images (B, 1, 128, 128), cameras (B, 4) fx, fy, cx, cy, and centres (B, 3) mm of crops."""
    cameras = [crop.camera.pinhole for crop in crops]
    images, centres = (np.stack([getattr(crop, name) for crop in crops]) for name in ("image", "centre"))
    return torch.from_numpy(images)[:, None], torch.tensor(cameras), torch.from_numpy(centres)


def decode(maps: Maps, images: Tensor, cameras: Tensor, centres: Tensor) -> PaperJoints:
    """Maps of one stack -> joints. images (B, 1, 128, 128), cameras (B, 4) of the crops, centres (B, 3) mm."""
    depth = sample_depth(images, PAPER)
    points = map_points(depth, cameras, centres, PAPER)
    seen = foreground(depth, PAPER)
    hm, h3, um = (tensor.float() for tensor in maps)
    joints = mean_shift(hm, h3, votes(points, h3, um, PAPER), points, seen, cameras, centres, PAPER)
    heat = (hm * h3).masked_fill(~seen, 0.0).flatten(2).amax(-1)
    return PaperJoints(restore_joints(joints, centres, PAPER), heat)


@torch.no_grad()
def paper_joints(network: nn.Module, images: Tensor, cameras: Tensor, centres: Tensor) -> PaperJoints:
    """Run a `PaperNetwork` and decode its last stack."""
    return decode(network(images)[-1], images, cameras, centres)
