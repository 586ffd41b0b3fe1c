"""Endless reproducible batches of synthetic crops, made by worker processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import parent_process, resource_tracker
from threading import Thread

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from dense3d_ros.learning.synthetic.samples import Sample, crop_sample, make_sample
from dense3d_ros.learning.synthetic.scenes import SceneAssets, SceneImage, make_image
from dense3d_ros.learning.training.batches import BatchT, DeviceBatch, generator, of_this_worker
from dense3d_ros.learning.training.stopping import STOP_SIGNALS

CROPS_PER_IMAGE = 4
"""Crops that are learned of every image, each at another place and turn."""
LAG = 16
"""Batches between two crops of an image; a multiple of processes times workers."""


@dataclass
class Batch(DeviceBatch):
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


class SyntheticBatches(IterableDataset[Batch]):
    """Batch number n is a function of (seed, n) alone, whatever the number of workers and processes.

    Every image is learned in four crops, LAG batches apart: rendering would take as long as learning otherwise.
    """

    def __init__(self, *, seed: int, batch_size: int, resolution: int, first: int, count: int, stride: int = 1) -> None:
        self.seed = seed
        self.batch_size = batch_size
        self.resolution = resolution
        self.numbers = range(first, first + count * stride, stride)

    def __iter__(self) -> Iterator[Batch]:
        assets = SceneAssets.load()
        images: dict[int, list[SceneImage]] = {}
        for number in of_this_worker(self.numbers):
            rng = generator(self.seed, number, 1)
            samples = []
            for view in range(CROPS_PER_IMAGE):
                source = number - view * LAG
                if source not in images:
                    images[source] = make_images(assets, self.seed, source, self.batch_size // CROPS_PER_IMAGE)
                samples += [crop_sample(rng, image, assets.options, self.resolution) for image in images[source]]
            images.pop(number - (CROPS_PER_IMAGE - 1) * LAG)
            yield Batch.from_samples(samples)


def make_images(assets: SceneAssets, seed: int, number: int, count: int) -> list[SceneImage]:
    """`count` images that are a function of (seed, number)."""
    rng = generator(seed, number, 0)
    return [make_image(rng, assets) for _ in range(count)]


def make_batch(assets: SceneAssets, seed: int, number: int, size: int, resolution: int) -> Batch:
    """`size` samples of different images, a function of (seed, number)."""
    rng = generator(seed, number, 0)
    return Batch.from_samples([make_sample(rng, assets, resolution) for _ in range(size)])


def loader(dataset: IterableDataset[BatchT], workers: int) -> Iterator[BatchT]:
    """Batches in order, made ahead by `workers` processes (0: in this process), which end with this one."""
    batches = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_prepare_worker,
        # Not a fork server: it would be the workers' parent, and both would outlive this process when it is killed.
        multiprocessing_context="spawn" if workers else None,
    )
    if not workers:
        return iter(batches)
    # The tracker unblocks the signals after its own start, so that it comes first.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        return iter(batches)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare_worker(_worker: int) -> None:
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent has ended or terminates it.

    Signals to the whole process group, such as Ctrl-C, are for the parent, which still needs batches to stop cleanly:
    workers are started with both signals blocked.
    """
    parent = parent_process()
    assert parent is not None
    while os.getppid() == parent.pid:
        received = signal.sigtimedwait({signal.SIGTERM}, 1.0)
        if received is not None and received.si_pid == parent.pid:
            break
    os._exit(0)
