"""What a run changes as it learns: the network, the moving average of its weights, and the optimiser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from dense3d_ros.learning.training.method import Method
from dense3d_ros.perception.model_file import read_any_model

Tensors = tuple[Tensor, ...] | list[Tensor]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """network: learns. average: of its weights over the steps, which becomes the model. optimiser: of the network."""

    network: nn.Module
    average: AveragedModel
    optimiser: Optimizer

    @classmethod
    def new(cls, method: Method[Any], device: torch.device, start: str | None) -> TrainingState:
        """Random weights of the method's seed, or those of the model `start` as `take_weights` copies them."""
        torch.manual_seed(method.seed)
        network = method.build_network()
        if start is not None:
            take_weights(network, start)
        network.to(device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = AveragedModel(network, multi_avg_fn=_moving_average(method.ema_decay), use_buffers=True)
        return cls(network, average, method.optimiser(network))


def take_weights(network: nn.Module, start: str) -> None:
    """Copy the weights of another model (name or file) that have the same names and shapes; ValueError if none have."""
    own = network.state_dict()
    theirs = read_any_model(start)[1].state_dict()
    same = {name: tensor for name, tensor in theirs.items() if name in own and tensor.shape == own[name].shape}
    if not same:
        raise ValueError(f"no layer of the model {start} is like one of the recipe's network")
    network.load_state_dict(own | same)
    log.info("%d of %d weights and statistics are from %s", len(same), len(own), start)


def _moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Exponential moving average that forgets the random start: the decay grows from 0.1 to `decay`."""

    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        # AveragedModel passes the tensors of one type together.
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, share)
        else:
            torch._foreach_copy_(averaged, current)

    return update
