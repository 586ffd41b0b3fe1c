"""ONNX models as bytes, without the package onnx: their metadata, and their weights taken out or put in.

Read are only the few fields of the format that this needs (onnx.proto of github.com/onnx/onnx) in the wire format of
protocol buffers (protobuf.dev/programming-guides/encoding); all others are kept as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]

_GRAPH, _METADATA = 7, 14
"""Fields of a ModelProto."""
_KEY, _VALUE = 1, 2
"""Of an entry of its metadata."""
_INITIALIZER = 5
"""Of a GraphProto."""
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
"""Of a TensorProto."""
_FLOAT32 = 1
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
"""How a field is encoded."""
_LONGEST_VARINT = 10


class OnnxFileError(ValueError):
    """What is wrong with an ONNX model, in one sentence without its name."""


class _Field(NamedTuple):
    """payload: what is in it, of a field with a length; whole: with its number, as it is in the message."""

    number: int
    payload: bytes
    whole: bytes


def split_metadata(model: bytes) -> tuple[bytes, dict[str, str]]:
    """The model without its metadata, and those. OnnxFileError if it is no ONNX model."""
    fields = list(_fields(model))
    metadata = {}
    for field in fields:
        if field.number == _METADATA:
            entry = {part.number: part.payload for part in _fields(field.payload)}
            metadata[_text(entry.get(_KEY, b""))] = _text(entry.get(_VALUE, b""))
    return b"".join(field.whole for field in fields if field.number != _METADATA), metadata


def with_metadata(model: bytes, metadata: Mapping[str, str]) -> bytes:
    """The model with these metadata in place of its own."""
    body, _ = split_metadata(model)
    entries = [
        _encoded(_METADATA, _encoded(_KEY, key.encode()) + _encoded(_VALUE, value.encode()))
        for key, value in metadata.items()
    ]
    return body + b"".join(entries)


def without_values(model: bytes, names: frozenset[str]) -> bytes:
    """The model with the initializers of these names left empty: their names, types and shapes stay."""

    def emptied(name: str, initializer: bytes) -> bytes:
        if name not in names:
            return initializer
        return b"".join(field.whole for field in _fields(initializer) if field.number in (_DIMS, _DATA_TYPE, _NAME))

    return _with_initializers(model, emptied)


def with_values(model: bytes, tensors: Mapping[str, Array]) -> bytes:
    """The model with the values of its initializers of these names, which are float32 whatever the tensors are.

    OnnxFileError where a shape is another, or an initializer has no value afterwards.
    """

    def filled(name: str, initializer: bytes) -> bytes:
        if name not in tensors:
            if all(field.number != _RAW_DATA for field in _fields(initializer)):
                raise OnnxFileError("it needs a weight that the model has not")
            return initializer
        values = np.ascontiguousarray(tensors[name], np.float32)
        if _shape_of(initializer) != values.shape:
            raise OnnxFileError("a weight is of another shape than the model's")
        dims = b"".join(_number(_DIMS, edge) for edge in values.shape)
        kind = _number(_DATA_TYPE, _FLOAT32) + _encoded(_NAME, name.encode())
        return dims + kind + _encoded(_RAW_DATA, values.astype("<f4", copy=False).tobytes())

    return _with_initializers(model, filled)


def _shape_of(initializer: bytes) -> tuple[int, ...]:
    """The shape of a serialised TensorProto."""
    dims: list[int] = []
    for field in _fields(initializer):
        if field.number == _DIMS:
            # Packed in one field, or a field each.
            numbers = field.payload or field.whole[1:]
            while numbers:
                value, size = _varint(numbers, 0)
                dims.append(value)
                numbers = numbers[size:]
    return tuple(dims)


def _with_initializers(model: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """The model with every initializer replaced by what `change` makes of its name and itself."""

    def changed_graph(graph: bytes) -> bytes:
        return b"".join(
            _encoded(_INITIALIZER, change(_name_of(field.payload), field.payload))
            if field.number == _INITIALIZER
            else field.whole
            for field in _fields(graph)
        )

    return b"".join(
        _encoded(_GRAPH, changed_graph(field.payload)) if field.number == _GRAPH else field.whole
        for field in _fields(model)
    )


def _name_of(initializer: bytes) -> str:
    return next((_text(field.payload) for field in _fields(initializer) if field.number == _NAME), "")


def _fields(message: bytes) -> Iterator[_Field]:
    """The fields of a message, in order."""
    place = 0
    while place < len(message):
        start = place
        tag, place = _varint(message, place)
        payload = b""
        encoding = tag & 7
        if encoding == _LENGTH:
            length, place = _varint(message, place)
            payload = message[place : place + length]
            place += length
        elif encoding == _VARINT:
            _, place = _varint(message, place)
        elif encoding in (_FIXED64, _FIXED32):
            place += 8 if encoding == _FIXED64 else 4
        else:
            raise OnnxFileError("it is no ONNX model, or not all of one")
        if place > len(message):
            raise OnnxFileError("it is no ONNX model, or not all of one")
        yield _Field(tag >> 3, payload, message[start:place])


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """The number that begins at `place`, and where it ends."""
    value = 0
    for index, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, place + index + 1
    raise OnnxFileError("it is no ONNX model, or not all of one")


def _encoded(number: int, payload: bytes) -> bytes:
    """A field with a length."""
    return _as_varint(number << 3 | _LENGTH) + _as_varint(len(payload)) + payload


def _number(number: int, value: int) -> bytes:
    """A field that is a whole number, at least 0."""
    return _as_varint(number << 3 | _VARINT) + _as_varint(value)


def _as_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise OnnxFileError("it is no ONNX model, or not all of one") from error
