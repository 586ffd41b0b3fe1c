"""OpenVINO on the CPU."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dense3d_ros.geometry.crop import Crop
from dense3d_ros.runtime.interface import Outputs, RuntimeUnavailableError, arrays
from dense3d_ros.runtime.recorded import RecordedNetwork
from dense3d_ros.runtime.signal_stack import signal_stack_kept

if TYPE_CHECKING:
    from dense3d_ros.dense.regressor import DenseRegressor

# At its import OpenVINO would report itself over the network and write to the home folder; without this package it can
# do neither. None stands for a module that cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


class OpenVinoRuntime:
    """Compiled for this processor; any batch size.

    precision: "f32", or "bf16" for convolutions in bfloat16, which not every processor has. counting: for `layer_ms`.
    """

    crops_itself = False
    failure = ""

    def __init__(
        self,
        network: DenseRegressor | RecordedNetwork,
        resolution: int,
        precision: str = "f32",
        *,
        counting: bool = False,
    ) -> None:
        import openvino

        if precision == "bf16" and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeUnavailableError(
                "runtime 'openvino_bf16' needs a processor with bfloat16, which this one has not; try runtime openvino"
            )
        if isinstance(network, RecordedNetwork):
            model = recorded_model(network)
        else:
            from dense3d_ros.runtime.openvino_torch import converted_regressor

            model = converted_regressor(network, resolution)
        self._request = compiled_request(model, precision, counting=counting)

    def run(self, crops: Sequence[Crop]) -> Outputs:
        """See `Runtime.run`."""
        results = self._request.infer(list(arrays(crops)), share_inputs=True, share_outputs=True)
        # Copied: the next run writes over them.
        return Outputs(*(np.array(results[index]) for index in range(len(Outputs._fields))))

    def layer_ms(self) -> dict[str, float]:
        """Kind of layer -> milliseconds of the last run."""
        taken: dict[str, float] = {}
        for layer in self._request.get_profiling_info():
            taken[layer.node_type] = taken.get(layer.node_type, 0.0) + 1000 * layer.real_time.total_seconds()
        return taken


def recorded_model(network: RecordedNetwork) -> Any:
    """A recorded network as an OpenVINO model."""
    import openvino

    return openvino.Core().read_model(network.onnx)


def compiled_request(model: Any, precision: str, *, counting: bool = False) -> Any:
    """The model compiled for this processor, ready to run. precision: "f32" or "bf16"."""
    import openvino

    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        # A thread pinned to a core that the camera uses would wait while another core is free.
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": counting,
    }
    with signal_stack_kept():
        return openvino.Core().compile_model(model, "CPU", options).create_infer_request()
