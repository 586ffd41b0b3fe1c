"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dense3d_ros.geometry.crop import Crop
from dense3d_ros.runtime.interface import Outputs, RuntimeUnavailableError, arrays
from dense3d_ros.runtime.recorded import INPUTS, RecordedNetwork

if TYPE_CHECKING:
    from dense3d_ros.dense.regressor import DenseRegressor


class OnnxRuntime:
    """A recorded regressor in float32; any batch size."""

    crops_itself = False
    failure = ""

    def __init__(self, network: DenseRegressor | RecordedNetwork, resolution: int) -> None:
        if not isinstance(network, RecordedNetwork):
            from dense3d_ros.runtime.export import recorded_regressor

            regressor = network
            network = recorded_now(lambda: recorded_regressor(regressor, resolution))
        self._session = session_of(network)

    def run(self, crops: Sequence[Crop]) -> Outputs:
        """See `Runtime.run`."""
        return Outputs(*self._session.run(None, dict(zip(INPUTS, arrays(crops), strict=True))))


def recorded_now(record: Callable[[], RecordedNetwork]) -> RecordedNetwork:
    """What `record` returns; RuntimeUnavailableError where the package is missing that torch records with."""
    if find_spec("onnx") is None:
        raise RuntimeUnavailableError(
            "runtime 'onnxruntime' needs the Python package onnx for a model that has no graph beside it; install it, "
            "make the graph with `dense3d export`, or try runtime openvino"
        )
    return record()


def session_of(network: RecordedNetwork) -> Any:
    """An ONNX Runtime session of a recorded network."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that wait sleep, so that they take no core from the other nodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(network.onnx, options, providers=["CPUExecutionProvider"])
