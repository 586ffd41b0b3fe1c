"""Train a model on synthetic hands.

A recipe says everything that decides what comes out: network, samples, learning rates. The shipped ones are
files in dense3d_ros/training/recipes; copy one to change it. DIR gets model.safetensors, refreshed every two
minutes, log.csv with the curves, and a checkpoint from which the same command goes on after a stop. With several
GPUs: torchrun --nproc-per-node=N -m dense3d_ros.cli train ...

example:
  dense3d train --recipe fast --output runs/fast --workers 2
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "train a model on synthetic hands"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d train`."""
    parser.add_argument("--recipe", metavar="NAME|FILE", required=True, help="shipped recipe or YAML file")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the run")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument(
        "--workers", metavar="N", type=int, default=1, help="processes that make samples (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train until the recipe's samples are spent."""
    from dense3d_ros.model import choose_device
    from dense3d_ros.training.hourglass import HourglassMethod
    from dense3d_ros.training.recipe import Recipe
    from dense3d_ros.training.train import train

    if arguments.workers < 0:
        raise ValueError(f"--workers must be at least 0, got {arguments.workers}")
    recipe = Recipe.read(recipe_path(arguments.recipe))
    device = choose_device(arguments.device)
    print(train(HourglassMethod(recipe), arguments.output, device=device, workers=arguments.workers))
    return 0


def recipe_path(name_or_path: str) -> Path:
    """The file of a shipped recipe's name or of a path; ValueError says what there is."""
    from importlib.resources import files

    path = Path(name_or_path).expanduser()
    if path.suffix in (".yaml", ".yml"):
        return path
    folder = Path(str(files("dense3d_ros.training"))) / "recipes"
    shipped = folder / f"{name_or_path}.yaml"
    if not shipped.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ValueError(f"no recipe is named '{name_or_path}'; accepted: a .yaml file or one of {names}")
    return shipped
