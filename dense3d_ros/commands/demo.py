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
them with a hand. The default camera for --input is an Intel SR305 at 640x480 with a unit of 0.125 mm.

examples:
  dense3d demo
  dense3d demo --mesh soma
  dense3d demo --teleop --rate 60
  dense3d demo --input recording --camera 475.0 475.0 319.5 239.5 --depth-unit 0.001
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

SUMMARY = "run the ROS nodes on a rendered hand or a folder, and measure them"
SR305 = (476.007, 476.007, 313.683, 242.755)
SR305_UNIT = 0.000125


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d demo`."""
    parser.add_argument("--input", metavar="FOLDER", type=Path, help="folder of 16-bit depth PNGs")
    parser.add_argument(
        "--camera",
        metavar=("FX", "FY", "CX", "CY"),
        type=float,
        nargs=4,
        help="intrinsics of FOLDER in pixels (default: SR305)",
    )
    parser.add_argument(
        "--depth-unit",
        metavar="METRES",
        type=float,
        default=SR305_UNIT,
        help="metres per value of the PNGs (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=15.0, help="length of the rendered demo (default: %(default)s)"
    )
    parser.add_argument(
        "--mesh",
        metavar="NAME",
        default="webxr",
        help="mesh of the rendered hand: webxr, never trained on, soma or makehuman (default: %(default)s)",
    )
    parser.add_argument("--teleop", action="store_true", help="let the rendered hand move robots")
    parser.add_argument(
        "--robot",
        metavar="NAME|FILE",
        action="append",
        help="with --teleop: name or configuration of a robot; may be repeated (default: all that come with the "
        "package and can be moved here)",
    )
    parser.add_argument("--rate", metavar="HZ", type=float, default=30.0, help="with --teleop: frames a second")
    parser.add_argument("--model", metavar="NAME|FILE", default="fast", help="model (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--runtime", default="auto", help="what the network runs in (default: %(default)s)")
    parser.add_argument(
        "--output", metavar="DIR", type=Path, default=Path("demo_output"), help="results (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run, report; 1 if the job was not done."""
    from dense3d_ros.geometry.depth import printable
    from dense3d_ros.recordings.offline import Intrinsics
    from dense3d_ros.rehearsal.children import ProcessError
    from dense3d_ros.rehearsal.demo import DemoSettings, run_demo
    from dense3d_ros.rehearsal.demo_report import table, write_report

    if arguments.seconds <= 0:
        raise ValueError(f"--seconds must be above 0, got {arguments.seconds}")
    if arguments.teleop:
        return _run_teleop(arguments)
    if arguments.input:
        fx, fy, cx, cy = arguments.camera or SR305
        camera = Intrinsics(fx, fy, cx, cy, arguments.depth_unit)
    else:
        camera = Intrinsics(475.0, 475.0, 319.5, 239.5, 0.001)
    settings = DemoSettings(
        output=arguments.output,
        model=arguments.model,
        device=arguments.device,
        runtime=arguments.runtime,
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


def _run_teleop(arguments: argparse.Namespace) -> int:
    from dense3d_ros.geometry.depth import printable
    from dense3d_ros.recordings.offline import Intrinsics
    from dense3d_ros.rehearsal.children import ProcessError
    from dense3d_ros.rehearsal.teleop import TeleopSettings, run_teleop
    from dense3d_ros.rehearsal.teleop_report import table, write_teleop

    if arguments.input:
        raise ValueError("--teleop shows the rendered hand; leave out --input")
    if not 1.0 <= arguments.rate <= 240.0:
        raise ValueError(f"--rate must be 1 to 240, got {arguments.rate}")
    camera = Intrinsics(475.0, 475.0, 319.5, 239.5, 0.001)
    settings = TeleopSettings(
        output=arguments.output,
        model=arguments.model,
        device=arguments.device,
        runtime=arguments.runtime,
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
