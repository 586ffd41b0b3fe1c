"""ONNX models as bytes: against a model written out by hand, and against the package onnx where that is installed."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from dense3d_ros.perception.detector import DETECTOR_FILE
from dense3d_ros.perception.graph_file import graph_path
from dense3d_ros.perception.model_file import read_weights
from dense3d_ros.runtime.onnx_file import OnnxFileError, split_metadata, with_metadata, with_values, without_values
from dense3d_ros.runtime.recorded import WEIGHTS_UNDER

TENSOR = (
    b"\x08\x02\x08\x01"  # dims 2, 1
    b"\x10\x01"  # float32
    b"\x42\x01w"  # its name
    b"\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\xc0"  # raw data: 1, -2
)
EMPTY = TENSOR[:9]
METADATA = b"\x72\x08\x0a\x01k\x12\x03\xc3\xbc!"  # k: ü!


def model(tensor: bytes) -> bytes:
    graph = b"\x12\x01g" + b"\x2a" + bytes([len(tensor)]) + tensor  # its name and the initializer
    return b"\x08\x09" + b"\x3a" + bytes([len(graph)]) + graph + b"\x42\x02\x10\x14"  # IR version 9, opset 20


def test_a_model_written_by_hand() -> None:
    whole, empty = model(TENSOR), model(EMPTY)
    assert without_values(whole, frozenset({"w"})) == empty
    assert without_values(whole, frozenset({"other"})) == whole
    values = np.array([[1], [-2]])
    for kind in (np.float16, np.float32):
        assert with_values(empty, {"w": values.astype(kind), "unused": values.astype(kind)}) == whole
        assert with_values(model(EMPTY), {"w": values.astype(kind)}) == whole
    assert split_metadata(whole + METADATA) == (whole, {"k": "ü!"})
    assert split_metadata(METADATA + whole) == (whole, {"k": "ü!"})
    assert with_metadata(whole, {"k": "ü!"}) == whole + METADATA
    assert with_metadata(whole + METADATA, {}) == whole


def test_packed_dimensions_are_read_too() -> None:
    packed = b"\x0a\x02\x02\x01" + EMPTY[4:]
    assert with_values(model(packed), {"w": np.array([[1.0], [-2.0]])}) == model(TENSOR)


def test_weights_that_do_not_fit() -> None:
    with pytest.raises(OnnxFileError, match="needs a weight that the model has not"):
        with_values(model(EMPTY), {})
    with pytest.raises(OnnxFileError, match="of another shape"):
        with_values(model(EMPTY), {"w": np.zeros((1, 2), np.float32)})


def test_what_is_no_model() -> None:
    """Every beginning of a model, and random bytes, are refused or read; nothing else is raised."""
    whole = model(TENSOR) + METADATA
    rng = np.random.default_rng(0)
    for data in [whole[:size] for size in range(len(whole))] + [rng.bytes(60) for _ in range(500)]:
        for read in (split_metadata, lambda data: with_values(data, {"w": np.zeros((2, 1))})):
            with suppress(OnnxFileError):
                read(data)
    with pytest.raises(OnnxFileError, match="no ONNX model, or not all of one"):
        split_metadata(b"\xff" * 20)
    with pytest.raises(OnnxFileError, match="no ONNX model, or not all of one"):
        split_metadata(whole[:-1])


def test_the_package_onnx_reads_the_same() -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    _, tensors = read_weights(DETECTOR_FILE)
    named = {WEIGHTS_UNDER + name: tensor for name, tensor in tensors.items()}
    data = graph_path(DETECTOR_FILE).read_bytes()
    read = onnx.load_from_string(with_values(data, named))
    onnx.checker.check_model(read)
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in read.graph.initializer}
    assert values.keys() <= named.keys()
    for name, value in values.items():
        np.testing.assert_array_equal(value, named[name].astype(np.float32))
    assert {entry.key: entry.value for entry in read.metadata_props} == split_metadata(data)[1]
