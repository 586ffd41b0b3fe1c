"""The training loop: synthetic crops in, a model file out. Resumable, on CPU or GPU, alone or under torchrun."""

from __future__ import annotations

import csv
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributed import destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from dense3d_ros.dense.maps import MapGeometry, metric_geometry
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.regressor import DenseOutput, dense_output
from dense3d_ros.model_file import ModelDescription, save_model
from dense3d_ros.synthetic.scenes import SceneAssets
from dense3d_ros.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from dense3d_ros.training.data import Batch, SyntheticBatches, loader, make_batch
from dense3d_ros.training.losses import training_loss
from dense3d_ros.training.recipe import Recipe, Stage

CHECKPOINT_SECONDS = 120.0
LOG_STEPS = 50
VALIDATION_SEED = 1_000_003
VALIDATION_BATCHES = 8
LICENCE = "Apache-2.0"

Tensors = tuple[Tensor, ...] | list[Tensor]

log = logging.getLogger(__name__)


def train(recipe: Recipe, output: Path, *, device: str = "cpu", workers: int = 1) -> Path:
    """Train until the recipe's samples are spent and return the model file in `output`.

    `output` also gets checkpoint.safetensors, from which the same call goes on, and log.csv with the curves.
    """
    output.mkdir(parents=True, exist_ok=True)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        run = _Run(recipe, output, torch.device(f"cuda:{rank}" if device == "cuda" else device), rank, world)
        for index, stage in enumerate(recipe.stages):
            run.learn(stage, sum(earlier.samples for earlier in recipe.stages[: index + 1]), workers)
        return run.finish()
    finally:
        if world > 1:
            destroy_process_group()


def _moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Exponential moving average that forgets the random start: the decay grows from 0.1 to `decay`."""

    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, share)
            else:
                mean.copy_(value)

    return update


class _Learner(nn.Module):
    """`dense_output` of a network as a module, which is what DistributedDataParallel wraps."""

    def __init__(self, network: HourglassNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor, cameras: Tensor, centres: Tensor, geometry: MapGeometry) -> DenseOutput:
        return dense_output(self.network, crops, cameras, centres, geometry)


class _Run:
    """Network, average, optimiser and progress of one training run."""

    def __init__(self, recipe: Recipe, output: Path, device: torch.device, rank: int, world: int) -> None:
        self.recipe, self.output, self.device = recipe, output, device
        self.rank, self.world = rank, world
        self.geometry = metric_geometry(recipe.half_size, recipe.ball_radius)
        torch.manual_seed(recipe.seed)
        self.description = ModelDescription(
            name=recipe.name,
            stacks=recipe.stacks,
            features=recipe.features,
            half_size=recipe.half_size,
            ball_radius=recipe.ball_radius,
            resolution=recipe.stages[-1].resolution,
            licence=LICENCE,
        )
        self.network = self.description.build_network().to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(
            self.network,
            multi_avg_fn=_moving_average(recipe.ema_decay),
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.progress = Progress()
        self.checkpoint = output / "checkpoint.safetensors"
        if self.checkpoint.exists():
            self.progress = load_checkpoint(self.checkpoint, self.network, self.average, self.optimiser)
            log.info("going on from %s at %d samples", self.checkpoint, self.progress.samples)
        learner = _Learner(self.network)
        self.learner = DistributedDataParallel(learner) if world > 1 else learner
        self.validation: list[Batch] = []

    def learn(self, stage: Stage, until: int, workers: int) -> None:
        """Train at the stage's resolution until `until` samples have been learned in all."""
        step_samples = self.recipe.batch_size * self.world
        steps = math.ceil((until - self.progress.samples) / step_samples)
        if steps <= 0:
            return
        if self.progress.samples < until - stage.samples + step_samples:
            # A new resolution: the average of the former one's weights would only mislead.
            self.average.n_averaged.zero_()
        batches = loader(
            SyntheticBatches(
                seed=self.recipe.seed,
                batch_size=self.recipe.batch_size,
                resolution=stage.resolution,
                first=self.progress.batch + self.rank,
                count=steps,
                stride=self.world,
            ),
            workers,
        )
        parts: list[dict[str, Tensor]] = []
        started = saved = time.monotonic()
        before = self.progress.seconds
        with tqdm(total=until, initial=self.progress.samples, unit="crop", disable=self.rank > 0) as bar:
            for batch in batches:
                parts.append(self._step(batch.to(self.device)))
                self.progress.samples += step_samples
                self.progress.batch += self.world
                self.progress.seconds = before + time.monotonic() - started
                bar.update(step_samples)
                if len(parts) == LOG_STEPS and self.rank == 0:
                    means = {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}
                    bar.set_postfix(mm=f"{means['joint_mm']:.1f}")
                    self._log(means, stage.resolution)
                if len(parts) == LOG_STEPS:
                    parts.clear()
                if time.monotonic() - saved > CHECKPOINT_SECONDS and self.rank == 0:
                    self._save()
                    saved = time.monotonic()
        if self.rank == 0:
            self._save()

    def finish(self) -> Path:
        """Write the model of the averaged weights with its validation error."""
        path = self.output / "model.safetensors"
        if self.rank == 0:
            self._write_model(path)
        return path

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self.learner.train()
        geometry = self._geometry(batch)
        loss, parts = training_loss(self._run(self.learner, batch, geometry), batch, geometry)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.gradient_norm)
        # A single bad batch must not poison the weights for good.
        if torch.isfinite(norm):
            self.optimiser.step()
            self.average.update_parameters(self.network)
        return {"loss": loss.detach(), "gradient": norm.detach(), **parts}

    def _run(self, learner: nn.Module, batch: Batch, geometry: MapGeometry) -> DenseOutput:
        """Forward in bfloat16 where that is enough."""
        crops = batch.crops.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            output: DenseOutput = learner(crops, batch.cameras, batch.centres, geometry)
        return output

    def _geometry(self, batch: Batch) -> MapGeometry:
        """The maps' geometry, whose 2D cone covers the same part of the picture at every resolution."""
        share = batch.crops.shape[-1] / self.description.resolution
        return replace(self.geometry, cone_radius=self.geometry.cone_radius * share)

    def _learning_rate(self) -> float:
        """Linear warm-up, then half a cosine down to the final rate."""
        recipe, samples = self.recipe, self.progress.samples
        warm = min(1.0, (samples + 1) / recipe.warm_up_samples)
        share = min(1.0, max(0.0, samples - recipe.warm_up_samples) / (recipe.samples - recipe.warm_up_samples))
        cosine = 0.5 * (1 + math.cos(math.pi * share))
        return warm * (recipe.final_learning_rate + (recipe.learning_rate - recipe.final_learning_rate) * cosine)

    def _log(self, means: dict[str, float], resolution: int) -> None:
        path = self.output / "log.csv"
        row = {
            "samples": self.progress.samples,
            "seconds": round(self.progress.seconds),
            "resolution": resolution,
            "learning_rate": self._learning_rate(),
            **means,
        }
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})

    def _save(self) -> None:
        save_checkpoint(self.checkpoint, self.network, self.average, self.optimiser, self.progress)
        self._write_model(self.output / "model.safetensors")

    def _write_model(self, path: Path) -> None:
        error = self._validate()
        log.info("%d samples: validation error %.2f mm", self.progress.samples, error)
        training = {
            "samples": self.progress.samples,
            "seconds": round(self.progress.seconds),
            "stages": [vars(stage) for stage in self.recipe.stages],
            "data": "synthetic hands only",
        }
        description = ModelDescription(
            **{
                **vars(self.description),
                "training": training,
                "errors": {"synthetic validation": round(error, 2)},
            }
        )
        save_model(path, self.average.module, description)

    @torch.no_grad()
    def _validate(self) -> float:
        """Mean joint error of the averaged network in millimetres on fixed synthetic crops."""
        if not self.validation:
            assets = SceneAssets.load()
            self.validation = [
                make_batch(assets, VALIDATION_SEED, number, 32, self.description.resolution)
                for number in range(VALIDATION_BATCHES)
            ]
        self.average.eval()
        network = self.average.module
        assert isinstance(network, HourglassNetwork)
        learner = _Learner(network)
        total = count = 0.0
        for batch in self.validation:
            batch = batch.to(self.device)
            geometry = self._geometry(batch)
            _, parts = training_loss(self._run(learner, batch, geometry), batch, geometry)
            hands = float(batch.has_joints.sum())
            total += float(parts["joint_mm"]) * hands
            count += hands
        return total / count
