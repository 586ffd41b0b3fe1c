"""OpenVINO on the CPU."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.geometry.crop import Crop
from dense3d_ros.runtime.export import PlainRegressor, example_inputs, input_shapes, traced
from dense3d_ros.runtime.interface import Outputs, RuntimeUnavailableError, arrays
from dense3d_ros.runtime.signal_stack import signal_stack_kept

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
        self, regressor: DenseRegressor, resolution: int, precision: str = "f32", *, counting: bool = False
    ) -> None:
        import openvino

        if precision == "bf16" and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeUnavailableError(
                "runtime 'openvino_bf16' needs a processor with bfloat16, which this one has not; try runtime openvino"
            )
        self._request = compiled_request(_converted(regressor, resolution), precision, counting=counting)

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


def _converted(regressor: DenseRegressor, resolution: int) -> Any:
    """The regressor as an OpenVINO model with a free batch size."""
    shapes = [(-1, *shape) for shape in input_shapes(resolution)]
    return openvino_model(PlainRegressor(regressor), example_inputs(resolution), shapes)


def openvino_model(module: nn.Module, example: tuple[Tensor, ...], shapes: Sequence[tuple[int, ...]]) -> Any:
    """A module as an OpenVINO model of float32 inputs with these shapes; -1 is free.

    Straight through the PyTorch front end: `openvino.convert_model` does the same in five times the time.
    """
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with traced(module, example) as recorded:
        front_end = FrontEndManager().load_by_framework("pytorch")
        # In a variable, because the front end does not keep it alive.
        decoder = TorchScriptPythonDecoder(recorded, example_input=example)
        model = front_end.load(decoder)
        for place, shape in zip(model.get_inputs(), shapes, strict=True):
            model.set_partial_shape(place, openvino.PartialShape(list(shape)))
            model.set_element_type(place, openvino.Type.f32)
        return front_end.convert(model)


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
