"""The curves of a run: log.csv with the mean losses of every few steps."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import Tensor

from dense3d_ros.atomic_write import write_text, writing
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


def drop_later_rows(path: Path, samples: int) -> None:
    """Take out of the end of the file, if there is one, what a killed run learned after `samples` and did not keep."""
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as file:
        titles, *rows = list(csv.reader(file)) or [[]]
    # The last row may have been cut off with the run.
    kept = rows[:-1] if rows and len(rows[-1]) < len(titles) else rows[:]
    after = float("inf")
    # A row of more samples than the one behind it is another run's.
    while kept and samples < float(kept[-1][0]) <= after:
        after = float(kept.pop()[0])
    if len(kept) < len(rows):
        write_text(path, "".join(",".join(row) + "\r\n" for row in [titles, *kept]))
