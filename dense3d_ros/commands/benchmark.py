"""Measure how long everything takes, in one run with warm-up, and print tables.

Three parts, all by default:
  networks     crops in, joints out, for runtimes x batch sizes, with the paper's network for comparison
  frames       a tracked frame of 640x480 in its stages, for all runtimes, rooms without a hand beside a followed hand
               by the camera's size, and cameras that share the model
  end-to-end   camera process, node process and subscriber over DDS: stamp to receipt, lost frames, CPU, memory, for one
               hand at each rate and for four at 30 Hz (needs ROS 2)

Runtimes are timed in turns, so a busy moment affects all of them alike. Run nothing else at the same time.

examples:
  dense3d benchmark
  dense3d benchmark --parts networks --runtimes openvino openvino_bf16 --batches 1 4 --network paper
  dense3d benchmark --json result.json --markdown result.md --plot result.png
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dense3d_ros.commands import add_model_options

if TYPE_CHECKING:
    from dense3d_ros.benchmark.figures import Result

SUMMARY = "measure how long everything takes"
PARTS = ("networks", "frames", "end-to-end")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d benchmark`."""
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)")
    parser.add_argument(
        "--network",
        choices=("both", "model", "paper"),
        default="both",
        help="which networks to time: the model's, the paper's with random weights, or both (default: %(default)s)",
    )
    parser.add_argument("--model", metavar="NAME|FILE", default="hand", help="model (default: %(default)s)")
    add_model_options(parser)
    parser.add_argument(
        "--runtimes",
        metavar="NAME",
        nargs="+",
        help="runtimes to compare with that of --runtime (default: all that are installed, except compiled)",
    )
    parser.add_argument(
        "--batches", metavar="N", nargs="+", type=int, default=[1, 2, 4], help="crops in a batch (default: 1 2 4)"
    )
    parser.add_argument("--repeats", metavar="N", type=int, default=100, help="calls of each (default: %(default)s)")
    parser.add_argument(
        "--sizes",
        metavar="WxH",
        nargs="+",
        type=_size,
        default=[(640, 480), (1280, 720), (1024, 1024)],
        help="cameras that see rooms without a hand (default: 640x480 1280x720 1024x1024)",
    )
    parser.add_argument(
        "--rates",
        metavar="HZ",
        nargs="+",
        type=float,
        default=[30.0, 60.0, 90.0],
        help="camera rates, end to end (default: 30 60 90)",
    )
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=20.0, help="seconds at each rate (default: %(default)s)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures and the machine's description")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the tables")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="write a plot (PNG)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; 1 if the end-to-end part could not be run."""
    from dense3d_ros.atomic_write import check_writable, make_folder, write_text
    from dense3d_ros.benchmark.machine import describe_machine
    from dense3d_ros.benchmark.report import tables, write_plot

    if min(*arguments.batches, arguments.repeats, 1) < 1 or min(*arguments.rates, arguments.seconds) <= 0:
        raise ValueError("batches and repeats must be at least 1, rates and seconds above 0")
    for path in filter(None, (arguments.json, arguments.markdown, arguments.plot)):
        make_folder(path.parent)
        check_writable(path)
    words = [word for word in sys.argv[1:] if word != "--debug"]
    command = shlex.join(["dense3d", *words]) if words[:1] == ["benchmark"] else "dense3d benchmark"
    result: Result = {"machine": describe_machine(), "command": command}
    # The processes first: what this one loads later would take their memory and caches.
    failed = "end-to-end" in arguments.parts and not _end_to_end(arguments, result)
    if "frames" in arguments.parts:
        _frames(arguments, result)
    if "networks" in arguments.parts:
        _networks(arguments, result)
    text = tables(result)
    print(text, end="")
    if arguments.json:
        write_text(arguments.json, json.dumps(result, indent=1) + "\n")
    if arguments.markdown:
        write_text(arguments.markdown, text)
    if arguments.plot:
        write_plot(result, arguments.plot)
    return int(failed)


def _size(text: str) -> tuple[int, int]:
    """Columns and rows of "640x480"."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 64):
        raise argparse.ArgumentTypeError(f"'{text}' is no image size such as 640x480, of at least 64 pixels each")
    return int(width), int(height)


def _networks(arguments: argparse.Namespace, result: Result) -> None:
    from dense3d_ros.benchmark.networks import PAPER_NAME, arithmetic, matrix_gflops, time_layers, time_networks
    from dense3d_ros.benchmark.stages import make_scene
    from dense3d_ros.perception.model_file import read_model
    from dense3d_ros.runtime.selection import choose_device

    device = choose_device(arguments.device)
    runtimes = _runtimes(arguments, device)
    names = {"both": (arguments.model, PAPER_NAME), "model": (arguments.model,), "paper": (PAPER_NAME,)}[
        arguments.network
    ]
    scene = make_scene()
    result["matrix_gflops"] = matrix_gflops(device)
    result["arithmetic"] = arithmetic(arguments.model, result["matrix_gflops"])
    result["networks"] = time_networks(
        names, runtimes, device, arguments.batches, arguments.repeats, scene.crops, arguments.views
    )
    if device == "cpu":
        resolution = read_model(arguments.model)[0].resolution
        result["layers"] = time_layers(arguments.model, scene.crops(resolution), arguments.repeats)


def _frames(arguments: argparse.Namespace, result: Result) -> None:
    from dense3d_ros.benchmark.networks import time_device, votes_call
    from dense3d_ros.benchmark.rooms import camera_of_size, time_rooms
    from dense3d_ros.benchmark.stages import make_scene, time_cameras, time_frames, time_parts
    from dense3d_ros.perception.model import load_model

    scene = make_scene()
    model = load_model(arguments.model, arguments.device, arguments.runtime, arguments.views)
    others = [name for name in _runtimes(arguments, model.device) if name != model.runtime]
    models = [model, *(load_model(arguments.model, model.device, name, model.views) for name in others)]
    # A frame is cheap, and its p99 is wanted.
    result["frames"], hands = time_frames(models, scene, 5 * arguments.repeats)
    resolution = model.description.resolution
    further = {"votes": votes_call(arguments.model, model.device, scene.crops(resolution)[0])}
    try:
        from dense3d_ros.rehearsal.message_benchmark import fill_messages
    except ImportError:
        pass  # no ROS here
    else:
        further["messages"] = fill_messages(hands)
    rooms = max(1, arguments.repeats // 5)
    result["rooms"] = [row for size in arguments.sizes for row in time_rooms(model, camera_of_size(*size), rooms)]
    result["parts"] = time_parts(model, scene, further, arguments.repeats)
    if model.device != "cpu":
        result["device"] = time_device(arguments.model, model.device, scene.regions(resolution), arguments.repeats)
    result["cameras"] = [time_cameras(model, scene, count, arguments.repeats) for count in (1, 2, 4)]


def _runtimes(arguments: argparse.Namespace, device: str) -> list[str]:
    from dense3d_ros.runtime.selection import available_runtimes, choose_runtime

    names = arguments.runtimes or [name for name in available_runtimes(device) if name != "compiled"]
    # In their order, each once: "auto" may be one of the others.
    return list(dict.fromkeys(choose_runtime(name, device).name for name in names))


def _end_to_end(arguments: argparse.Namespace, result: Result) -> bool:
    """Whether it could be run; what was in the way is said."""
    try:
        from dense3d_ros.rehearsal.children import ModelChoice, ProcessError
        from dense3d_ros.rehearsal.end_to_end import EndToEnd, Showing, run_end_to_end
    except ImportError as error:
        print(f"dense3d benchmark: no end-to-end figures without ROS 2 ({error})", file=sys.stderr)
        return False
    from dense3d_ros.benchmark.four_hands import make_four_hands, one_hand
    from dense3d_ros.benchmark.stages import RATE, make_scene

    showings = [Showing(one_hand(make_scene()), 2, arguments.rates), Showing(make_four_hands(), 4, [RATE])]
    choice = ModelChoice(arguments.model, arguments.views, arguments.device, arguments.runtime)
    settings = EndToEnd(choice, showings, arguments.seconds)
    try:
        result["end_to_end"] = run_end_to_end(settings)
    except ProcessError as error:
        print(f"dense3d benchmark: {error}", file=sys.stderr)
        return False
    return True
