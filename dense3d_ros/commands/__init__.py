"""Subcommands of `dense3d`. Every module here is one, by its name.

A module has a docstring (what `--help` shows), `SUMMARY` (its line in `dense3d --help`), `add_arguments(parser)`
and `run(arguments) -> int`, the exit status. A ValueError or OSError of `run` becomes one line and status 2. What
takes long to import is imported inside `run`, so that `dense3d --help` answers at once.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from dense3d_ros.perception.views import VIEWS


def debug_option() -> argparse.ArgumentParser:
    """A parent of what parses the words after the command: --debug there, too, which `dense3d --help` shows."""
    parent = argparse.ArgumentParser(add_help=False)
    # Without a default, which would undo a --debug before the command.
    parent.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parent


def add_views(parser: argparse._ActionsContainer) -> None:
    """The argument that says on how many crops of each hand a model runs."""
    parser.add_argument(
        "--views",
        type=int,
        choices=VIEWS,
        default=1,
        help="crops of each followed hand, 1 or 3: three are more accurate and cost about twice the time of a frame "
        "(default: %(default)s)",
    )


def add_model_options(parser: argparse._ActionsContainer) -> None:
    """The arguments that say how a model runs: on how many crops of each hand, on which device, in which runtime."""
    add_views(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--runtime", default="auto", help="what the network runs in (default: %(default)s)")


def add_intrinsics(parser: argparse._ActionsContainer, *, required: bool) -> None:
    """Arguments that say how a folder of depth PNGs was taken: fx, fy, cx, cy and depth_unit."""
    for name, text in (
        ("fx", "horizontal focal length"),
        ("fy", "vertical focal length"),
        ("cx", "column of the principal point"),
        ("cy", "row of the principal point"),
    ):
        parser.add_argument(f"--{name}", metavar="PIXELS", type=float, required=required, help=text)
    text = "metres per value of the PNGs: 0.001 for millimetres"
    parser.add_argument("--depth-unit", metavar="METRES", type=float, required=required, help=text)


def installing(package: str) -> str:
    """What installs a Python package where this command runs, which need not be where `pip` does."""
    return f"`{shlex.quote(sys.executable)} -m pip install {package}`"
