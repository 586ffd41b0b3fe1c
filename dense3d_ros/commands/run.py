"""Find the hands in a folder of depth PNGs.

FOLDER is searched with all its subfolders. The PNGs of one folder are frames in the order of their numbers; a
hand keeps its track id from one to the next. DIR gets

  hands.json         each file's stamp, hands (track id, handedness, score, 21 joints [x, y, z] in metres in the
                     camera's optical frame, joint scores), and why there are none
  hands.csv          the same, a line for each hand
  overlays/          the depth pictures with the skeletons
  contact_sheet.png  the overlays side by side (up to 60 of them)
  hands.mp4          the overlays as a video, where OpenCV can write one

example:
  dense3d run recording --fx 476.007 --fy 476.007 --cx 313.683 --cy 242.755 --depth-unit 0.000125 --output result
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dense3d_ros.commands import add_intrinsics

SUMMARY = "find the hands in a folder of depth PNGs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d run`."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder of 16-bit depth PNGs")
    add_intrinsics(parser, required=True)
    parser.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="folder for the results, made if needed"
    )
    parser.add_argument(
        "--model", metavar="NAME|FILE", default="fast", help="model name or file (default: %(default)s)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--runtime", default="auto", help="what the network runs in (default: %(default)s)")
    parser.add_argument("--hands", metavar="N", type=int, default=1, help="hands to look for (default: %(default)s)")
    parser.add_argument(
        "--rate", metavar="HZ", type=float, default=30.0, help="frames a second, for stamps (default: %(default)s)"
    )
    parser.add_argument(
        "--centres",
        metavar="FILE",
        type=Path,
        help="take hand centres from FILE instead of searching: lines of file name, x, y, z in metres",
    )


def run(arguments: argparse.Namespace) -> int:
    """Estimate, write, and say how it went."""
    from tqdm import tqdm

    from dense3d_ros.perception.estimator import HandPoseEstimator
    from dense3d_ros.perception.model import load_model
    from dense3d_ros.recordings.offline import Intrinsics, estimate_recording, find_frames, read_centres
    from dense3d_ros.recordings.results import ResultWriter

    intrinsics = Intrinsics(
        arguments.fx, arguments.fy, arguments.cx, arguments.cy, arguments.depth_unit, arguments.rate
    )
    frames = find_frames(arguments.folder)
    centres = read_centres(arguments.centres, frames) if arguments.centres else None
    hands = max([arguments.hands, *map(len, centres.values())]) if centres else arguments.hands
    model = load_model(arguments.model, arguments.device, arguments.runtime)
    estimator = HandPoseEstimator(model, max_hands=hands)
    with_hand = 0
    unreadable: list[str] = []
    with ResultWriter(arguments.output, model.description, intrinsics) as writer:
        results = estimate_recording(frames, intrinsics, estimator, centres)
        for result in tqdm(results, total=len(frames), unit="frame"):
            writer.add(result)
            with_hand += bool(result.estimate.hands)
            if not result.readable:
                unreadable.append(result.estimate.reason)
    print(f"{len(frames)} frames, {with_hand} with a hand; {arguments.output / 'hands.json'}")
    for reason in unreadable:
        print(f"dense3d run: {reason}", file=sys.stderr)
    return 1 if unreadable else 0
