"""Scoring prediction files as the community exchanges them: a frame a line, `u v d` of each joint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.benchmarks import BENCHMARKS, Benchmark
from dense3d_ros.learning.datasets.files import parse_numbers, read_lines
from dense3d_ros.learning.evaluation.metrics import ProtocolErrors, full_summary, joint_errors


class ScoredPredictions(ProtocolErrors):
    """The measures of a prediction file, and what was compared."""

    dataset: str
    predictions: str
    ground_truth: str


def score_predictions(predictions: Path, ground_truth: Path, dataset: str) -> ScoredPredictions:
    """The protocol's measures of a prediction file, see `metrics.full_summary`.

    dataset: "nyu", "icvl" or "msra", which decides the camera and the joints. Raises ValueError, which names
    the file and the line, for files that are missing, malformed or of different lengths.
    """
    benchmark = BENCHMARKS.get(dataset)
    if benchmark is None:
        raise ValueError(f"dataset '{dataset}' is unknown; accepted: {', '.join(BENCHMARKS)}")
    predicted, truth = (read_poses(path, benchmark) for path in (predictions, ground_truth))
    if len(predicted) != len(truth):
        raise ValueError(f"{predictions} holds {len(predicted)} frames, {ground_truth} {len(truth)}; expected as many")
    return {
        "dataset": dataset,
        "predictions": str(predictions),
        "ground_truth": str(ground_truth),
        **full_summary(joint_errors(predicted, truth), benchmark.scored_joints),
    }


def read_poses(path: Path, benchmark: Benchmark) -> NDArray[np.float64]:
    """A file of `u v d` in pixels and millimetres -> (N, J, 3) metres in the camera's frame."""
    count = 3 * len(benchmark.scored)
    rows = [
        parse_numbers(line.split(), count, path, number)
        for number, line in enumerate(read_lines(path), 1)
        if line.strip()
    ]
    if not rows:
        raise ValueError(f"{path} is empty; expected a line of {count} numbers for each frame")
    pixels = np.array(rows).reshape(len(rows), -1, 3)
    return np.asarray(benchmark.camera.back_project(pixels[..., :2], pixels[..., 2] * 0.001), np.float64)
