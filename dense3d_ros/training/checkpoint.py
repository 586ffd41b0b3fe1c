"""Training state as one safetensors file, written whole, so that a run can be killed at any moment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer


@dataclass
class Progress:
    """samples: learned so far. batch: number of the next batch of synthetic data. seconds: spent so far."""

    samples: int = 0
    batch: int = 0
    seconds: float = 0.0


def save_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimiser: Optimizer, progress: Progress
) -> None:
    """Write everything a run needs to go on as if it had not stopped."""
    tensors = _named(network, average, optimiser)
    temporary = path.with_name(path.name + ".part")
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    temporary.write_bytes(save(contiguous, {"progress": json.dumps(asdict(progress))}))
    temporary.replace(path)


def load_checkpoint(path: Path, network: nn.Module, average: nn.Module, optimiser: Optimizer) -> Progress:
    """Restore what `save_checkpoint` wrote; ValueError if the file belongs to another network."""
    _fill_state(optimiser)
    with safe_open(path, framework="pt") as file:
        stored = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (no mapping)
        tensors = _named(network, average, optimiser)
        if stored != {name: list(tensor.shape) for name, tensor in tensors.items()}:
            raise ValueError(f"{path} belongs to another network or optimiser; remove it or choose another output")
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(file.get_tensor(name))
        return Progress(**json.loads(file.metadata()["progress"]))


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
