"""Measure joint errors: of prediction files on a benchmark, of a model on a benchmark or on the synthetic test set.

A prediction file has a line for each frame, `u v d` of each joint in pixels and millimetres, as the community
exchanges them; NYU has 14 joints, ICVL 16, MSRA15 21. On a benchmark a model is measured on the test split, in crops
made from the labels ("oracle_crop", as published figures are) and in those of its own detector ("detected_crop"). A
model of 21 joints is scored on those that the benchmark has too.

The synthetic test set is fixed by its seeds. Its first N images with a hand are used with the true place, turn and
handedness, with these a little off, and with the own detector; and as many images without a hand, or as many as
--hand-free says, because shares of half a per cent need thousands. Of the same images are the curves of recall over
false hands: of the evidence, of each of its terms alone, and of the detector. Images with none to four hands, images of
hands at work, and tracked sequences of one hand, of two hands and of a hand that holds a thing follow.

With --no-hand a model looks for hands in your own depth frames without a hand; each frame counts by itself.

examples:
  dense3d evaluate --predictions nyu_mine.txt --ground-truth nyu_test.txt --dataset nyu --json nyu.json
  dense3d evaluate --model runs/nyu/model.safetensors --dataset nyu --root ~/data/nyu --json nyu.json --plot nyu.png
  dense3d evaluate --model hand --json hand.json --plot hand.png
  dense3d evaluate --model hand --samples 2000 --hand-free 4000 --json hand.json
  dense3d evaluate --model hand --no-hand rooms --fx 518 --fy 519 --cx 325 --cy 253 --depth-unit 0.001 --json rooms.json
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dense3d_ros.commands import add_intrinsics, add_model_options

if TYPE_CHECKING:
    from dense3d_ros.learning.datasets.sample import DepthDataset
    from dense3d_ros.learning.evaluation.benchmark import ScoredFrames
    from dense3d_ros.learning.evaluation.benchmark_models import BenchmarkModel
    from dense3d_ros.learning.evaluation.results import EvaluationResult

Outcome = tuple[Mapping[str, Any], list[str], Callable[[Path], None] | None]
"""Result, the lines to print of it, and what draws it to a file, if anything does."""

SUMMARY = "measure joint errors of a model or of prediction files, and a model's missed and false hands"
SYNTHETIC_SAMPLES = 1000
MANY_HANDS = 500
WORKING_HANDS = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d evaluate`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--predictions", metavar="FILE", type=Path, help="prediction file to score")
    what.add_argument("--model", metavar="NAME|FILE", help="model name or file to evaluate")
    parser.add_argument("--json", metavar="FILE", type=Path, required=True, help="results to write")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="image of curves and bars to write")
    benchmark = parser.add_argument_group("on a benchmark")
    benchmark.add_argument(
        "--dataset", choices=("nyu", "icvl", "msra"), help="benchmark whose camera and joints are used"
    )
    benchmark.add_argument("--root", metavar="DIR", type=Path, help="folder of the data set, for its labels")
    benchmark.add_argument(
        "--held-out", metavar="0..8", type=int, default=0, help="MSRA15's test subject (default: %(default)s)"
    )
    benchmark.add_argument(
        "--ground-truth", metavar="FILE", type=Path, help="with --predictions, instead of --root: true joints, u v d"
    )
    benchmark.add_argument(
        "--write-predictions", metavar="FILE", type=Path, help="with --model: write the joints of the oracle crops"
    )
    model = parser.add_argument_group("with --model")
    model.add_argument(
        "--samples",
        metavar="N",
        type=int,
        help=f"images with a hand (default: {SYNTHETIC_SAMPLES}; all of a benchmark, else spread evenly over it)",
    )
    model.add_argument(
        "--hand-free", metavar="N", type=int, help="synthetic images without a hand (default: as with one)"
    )
    model.add_argument(
        "--many-hands",
        metavar="N",
        type=int,
        default=MANY_HANDS,
        help="synthetic images with none to four hands (default: %(default)s)",
    )
    model.add_argument(
        "--working-hands",
        metavar="N",
        type=int,
        default=WORKING_HANDS,
        help="synthetic images of hands at work, the place given (default: %(default)s)",
    )
    model.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        help="most seconds of each sequence (default: 5 of one hand, 22 of two, 3 of a held thing)",
    )
    add_model_options(model)
    no_hand = parser.add_argument_group("on real frames without a hand, with --model")
    no_hand.add_argument("--no-hand", metavar="FOLDER", type=Path, help="folder of 16-bit depth PNGs")
    add_intrinsics(no_hand, required=False)


def run(arguments: argparse.Namespace) -> int:
    """Measure, write the JSON and the plot, and print the main figures."""
    from dense3d_ros.atomic_write import check_writable, make_folder
    from dense3d_ros.learning.evaluation.report import write_json
    from dense3d_ros.learning.synthetic.compilation import announced

    for path in filter(None, (arguments.json, arguments.plot, arguments.write_predictions)):
        make_folder(path.parent)
        check_writable(path)
    if arguments.predictions:
        result, lines, plot = _score_predictions(arguments)
    elif arguments.no_hand:
        result, lines, plot = _evaluate_on_no_hand(arguments)
    elif arguments.dataset:
        result, lines, plot = _evaluate_on_benchmark(arguments)
    else:
        with announced(print):
            result, lines, plot = _evaluate_on_synthetic(arguments)
    write_json(arguments.json, result)
    if arguments.plot and plot:
        plot(arguments.plot)
    print("\n".join([*lines, str(arguments.json)]))
    return 0


def _score_predictions(arguments: argparse.Namespace) -> Outcome:
    from dense3d_ros.learning.evaluation.benchmark import score_on_dataset
    from dense3d_ros.learning.evaluation.lines import error_line
    from dense3d_ros.learning.evaluation.predictions import score_predictions
    from dense3d_ros.learning.evaluation.report import plot_predictions

    if arguments.no_hand:
        raise ValueError("--no-hand goes with --model")
    if not arguments.dataset or bool(arguments.ground_truth) == bool(arguments.root):
        raise ValueError("--predictions needs --dataset nyu|icvl|msra and either --ground-truth FILE or --root DIR")
    if arguments.write_predictions:
        raise ValueError("--write-predictions goes with --model")
    if arguments.root:
        result = score_on_dataset(arguments.predictions, _test_split(arguments))
    else:
        result = score_predictions(arguments.predictions, arguments.ground_truth, arguments.dataset)
    return result, [error_line(arguments.dataset.upper(), result)], partial(plot_predictions, result=result)


def _evaluate_on_no_hand(arguments: argparse.Namespace) -> Outcome:
    from dense3d_ros.learning.evaluation.lines import no_hand_lines
    from dense3d_ros.learning.evaluation.no_hand import evaluate_on_no_hand
    from dense3d_ros.perception.model import load_model
    from dense3d_ros.recordings.offline import Intrinsics
    from dense3d_ros.recordings.png_folder import find_frames

    given = [getattr(arguments, name) for name in ("fx", "fy", "cx", "cy", "depth_unit")]
    if None in given:
        raise ValueError("--no-hand needs --fx, --fy, --cx, --cy and --depth-unit")
    if arguments.dataset or arguments.plot:
        raise ValueError("--no-hand does not go with --dataset or --plot")
    intrinsics, frames = Intrinsics(*given), find_frames(arguments.no_hand)
    model = load_model(arguments.model, arguments.device, arguments.runtime, arguments.views)
    folder = arguments.no_hand.resolve().name
    result = evaluate_on_no_hand(model, frames, intrinsics)
    return {"folder": folder, **result}, no_hand_lines(result), None


def _evaluate_on_benchmark(arguments: argparse.Namespace) -> Outcome:
    from dense3d_ros.learning.evaluation.benchmark_models import load_benchmark_model

    if arguments.ground_truth or not arguments.root:
        raise ValueError("--model on a --dataset needs --root DIR, the folder of the data set, and no --ground-truth")
    if arguments.samples is not None and arguments.samples < 1:
        raise ValueError(f"--samples must be at least 1, got {arguments.samples}")
    dataset = _test_split(arguments)
    model = load_benchmark_model(
        arguments.model, dataset.benchmark, arguments.device, arguments.runtime, arguments.views
    )
    return _benchmark_outcome(arguments, model, dataset)


def _benchmark_outcome(arguments: argparse.Namespace, model: BenchmarkModel, frames: ScoredFrames) -> Outcome:
    from dataclasses import asdict

    from dense3d_ros.learning.evaluation.benchmark import evaluate_on_benchmark
    from dense3d_ros.learning.evaluation.lines import benchmark_lines
    from dense3d_ros.learning.evaluation.report import plot_benchmark

    result = evaluate_on_benchmark(model, frames, arguments.samples, arguments.write_predictions)
    return asdict(result), benchmark_lines(result), partial(plot_benchmark, result=result)


def _evaluate_on_synthetic(arguments: argparse.Namespace) -> Outcome:
    from dense3d_ros.learning.evaluation.benchmark_models import load_benchmark_model
    from dense3d_ros.learning.evaluation.holding import evaluate_on_holding
    from dense3d_ros.learning.evaluation.lines import synthetic_lines
    from dense3d_ros.learning.evaluation.model import evaluate_on_synthetic
    from dense3d_ros.learning.evaluation.recall import evaluate_on_many_hands
    from dense3d_ros.learning.evaluation.report import plot_model
    from dense3d_ros.learning.evaluation.sequences import (
        SECONDS,
        evaluate_on_free_motion,
        evaluate_on_sequences,
    )
    from dense3d_ros.learning.evaluation.synthetic_right_hands import SyntheticRightHands
    from dense3d_ros.learning.evaluation.two_hands import evaluate_on_two_hands
    from dense3d_ros.learning.evaluation.working_hands import evaluate_on_working_hands
    from dense3d_ros.perception.model import load_model
    from dense3d_ros.perception.model_file import read_any_model

    if arguments.ground_truth or arguments.root or arguments.write_predictions:
        raise ValueError("--ground-truth, --root and --write-predictions go with --dataset nyu|icvl|msra")
    samples = SYNTHETIC_SAMPLES if arguments.samples is None else arguments.samples
    if samples < 2:
        raise ValueError(f"--samples must be at least 2, got {samples}")
    if read_any_model(arguments.model)[0].network == "paper":
        frames = SyntheticRightHands(samples)
        return _benchmark_outcome(
            arguments,
            load_benchmark_model(arguments.model, frames.benchmark, arguments.device, views=arguments.views),
            frames,
        )
    hand_free = samples if arguments.hand_free is None else arguments.hand_free
    _check_amounts(arguments, hand_free)
    model = load_model(arguments.model, arguments.device, arguments.runtime, arguments.views)
    seconds = min(SECONDS, arguments.seconds or SECONDS)
    result: EvaluationResult = {
        **evaluate_on_synthetic(model, samples, hand_free),
        "many_hands": evaluate_on_many_hands(model, arguments.many_hands),
        "working_hands": evaluate_on_working_hands(model, arguments.working_hands),
        "sequences": evaluate_on_sequences(model, seconds),
        "free_motion": evaluate_on_free_motion(model, seconds),
        "two_hands": evaluate_on_two_hands(model, arguments.seconds),
        "holding": evaluate_on_holding(model, arguments.seconds),
    }
    return result, synthetic_lines(result), partial(plot_model, result=result)


def _check_amounts(arguments: argparse.Namespace, hand_free: int) -> None:
    """ValueError where there would be nothing to measure on."""
    from dense3d_ros.learning.evaluation.sequences import RATE

    for name, count in (
        ("--hand-free", hand_free),
        ("--many-hands", arguments.many_hands),
        ("--working-hands", arguments.working_hands),
    ):
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    if arguments.seconds is not None and not arguments.seconds >= 1 / RATE:
        raise ValueError(f"--seconds must be at least {1 / RATE:.3f}, one frame, got {arguments.seconds}")


def _test_split(arguments: argparse.Namespace) -> DepthDataset:
    from dense3d_ros.learning.datasets.frames import open_dataset

    return open_dataset(arguments.dataset, arguments.root, "test", arguments.held_out)
