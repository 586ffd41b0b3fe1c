"""The `dense3d` command: one subcommand for each module of `dense3d_ros.commands`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from dense3d_ros import commands

VERSION = "0.1.0"
DESCRIPTION = "Hand pose from depth images: 21 joints in metres. Only demo, watch and a part of benchmark need ROS 2."
ROS_MODULES = ("rclpy", "dense3d_ros.msg", "lifecycle_msgs", "ament_index_python")
"""Modules that only an installation of ROS 2, and of this package in it, has."""
EXTRAS = {"av": "av", "rerun": "rerun-sdk", "rosbags": "rosbags"}
"""Modules that one use needs, and the packages that have them."""
TARGETS = {
    **dict.fromkeys(("matplotlib", "onnx", "torch", "tqdm"), "learning"),
    **dict.fromkeys(("numba", "scipy"), "demo"),
}
"""Modules that come together with others, and for what: the end of their target of make, and their extra of pip."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (`sys.argv` by default); 0 if all went well, 2 with one sentence on stderr if not."""
    parser = argparse.ArgumentParser(prog="dense3d", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    parser.add_argument(
        "--debug",
        action="store_true",
        help="show the traceback of an error before its sentence, for a bug report; may also follow the command",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for module in iter_modules(commands.__path__):
        command = import_module(f"{commands.__name__}.{module.name}")
        subparser = subparsers.add_parser(
            module.name,
            help=command.SUMMARY,
            description=command.__doc__,
            parents=[commands.debug_option()],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Who reads the output, such as `head`, has enough. Nothing more can be flushed at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (OSError, ValueError, ModuleNotFoundError) as error:
        if arguments.debug:
            traceback.print_exc()
        print(f"{parser.prog}: error: {_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _sentence(error: OSError | ValueError | ModuleNotFoundError) -> str:
    """What is wrong, for the user."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used: {error.strerror}"
    if not isinstance(error, ModuleNotFoundError):
        return str(error)
    package = EXTRAS.get(str(error.name), error.name)
    what = "ROS 2, sourced or as wheels" if error.name in ROS_MODULES else f"the Python package {package}"
    hint = f"; {commands.installing(str(package))} brings it" if error.name in EXTRAS else ""
    if target := TARGETS.get(str(error.name)):
        hint = f"; `make requirements-{target}` brings it, and so does the extra '{target}' of pip"
    return f"this needs {what}, which is not there ({error}){hint}"


if __name__ == "__main__":
    sys.exit(main())
