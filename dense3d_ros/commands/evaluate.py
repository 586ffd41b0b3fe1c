"""Measure joint errors: of prediction files on a benchmark, or of a model on the synthetic test set.

A prediction file has a line for each frame, `u v d` of each joint in pixels and millimetres, as the community
exchanges them; NYU has 14 joints, ICVL 16, MSRA15 21. The synthetic test set is fixed by its seeds; its first N
pictures with a hand and N/2 without are used. Errors are given for crops around the true centre and for what the
estimator finds by itself.

examples:
  dense3d evaluate --predictions nyu_mine.txt --ground-truth nyu_test.txt --dataset nyu --json nyu.json
  dense3d evaluate --model fast --json fast.json --plot fast.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

SUMMARY = "measure joint errors of prediction files or of a model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d evaluate`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--predictions", metavar="FILE", type=Path, help="prediction file to score")
    what.add_argument("--model", metavar="NAME|FILE", help="model name or file to evaluate")
    parser.add_argument("--json", metavar="FILE", type=Path, required=True, help="results to write")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="picture of curves and bars to write")
    files = parser.add_argument_group("with --predictions")
    files.add_argument("--ground-truth", metavar="FILE", type=Path, help="true joints in the same format")
    files.add_argument("--dataset", choices=("nyu", "icvl", "msra"), help="data set: its camera and joints")
    model = parser.add_argument_group("with --model")
    model.add_argument("--data", choices=("synthetic-test",), default="synthetic-test", help="data to evaluate on")
    model.add_argument(
        "--samples", metavar="N", type=int, default=1000, help="pictures with a hand (default: %(default)s)"
    )
    model.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    model.add_argument("--runtime", default="auto", help="what the network runs in (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Measure, write the JSON and the plot, and print the main figures."""
    from dense3d_ros.evaluation.report import plot_model, plot_predictions, write_json

    if arguments.predictions:
        result, lines = _score_predictions(arguments)
        plot = plot_predictions
    else:
        result, lines = _evaluate_model(arguments)
        plot = plot_model
    write_json(arguments.json, result)
    if arguments.plot:
        plot(arguments.plot, result)
    print("\n".join([*lines, str(arguments.json)]))
    return 0


def _score_predictions(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from dense3d_ros.evaluation.predictions import score_predictions

    if not (arguments.ground_truth and arguments.dataset):
        raise ValueError("--predictions needs --ground-truth FILE and --dataset nyu|icvl|msra")
    result = score_predictions(arguments.predictions, arguments.ground_truth, arguments.dataset)
    return result, [_line(arguments.dataset.upper(), result)]


def _evaluate_model(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from dense3d_ros.evaluation.model import evaluate_on_synthetic
    from dense3d_ros.model import load_model

    if arguments.ground_truth or arguments.dataset:
        raise ValueError("--ground-truth and --dataset go with --predictions; with --model there is --data")
    if arguments.samples < 2:
        raise ValueError(f"--samples must be at least 2, got {arguments.samples}")
    model = load_model(arguments.model, arguments.device, arguments.runtime)
    result = evaluate_on_synthetic(model, arguments.samples, arguments.samples // 2)
    lines = []
    for title, mode in (("true centre and side", "oracle_crop"), ("own finder", "own_finder")):
        lines.append(_line(title, result[mode]))
        lines += [_line(f"  {mesh}", summary) for mesh, summary in result[mode]["by_mesh"].items()]
    found, false = result["own_finder"]["found"], result["own_finder"]["false_hand_rate"]
    lines.append(f"own finder: {100 * found:.1f} % of hands found, one seen in {100 * false:.1f} % of pictures without")
    return result, lines


def _line(title: str, result: dict[str, Any]) -> str:
    if not result["frames"]:
        return f"{title}: no frames"
    return (
        f"{title}: mean {result['mean_joint_error_mm']:.3f} mm, median {result['median_joint_error_mm']:.3f} mm "
        f"over {result['frames']} frames"
    )
