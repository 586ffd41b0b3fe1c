"""One step of the training loop: learned, or skipped where it is not finite."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dense3d_ros.learning.training.checkpoint import Progress
from dense3d_ros.learning.training.method import Method
from dense3d_ros.learning.training.processes import Processes
from dense3d_ros.learning.training.state import TrainingState

MOST_SKIPPED = 100
"""Steps in a row that may be skipped since they are not finite."""

log = logging.getLogger(__name__)


class _Loss(nn.Module):
    """A method's loss as a module, which is what DistributedDataParallel wraps."""

    def __init__(self, method: Method[Any], network: nn.Module) -> None:
        super().__init__()
        self.method = method
        self.network = network

    def forward(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        return self.method.loss(self.network, batch)


class Learner:
    """Makes the steps of a run, in all of its processes alike."""

    def __init__(self, method: Method[Any], state: TrainingState, processes: Processes) -> None:
        self._method, self._state, self._processes = method, state, processes
        loss = _Loss(method, state.network)
        self._loss = DistributedDataParallel(loss) if processes.count > 1 else loss
        self._skipped = 0

    def step(self, batches: Iterator[Any], progress: Progress) -> dict[str, Tensor] | None:
        """Learn the next batches after `progress` and return the losses: means over the step, detached.

        None if the step is not finite, which leaves the network as it was; ValueError after MOST_SKIPPED such in a row.
        """
        method, network, optimiser = self._method, self._state.network, self._state.optimiser
        rate = method.learning_rate(progress.samples)
        for group in optimiser.param_groups:
            group["lr"] = rate
        # For dropout: a resumed run draws what it would have drawn.
        torch.manual_seed(method.seed + progress.batch + self._processes.rank)
        self._loss.train()
        optimiser.zero_grad(set_to_none=True)
        statistics = [buffer.clone() for buffer in network.buffers()]
        means = self._gradients(batches)
        norm = method.clip_gradients(list(network.parameters()))
        # A bad batch must not poison weights or batch norm, which has seen it already.
        largest = torch._foreach_norm([buffer.float() for buffer in network.buffers()], math.inf)
        if self._processes.any(~torch.isfinite(torch.stack([norm, *largest])).all()):
            with torch.no_grad():
                for buffer, before in zip(network.buffers(), statistics, strict=True):
                    buffer.copy_(before)
            self._skip(progress)
            return None
        self._skipped = 0
        optimiser.step()
        self._state.average.update_parameters(network)
        return {"loss": means.pop("loss"), "gradient": norm.detach(), **means}

    def _gradients(self, batches: Iterator[Any]) -> dict[str, Tensor]:
        """Add up the gradients of the step's batches; the means of their losses."""
        means: dict[str, Tensor] = {}
        for _ in range(self._method.accumulate):
            batch = next(batches).to(self._processes.device)
            with torch.autocast(self._processes.device.type, torch.bfloat16):
                loss, parts = self._loss(batch)
            (loss / self._method.accumulate).backward()
            for name, value in {"loss": loss.detach(), **parts}.items():
                means[name] = means.get(name, 0) + value / self._method.accumulate
        return means

    def _skip(self, progress: Progress) -> None:
        self._skipped += 1
        log.warning("step at %d samples skipped: loss, gradient or statistics are not finite", progress.samples)
        if self._skipped == MOST_SKIPPED:
            raise ValueError(f"{MOST_SKIPPED} steps in a row are not finite; training stops, the last checkpoint stays")
