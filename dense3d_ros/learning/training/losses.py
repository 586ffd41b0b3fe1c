"""What training minimises: errors of the maps, of the fused joints and of the two logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dense3d_ros.dense.maps import MapGeometry, normalise_joints, target_maps
from dense3d_ros.dense.regressor import DenseOutput
from dense3d_ros.learning.training.data import Batch

HEAT_2D_WEIGHT = 10.0
HEAT_3D_WEIGHT = 10.0
VECTOR_WEIGHT = 1.0
JOINT_WEIGHT = 12.0
REFINED_WEIGHT = 8.0
ERROR_WEIGHT = 0.2
LOGIT_WEIGHT = 0.6


def training_loss(output: DenseOutput, batch: Batch, geometry: MapGeometry) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch and its parts; "joint_mm" is the mean joint error in millimetres.

    3D maps count on foreground pixels, since only those vote. Samples without `has_joints` train the logits
    alone; the right-hand logit is trained where there is a hand, and so is the expected error of refined joints:
    of a left hand, which is taken for a right one, it has to be large.
    """
    joints = normalise_joints(batch.joints, batch.centres, geometry)
    labelled = batch.has_joints[:, None, None, None]
    parts = {name: joints.new_zeros(()) for name in ("heat_2d", "heat_3d", "vectors", "joints")}
    seen = output.surface
    target = target_maps(joints, seen.points, batch.cameras, batch.centres, geometry)
    pixels = labelled * seen.seen
    count = pixels.sum().clamp_min(1) * joints.shape[1]
    for fused in output.stages:
        hm, h3, um = fused.maps
        parts["heat_2d"] = parts["heat_2d"] + _mean(((hm - target.hm) ** 2).mean((1, 2, 3)), batch.has_joints)
        parts["heat_3d"] = parts["heat_3d"] + (((h3 - target.h3) ** 2) * pixels).sum() / count
        parts["vectors"] = parts["vectors"] + (((um - target.um) ** 2).sum(2) * pixels).sum() / count
        parts["joints"] = parts["joints"] + _mean((fused.joints - joints).abs().mean((1, 2)), batch.has_joints)
    distance = (output.pose - joints).square().sum(-1).clamp_min(1e-12).sqrt()
    if output.refined:
        expected = output.refined.error
        parts["refined"] = _mean(distance.mean(1), batch.has_joints)
        # The likelihood of exponentially distributed errors, which is highest where `expected` is their mean.
        surprise = (distance.detach() / expected + expected.log()).mean(1)
        parts["error"] = _mean(surprise, torch.maximum(batch.has_joints, (batch.presence == 1).float()))
    known = batch.presence >= 0
    parts["presence"] = _mean(_binary(output.logits[:, 0], batch.presence), known.float())
    parts["right"] = _mean(_binary(output.logits[:, 1], batch.right), (batch.presence == 1).float())
    loss = (
        HEAT_2D_WEIGHT * parts["heat_2d"]
        + HEAT_3D_WEIGHT * parts["heat_3d"]
        + VECTOR_WEIGHT * parts["vectors"]
        + JOINT_WEIGHT * parts["joints"]
        + LOGIT_WEIGHT * (parts["presence"] + parts["right"])
    )
    if output.refined:
        loss = loss + REFINED_WEIGHT * parts["refined"] + ERROR_WEIGHT * parts["error"]
    parts["joint_mm"] = _mean(distance.detach().mean(1), batch.has_joints) * geometry.unit * 1000
    return loss, {name: value.detach() for name, value in parts.items()}


def _binary(logit: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logit.float(), target.clamp(0, 1), reduction="none")


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of (B,) values where weight is 1, 0 where there are none."""
    return (values * weight).sum() / weight.sum().clamp_min(1)
