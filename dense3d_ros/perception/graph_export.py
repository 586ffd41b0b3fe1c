"""From a model's file to the recorded graph beside it. Needs torch and onnx."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path

from dense3d_ros.dense.detector_network import DetectorNetwork
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.excerpt import excerpt
from dense3d_ros.perception.graph_file import graph_path, write_graph
from dense3d_ros.perception.model_description import ModelFileError
from dense3d_ros.perception.model_file import read_any_model, read_weights
from dense3d_ros.runtime.export import recorded_detector, recorded_regressor

log = logging.getLogger(__name__)


def export_graph(model: Path, output: Path | None = None) -> Path:
    """Write the graph of a model's file, and return where.

    output: a file to write with the weights in it, for other programs; by default the graph beside the model, without.
    Raises ModelFileError for a file that is none, or holds a network that no runtime here runs.
    """
    description, network = read_any_model(str(model))
    if isinstance(network, DetectorNetwork):
        recorded = recorded_detector(network)
    elif isinstance(network, HourglassNetwork):
        recorded = recorded_regressor(DenseRegressor(network, description.geometry), description.resolution)
    else:
        raise ModelFileError(
            f"{excerpt(model)} can have no graph: its network is '{description.network}'; accepted: hourglass, detector"
        )
    path = output or graph_path(model)
    write_graph(path, recorded, description, read_weights(model)[1], whole=output is not None)
    return path


def refresh_graph(model: Path) -> None:
    """After a model's file was written: make its graph anew, where that is possible and it can have one.

    Without onnx a graph of former weights is removed, and the log says what to do.
    """
    if read_weights(model)[0].network == "paper":
        return
    if find_spec("onnx") is None:
        graph_path(model).unlink(missing_ok=True)
        log.info("%s gets no graph: the Python package onnx is not installed; `dense3d export` makes it later", model)
        return
    export_graph(model)
