"""From torch straight to OpenVINO, for networks that have no recorded graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openvino
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor, nn

from dense3d_ros.dense.detector_network import DetectorNetwork
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.runtime.export import PlainRegressor, detector_example, example_inputs, input_shapes, traced


def converted_regressor(regressor: DenseRegressor, resolution: int) -> Any:
    """The regressor as an OpenVINO model with a free batch size."""
    shapes = [(-1, *shape) for shape in input_shapes(resolution)]
    return _converted(PlainRegressor(regressor), example_inputs(resolution), shapes)


def converted_detector(network: DetectorNetwork) -> Any:
    """The detector's network as an OpenVINO model of one image."""
    example = detector_example()
    return _converted(network, example, [tuple(tensor.shape) for tensor in example])


def _converted(module: nn.Module, example: tuple[Tensor, ...], shapes: Sequence[tuple[int, ...]]) -> Any:
    """A module as an OpenVINO model of float32 inputs with these shapes; -1 is free.

    Through the PyTorch front end: `openvino.convert_model` does the same in five times the time.
    """
    with traced(module, example) as recorded:
        front_end = FrontEndManager().load_by_framework("pytorch")
        # In a variable, because the front end does not keep it alive.
        decoder = TorchScriptPythonDecoder(recorded, example_input=example)
        model = front_end.load(decoder)
        for place, shape in zip(model.get_inputs(), shapes, strict=True):
            model.set_partial_shape(place, openvino.PartialShape(list(shape)))
            model.set_element_type(place, openvino.Type.f32)
        return front_end.convert(model)
