"""Endless reproducible batches of synthetic crops, made by worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from dense3d_ros.synthetic.scenes import Sample, SceneAssets, make_sample

BatchT = TypeVar("BatchT")

VIEWS = 4
"""Quarter turns of the camera that every scene is learned in."""
LAG = 16
"""Batches between two views of a scene; a multiple of processes times workers, or scenes are made anew."""
_QUARTER = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
"""(x, y, z) @ _QUARTER = (y, -x, z): what a camera sees that is turned by 90 degrees."""


@dataclass
class Batch:
    """crops (B, 1, S, S), cameras (B, 4), centres (B, 3), joints (B, J, 3) metres, and (B,) float flags.

    presence: 1 a hand around the centre, 0 none, -1 neither can be said. right: 1 for a right hand.
    has_joints: 1 where the joints are to be learned.
    """

    crops: Tensor
    cameras: Tensor
    centres: Tensor
    joints: Tensor
    presence: Tensor
    right: Tensor
    has_joints: Tensor

    @classmethod
    def from_samples(cls, samples: list[Sample]) -> Batch:
        """Stack samples of one resolution."""
        stacked = {
            name: torch.from_numpy(np.stack([getattr(sample, name) for sample in samples]))
            for name in ("image", "camera", "centre", "joints")
        }
        flags = {
            name: torch.tensor([float(getattr(sample, name)) for sample in samples])
            for name in ("presence", "right", "has_joints")
        }
        return cls(stacked["image"].unsqueeze(1), stacked["camera"], stacked["centre"], stacked["joints"], **flags)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(*(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)))


class SyntheticBatches(IterableDataset[Batch]):
    """Batch number n is a function of (seed, n) alone, whatever the number of workers and processes.

    Every scene is learned four times, as seen by a camera turned by 0, 90, 180 and 270 degrees, LAG batches
    apart: rendering would take as long as learning otherwise.
    """

    def __init__(self, *, seed: int, batch_size: int, resolution: int, first: int, count: int, stride: int = 1) -> None:
        self.seed = seed
        self.batch_size = batch_size
        self.resolution = resolution
        self.numbers = range(first, first + count * stride, stride)

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        assets = SceneAssets.load()
        scenes: dict[int, list[Sample]] = {}
        for number in self.numbers[worker::workers]:
            samples = []
            for turns in range(VIEWS):
                source = number - turns * LAG
                if source not in scenes:
                    scenes[source] = make_scenes(assets, self.seed, source, self.batch_size // VIEWS, self.resolution)
                samples += [turned(sample, turns) for sample in scenes[source]]
            scenes.pop(number - (VIEWS - 1) * LAG)
            yield Batch.from_samples(samples)


def make_scenes(assets: SceneAssets, seed: int, number: int, count: int, resolution: int) -> list[Sample]:
    """`count` samples that are a function of (seed, number)."""
    # Before the first batch are the scenes of numbers -1, -2, ...: seeds must not be negative.
    rng = np.random.default_rng([seed, 2 * number if number >= 0 else -2 * number - 1])
    return [make_sample(rng, assets, resolution) for _ in range(count)]


def turned(sample: Sample, quarters: int) -> Sample:
    """The sample as seen by a camera that is turned about its optical axis by quarters of a turn; exact."""
    for _ in range(quarters):
        fx, fy, cx, cy = sample.camera
        sample = replace(
            sample,
            image=np.rot90(sample.image),
            camera=np.array([fy, fx, cy, sample.image.shape[1] - 1 - cx], np.float32),
            centre=sample.centre @ _QUARTER,
            joints=sample.joints @ _QUARTER,
        )
    return sample


def make_batch(assets: SceneAssets, seed: int, number: int, size: int, resolution: int) -> Batch:
    """`size` samples of different scenes, a function of (seed, number)."""
    return Batch.from_samples(make_scenes(assets, seed, number, size, resolution))


def loader(dataset: IterableDataset[BatchT], workers: int) -> DataLoader[BatchT]:
    """Batches in order, made ahead by `workers` processes (0: in this process)."""
    return DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_one_thread,
        multiprocessing_context="forkserver" if workers else None,
    )


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
