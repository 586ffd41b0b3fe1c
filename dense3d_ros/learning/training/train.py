"""The training loop: batches in, a model file out. Resumable, on CPU or GPU, alone or under torchrun."""

from __future__ import annotations

import csv
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed import destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from dense3d_ros.atomic_write import make_folder, writing
from dense3d_ros.learning.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from dense3d_ros.learning.training.data import loader
from dense3d_ros.learning.training.method import Method
from dense3d_ros.learning.training.model_output import choose_file
from dense3d_ros.learning.training.processes import Processes
from dense3d_ros.learning.training.recipe import Stage
from dense3d_ros.perception.graph_export import refresh_graph
from dense3d_ros.perception.model_file import read_any_model, save_model

CHECKPOINT_SECONDS = 120.0
LOG_STEPS = 50
MOST_SKIPPED = 100
"""Batches in a row that may be skipped since they are not finite."""

Tensors = tuple[Tensor, ...] | list[Tensor]

log = logging.getLogger(__name__)


def train(
    method: Method[Any],
    output: Path,
    *,
    device: str = "cpu",
    workers: int = 1,
    seconds: float = math.inf,
    start: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Train until the method's samples or `seconds` are spent or `stop` says so; return the model file in `output`.

    `output` also gets the checkpoint, from which the same call goes on, and log.csv with the curves. After `seconds`
    or `stop` the step in work is finished and everything written, which takes as long as a validation. start: a model
    (name or file) whose weights a new run begins with, where names and shapes are the same; the others are random.
    """
    deadline = time.monotonic() + seconds
    make_folder(output)
    processes = Processes.from_environment(device)
    method.check_processes(processes.count * max(workers, 1))
    if processes.count > 1:
        init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        run = _Run(method, output, processes, start, stop)
        for index, stage in enumerate(method.stages):
            until = sum(earlier.samples for earlier in method.stages[: index + 1])
            if not run.learn(stage, until, workers, deadline):
                log.info("stopped at %d samples; the same command goes on", run.progress.samples)
                break
        return run.finish()
    finally:
        if processes.count > 1:
            destroy_process_group()


def _moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Exponential moving average that forgets the random start: the decay grows from 0.1 to `decay`."""

    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        # AveragedModel passes the tensors of one type together.
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, share)
        else:
            torch._foreach_copy_(averaged, current)

    return update


def _take_weights(network: nn.Module, start: str) -> None:
    """Copy the weights of another model that have the same names and shapes."""
    own = network.state_dict()
    theirs = read_any_model(start)[1].state_dict()
    same = {name: tensor for name, tensor in theirs.items() if name in own and tensor.shape == own[name].shape}
    if not same:
        raise ValueError(f"no layer of the model {start} is like one of the recipe's network")
    network.load_state_dict(own | same)
    log.info("%d of %d weights and statistics are from %s", len(same), len(own), start)


class _Learner(nn.Module):
    """A method's loss as a module, which is what DistributedDataParallel wraps."""

    def __init__(self, method: Method[Any], network: nn.Module) -> None:
        super().__init__()
        self.method = method
        self.network = network

    def forward(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        return self.method.loss(self.network, batch)


class _Run:
    """Network, average, optimiser and progress of one training run."""

    def __init__(
        self,
        method: Method[Any],
        output: Path,
        processes: Processes,
        start: str | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.method, self.output, self.stop = method, output, stop
        self.processes, self.device, self.leads = processes, processes.device, processes.rank == 0
        torch.manual_seed(method.seed)
        self.checkpoint = output / "checkpoint.safetensors"
        goes_on = self.checkpoint.exists()
        self.network = method.build_network()
        if start is not None and not goes_on:
            _take_weights(self.network, start)
        self.network.to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(self.network, multi_avg_fn=_moving_average(method.ema_decay), use_buffers=True)
        self.optimiser = method.optimiser(self.network)
        self.progress = Progress()
        if goes_on:
            self.progress = load_checkpoint(self.checkpoint, self.network, self.average, self.optimiser)
            log.info("going on from %s at %d samples", self.checkpoint, self.progress.samples)
        learner = _Learner(method, self.network)
        self.learner = DistributedDataParallel(learner) if processes.count > 1 else learner
        self.validation: list[Any] = []
        self.model = output / "model.safetensors"
        self.written = -1
        self.skipped = 0

    def learn(self, stage: Stage, until: int, workers: int, deadline: float = math.inf) -> bool:
        """Train at the stage's resolution until `until` samples have been learned in all; False if time ran out."""
        method = self.method
        step_samples = method.batch_size * method.accumulate * self.processes.count
        steps = math.ceil((until - self.progress.samples) / step_samples)
        if steps <= 0:
            return True
        if self._is_over(deadline):
            return False
        if self.progress.samples < until - stage.samples + step_samples:
            # A new resolution: the average of the former one's weights would only mislead.
            self.average.n_averaged.zero_()
        count, first = steps * method.accumulate, self.progress.batch + self.processes.rank
        batches = loader(method.batches(stage, first, count, self.processes.count), workers)
        parts: list[dict[str, Tensor]] = []
        started = saved = time.monotonic()
        before = self.progress.seconds
        in_time = True
        with tqdm(total=until, initial=self.progress.samples, unit="crop", disable=not self.leads) as bar:
            for _ in range(steps):
                made = self._step(batches)
                if made is not None:
                    parts.append(made)
                self.progress.samples += step_samples
                self.progress.batch += method.accumulate * self.processes.count
                self.progress.seconds = before + time.monotonic() - started
                bar.update(step_samples)
                if len(parts) == LOG_STEPS:
                    if self.leads:
                        means = {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}
                        shown = "joint_mm" if "joint_mm" in means else "loss"
                        bar.set_postfix({shown: f"{means[shown]:.1f}"})
                        self._log(means, stage.resolution)
                    parts.clear()
                if self._is_over(deadline):
                    in_time = False
                    break
                if time.monotonic() - saved > CHECKPOINT_SECONDS and self.leads:
                    self._save()
                    saved = time.monotonic()
        if self.leads:
            self._save()
        return in_time

    def finish(self) -> Path:
        """The model of the averaged weights with its validation error, written unless it is there already."""
        if self.leads and self.written != self.progress.samples:
            self._write_model()
        return Path(self.processes.from_first(str(self.model)))

    def _is_over(self, deadline: float) -> bool:
        """Whether time is up or a stop was asked for, in any process."""
        return self.processes.any(torch.tensor(self.stop() or time.monotonic() > deadline))

    def _step(self, batches: Iterator[Any]) -> dict[str, Tensor] | None:
        """Learn a step and return its losses; None if it is not finite, which leaves the network as it was."""
        rate = self.method.learning_rate(self.progress.samples)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        # For dropout: a resumed run draws what it would have drawn.
        torch.manual_seed(self.method.seed + self.progress.batch + self.processes.rank)
        self.learner.train()
        self.optimiser.zero_grad(set_to_none=True)
        statistics = [buffer.clone() for buffer in self.network.buffers()]
        means: dict[str, Tensor] = {}
        for _ in range(self.method.accumulate):
            batch = next(batches).to(self.device)
            with torch.autocast(self.device.type, torch.bfloat16):
                loss, parts = self.learner(batch)
            (loss / self.method.accumulate).backward()
            for name, value in {"loss": loss.detach(), **parts}.items():
                means[name] = means.get(name, 0) + value / self.method.accumulate
        norm = self.method.clip_gradients(list(self.network.parameters()))
        # A bad batch must not poison weights or batch norm, which has seen it already.
        largest = torch._foreach_norm([buffer.float() for buffer in self.network.buffers()], math.inf)
        if self.processes.any(~torch.isfinite(torch.stack([norm, *largest])).all()):
            with torch.no_grad():
                for buffer, before in zip(self.network.buffers(), statistics, strict=True):
                    buffer.copy_(before)
            self._skip()
            return None
        self.skipped = 0
        self.optimiser.step()
        self.average.update_parameters(self.network)
        return {"loss": means.pop("loss"), "gradient": norm.detach(), **means}

    def _skip(self) -> None:
        self.skipped += 1
        log.warning("step at %d samples skipped: loss, gradient or statistics are not finite", self.progress.samples)
        if self.skipped == MOST_SKIPPED:
            raise ValueError(f"{MOST_SKIPPED} steps in a row are not finite; training stops, the last checkpoint stays")

    def _log(self, means: dict[str, float], resolution: int) -> None:
        path = self.output / "log.csv"
        row = {
            "samples": self.progress.samples,
            "seconds": round(self.progress.seconds),
            "resolution": resolution,
            "learning_rate": self.method.learning_rate(self.progress.samples),
            **means,
        }
        new = not path.exists()
        with writing(path), path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})

    def _save(self) -> None:
        save_checkpoint(self.checkpoint, self.network, self.average, self.optimiser, self.progress)
        self._write_model()

    def _write_model(self) -> None:
        self.written = self.progress.samples
        self.model, there = choose_file(self.output, self.method.description.name, self.average.module)
        if there:
            log.info("%s is this model, calibrated: it stays as it is", self.model)
            return
        error = self._validate()
        unit = self.method.error_unit
        log.info("%d samples: validation error %.2f %s, %s", self.progress.samples, error, unit, self.model)
        training = {
            "samples": self.progress.samples,
            "seconds": round(self.progress.seconds),
            "stages": [vars(stage) for stage in self.method.stages],
            "data": self.method.data,
        }
        errors = {self.method.validation_data: round(error, 2)}
        save_model(self.model, self.average.module, replace(self.method.description, training=training, errors=errors))
        refresh_graph(self.model)

    @torch.no_grad()
    def _validate(self) -> float:
        """Mean error of the averaged network on the method's fixed batches, in the method's unit."""
        if not self.validation:
            self.validation = list(self.method.validation())
        self.average.eval()
        total = count = 0.0
        for batch in self.validation:
            with torch.autocast(self.device.type, torch.bfloat16):
                error, hands = self.method.joint_error(self.average.module, batch.to(self.device))
            total += error
            count += hands
        return total / count
