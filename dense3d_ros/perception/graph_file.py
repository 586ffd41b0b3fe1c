"""The recorded graph beside a model's weights: NAME.onnx beside NAME.safetensors, for runtimes that need no torch.

The graph holds what is computed, not the weights, which are put in from the model's file when it is loaded: so it is
small, and a model is stored once. `dense3d export --output` writes one with its weights for other programs; it is read
here as well. Its metadata are
  - format: the version of the export;
  - description: the model's, as it was when the graph was made;
  - weights: the digest of what the graph was made from: the weights, bit for bit, and those numbers of the description
    that are in the graph (_RECORDED). Confidences, errors and the name are not, so a calibration leaves it valid;
  - sha256: of the graph itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.excerpt import excerpt
from dense3d_ros.perception.model_description import ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import check_description, read_weights
from dense3d_ros.perception.tensor_file import Array, digest
from dense3d_ros.runtime.onnx_file import OnnxFileError, split_metadata, with_metadata, with_values, without_values
from dense3d_ros.runtime.recorded import WEIGHTS_UNDER, RecordedNetwork

FORMAT = "dense3d_ros graph 1"
"""To be counted up whenever another graph is made of the same model."""
SUFFIX = ".onnx"
_RECORDED = (
    "network", "stacks", "features", "wide_blocks", "stride", "refining_blocks", "half_size", "ball_radius",
    "resolution", "joints",
)  # fmt: skip
"""Of the description: what the graph depends on besides the weights."""
_LARGEST = 512 << 20
_SHOWN = 160
"""Characters of a path in an error."""


def graph_path(model: Path) -> Path:
    """Where the graph of a model's file is."""
    return model.with_suffix(SUFFIX)


def has_graph(model: Path) -> bool:
    """Whether there is one, be it usable or not."""
    return graph_path(model).exists()


def check_torch(model: Path, runtime: str) -> None:
    """Raise ModelFileError, one sentence, where a model without a graph needs torch, which is not installed.

    A file that is no model is refused as such: torch would not help.
    """
    if find_spec("torch") is None:
        check_description(model)
        raise ModelFileError(
            f"{excerpt(model, _SHOWN)} has no graph {graph_path(model).name} beside it, and runtime "
            f"'{runtime}' needs the Python package torch for it, which is not installed; make the graph with "
            f"`dense3d export` where torch is"
        )


def read_recorded(model: Path) -> tuple[ModelDescription, RecordedNetwork]:
    """Description and recorded network of a model's file and the graph beside it, both checked.

    Raises ModelFileError, one sentence that names the file and says what to do.
    """
    description, tensors = read_weights(model)
    path = graph_path(model)
    try:
        if path.stat().st_size > _LARGEST:
            raise OnnxFileError(f"it is larger than {_LARGEST >> 20} MiB")
        body, metadata = split_metadata(path.read_bytes())
        if metadata.get("format") != FORMAT:
            raise OnnxFileError(f"its format is {excerpt(repr(metadata.get('format')))}, accepted: {FORMAT!r}")
        if metadata.get("weights") != _digest(description, tensors):
            raise OnnxFileError("it was made from other weights")
        if metadata.get("sha256") != hashlib.sha256(body).hexdigest():
            raise OnnxFileError("it is damaged")
        return description, RecordedNetwork(with_values(body, _named(tensors)))
    except (OSError, OnnxFileError) as error:
        reason = excerpt((error.strerror if isinstance(error, OSError) else None) or error, 2 * _SHOWN)
        raise ModelFileError(
            f"{excerpt(path, _SHOWN)} does not belong to {excerpt(model.name, _SHOWN)}: {reason}; "
            f"make it again with `dense3d export --model {excerpt(model, _SHOWN)}`"
        ) from error


def write_graph(
    path: Path, network: RecordedNetwork, description: ModelDescription, tensors: Mapping[str, Array], *, whole: bool
) -> None:
    """Write what was recorded of a model with these weights, atomically. whole: with the weights in it."""
    values = _named(tensors)
    body, _ = split_metadata(network.onnx)
    # As they are in the model's file, which may have fewer digits than what was recorded.
    body = with_values(body, values) if whole else without_values(body, frozenset(values))
    metadata = {
        "format": FORMAT,
        "description": json.dumps(asdict(description)),
        "weights": _digest(description, tensors),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    with atomic_write(path) as temporary:
        temporary.write_bytes(with_metadata(body, metadata))


def _digest(description: ModelDescription, tensors: Mapping[str, Array]) -> str:
    entries = asdict(description)
    return digest(json.dumps({name: entries[name] for name in _RECORDED}), tensors)


def _named(tensors: Mapping[str, Array]) -> dict[str, Array]:
    return {WEIGHTS_UNDER + name: tensor for name, tensor in tensors.items()}
