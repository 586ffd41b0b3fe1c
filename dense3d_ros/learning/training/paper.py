"""The paper's method: its network, crops, maps, losses, optimiser and schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from dense3d_ros.dense.maps import PAPER, Maps, map_points, normalise_joints, sample_depth, target_maps
from dense3d_ros.dense.paper_crop import EmptyCropError, PaperCrop, crop_joints
from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.dense.paper_regressor import decode, paper_joints
from dense3d_ros.learning.datasets.frames import PaperFrame
from dense3d_ros.learning.training.batch_renorm import use_batch_renorm
from dense3d_ros.learning.training.method import Method
from dense3d_ros.learning.training.paper_data import Cropping, PaperBatch, PaperBatches
from dense3d_ros.learning.training.paper_frames import SYNTHETIC, PaperData
from dense3d_ros.learning.training.paper_recipe import PaperRecipe
from dense3d_ros.learning.training.recipe import Stage
from dense3d_ros.perception.model_description import LICENCE, SKELETONS, ModelDescription

BETAS = (0.5, 0.999)
_VALIDATION_BATCH = 16


class PaperMethod(Method[PaperBatch]):
    """What a `PaperRecipe` describes, on some data."""

    def __init__(self, recipe: PaperRecipe, data: PaperData) -> None:
        self.recipe, self.frames = recipe, data
        self.batch_size, self.accumulate = recipe.batch_size, recipe.accumulate
        self.ema_decay, self.seed = recipe.ema_decay, recipe.seed
        self.data, self.validation_data = data.training_words, data.validation_words
        self.stages = (Stage(recipe.epochs * len(data.training), 128),)
        self.cropping = Cropping(
            box_jitter=recipe.box_jitter,
            **{
                name: name in recipe.quirks
                for name in ("near_holes_are_surface", "half_pixel_rotation", "stale_centre")
            },
        )
        self.description = ModelDescription(
            name=recipe.name,
            stacks=recipe.stacks,
            features=recipe.features,
            half_size=0.15,
            ball_radius=0.08,
            resolution=128,
            # What a model of somebody else's data set may be used for is theirs to say.
            licence=LICENCE if data.name == SYNTHETIC else f"that of {data.name.upper()}, which it was trained on",
            network="paper",
            skeleton=data.skeleton,
            joints=SKELETONS[data.skeleton],
        )

    def build_network(self) -> nn.Module:
        network = super().build_network()
        if self.recipe.norm == "batch_renorm":
            use_batch_renorm(network, published="misplaced_parenthesis" in self.recipe.quirks)
        return network

    def optimiser(self, network: nn.Module) -> Optimizer:
        return Adam(network.parameters(), lr=self.recipe.learning_rate, betas=BETAS, eps=1e-8)

    def learning_rate(self, samples: int) -> float:
        """A staircase: times `decay` every so many epochs."""
        epochs = self.recipe.decay_epochs[self.frames.name]
        return self.recipe.learning_rate * self.recipe.decay ** (samples // (epochs * len(self.frames.training)))

    def clip_gradients(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        limit = self.recipe.gradient_limit
        if self.recipe.clip == "norm":
            return nn.utils.clip_grad_norm_(parameters, limit)
        norm = nn.utils.clip_grad_norm_(parameters, math.inf)
        nn.utils.clip_grad_value_(parameters, limit)
        return norm

    def batches(self, stage: Stage, first: int, count: int, stride: int) -> PaperBatches:
        return PaperBatches(
            self.frames.training,
            self.cropping,
            seed=self.seed,
            batch_size=self.batch_size,
            first=first,
            count=count,
            stride=stride,
        )

    def loss(self, network: nn.Module, batch: PaperBatch) -> tuple[Tensor, dict[str, Tensor]]:
        stacks = network(batch.images)
        with torch.autocast(batch.images.device.type, enabled=False):
            loss, parts = paper_loss(stacks, batch)
            parts["weights"] = 0.5 * self.recipe.l2 * squared_weights(network)
            loss = loss + parts["weights"]
            if self.recipe.loss == "mean":
                loss = loss / stacks[-1].hm.numel()
            with torch.no_grad():
                joints = decode(stacks[-1], batch.images, batch.cameras, batch.centres).joints
                parts["joint_mm"] = (joints - batch.joints).norm(dim=-1).mean()
        return loss, {name: value.detach() for name, value in parts.items()}

    def validation(self) -> Iterator[PaperBatch]:
        """True crops, neither turned nor stretched; frames that cannot be cropped are left out."""
        frames = self.frames.validation
        made = []
        for number in range(len(frames)):
            frame = frames.frame(number)
            try:
                made.append((_true_crop(frame), frame.joints))
            except EmptyCropError:
                continue
        if not made:
            raise ValueError(f"none of {self.validation_data} can be cropped")
        for start in range(0, len(made), _VALIDATION_BATCH):
            yield PaperBatch.from_crops(*zip(*made[start : start + _VALIDATION_BATCH], strict=True))

    def joint_error(self, network: nn.Module, batch: PaperBatch) -> tuple[float, int]:
        joints = paper_joints(network, batch.images, batch.cameras, batch.centres).joints
        return float((joints - batch.joints).norm(dim=-1).mean(1).sum()), len(joints)


def paper_loss(stacks: Sequence[Maps], batch: PaperBatch) -> tuple[Tensor, dict[str, Tensor]]:
    """Half the squared error of all maps of all stacks, summed over samples, pixels, joints and axes.

    Background pixels count like all others, and outside the ball the unit vectors' target is 0.
    """
    points = map_points(sample_depth(batch.images, PAPER), batch.cameras, batch.centres, PAPER)
    joints = normalise_joints(batch.joints, batch.centres, PAPER)
    target = target_maps(joints, points, batch.cameras, batch.centres, PAPER)
    parts = {}
    for name, index in (("heat_2d", 0), ("heat_3d", 1), ("vectors", 2)):
        errors = [0.5 * (maps[index].float() - target[index]).square().sum() for maps in stacks]
        parts[name] = torch.stack(errors).sum()
    return torch.stack(list(parts.values())).sum(), parts


def squared_weights(network: nn.Module) -> Tensor:
    """Sum of the squared weights of all convolutions but the two between one stack and the next."""
    assert isinstance(network, PaperNetwork)
    between = {*network.maps_to_next, *network.features_to_next}
    weights = [
        module.weight.square().sum()
        for module in network.modules()
        if isinstance(module, nn.Conv2d) and module not in between
    ]
    return torch.stack(weights).sum()


def _true_crop(frame: PaperFrame) -> PaperCrop:
    return crop_joints(frame.depth, frame.camera, frame.joints, frame.depth_limit)
