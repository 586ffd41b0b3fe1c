"""How the detector is trained: whole rendered scenes, focal loss on the heat map, distances at the hands."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dense3d_ros.learning.synthetic.scenes import SceneAssets
from dense3d_ros.learning.synthetic.whole_scenes import make_whole_scene
from dense3d_ros.learning.training.detector_data import DetectorBatch, DetectorBatches, random_view
from dense3d_ros.learning.training.method import VALIDATION_SEED
from dense3d_ros.learning.training.muon_method import MuonMethod
from dense3d_ros.learning.training.recipe import Recipe, Stage
from dense3d_ros.perception.model_description import LICENCE, ModelDescription

_VALIDATION_BATCHES, _VALIDATION_BATCH_SIZE = 8, 32


class DetectorMethod(MuonMethod[DetectorBatch]):
    """The detector's training. `joint_error` is the share of hands that are missed, in percent."""

    data = "whole synthetic scenes"
    validation_data = "synthetic scenes: hands missed, %"
    error_unit = "% of the hands missed"

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.description = ModelDescription(
            name=recipe.name,
            network="detector",
            stacks=1,
            features=recipe.features,
            half_size=0.15,
            ball_radius=0.1,
            resolution=128,
            licence=LICENCE,
        )

    def batches(self, stage: Stage, first: int, count: int, stride: int) -> DetectorBatches:
        return DetectorBatches(seed=self.seed, batch_size=self.batch_size, first=first, count=count, stride=stride)

    def loss(self, network: nn.Module, batch: DetectorBatch) -> tuple[Tensor, dict[str, Tensor]]:
        maps = network(batch.depth, batch.focal).float()
        return detector_loss(maps, batch)

    def validation(self) -> list[DetectorBatch]:
        assets = SceneAssets.load()
        rng = np.random.default_rng([VALIDATION_SEED, 0])
        return [
            DetectorBatch.from_views(
                [random_view(rng, make_whole_scene(rng, assets), 0) for _ in range(_VALIDATION_BATCH_SIZE)]
            )
            for _ in range(_VALIDATION_BATCHES)
        ]

    def joint_error(self, network: nn.Module, batch: DetectorBatch) -> tuple[float, int]:
        maps = network(batch.depth, batch.focal).float()
        missed, hands = missed_hands(maps, batch)
        return 100.0 * missed, hands


def detector_loss(maps: Tensor, batch: DetectorBatch) -> tuple[Tensor, dict[str, Tensor]]:
    """Maps (B, len(MAPS), h, w) -> the loss and its parts.

    The heat map has the focal loss of Law and Deng (CornerNet, ECCV 2018): cells near a centre count less as empty.
    """
    heat, target = maps[:, 0], batch.targets[:, 0]
    is_centre = (target == 1).float()
    hands = is_centre.sum().clamp(min=1.0)
    probability = heat.sigmoid()
    found = functional.logsigmoid(heat) * (1 - probability) ** 2 * is_centre
    empty = functional.logsigmoid(-heat) * probability**2 * (1 - target) ** 4 * (1 - is_centre) * batch.counted
    focal = -(found.sum() + empty.sum()) / hands
    weight = batch.weights
    total = weight.sum().clamp(min=1.0)
    error = (maps[:, 1:4] - batch.targets[:, 1:4]).abs()
    place = ((error[:, 0] + error[:, 1]) * weight).sum() / total
    depth = (error[:, 2] * weight).sum() / total
    roll = ((maps[:, 4:6] - batch.targets[:, 4:6]).abs().sum(1) * batch.roll_weights).sum() / total
    loss = focal + 0.5 * place + 5.0 * depth + 0.5 * roll
    parts = {"heat": focal, "place": place, "depth": depth, "roll": roll}
    return loss, {name: part.detach() for name, part in parts.items()}


def missed_hands(maps: Tensor, batch: DetectorBatch) -> tuple[int, int]:
    """Hands that are not among as many peaks of their image's heat map as it has hands and one more; and all hands."""
    heat = torch.where(batch.counted > 0, maps[:, 0], torch.full_like(maps[:, 0], -20.0))
    peaks = torch.where(heat == functional.max_pool2d(heat.unsqueeze(1), 3, 1, 1)[:, 0], heat, -20.0)
    missed = total = 0
    for image in range(len(maps)):
        centres = (batch.targets[image, 0] == 1).nonzero()
        if not len(centres):
            continue
        best = peaks[image].flatten().topk(len(centres) + 1).indices
        places = torch.stack([best // heat.shape[2], best % heat.shape[2]], 1)
        reach = (centres[:, None] - places[None]).abs().amax(2).amin(1)
        missed += int((reach > 1).sum())
        total += len(centres)
    return missed, total
