"""A model's errors on the test split of NYU, ICVL or MSRA15, cropped by the truth and by its own detector."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dense3d_ros.atomic_write import make_folder, write_text
from dense3d_ros.geometry.benchmarks import Benchmark
from dense3d_ros.learning.datasets.sample import DatasetSample, DepthDataset
from dense3d_ros.learning.evaluation.benchmark_models import BenchmarkModel
from dense3d_ros.learning.evaluation.detection import MATCH
from dense3d_ros.learning.evaluation.metrics import ProtocolErrors, full_summary, joint_errors
from dense3d_ros.learning.evaluation.predictions import ScoredPredictions, read_poses

_BATCH = 16

Joints = NDArray[np.floating]


class ScoredFrames(Protocol):
    """What is measured on: a data set's test split, or frames in the same form."""

    benchmark: Benchmark

    def __len__(self) -> int:
        """Number of frames."""

    def __getitem__(self, index: int) -> DatasetSample:
        """Frame `index`."""


class FoundErrors(ProtocolErrors):
    """Of frames whose estimate is at most MATCH from the labelled hand.

    found: their share of all frames. in_a_wrong_place: that of the frames whose estimate is further away. Frames that
    are not found are left out of the means and never within D.
    """

    found: float
    in_a_wrong_place: float


@dataclass(frozen=True)
class BenchmarkResult:
    """A model's measures on so many frames.

    oracle_crop: crops made from the labels, as published figures are. detected_crop: only the image is given. Joints
    that the model does not have are left out of both.
    """

    model: str
    dataset: str
    split: str
    frames: int
    scored_joints: list[str]
    joints_without_prediction: list[str]
    oracle_crop: ProtocolErrors
    detected_crop: FoundErrors


def evaluate_on_benchmark(
    model: BenchmarkModel, dataset: ScoredFrames, frames: int | None = None, predictions: Path | None = None
) -> BenchmarkResult:
    """The protocol's measures of a model on a data set's frames, or on `frames` of them, spread evenly.

    predictions: file to write with the joints of the oracle crops, `u v d` as the community exchanges them; 0 0 0 for
    frames that cannot be cropped. Raises ValueError if the model lacks joints for it.
    """
    benchmark = dataset.benchmark
    names = benchmark.scored_joints
    missing = [name for place, name in enumerate(names) if place not in model.places]
    if predictions is not None and missing:
        raise ValueError(
            f"{model.name} gives {len(model.places)} of the {len(names)} joints that {benchmark.title} scores, which "
            f"is too few for a prediction file; missing: {', '.join(missing)}"
        )
    numbers = np.arange(len(dataset))
    if frames is not None and frames < len(dataset):
        numbers = np.linspace(0, len(dataset) - 1, frames).astype(int)
    measured = _measure(model, dataset, numbers)
    if predictions is not None:
        write_poses(predictions, np.stack(measured.oracle), benchmark)
    scored = [names[place] for place in model.places]
    of_oracle, of_detected = (
        full_summary(joint_errors(np.stack(estimates), np.stack(measured.truths)), scored)
        for estimates in (measured.oracle, measured.detected)
    )
    return BenchmarkResult(
        model=model.name,
        dataset=benchmark.name,
        split="test",
        frames=len(numbers),
        scored_joints=scored,
        joints_without_prediction=missing,
        oracle_crop=of_oracle,
        detected_crop={
            **of_detected,
            "found": of_detected["frames"] / len(numbers),
            "in_a_wrong_place": measured.wrong_place / len(numbers),
        },
    )


@dataclass
class _Measured:
    """Joints of each frame, (len(model.places), 3) metres, NaN where there is no estimate.

    oracle: from the true crop. detected: by the own detector. wrong_place: hands that were found where there is none.
    """

    oracle: list[Joints] = field(default_factory=list)
    detected: list[Joints] = field(default_factory=list)
    truths: list[Joints] = field(default_factory=list)
    wrong_place: int = 0


def _measure(model: BenchmarkModel, dataset: ScoredFrames, numbers: NDArray[np.int_]) -> _Measured:
    measured = _Measured()
    missing = np.full((len(model.places), 3), np.nan)
    with tqdm(total=len(numbers), unit="frame") as progress:
        remaining = iter(numbers)
        while samples := [dataset[int(number)] for number in islice(remaining, _BATCH)]:
            measured.oracle += [missing if joints is None else joints for joints in model.true_crops(samples)]
            for sample in samples:
                truth = _truth(sample, model, dataset.benchmark)
                joints = model.found(sample)
                if joints is not None and np.linalg.norm(joints.mean(axis=0) - truth.mean(axis=0)) > MATCH:
                    joints, measured.wrong_place = None, measured.wrong_place + 1
                measured.detected.append(missing if joints is None else joints)
                measured.truths.append(truth)
            progress.update(len(samples))
    return measured


def score_on_dataset(predictions: Path, dataset: DepthDataset) -> ScoredPredictions:
    """The protocol's measures of a prediction file against a data set's own labels."""
    benchmark = dataset.benchmark
    predicted, truth = read_poses(predictions, benchmark), dataset.joints[:, list(benchmark.scored)]
    if len(predicted) != len(truth):
        raise ValueError(f"{predictions} holds {len(predicted)} frames, the test split {len(truth)}; expected as many")
    return {
        "dataset": benchmark.name,
        "predictions": str(predictions),
        "ground_truth": "labels of the test split",
        **full_summary(joint_errors(predicted, truth), benchmark.scored_joints),
    }


def write_poses(path: Path, joints: Joints, benchmark: Benchmark) -> None:
    """(N, J, 3) metres -> a line of `u v d` in pixels and millimetres for each frame; NaN becomes 0 0 0."""
    pixels = benchmark.camera.project(joints)
    rows = np.nan_to_num(np.concatenate([pixels, joints[..., 2:] * 1000], axis=-1).reshape(len(joints), -1))
    make_folder(path.parent)
    write_text(path, "".join(" ".join(f"{value:.4f}" for value in row) + "\n" for row in rows))


def _truth(sample: DatasetSample, model: BenchmarkModel, benchmark: Benchmark) -> Joints:
    return sample.joints[[benchmark.scored[place] for place in model.places]]
