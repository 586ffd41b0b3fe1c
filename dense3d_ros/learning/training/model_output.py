"""Which file of its folder a run writes its model to: never a calibrated one, never another recipe's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import torch
from torch import nn

from dense3d_ros.perception.model_description import ModelFileError
from dense3d_ros.perception.model_file import SUFFIX, read_any_model


def choose_file(folder: Path, name: str, network: nn.Module) -> tuple[Path, bool]:
    """The file for the network of the recipe `name`, and whether these very weights are in it, calibrated.

    model.safetensors, or where that is calibrated or another recipe's, NAME.safetensors, NAME-2.safetensors and so on.
    """
    for path in _files(folder, name):
        if not path.exists():
            return path, False
        try:
            description, stored = read_any_model(str(path))
        except ModelFileError:
            continue  # whatever it is, it is not this run's
        if description.name == name:
            if not description.confidences:
                return path, False
            if _same_weights(stored, network):
                return path, True
    raise AssertionError("there is always a file more")


def _files(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"model{SUFFIX}"
    stem = re.sub(r"[^\w.-]", "_", name)
    yield folder / f"{stem}{SUFFIX}"
    for number in count(2):
        yield folder / f"{stem}-{number}{SUFFIX}"


def _same_weights(stored: nn.Module, network: nn.Module) -> bool:
    """Whether the weights differ by no more than the file's half precision."""
    theirs, own = stored.state_dict(), network.state_dict()
    return theirs.keys() == own.keys() and all(
        tensor.shape == own[name].shape
        and torch.allclose(tensor.float(), own[name].cpu().float(), rtol=1e-3, atol=1e-6)
        for name, tensor in theirs.items()
    )
