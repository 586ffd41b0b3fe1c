"""Run the ROS nodes on a rendered hand, or on a folder of depth PNGs, and measure them.

Starts `depth_camera` and the process of `hand_pose` and `hand_model`, waits for the model to be active, watches
hands, markers and diagnostics, stops everything, prints a table and writes to DIR

  report.json        all figures
  overlays/          depth images with the published skeletons
  contact_sheet.png  the overlays side by side
  *.log              what the nodes said

Another demo into DIR replaces all this. If hands are seldom found in a folder, the command prints the most frequent
reason and whether the depth unit can be right.

With --teleop the rendered hand moves robots: hand_state and a hand_retarget for each robot run, too. The demo measures
the time from an image's stamp to a robot's joint command and the error of wrist and pinch. DIR gets the robots beside
the hand as overlays/, contact_sheet.png and teleop.mp4.

The exit status is 0 only if frames were answered, hands were found with markers and, for the rendered hand, near the
true joints. For a folder, every readable image must be published and nearly all of them answered, at least half of
them with a hand. --input needs --camera and --depth-unit, which PNGs do not say.

examples:
  dense3d demo
  dense3d demo --mesh soma
  dense3d demo --teleop --rate 60
  dense3d demo --input recording --camera 475.0 475.0 319.5 239.5 --depth-unit 0.001
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from dense3d_ros.commands import add_model_options

SUMMARY = "run the ROS nodes on a rendered hand or a folder, and measure them"
DEFAULTS = {"seconds": 15.0, "mesh": "webxr", "rate": 30.0}
"""What options are where they are not given; None until then, so that one that would count for nothing is told."""
ONLY_WITH = {"robot": "teleop", "rate": "teleop", "camera": "input", "depth_unit": "input"}
NOT_WITH_INPUT = ("seconds", "mesh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d demo`."""
    parser.add_argument("--input", metavar="FOLDER", type=Path, help="folder of 16-bit depth PNGs")
    parser.add_argument(
        "--camera",
        metavar=("FX", "FY", "CX", "CY"),
        type=float,
        nargs=4,
        help="intrinsics of FOLDER's camera in pixels",
    )
    parser.add_argument(
        "--depth-unit",
        metavar="METRES",
        type=float,
        help="metres per value of the PNGs: 0.001 for millimetres",
    )
    parser.add_argument(
        "--seconds", metavar="S", type=float, help=f"length of the rendered demo (default: {DEFAULTS['seconds']})"
    )
    parser.add_argument(
        "--mesh",
        metavar="NAME",
        help=f"mesh of the rendered hand: webxr, never trained on, soma or makehuman (default: {DEFAULTS['mesh']})",
    )
    parser.add_argument("--teleop", action="store_true", help="let the rendered hand move robots")
    parser.add_argument(
        "--robot",
        metavar="NAME|FILE",
        action="append",
        help="with --teleop: name or configuration of a robot; may be repeated (default: all that come with the "
        "package and whose requirements are installed)",
    )
    parser.add_argument(
        "--rate", metavar="HZ", type=float, help=f"with --teleop: frames a second (default: {DEFAULTS['rate']})"
    )
    parser.add_argument("--model", metavar="NAME|FILE", default="hand", help="model (default: %(default)s)")
    add_model_options(parser)
    parser.add_argument(
        "--output", metavar="DIR", type=Path, default=Path("demo_output"), help="results (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run, report; 1 if the job was not done."""
    from dense3d_ros.excerpt import printable
    from dense3d_ros.recordings.offline import Intrinsics
    from dense3d_ros.rehearsal.children import ModelChoice, ProcessError
    from dense3d_ros.rehearsal.demo import DemoSettings, run_demo
    from dense3d_ros.rehearsal.demo_report import table, write_report

    _complete(arguments)
    if arguments.teleop:
        return _run_teleop(arguments)
    if arguments.input:
        fx, fy, cx, cy = arguments.camera
        camera = Intrinsics(fx, fy, cx, cy, arguments.depth_unit)
    else:
        camera = Intrinsics(475.0, 475.0, 319.5, 239.5, 0.001)
    settings = DemoSettings(
        output=arguments.output,
        choice=ModelChoice(arguments.model, arguments.views, arguments.device, arguments.runtime),
        seconds=arguments.seconds,
        folder=arguments.input,
        intrinsics=camera,
        mesh=arguments.mesh,
    )
    try:
        seen = run_demo(settings)
    except ProcessError as error:
        print(f"dense3d demo: {error}", file=sys.stderr)
        return 1
    figures = write_report(seen, camera, arguments.output)
    print(table(figures))
    print(f"\nimages and figures: {printable(arguments.output)}")
    return _status(figures["done"], [*figures["failures"], *figures["remarks"]])


def _complete(arguments: argparse.Namespace) -> None:
    """Fill in what was not given; ValueError for options that count for nothing together."""
    if arguments.teleop and arguments.input:
        raise ValueError("--teleop shows the rendered hand; leave out --input")
    for name, needed in ONLY_WITH.items():
        if getattr(arguments, name) is not None and not getattr(arguments, needed):
            raise ValueError(f"--{name.replace('_', '-')} counts only with --{needed}; add that or leave it out")
    for name in NOT_WITH_INPUT:
        if getattr(arguments, name) is not None and arguments.input:
            raise ValueError(f"--{name} is of the rendered hand and counts for nothing with --input; leave one out")
    if arguments.input and (arguments.camera is None or arguments.depth_unit is None):
        raise ValueError(
            "a folder of PNGs does not say its camera; --input needs --camera FX FY CX CY and --depth-unit METRES"
        )
    for name, value in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if not 0.0 < arguments.seconds < math.inf:
        raise ValueError(f"--seconds must be a number above 0, got {arguments.seconds}")


def _run_teleop(arguments: argparse.Namespace) -> int:
    from dense3d_ros.excerpt import printable
    from dense3d_ros.recordings.offline import Intrinsics
    from dense3d_ros.rehearsal.children import ModelChoice, ProcessError
    from dense3d_ros.rehearsal.teleop import TeleopSettings, run_teleop
    from dense3d_ros.rehearsal.teleop_report import table, write_teleop

    if not 1.0 <= arguments.rate <= 240.0:
        raise ValueError(f"--rate must be 1 to 240, got {arguments.rate}")
    camera = Intrinsics(475.0, 475.0, 319.5, 239.5, 0.001)
    settings = TeleopSettings(
        output=arguments.output,
        choice=ModelChoice(arguments.model, arguments.views, arguments.device, arguments.runtime),
        robots=arguments.robot or _robots_that_can_be_moved(),
        rate=arguments.rate,
        seconds=arguments.seconds,
        intrinsics=camera,
        mesh=arguments.mesh,
    )
    try:
        seen = run_teleop(settings)
    except ProcessError as error:
        print(f"dense3d demo: {error}", file=sys.stderr)
        return 1
    figures = write_teleop(seen, camera, arguments.output)
    print(table(figures))
    print(f"\nimages, video and figures: {printable(arguments.output)}")
    return _status(figures["done"], figures["failures"])


def _status(done: bool, remarks: Sequence[str]) -> int:
    """The exit status, after what was not as it should be."""
    for remark in remarks:
        print(f"dense3d demo: {remark}", file=sys.stderr)
    return 0 if done else 1


def _robots_that_can_be_moved() -> list[str]:
    from dense3d_ros.retargeting.robot import available_robots, load_robot

    robots = []
    for name in available_robots():
        try:
            load_robot(name)
            robots.append(name)
        except ModuleNotFoundError as error:
            print(f"dense3d demo: {name} is left out: {error}", file=sys.stderr)
    return robots
