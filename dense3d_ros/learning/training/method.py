"""What the training loop needs to know of what it trains: a network with its data, loss and schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import IterableDataset

from dense3d_ros.learning.training.batches import BatchT
from dense3d_ros.learning.training.recipe import Stage
from dense3d_ros.perception.model_description import ModelDescription

VALIDATION_SEED = 1_000_003
"""Of the synthetic images that methods validate on, and never learn from."""


class Method(ABC, Generic[BatchT]):
    """One way to train a model. The loop in `train` adds steps, averages, checkpoints and curves.

    description: of the model file, without results. stages: learned one after the other. batch_size: samples of a
    batch; `accumulate` batches make a step. ema_decay: of the moving average of the weights, 0 for none. data: what
    it learns from, and validation_data what `joint_error` is measured on, a few words for the model file.
    error_unit: of that error.
    """

    description: ModelDescription
    stages: tuple[Stage, ...]
    batch_size: int
    accumulate: int = 1
    ema_decay: float
    seed: int
    data: str
    validation_data: str
    error_unit = "mm"

    def build_network(self) -> nn.Module:
        """The network with random weights."""
        return self.description.build_network()

    @abstractmethod
    def optimiser(self, network: nn.Module) -> Optimizer:
        """A new optimiser of the network's parameters."""

    @abstractmethod
    def learning_rate(self, samples: int) -> float:
        """The rate of the step after `samples` samples."""

    @abstractmethod
    def clip_gradients(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        """Limit the gradients in place and return their norm before."""

    def check_processes(self, count: int) -> None:
        """ValueError if `count` processes in all cannot share the making of the batches."""

    @abstractmethod
    def batches(self, stage: Stage, first: int, count: int, stride: int) -> IterableDataset[BatchT]:
        """Batches number first, first + stride, ... (`count` of them) of an endless sequence.

        Batch n depends on the recipe, the stage and n alone, so that a resumed run sees what it would have seen.
        """

    @abstractmethod
    def loss(self, network: nn.Module, batch: BatchT) -> tuple[Tensor, dict[str, Tensor]]:
        """Run the network; what is to be minimised, and detached parts of it for the curves."""

    @abstractmethod
    def validation(self) -> Iterable[BatchT]:
        """Fixed batches that are not learned from."""

    @abstractmethod
    def joint_error(self, network: nn.Module, batch: BatchT) -> tuple[float, int]:
        """Sum of the hands' errors in `error_unit`, mean joint errors unless a method says otherwise, and the hands."""
