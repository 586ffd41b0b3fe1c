"""Training state as a safetensors file, written atomically, so that a run can be killed at any moment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from dense3d_ros.atomic_write import atomic_write

_MOST = 10**15
"""No run has as many samples, batches or seconds."""
_NEVER_NEGATIVE = ("running_var", "square", "exp_avg_sq", "step", "n_averaged", "num_batches_tracked")
"""Endings of the names of such tensors."""


@dataclass
class Progress:
    """samples: learned so far. batch: number of the next batch of data. seconds: spent so far."""

    samples: int = 0
    batch: int = 0
    seconds: float = 0.0


def save_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimiser: Optimizer, progress: Progress
) -> None:
    """Write everything a run needs to go on as if it had not stopped."""
    tensors = {name: tensor.contiguous() for name, tensor in _named(network, average, optimiser).items()}
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(tensors, {"progress": json.dumps(asdict(progress))}))


def load_checkpoint(path: Path, network: nn.Module, average: nn.Module, optimiser: Optimizer) -> Progress:
    """Restore what `save_checkpoint` wrote.

    ValueError, one sentence, if the file is missing or broken, another network's, or if nothing can be learned from it.
    """
    _fill_state(optimiser)
    stored, metadata = _read(path)
    progress = _progress(path, metadata)
    tensors = _named(network, average, optimiser)
    if {name: (t.shape, t.dtype) for name, t in stored.items()} != {
        name: (t.shape, t.dtype) for name, t in tensors.items()
    }:
        raise ValueError(f"{path} belongs to another network or optimiser; remove it or choose another output")
    for name, tensor in stored.items():
        if not torch.isfinite(tensor).all() or (name.endswith(_NEVER_NEGATIVE) and (tensor < 0).any()):
            raise ValueError(f"{path} cannot be continued: {name} holds NaN, Inf or impossible values")
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(stored[name])
    return progress


def _progress(path: Path, metadata: dict[str, str]) -> Progress:
    """ValueError if it is not what `save_checkpoint` writes."""
    try:
        progress = Progress(**json.loads(metadata["progress"]))
        valid = (
            all(type(number) is int and 0 <= number <= _MOST for number in (progress.samples, progress.batch))
            and type(progress.seconds) in (int, float)
            and 0 <= progress.seconds <= _MOST
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        valid = False
    if not valid:
        raise ValueError(f"{path} is no checkpoint of a training run: its progress is wrong")
    return progress


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            return tensors, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {error}") from error


def _named(network: nn.Module, average: nn.Module, optimiser: Optimizer) -> dict[str, Tensor]:
    """Every tensor of the state by name; the tensors themselves, not copies."""
    named = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    named |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        named |= {f"optimiser.{index}.{key}": tensor for key, tensor in state.items()}
    return named


def _fill_state(optimiser: Optimizer) -> None:
    """A new optimiser has no state to copy into: one step with zero gradients and rate makes it."""
    rates = [group["lr"] for group in optimiser.param_groups]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate
