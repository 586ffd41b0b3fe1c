"""What the endless sequences of batches have in common: their random numbers, their workers, the way to a device."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import torch
from torch.utils.data import get_worker_info

BatchT = TypeVar("BatchT", bound="DeviceBatch")


@dataclass
class DeviceBatch:
    """A batch whose fields are tensors."""

    def to(self: BatchT, device: torch.device) -> BatchT:
        """The same batch on another device."""
        return type(self)(*(getattr(self, item.name).to(device, non_blocking=True) for item in fields(self)))


def generator(seed: int, number: int, purpose: int) -> np.random.Generator:
    """Random numbers that are a function of the arguments; `number` may be negative."""
    # Before the first batch are the images of numbers -1, -2, ...: seeds must not be negative.
    return np.random.default_rng([seed, 2 * number if number >= 0 else -2 * number - 1, purpose])


def of_this_worker(numbers: range) -> range:
    """Which of the batches this process makes: those of one of the loader's workers, or all outside of them."""
    worker = get_worker_info()
    return numbers if worker is None else numbers[worker.id :: worker.num_workers]
