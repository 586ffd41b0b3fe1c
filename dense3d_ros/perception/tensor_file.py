"""Safetensors files, read within bounds: what a file claims is known and checked before anything of that size is made.

A file is the header's length (8 bytes), the header in JSON, and the tensors' bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from dense3d_ros.excerpt import excerpt

Array = NDArray[np.generic]

DTYPES: dict[str, np.dtype[Any]] = {"F16": np.dtype(np.float16), "F32": np.dtype(np.float32), "I64": np.dtype(np.int64)}
"""Of the tensors in a model file, by their names in the header."""
_LARGEST_FILE = 512 << 20
_LARGEST_HEADER = 4 << 20
_DEEPEST = 16
"""Objects and lists within each other in JSON."""
_LONGEST_INTEGER = 20
"""Digits."""


class TensorFileError(ValueError):
    """What is wrong with a file, in one bounded sentence without its name."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself. tensors: name -> dtype of DTYPES and shape."""

    metadata: dict[str, str]
    tensors: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]]


def read_header(file: BinaryIO) -> Header:
    """The header of an open file, from its start. Raises TensorFileError; OSError if it cannot be read."""
    size = file.seek(0, 2)
    file.seek(0)
    if size > _LARGEST_FILE:
        raise TensorFileError(f"it is larger than {_LARGEST_FILE >> 20} MiB")
    length = struct.unpack("<Q", file.read(8))[0] if size >= 8 else 0
    if not 2 <= length <= min(size - 8, _LARGEST_HEADER):
        raise TensorFileError("it is no safetensors file, or not all of one (its header does not fit)")
    entries = parse_json(file.read(length), "header")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise TensorFileError("it is no safetensors file (its metadata are no texts)")
    tensors = {name: _entry(name, entry) for name, entry in entries.items()}
    claimed = sum(prod(shape) * dtype.itemsize for dtype, shape in tensors.values())
    if claimed != size - 8 - length:
        raise TensorFileError(f"it is not all of a safetensors file ({size - 8 - length} bytes of {excerpt(claimed)})")
    return Header(metadata, tensors)


def _entry(name: str, entry: Any) -> tuple[np.dtype[np.generic], tuple[int, ...]]:
    """A tensor in the header; where its bytes are is left for safetensors to check."""
    if not isinstance(entry, dict) or entry.get("dtype") not in tuple(DTYPES):
        raise TensorFileError(f"{excerpt(name)} is no tensor of {', '.join(DTYPES)}: {excerpt(entry)}")
    shape = entry.get("shape")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(edge) is int and edge >= 0 for edge in shape):
        raise TensorFileError(f"{excerpt(name)} has no shape: {excerpt(shape)}")
    return DTYPES[entry["dtype"]], tuple(shape)


def read_tensors(file: BinaryIO, header: Header) -> dict[str, Array]:
    """The tensors of an open file with this header. Raises TensorFileError; OSError if it cannot be read.

    Read, not mapped: a mapped file that somebody shortens ends the process.
    """
    file.seek(0)
    try:
        tensors = load(file.read(_LARGEST_FILE))
    except SafetensorError as error:
        raise TensorFileError(f"it is no safetensors file, or not all of one ({excerpt(error)})") from error
    if {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()} != header.tensors:
        raise TensorFileError("it changed while it was read")
    return tensors


def parse_json(text: str | bytes, what: str) -> dict[str, Any]:
    """A JSON object of few levels; TensorFileError names `what` else."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        data = json.loads(text, parse_int=_integer, object_pairs_hook=_object)
        shallow = _is_shallow(data, _DEEPEST)
    except RecursionError:
        shallow = False
    except ValueError as error:
        raise TensorFileError(f"its {what} is no JSON ({excerpt(error)})") from error
    if not shallow:
        raise TensorFileError(f"its {what} is no JSON that is accepted: more than {_DEEPEST} levels")
    if not isinstance(data, dict):
        raise TensorFileError(f"its {what} is no JSON object")
    return data


def _integer(digits: str) -> int:
    # Longer ones take Python long, and overflow where they are made into a float.
    if len(digits) > _LONGEST_INTEGER:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Readers differ in which of two they take.
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a name comes twice in an object")
    return entries


def _is_shallow(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not inner or (levels > 0 and all(_is_shallow(part, levels - 1) for part in inner))


def digest(text: str, tensors: Mapping[str, Array]) -> str:
    """SHA-256 of a text and of all tensors: names, types, shapes and bytes."""
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        # The types' names are torch's, as in the files from before they were read without it.
        total.update(f"\n{name} torch.{tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.tobytes())
    return total.hexdigest()
