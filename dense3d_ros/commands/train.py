"""Train a model on synthetic hands, or the paper's network on a benchmark too.

A recipe holds everything that determines the result: network, samples, learning rates. The shipped recipes are files
in dense3d_ros/learning/training/recipes; copy one to change it. DIR gets model.safetensors, refreshed every two
minutes, log.csv with the curves, and a checkpoint. Ctrl-C and SIGTERM finish the step in progress and save; the same
command continues from there. A calibrated model, or another recipe's, is never overwritten: the new model is then
written beside it as NAME.safetensors, where NAME is the recipe's. With several GPUs, use
torchrun --nproc-per-node=N -m dense3d_ros.cli train ...
On a CPU, torch uses the cores that the workers leave, unless OMP_NUM_THREADS is set.

examples:
  dense3d train --recipe hand --output runs/hand --workers 2
  dense3d train --recipe hand --from hand --output runs/tuned
  dense3d train --recipe paper --data nyu --root ~/data/nyu_hand_dataset_v2 --output runs/nyu --workers 8
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dense3d_ros.learning.training.method import Method

SUMMARY = "train a model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d train`."""
    parser.add_argument("--recipe", metavar="NAME|FILE", required=True, help="shipped recipe or YAML file")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the run")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument(
        "--workers",
        metavar="N",
        type=int,
        default=1,
        help="processes that make samples, for each training process; for the default network, workers times training "
        "processes must be 1, 2, 4, 8 or 16 (default: %(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="NAME|FILE",
        help="model whose weights a new run begins with, where the layers are the same",
    )
    parser.add_argument("--seconds", metavar="S", type=float, help="stop after S seconds; the same command continues")
    paper = parser.add_argument_group("with a recipe of the paper's network")
    paper.add_argument(
        "--data",
        choices=("synthetic", "nyu", "icvl", "msra"),
        default="synthetic",
        help="training data (default: %(default)s)",
    )
    paper.add_argument("--root", metavar="DIR", type=Path, help="folder of the data set")
    paper.add_argument(
        "--held-out", metavar="0..8", type=int, default=0, help="MSRA15's test subject (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train until the recipe's samples or the time are spent."""
    from dense3d_ros.learning.training.stopping import StopSignals
    from dense3d_ros.learning.training.train import train
    from dense3d_ros.runtime.selection import choose_device

    if arguments.workers < 0:
        raise ValueError(f"--workers must be at least 0, got {arguments.workers}")
    seconds = float("inf") if arguments.seconds is None else arguments.seconds
    if not seconds >= 0:
        raise ValueError(f"--seconds must be at least 0, got {arguments.seconds}")
    method = _method(arguments)
    device = choose_device(arguments.device)
    if device == "cpu":
        _limit_threads(arguments.workers)
    if arguments.data == "synthetic":
        _compile_renderer()
    with StopSignals() as stop:
        model = train(
            method,
            arguments.output,
            device=device,
            workers=arguments.workers,
            seconds=seconds,
            start=arguments.start,
            stop=stop,
        )
    print(model)
    return stop.status


def _limit_threads(workers: int) -> None:
    """Leave a core to each worker: threads that share a core wait for each other most of the time."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - workers))


def _compile_renderer() -> None:
    """Once, before the workers start: each would compile it, all at the same time and without a word."""
    import numpy as np

    from dense3d_ros.learning.synthetic.compilation import announced
    from dense3d_ros.learning.synthetic.samples import make_sample
    from dense3d_ros.learning.synthetic.scenes import SceneAssets

    with announced(print):
        rng, assets = np.random.default_rng(0), SceneAssets.load()
        for _ in range(8):
            make_sample(rng, assets, 64)


def _method(arguments: argparse.Namespace) -> Method[Any]:
    from dense3d_ros.learning.training.paper_recipe import PaperRecipe, read_recipe

    recipe = read_recipe(recipe_path(arguments.recipe))
    if arguments.data == "synthetic" and arguments.root:
        raise ValueError("--root goes with --data nyu, icvl or msra")
    if arguments.data != "synthetic" and not arguments.root:
        raise ValueError(f"--data {arguments.data} needs --root DIR, the folder of the data set")
    if isinstance(recipe, PaperRecipe):
        from dense3d_ros.learning.training.paper import PaperMethod
        from dense3d_ros.learning.training.paper_frames import open_data

        return PaperMethod(recipe, open_data(recipe, arguments.data, arguments.root, arguments.held_out))
    if arguments.data != "synthetic":
        raise ValueError(f"--data {arguments.data} needs a recipe of the paper's network, which {recipe.name} is not")
    if recipe.network == "detector":
        from dense3d_ros.learning.training.detector import DetectorMethod

        return DetectorMethod(recipe)
    from dense3d_ros.learning.training.hourglass import HourglassMethod

    return HourglassMethod(recipe)


def recipe_path(name_or_path: str) -> Path:
    """The file of a shipped recipe's name or of a path; ValueError says what there is."""
    from importlib.resources import files

    path = Path(name_or_path).expanduser()
    if path.suffix in (".yaml", ".yml"):
        return path
    folder = Path(str(files("dense3d_ros.learning.training"))) / "recipes"
    shipped = folder / f"{name_or_path}.yaml"
    if not shipped.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ValueError(f"no recipe is named '{name_or_path}'; accepted: a .yaml file or one of {names}")
    return shipped
