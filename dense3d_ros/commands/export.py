"""Record the graph of a model, so that robots need no torch: NAME.onnx beside NAME.safetensors.

OpenVINO and ONNX Runtime load a model from its weights and this graph. `dense3d train` and `dense3d calibrate` make it
with the model they write; this command makes it for a model whose graph is missing or belongs to other weights. Such a
graph is refused when the model is loaded. Needs the Python packages torch and onnx.

examples:
  dense3d export --model hand
  dense3d export --model detector
  dense3d export --model runs/hand/model.safetensors --output hand.onnx     # with the weights, for other programs
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "record the graph of a model, so that robots need no torch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d export`."""
    parser.add_argument(
        "--model", metavar="NAME|FILE", required=True, help="model name or file, or `detector` for the shipped detector"
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="write one ONNX file with the weights in it instead, for other programs",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the graph and print where it is."""
    from dense3d_ros.atomic_write import check_writable
    from dense3d_ros.perception.detector import DETECTOR_FILE
    from dense3d_ros.perception.graph_export import export_graph
    from dense3d_ros.perception.graph_file import SUFFIX
    from dense3d_ros.perception.model_file import model_path

    output = arguments.output
    if output is not None and (output.suffix != SUFFIX or not output.parent.is_dir()):
        raise ValueError(f"--output must be a file in an existing folder, named *{SUFFIX}, got {output}")
    if output is not None:
        check_writable(output)
    model = DETECTOR_FILE if arguments.model == "detector" else model_path(arguments.model)
    print(export_graph(model, output))
    return 0
