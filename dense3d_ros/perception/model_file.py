"""A trained model as one safetensors file: weights and a description of what they are, both checked on load."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from safetensors.numpy import save

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.hand import SKELETON
from dense3d_ros.perception.model_description import ModelDescription, ModelFileError, Network, parse_description
from dense3d_ros.perception.tensor_file import (
    Array,
    Header,
    TensorFileError,
    digest,
    read_header,
    read_tensors,
)

if TYPE_CHECKING:
    # Networks are torch's, which a robot whose runtime reads a recorded graph does without.
    from torch import Tensor, nn

    from dense3d_ros.dense.network import HourglassNetwork

FORMAT = "dense3d_ros model 3"
"""To be counted up whenever descriptions get other entries or a described network other layers."""
SUFFIX = ".safetensors"
_SHIPPED = Path(__file__).parents[1] / "models"
_SHOWN = 160
"""Characters of a path in an error."""


def available_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob(f"*{SUFFIX}"))


def model_path(name_or_path: str) -> Path:
    """The file of a shipped model's name or of a path; ModelFileError says what there is."""
    is_path = name_or_path.endswith(SUFFIX) or os.sep in name_or_path
    asked = excerpt(name_or_path, _SHOWN)
    try:
        # What a file holds, and not how it is called, is what may be wrong with it.
        is_path = is_path or (name_or_path not in available_models() and Path(name_or_path).is_file())
        path = Path(name_or_path).expanduser() if is_path else _SHIPPED / (name_or_path + SUFFIX)
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_file = False
    except (OSError, ValueError, RuntimeError) as error:
        # Folders that may not be entered, names that are too long or no names, homes of nobody.
        raise ModelFileError(f"model '{asked}' cannot be read: {_reason(error)}") from error
    if not is_file:
        raise ModelFileError(
            f"model '{asked}': there is no file {excerpt(path, _SHOWN)}; accepted: a path that ends in {SUFFIX} or "
            f"one of {', '.join(available_models()) or '(no model is installed)'}"
        )
    return path


def save_model(path: Path, network: nn.Module, description: ModelDescription) -> None:
    """Write weights, description and the digest of both, atomically; matrices in half precision."""
    tensors = stored_tensors(network)
    text = json.dumps(asdict(description))
    metadata = {"format": FORMAT, "description": text, "sha256": digest(text, tensors)}
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def stored_tensors(network: nn.Module) -> dict[str, Array]:
    """A network's weights as they are in its file."""
    return {name: _stored(tensor.detach()).cpu().contiguous().numpy() for name, tensor in network.state_dict().items()}


def _stored(tensor: Tensor) -> Tensor:
    """As in the file: statistics and biases, which are few, keep their precision."""
    return tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor


def read_model(name_or_path: str) -> tuple[ModelDescription, HourglassNetwork]:
    """Read and check the file of a model that runs on any camera; the network is on the CPU, in evaluation mode.

    Raises ModelFileError, one sentence that names the file and what is wrong with it.
    """
    description, network = read_any_model(name_or_path)
    check_hourglass(model_path(name_or_path), description)
    return description, cast("HourglassNetwork", network)


def check_hourglass(path: Path, description: ModelDescription) -> None:
    """Raise ModelFileError, one sentence, where the file's network does not take crops of hands."""
    if description.network != "hourglass":
        raise ModelFileError(
            f"{excerpt(path, _SHOWN)} cannot be used here: it holds the {description.network} "
            f"network for the skeleton {description.skeleton}, which does not take crops of hands; "
            f"accepted: an hourglass for {SKELETON}"
        )


def read_any_model(name_or_path: str) -> tuple[ModelDescription, Network]:
    """As `read_model`, but of any network and skeleton."""
    networks: list[Network] = []

    def check(description: ModelDescription, header: Header) -> None:
        # Only now: a file that is no model must not cost a robot's process the 200 MiB of torch.
        import torch

        # Without memory: the description may name more than the file holds.
        with torch.device("meta"):
            networks.append(description.build_network())
        _check_shapes(networks[0].state_dict(), header)

    description, tensors = _read(model_path(name_or_path), check)
    import torch

    (network,) = networks
    # Copied: what was read is not to be written to.
    weights = {name: torch.tensor(tensors[name], dtype=want.dtype) for name, want in network.state_dict().items()}
    network.load_state_dict(weights, assign=True)
    return description, network.eval()


def check_description(path: Path) -> None:
    """Raise ModelFileError, one sentence, where a file does not begin as a model does. Its weights are not read."""
    with _refusing(path), path.open("rb") as file:
        _description(read_header(file).metadata)


def read_weights(path: Path) -> tuple[ModelDescription, dict[str, Array]]:
    """Description and weights of a file, without torch; whether they fit each other is for the caller to know.

    Raises ModelFileError, one sentence that names the file and what is wrong with it.
    """
    return _read(path, lambda description, header: None)


def _read(path: Path, check: Callable[[ModelDescription, Header], None]) -> tuple[ModelDescription, dict[str, Array]]:
    """`check` is called before the weights are read."""
    with _refusing(path):
        with path.open("rb") as file:
            header = read_header(file)
            description = _description(header.metadata)
            check(description, header)
            tensors = read_tensors(file, header)
        _check_values(header.metadata, tensors)
    return description, tensors


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """What is wrong with a file becomes a ModelFileError that names it."""
    try:
        yield
    except (OSError, TensorFileError, ModelFileError) as error:
        raise ModelFileError(f"{excerpt(path, _SHOWN)} cannot be used as a model: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Of an error of the system without the file's name, which may be long."""
    return excerpt((error.strerror if isinstance(error, OSError) else None) or error, 2 * _SHOWN)


def _description(metadata: dict[str, str]) -> ModelDescription:
    if metadata.get("format") != FORMAT:
        raise ModelFileError(f"its format is {excerpt(repr(metadata.get('format')))}, accepted: {FORMAT!r}")
    if unknown := metadata.keys() - {"format", "description", "sha256"}:
        raise ModelFileError(f"its metadata have unknown entries {excerpt(sorted(unknown))}")
    return parse_description(metadata.get("description", ""))


def _check_shapes(expected: dict[str, Tensor], header: Header) -> None:
    """Names, shapes and types in the file against those of the described network."""
    missing, foreign = expected.keys() - header.tensors.keys(), header.tensors.keys() - expected.keys()
    if missing or foreign:
        raise ModelFileError(
            f"its weights do not fit its description: {len(missing)} are missing ({excerpt(sorted(missing)[:2])}), "
            f"{len(foreign)} are foreign ({excerpt(sorted(foreign)[:2])})"
        )
    for name, want in expected.items():
        dtype, shape = header.tensors[name]
        full, stored = (str(tensor.dtype).removeprefix("torch.") for tensor in (want, _stored(want)))
        if shape != tuple(want.shape) or str(dtype) not in (full, stored):
            raise ModelFileError(f"{name} is {excerpt(shape)} {dtype}, expected {tuple(want.shape)} {stored}")


def _check_values(metadata: dict[str, str], tensors: dict[str, Array]) -> None:
    """Everything as it was written, where the file says so, and numbers that a network can be made of."""
    if "sha256" in metadata and metadata["sha256"] != digest(metadata["description"], tensors):
        raise ModelFileError("it is damaged: weights and description are not those that were written")
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ModelFileError(f"{name} holds NaN or Inf")
        if name.endswith("running_var") and np.any(np.asarray(tensor, np.float32) < 0):
            raise ModelFileError(f"{name} holds a variance below 0")
