"""Find the hands in a folder of depth PNGs.

FOLDER is searched with all its subfolders, but for hidden files and results of earlier runs. The PNGs of one folder are
frames in the order of their numbers; a hand keeps its track id from one to the next. DIR gets, frame by frame,

  hands.jsonl        a line of JSON for each file: its stamp, hands (track id, handedness, score, 21 joints [x, y, z] in
                     metres in the camera's optical frame, joint scores), and why there are none
  hands.csv          the same, a line for each hand
  overlays/          the depth pictures with the skeletons, in the recording's subfolders

so that a run that is ended early leaves what it did; run.json, at the start, which says model, joint names, camera and
how many frames there are; and at the end

  contact_sheet.png  the overlays side by side (up to 60 of them)
  hands.mp4          the overlays as a video, where OpenCV can write one

Another run into DIR replaces all this, and says so. The exit status is 1 where files could not be read, or where the
depths cannot be a hand's because the depth unit is wrong.

example:
  dense3d run recording --fx 476.007 --fy 476.007 --cx 313.683 --cy 242.755 --depth-unit 0.000125 --output result
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dense3d_ros.commands import add_intrinsics

if TYPE_CHECKING:
    from dense3d_ros.recordings.offline import FrameResult

SUMMARY = "find the hands in a folder of depth PNGs"
MOST_HANDS = 6


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
    parser.add_argument(
        "--hands",
        metavar="N",
        type=int,
        default=2,
        help=f"hands to look for, 1 to {MOST_HANDS} (default: %(default)s)",
    )
    parser.add_argument(
        "--rate", metavar="HZ", type=float, default=30.0, help="frames a second, for stamps (default: %(default)s)"
    )
    parser.add_argument(
        "--joints",
        metavar="NAME",
        help="have the joints in hands.jsonl in another project's order and axes, too: mediapipe, openxr, mano or "
        "dex_retargeting",
    )
    parser.add_argument(
        "--centres",
        metavar="FILE",
        type=Path,
        help="take hand centres from FILE instead of searching: lines of file name, x, y, z in metres",
    )


def run(arguments: argparse.Namespace) -> int:
    """Estimate, write, and say how it went."""
    from dense3d_ros.geometry.depth import printable
    from dense3d_ros.perception.estimator import HandPoseEstimator
    from dense3d_ros.perception.model import load_model
    from dense3d_ros.recordings.offline import Intrinsics, check_camera, estimate_recording, find_frames, read_centres
    from dense3d_ros.recordings.other_joints import CONVENTIONS
    from dense3d_ros.recordings.result_folder import prepare_results
    from dense3d_ros.recordings.results import ResultWriter
    from dense3d_ros.recordings.tally import Tally

    if not 1 <= arguments.hands <= MOST_HANDS:
        raise ValueError(f"--hands must be 1 to {MOST_HANDS}, got {arguments.hands}")
    if arguments.joints not in (None, *CONVENTIONS):
        raise ValueError(f"--joints is {arguments.joints}; accepted: {', '.join(CONVENTIONS)}")
    intrinsics = Intrinsics(
        arguments.fx, arguments.fy, arguments.cx, arguments.cy, arguments.depth_unit, arguments.rate
    )
    frames = find_frames(arguments.folder)
    check_camera(frames, intrinsics)
    centres = read_centres(arguments.centres, frames) if arguments.centres else None
    hands = max([arguments.hands, *map(len, centres.values())]) if centres else arguments.hands
    model = load_model(arguments.model, arguments.device, arguments.runtime)
    estimator = HandPoseEstimator(model, max_hands=hands)
    output = printable(arguments.output)
    if prepare_results(arguments.output, arguments.folder):
        _say(f"{output} held the results of an earlier run; they are replaced")
    tally = Tally()
    try:
        with ResultWriter(arguments.output, model.description, intrinsics, len(frames), arguments.joints) as writer:
            results = estimate_recording(frames, intrinsics, estimator, centres)
            for result in _counted(results, len(frames)):
                writer.add(result)
                tally.add(result)
    except KeyboardInterrupt:
        _say(f"interrupted; {output} has the first {tally.frames} of {len(frames)} frames")
        return 130
    print(f"{tally.frames} frames, {tally.with_hand} with a hand; results in {output}")
    if reason := tally.reasons.most_frequent():
        print(f"most frequent reason for none: {reason}")
    doubt = tally.unit_doubt(intrinsics.depth_unit)
    faults = [*tally.unreadable, *([doubt] if doubt else [])]
    for fault in faults:
        _say(fault)
    return 1 if faults else 0


def _counted(results: Iterator[FrameResult], total: int) -> Iterator[FrameResult]:
    """The results as they come; a person is shown how many there are."""
    is_seen = sys.stderr.isatty()
    for number, result in enumerate(results, 1):
        yield result
        if is_seen:
            print(f"\r{number} of {total} frames", end="\n" if number == total else "", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(f"dense3d run: {text}", file=sys.stderr)
