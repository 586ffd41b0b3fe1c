"""The curves of a run: log.csv with the mean losses of every few steps."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import Tensor

from dense3d_ros.atomic_write import writing
from dense3d_ros.learning.training.checkpoint import Progress

LOG_STEPS = 50
"""Steps that a row is the mean of."""


class Curves:
    """Adds rows to the file, which other runs may have begun, for steps at one resolution."""

    def __init__(self, path: Path, resolution: int) -> None:
        self._path, self._resolution = path, resolution
        self._losses: list[dict[str, Tensor]] = []

    def add(self, losses: dict[str, Tensor], progress: Progress, learning_rate: float) -> dict[str, float] | None:
        """Note the losses of a step; the means of the row that this has completed, if it has.

        progress, learning_rate: after the step.
        """
        self._losses.append(losses)
        if len(self._losses) < LOG_STEPS:
            return None
        means = {name: float(torch.stack([one[name] for one in self._losses]).mean()) for name in losses}
        self._losses.clear()
        self._write(
            {
                "samples": progress.samples,
                "seconds": round(progress.seconds),
                "resolution": self._resolution,
                "learning_rate": learning_rate,
                **means,
            }
        )
        return means

    def _write(self, row: dict[str, float]) -> None:
        new = not self._path.exists()
        with writing(self._path), self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})
