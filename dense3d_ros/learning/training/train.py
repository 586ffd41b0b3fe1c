"""The training loop: batches in, a model file out. Resumable, on CPU or GPU, alone or under torchrun."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.distributed import destroy_process_group, init_process_group
from tqdm import tqdm

from dense3d_ros.atomic_write import make_folder
from dense3d_ros.learning.training.checkpoint import Progress, load_checkpoint
from dense3d_ros.learning.training.curves import Curves, drop_later_rows
from dense3d_ros.learning.training.data import loader
from dense3d_ros.learning.training.method import Method
from dense3d_ros.learning.training.processes import Processes
from dense3d_ros.learning.training.recipe import Stage
from dense3d_ros.learning.training.run_folder import RunFolder
from dense3d_ros.learning.training.state import TrainingState
from dense3d_ros.learning.training.step import Learner

CHECKPOINT_SECONDS = 120.0

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


class _Run:
    """One training run: what is learned, how far it has come, and what is written of it by the first process."""

    def __init__(
        self,
        method: Method[Any],
        output: Path,
        processes: Processes,
        start: str | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.method, self.processes, self.stop = method, processes, stop
        self.leads = processes.rank == 0
        self.folder = RunFolder(output, method, processes.device)
        goes_on = self.folder.checkpoint.exists()
        self.state = state = TrainingState.new(method, processes.device, None if goes_on else start)
        self.progress = Progress()
        if goes_on:
            self.progress = load_checkpoint(self.folder.checkpoint, state.network, state.average, state.optimiser)
            log.info("going on from %s at %d samples", self.folder.checkpoint, self.progress.samples)
        self.learner = Learner(method, state, processes)

    def learn(self, stage: Stage, until: int, workers: int, deadline: float = math.inf) -> bool:
        """Train at the stage's resolution until `until` samples have been learned in all; False if time ran out."""
        method, progress = self.method, self.progress
        step_batches = method.accumulate * self.processes.count
        step_samples = method.batch_size * step_batches
        steps = math.ceil((until - progress.samples) / step_samples)
        if steps <= 0:
            return True
        if self._is_over(deadline):
            return False
        if progress.samples < until - stage.samples + step_samples:
            # A new resolution: the average of the former one's weights would only mislead.
            self.state.average.n_averaged.zero_()
        count, first = steps * method.accumulate, progress.batch + self.processes.rank
        batches = loader(method.batches(stage, first, count, self.processes.count), workers)
        if self.leads and progress.samples:
            drop_later_rows(self.folder.curves, progress.samples)
        curves = Curves(self.folder.curves, stage.resolution)
        started = saved = time.monotonic()
        before = progress.seconds
        in_time = True
        with tqdm(total=until, initial=progress.samples, unit="crop", disable=not self.leads) as bar:
            for _ in range(steps):
                losses = self.learner.step(batches, progress)
                progress.samples += step_samples
                progress.batch += step_batches
                progress.seconds = before + time.monotonic() - started
                bar.update(step_samples)
                if losses is not None and self.leads:
                    means = curves.add(losses, progress, method.learning_rate(progress.samples))
                    if means is not None:
                        shown = "joint_mm" if "joint_mm" in means else "loss"
                        bar.set_postfix({shown: f"{means[shown]:.1f}"})
                if self._is_over(deadline):
                    in_time = False
                    break
                if time.monotonic() - saved > CHECKPOINT_SECONDS and self.leads:
                    self.folder.save(self.state, progress)
                    saved = time.monotonic()
        if self.leads:
            self.folder.save(self.state, progress)
        return in_time

    def finish(self) -> Path:
        """The model of the averaged weights with its validation error, written unless it is there already."""
        if self.leads:
            self.folder.finish(self.state, self.progress)
        return Path(self.processes.from_first(str(self.folder.model)))

    def _is_over(self, deadline: float) -> bool:
        """Whether time is up or a stop was asked for, in any process."""
        return self.processes.any(torch.tensor(self.stop() or time.monotonic() > deadline))
