"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.geometry.crop import Crop
from dense3d_ros.runtime.export import INPUTS, onnx_bytes
from dense3d_ros.runtime.interface import Outputs, arrays


class OnnxRuntime:
    """An ONNX export of the regressor in float32; any batch size."""

    crops_itself = False
    failure = ""

    def __init__(self, regressor: DenseRegressor, resolution: int) -> None:
        self._session = session_of(onnx_bytes(regressor, resolution))

    def run(self, crops: Sequence[Crop]) -> Outputs:
        """See `Runtime.run`."""
        return Outputs(*self._session.run(None, dict(zip(INPUTS, arrays(crops), strict=True))))


def session_of(model: bytes) -> Any:
    """An ONNX Runtime session of an ONNX model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that wait sleep, so that they take no core from the other nodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
