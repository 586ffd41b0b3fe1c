"""Models as a benchmark sees them: joints of the benchmark from a frame, cropped by the truth or by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from dense3d_ros.dense.paper_crop import EmptyCropError, PaperCrop, crop_box, crop_joints, joint_box
from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.dense.paper_regressor import PaperJoints, paper_joints, stack_crops
from dense3d_ros.geometry.benchmarks import Benchmark
from dense3d_ros.geometry.hand import JOINT_INDEX, SKELETON, Handedness, upright_roll
from dense3d_ros.learning.datasets.frames import benchmark_frame, depth_limit
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.perception.detector import load_detector
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel, crops_of, load_model
from dense3d_ros.perception.model_description import ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import read_any_model
from dense3d_ros.runtime.selection import choose_device

Joints = NDArray[np.floating]

_REACH = 0.09
"""Half the edge of the first box around a place where a hand may be, metres."""
_BEHIND = 120.0
"""How far behind such a place the first crop sees, mm."""
_CANDIDATES = 5
_ROUNDS = 2
"""So often the crop is made anew around the joints it gave."""


class BenchmarkModel(Protocol):
    """A model on one benchmark. places: which of the scored joints it gives, as indices into `Benchmark.scored`."""

    name: str
    places: tuple[int, ...]

    def true_crops(self, samples: Sequence[DatasetSample]) -> list[Joints | None]:
        """(len(places), 3) metres from the crop that the labels give; None where there is no depth to crop."""

    def found(self, sample: DatasetSample) -> Joints | None:
        """(len(places), 3) metres from the image alone; None where no hand is found."""


def load_benchmark_model(
    name_or_path: str, benchmark: Benchmark, device: str = "auto", runtime: str = "auto", views: int = 1
) -> BenchmarkModel:
    """A shipped model's name or a file -> the model on a benchmark whose joints it has.

    The 21 joints of this package are scored where the benchmark has the same point: `Benchmark.hand_joints`. views:
    crops of each hand, 1 or 3; ValueError where the paper's network, which takes one, is to have more.
    """
    description, network = read_any_model(name_or_path)
    if isinstance(network, PaperNetwork):
        if views != 1:
            raise ValueError(f"views is {views}; accepted for the paper's network in {name_or_path}: 1")
        return PaperOnBenchmark(description, network, benchmark, choose_device(device))
    return HandOnBenchmark(load_model(name_or_path, device, runtime, views), benchmark)


def common_joints(benchmark: Benchmark) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places in `Benchmark.scored` of the joints that the hand of this package has too, and their indices there."""
    names = {index: name for name, index in benchmark.hand_joints.items()}
    places = tuple(place for place, index in enumerate(benchmark.scored) if index in names)
    return places, tuple(JOINT_INDEX[names[benchmark.scored[place]]] for place in places)


class HandOnBenchmark:
    """A model of this package's 21 joints, its handedness unknown; `found` is the estimator as users run it."""

    def __init__(self, model: HandModel, benchmark: Benchmark) -> None:
        self.name = model.description.name
        self.model, self.benchmark = model, benchmark
        self.places, self._indices = common_joints(benchmark)
        self._estimator = HandPoseEstimator(model)

    def true_crops(self, samples: Sequence[DatasetSample]) -> list[Joints | None]:
        rolls = [0.0] * len(samples)
        # The first pass is for the turn alone, which the labels need not tell.
        for _ in range(2):
            crops = [
                crop
                for sample, roll in zip(samples, rolls, strict=True)
                for crop in crops_of(self.model, sample.depth, sample.camera, self._centre(sample), roll)
            ]
            predictions = self.model.predict(crops, [Handedness.UNKNOWN] * len(samples))
            rolls = [upright_roll(prediction.joints) for prediction in predictions]
        return [prediction.joints[list(self._indices)] for prediction in predictions]

    def found(self, sample: DatasetSample) -> Joints | None:
        self._estimator.reset()
        hands = self._estimator.estimate(sample.depth, sample.camera).hands
        return hands[0].joints[list(self._indices)] if hands else None

    def _centre(self, sample: DatasetSample) -> NDArray[np.float32]:
        """Mean of the hand's joints if nearly all are labelled, else of the benchmark's own."""
        indices: Sequence[int] = list(self.benchmark.hand_joints.values())
        if len(indices) < len(JOINT_INDEX) - 1:
            indices = self.benchmark.scored
        return np.asarray(sample.joints[list(indices)].mean(axis=0), np.float32)


class PaperOnBenchmark:
    """The paper's network, trained on this benchmark, or on right hands of this package's 21 joints.

    `found` crops around each place where the package's search sees something of a hand's size, keeps the one whose
    joints have the highest heat, and makes the crop anew around its joints, twice.
    """

    def __init__(self, description: ModelDescription, network: PaperNetwork, benchmark: Benchmark, device: str) -> None:
        self.name, self.benchmark = description.name, benchmark
        self._network, self._device = network.to(device).eval(), torch.device(device)
        self._detector = load_detector(device, "torch")
        if description.skeleton == benchmark.skeleton:
            self.places = tuple(range(len(benchmark.scored)))
            self._indices = self.places
        elif description.skeleton == SKELETON:
            self.places, self._indices = common_joints(benchmark)
        else:
            raise ModelFileError(
                f"model '{description.name}' gives the joints {description.skeleton}; {benchmark.title} needs "
                f"{benchmark.skeleton} or {SKELETON}"
            )

    def true_crops(self, samples: Sequence[DatasetSample]) -> list[Joints | None]:
        crops: dict[int, PaperCrop] = {}
        for number, sample in enumerate(samples):
            frame = benchmark_frame(sample, self.benchmark)
            try:
                crops[number] = crop_joints(frame.depth, frame.camera, frame.joints, frame.depth_limit)
            except EmptyCropError:
                continue
        results: list[Joints | None] = [None] * len(samples)
        if crops:
            joints = self._run(list(crops.values())).joints.cpu().numpy()
            for number, estimate in zip(crops, joints, strict=True):
                results[number] = self._scored(estimate)
        return results

    def found(self, sample: DatasetSample) -> Joints | None:
        depth = sample.depth.metres() * np.float32(1000)
        limit = depth_limit(self.benchmark)
        crops = []
        for candidate in self._detector.detect(sample.depth, sample.camera, _CANDIDATES):
            corners = candidate.centre + np.float32(_REACH) * np.array([[-1, -1, 0], [1, 1, 0]], np.float32)
            box = joint_box(sample.camera.project(corners), sample.camera)
            try:
                behind = float(candidate.centre[2]) * 1000 + _BEHIND
                crops.append(crop_box(depth, sample.camera, box, behind if limit is None else min(behind, limit)))
            except EmptyCropError:
                continue
        if not crops:
            return None
        estimates = self._run(crops)
        joints = estimates.joints[int(estimates.heat.mean(1).argmax())].cpu().numpy()
        for _ in range(_ROUNDS):
            try:
                joints = self._run([crop_joints(depth, sample.camera, joints, limit)]).joints[0].cpu().numpy()
            except EmptyCropError:
                break
        return self._scored(joints)

    def _run(self, crops: Sequence[PaperCrop]) -> PaperJoints:
        return paper_joints(self._network, *(tensor.to(self._device) for tensor in stack_crops(crops)))

    def _scored(self, joints: NDArray[np.float32]) -> Joints:
        """(J, 3) mm of the network -> the scored joints in metres."""
        metres: Joints = joints[list(self._indices)] * np.float32(0.001)
        return metres
