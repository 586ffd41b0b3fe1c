"""The default method: hourglass, synthetic crops, losses on maps and fused joints, Muon with a cosine."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from dense3d_ros.dense.maps import MapGeometry
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.regressor import dense_output
from dense3d_ros.learning.synthetic.scenes import SceneAssets
from dense3d_ros.learning.training.data import Batch, SyntheticBatches, make_batch
from dense3d_ros.learning.training.losses import training_loss
from dense3d_ros.learning.training.method import VALIDATION_SEED
from dense3d_ros.learning.training.muon_method import MuonMethod
from dense3d_ros.learning.training.recipe import Recipe, Stage
from dense3d_ros.perception.model_description import LICENCE, ModelDescription

VALIDATION_BATCHES = 8
VALIDATION_BATCH_SIZE = 32


class HourglassMethod(MuonMethod[Batch]):
    """What a `Recipe` describes."""

    data = "synthetic hands only"
    validation_data = "synthetic validation"

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.description = ModelDescription(
            name=recipe.name,
            stacks=recipe.stacks,
            features=recipe.features,
            wide_blocks=recipe.wide_blocks,
            stride=recipe.stride,
            refining_blocks=recipe.refining_blocks,
            half_size=recipe.half_size,
            ball_radius=recipe.ball_radius,
            resolution=recipe.stages[-1].resolution,
            licence=LICENCE,
        )
        self.geometry = self.description.geometry

    def batches(self, stage: Stage, first: int, count: int, stride: int) -> SyntheticBatches:
        return SyntheticBatches(
            seed=self.seed,
            batch_size=self.batch_size,
            resolution=stage.resolution,
            first=first,
            count=count,
            stride=stride,
        )

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(network, HourglassNetwork)
        geometry = self._geometry(batch)
        output = dense_output(network, batch.crops, batch.cameras, batch.centres, geometry)
        with torch.autocast(batch.crops.device.type, enabled=False):
            return training_loss(output, batch, geometry)

    def validation(self) -> list[Batch]:
        assets, resolution = SceneAssets.load(), self.description.resolution
        return [
            make_batch(assets, VALIDATION_SEED, number, VALIDATION_BATCH_SIZE, resolution)
            for number in range(VALIDATION_BATCHES)
        ]

    def joint_error(self, network: nn.Module, batch: Batch) -> tuple[float, int]:
        _, parts = self.loss(network, batch)
        hands = int(batch.has_joints.sum())
        return float(parts["joint_mm"]) * hands, hands

    def _geometry(self, batch: Batch) -> MapGeometry:
        """The maps' geometry, whose 2D cone covers the same part of the image at every resolution."""
        share = batch.crops.shape[-1] / self.description.resolution
        return replace(self.geometry, cone_radius=self.geometry.cone_radius * share)
