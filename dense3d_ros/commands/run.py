"""Find the hands in a recording: a folder of depth PNGs, or a ROS bag.

INPUT is a ROS 2 bag (a folder with metadata.yaml, or a .mcap or .db3 file; split or compressed), a ROS 1 .bag, or a
folder of 16-bit PNGs. A folder is searched with all its subfolders, except for hidden files and results of earlier
runs; its PNGs are frames in the order of their numbers, and it needs the camera's --fx, --fy, --cx, --cy and
--depth-unit. A bag has its depth topic, camera and stamps; if it has several depth topics, they are listed. A hand
keeps its track id from one frame to the next. DIR gets, frame by frame,

  hands.jsonl        a line of JSON for each frame: its stamp, hands (track id, handedness, score, 21 joints [x, y, z]
                     in metres in the camera's optical frame, joint scores), and why there are none
  hands.csv          the same, a line for each hand
  overlays/          the depth images with the skeletons, in the recording's subfolders

so an interrupted run keeps its results. At the start DIR gets run.json with the model, joint names, camera and number
of frames, and at the end

  contact_sheet.png  the overlays side by side (up to 60 of them)
  hands.mp4          the overlays as an H.264 video, if the Python package av is installed

Another run into DIR replaces all this, and says so. --bag writes an MCAP for `ros2 bag play`, Foxglove and Rerun; it
keeps the frames before an interruption. --rerun writes a recording for the Rerun viewer, with curves of each hand. The
exit status is 1 if frames could not be read, or if the depths cannot be a hand's because the depth unit is wrong. A bag
that was cut off is read as far as it goes, and where it ends is reported.

examples:
  dense3d run recording --fx 476.007 --fy 476.007 --cx 313.683 --cy 242.755 --depth-unit 0.000125 --output result
  dense3d run rosbag2_2026_11_28 --depth /camera/depth/image_rect_raw --output result --bag hands.mcap
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from dense3d_ros.commands import add_intrinsics, add_model_options, installing

if TYPE_CHECKING:
    from dense3d_ros.recordings.bag_writer import BagWriter
    from dense3d_ros.recordings.offline import Centres, FrameResult, Recording
    from dense3d_ros.recordings.rerun_writer import RerunWriter
    from dense3d_ros.recordings.tally import Tally

SUMMARY = "find the hands in a folder of depth PNGs, or in a ROS bag"
MOST_HANDS = 6
MOST_FAULTS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d run`."""
    parser.add_argument("input", metavar="INPUT", type=Path, help="folder of 16-bit depth PNGs, or ROS bag")
    add_intrinsics(parser, required=False)
    parser.add_argument("--depth", metavar="TOPIC", help="depth topic of a bag that has several")
    parser.add_argument("--camera-info", metavar="TOPIC", help="camera info of that topic, if the bag has several")
    parser.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="folder for the results, made if needed"
    )
    parser.add_argument(
        "--bag",
        metavar="OUT.mcap",
        type=Path,
        help="also write depth, camera info, hands, joints, markers and recorded transforms into an MCAP",
    )
    parser.add_argument(
        "--rerun",
        metavar="OUT.rrd",
        type=Path,
        help="also write depth, skeletons and curves into a recording for the Rerun viewer",
    )
    parser.add_argument(
        "--model", metavar="NAME|FILE", default="hand", help="model name or file (default: %(default)s)"
    )
    add_model_options(parser)
    parser.add_argument(
        "--hands",
        metavar="N",
        type=int,
        default=2,
        help=f"hands to look for, 1 to {MOST_HANDS} (default: %(default)s)",
    )
    parser.add_argument(
        "--rate", metavar="HZ", type=float, help="frames per second of a folder, for its stamps (default: 30)"
    )
    parser.add_argument(
        "--joints",
        metavar="NAME",
        help="also write the joints to hands.jsonl in another project's order and axes: mediapipe, openxr, mano or "
        "dex_retargeting",
    )
    parser.add_argument(
        "--centres",
        metavar="FILE",
        type=Path,
        help="take a folder's hand centres from FILE instead of searching: lines of file name, x, y, z in metres",
    )


def run(arguments: argparse.Namespace) -> int:
    """Estimate, write, and say how it went."""
    from dense3d_ros.excerpt import printable
    from dense3d_ros.perception.estimator import HandPoseEstimator
    from dense3d_ros.perception.model import load_model
    from dense3d_ros.recordings.offline import estimate_frames
    from dense3d_ros.recordings.other_joints import CONVERSIONS
    from dense3d_ros.recordings.result_folder import prepare_results
    from dense3d_ros.recordings.results import ResultWriter
    from dense3d_ros.recordings.tally import Tally

    if not 1 <= arguments.hands <= MOST_HANDS:
        raise ValueError(f"--hands must be 1 to {MOST_HANDS}, got {arguments.hands}")
    if arguments.joints not in (None, *CONVERSIONS):
        raise ValueError(f"--joints is {arguments.joints}; accepted: {', '.join(CONVERSIONS)}")
    recording, centres = _recording(arguments)
    hands = max([arguments.hands, *map(len, centres.values())]) if centres else arguments.hands
    rerun = _rerun_writer(arguments) if arguments.rerun else None
    model = load_model(arguments.model, arguments.device, arguments.runtime, arguments.views)
    if doubt := model.calibration_doubt:
        _say(doubt)
    if recording.camera_doubt:
        _say(recording.camera_doubt)
    estimator = HandPoseEstimator(model, max_hands=hands)
    bag = _bag_writer(arguments, model.description.name) if arguments.bag else None
    output = printable(arguments.output)
    if prepare_results(arguments.output, arguments.input):
        _say(f"{output} held the results of an earlier run; they are replaced")
    tally = Tally()
    try:
        results = _counted(estimate_frames(recording.frames, estimator, centres), recording.count)
        with ExitStack() as stack:
            writers: list[ResultWriter | BagWriter | RerunWriter] = [
                ResultWriter(arguments.output, model, recording, arguments.joints)
            ]
            writers += [writer for writer in (bag, rerun) if writer]
            for writer in writers:
                stack.enter_context(writer)
            for result in results:
                for writer in writers:
                    writer.add(result)
                tally.add(result)
            if bag:
                bag.add_transforms(recording.last_transforms)
    except KeyboardInterrupt:
        also = "".join(f", and so has {printable(path)}" for path in (arguments.bag, arguments.rerun) if path)
        _say(f"interrupted; {output} has the first {tally.frames} of {recording.count} frames{also}")
        return 130
    return _tell(tally, recording, output)


def _tell(tally: Tally, recording: Recording, output: str) -> int:
    """Say what came of the frames, and what is doubtful; the exit status."""
    from dense3d_ros.recordings.video import can_write_video

    print(f"{tally.frames} frames, {tally.with_hand} with a hand; results in {output}")
    if not can_write_video():
        print(f"no video is written without the Python package av; {installing('av')} brings it")
    if reason := tally.reasons.most_frequent():
        print(f"most frequent reason for none: {reason}")
    if size_doubt := tally.size_doubt(recording.intrinsics.depth_unit):
        _say(size_doubt)
    doubt = tally.unit_doubt(recording.intrinsics.depth_unit)
    faults = [*recording.cuts, *tally.unreadable[:MOST_FAULTS], *([doubt] if doubt else [])]
    if more := tally.unreadable[MOST_FAULTS:]:
        faults.append(f"{len(more)} more frames could not be read")
    for fault in faults:
        _say(fault)
    return 1 if faults else 0


def _recording(arguments: argparse.Namespace) -> tuple[Recording, Centres | None]:
    """What INPUT is, checked as far as its first frame; and the centres that were given for it."""
    from dense3d_ros.excerpt import printable
    from dense3d_ros.recordings.bag import is_bag

    if is_bag(arguments.input):
        return _bag(arguments), None
    if not arguments.input.is_dir():
        what = "is no bag" if arguments.input.exists() else "is not there or not a folder"
        raise ValueError(
            f"'{printable(arguments.input)}' {what}; accepted: a folder of 16-bit depth PNGs, a ROS 2 bag (a folder, "
            ".mcap or .db3) or a ROS 1 .bag"
        )
    return _folder(arguments)


def _bag(arguments: argparse.Namespace) -> Recording:
    from dense3d_ros.recordings.bag_frames import open_bag_recording

    if arguments.rate is not None or arguments.centres is not None:
        raise ValueError("--rate and --centres go with a folder of PNGs; a bag has stamps, and no file names")
    given = _given_intrinsics(arguments)
    if 0 < len(given) < 4:
        raise ValueError("--fx, --fy, --cx and --cy stand for a bag's camera info together; some are missing")
    return open_bag_recording(
        arguments.input,
        depth=arguments.depth,
        camera_info=arguments.camera_info,
        pinhole=(given[0], given[1], given[2], given[3]) if given else None,
        unit=arguments.depth_unit,
    )


def _folder(arguments: argparse.Namespace) -> tuple[Recording, Centres | None]:
    from dense3d_ros.recordings.centres import read_centres
    from dense3d_ros.recordings.frame_numbers import number_step
    from dense3d_ros.recordings.offline import Intrinsics
    from dense3d_ros.recordings.png_folder import open_folder

    if arguments.depth or arguments.camera_info:
        raise ValueError(f"--depth and --camera-info go with a bag, which '{arguments.input}' is not")
    given = _given_intrinsics(arguments)
    if len(given) < 4 or arguments.depth_unit is None:
        raise ValueError("a folder of PNGs does not say its camera; it needs --fx, --fy, --cx, --cy and --depth-unit")
    fx, fy, cx, cy = given
    rate = 30.0 if arguments.rate is None else arguments.rate
    recording, files = open_folder(arguments.input, Intrinsics(fx, fy, cx, cy, arguments.depth_unit, rate))
    if arguments.rate is None and (step := number_step(files)) > 1:
        _say(
            f"the images' numbers step by {step}, but their stamps are those of {rate:g} images a second; --rate says "
            f"otherwise, such as --rate {rate / step:.3g} where the others were left out"
        )
    return recording, read_centres(arguments.centres, files) if arguments.centres else None


def _given_intrinsics(arguments: argparse.Namespace) -> list[float]:
    """Those of fx, fy, cx and cy that were given."""
    values = (arguments.fx, arguments.fy, arguments.cx, arguments.cy)
    return [value for value in values if value is not None]


def _bag_writer(arguments: argparse.Namespace, model: str) -> BagWriter:
    from dense3d_ros.recordings.bag_writer import BagWriter

    _check_apart("--bag", arguments.bag, arguments.input)
    return BagWriter(arguments.bag, model)


def _rerun_writer(arguments: argparse.Namespace) -> RerunWriter:
    from dense3d_ros.recordings.rerun_writer import RerunWriter

    _check_apart("--rerun", arguments.rerun, arguments.input)
    return RerunWriter(arguments.rerun)


def _check_apart(option: str, target: Path, source: Path) -> None:
    if target.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{option} {target} lies in the recording; name another place")


def _counted(results: Iterator[FrameResult], total: int) -> Iterator[FrameResult]:
    """The results as they come; a person is shown how many there are."""
    is_seen = sys.stderr.isatty()
    for number, result in enumerate(results, 1):
        yield result
        if is_seen:
            print(f"\r{number} of {total} frames", end="\n" if number == total else "", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(f"dense3d run: {text}", file=sys.stderr)
