"""The folder of a run: the checkpoint, the curves, and the model file with its validation error."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from dense3d_ros.learning.training.checkpoint import Progress, save_checkpoint
from dense3d_ros.learning.training.method import Method
from dense3d_ros.learning.training.model_output import choose_file
from dense3d_ros.learning.training.state import TrainingState
from dense3d_ros.perception.graph_export import refresh_graph
from dense3d_ros.perception.model_file import save_model

log = logging.getLogger(__name__)


class RunFolder:
    """Names the files of the run in the folder `path` and writes its states.

    model: the file that the model was last written to. device: that the network runs on.
    """

    def __init__(self, path: Path, method: Method[Any], device: torch.device) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint.safetensors"
        self.curves = path / "log.csv"
        self.model = path / "model.safetensors"
        self._method, self._device = method, device
        self._validation: list[Any] = []
        self._written_at = -1

    def save(self, state: TrainingState, progress: Progress) -> None:
        """Write checkpoint and model."""
        save_checkpoint(self.checkpoint, state.network, state.average, state.optimiser, progress)
        self._write_model(state.average, progress)

    def finish(self, state: TrainingState, progress: Progress) -> None:
        """Write the model unless that of this state is there already."""
        if self._written_at != progress.samples:
            self._write_model(state.average, progress)

    def _write_model(self, average: AveragedModel, progress: Progress) -> None:
        self._written_at = progress.samples
        method = self._method
        self.model, there = choose_file(self.path, method.description.name, average.module)
        if there:
            log.info("%s is this model, calibrated: it stays as it is", self.model)
            return
        error = self._validate(average)
        unit = method.error_unit
        log.info("%d samples: validation error %.2f %s, %s", progress.samples, error, unit, self.model)
        training = {
            "samples": progress.samples,
            "seconds": round(progress.seconds),
            "stages": [vars(stage) for stage in method.stages],
            "data": method.data,
        }
        errors = {method.validation_data: round(error, 2)}
        save_model(self.model, average.module, replace(method.description, training=training, errors=errors))
        refresh_graph(self.model)

    @torch.no_grad()
    def _validate(self, average: AveragedModel) -> float:
        """Mean error of the averaged network on the method's fixed batches, in the method's unit."""
        if not self._validation:
            self._validation = list(self._method.validation())
        average.eval()
        total = count = 0.0
        for batch in self._validation:
            with torch.autocast(self._device.type, torch.bfloat16):
                error, hands = self._method.joint_error(average.module, batch.to(self._device))
            total += error
            count += hands
        return total / count
