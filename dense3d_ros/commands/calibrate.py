"""Fit a model's scores, and the threshold above which a hand is published, and store both in the model file.

Do this after training, once for each number of views that the model is to run with; the other calibration in the file
stays as it is. The model runs on synthetic images with and without a hand, through its own detector, from seeds that
neither training nor the test set uses and without the mesh that is never trained on. The fit gives
  - the expected error of each joint, from how well its votes agree: its score is 20 mm / (20 mm + expected error);
  - the probability that a place is a hand, which is the hand's score;
  - how a hand of unknown handedness and its mirror image are weighed;
  - the threshold of a published hand: at it, a hand is seen in 0.3 % of the images that have none.
The file is written atomically at the end. It also stores the number of images of the fit and the share of hands missed
at that score; `dense3d models` prints them. Measure the result on the test set with `dense3d evaluate`.

examples:
  dense3d calibrate --model runs/hand/model.safetensors
  dense3d calibrate --model runs/hand/model.safetensors --views 3
  dense3d calibrate --model hand --images 500 --output quick.safetensors     # a shipped model stays as it is
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dense3d_ros.commands import add_model_options

SUMMARY = "fit a model's scores and the threshold of a hand, and store them in its file"
FEWEST = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d calibrate`."""
    parser.add_argument("--model", metavar="NAME|FILE", required=True, help="model name or file to calibrate")
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="file to write (default: the model's own, unless it is a shipped one)",
    )
    parser.add_argument(
        "--images",
        metavar="N",
        type=int,
        default=2000,
        help=f"images with a hand, at least {FEWEST}, as many others for the handedness, and three times as many "
        "without a hand; use far fewer only for a quick try, because false hands are counted and rare "
        "(default: %(default)s)",
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, write the file, and print what was fitted."""
    from dense3d_ros.atomic_write import check_writable
    from dense3d_ros.learning.calibration.calibrate import calibrate_file
    from dense3d_ros.learning.synthetic.compilation import announced

    if arguments.images < FEWEST:
        raise ValueError(f"--images must be at least {FEWEST}, got {arguments.images}")
    output = _output(arguments.model, arguments.output)
    check_writable(output)
    with announced(print):
        path, confidence = calibrate_file(
            arguments.model, output, arguments.images, arguments.device, arguments.runtime, arguments.views
        )
    fitted = confidence.fitted
    print(f"least score of a new hand that is judged on {arguments.views}: {confidence.min_score:g}")
    print(f"  seen in {100 * fitted['false_hands']:.2f} % of {fitted['images_without_hand']} images without a hand")
    print(f"  missed: {100 * fitted['hands_missed']:.1f} % of the hands in {fitted['images_with_hand']} images")
    print(f"expected joint errors: {confidence.errors_mm[0]:.1f} to {confidence.errors_mm[-1]:.1f} mm")
    print(path)
    return 0


def _output(model: str, output: Path | None) -> Path:
    """The file to write; ValueError before the long work if it cannot be written or is a shipped model's."""
    from dense3d_ros.perception.model_file import SUFFIX, available_models, model_path

    if output is None:
        own = model_path(model)
        if own.resolve() in {model_path(name).resolve() for name in available_models()}:
            raise ValueError(f"{model} is a shipped model; name the file to write with --output FILE{SUFFIX}")
        return own
    if output.suffix != SUFFIX or not output.parent.is_dir():
        raise ValueError(f"--output must be a file in an existing folder, named *{SUFFIX}, got {output}")
    return output
