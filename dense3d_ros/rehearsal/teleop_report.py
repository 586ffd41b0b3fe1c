"""What came of the teleoperation demo: a table, report.json, and the robots beside the hand as images and video."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import cv2
import numpy as np

from dense3d_ros.atomic_write import write_text
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.hand_state.conventions import operator_rotation
from dense3d_ros.hand_state.frames import hand_frames
from dense3d_ros.recordings.drawing import colour_depth, contact_sheet, draw_hand, write, write_image
from dense3d_ros.recordings.offline import Intrinsics
from dense3d_ros.recordings.result_folder import OVERLAYS, SHEET
from dense3d_ros.recordings.robot_drawing import RobotDrawing
from dense3d_ros.recordings.video import can_write_video, write_video
from dense3d_ros.rehearsal.children import median_stages
from dense3d_ros.rehearsal.teleop import FOLLOWED, TeleopObservation
from dense3d_ros.rehearsal.teleop_observer import POSES, Array, Moment, pose_errors
from dense3d_ros.retargeting.gripper import ParallelGripper
from dense3d_ros.retargeting.robot import Retargeting
from dense3d_ros.skeleton_drawing import ColourImage

LEAST_COMMANDED = 0.5
"""Share of the frames that must move each robot: the rendered hand is lost now and then, and so are frames on a busy
machine."""
LARGEST_ERROR_MM = 30.0
PERCEPTION = {"dropped: ": "dropped for a newer image", "refused: ": "refused", "without a hand": "no hand found"}
STATE = {
    "glitches": "held: the wrist jumped",
    "outside workspace": "outside the workspace",
    "without transform": "without a transform",
    "hands of unknown handedness": "handedness unknown",
    "refused hands": "refused",
}
RETARGET = {
    "repeated stamps": "stamp repeated",
    "not enabled": "not enabled",
    "refused hands": "refused",
    "low joint scores": "joints too uncertain",
}
"""What the counts in a node's diagnostics begin with, and what they mean to a robot."""
VIDEO_HZ, SHEET_IMAGES = 30.0, 8
SHOWN_M = 0.29
"""Metres at the hand's distance that its image shows."""
NEAR_M, FAR_M = 0.12, 0.2
"""Metres before and behind the hand over which its image's colours go."""


class Latency(TypedDict):
    """Milliseconds; None where there were no messages."""

    p50: float | None
    p99: float | None


class PoseError(TypedDict):
    """How far a pose is off the true one; None where there were none."""

    median_mm: float | None
    median_degrees: float | None


class TeleopFigures(TypedDict):
    """What report.json holds.

    failures: why it was not done. commands, without_command: by robot. latency_ms: by what the time from the image's
    stamp ends with. pose_errors: by pose.
    """

    done: bool
    failures: list[str]
    frames: int
    rate: float
    commands: dict[str, int]
    without_command: dict[str, dict[str, int]]
    latency_ms: dict[str, Latency]
    pose_errors: dict[str, PoseError]
    stages_p50_ms: dict[str, float]
    model: str
    views: str
    runtime: str
    load: float
    machine: str


def report(seen: TeleopObservation) -> TeleopFigures:
    """All figures."""
    errors = pose_errors(seen.measured, FOLLOWED)
    _, perception = seen.counted.get("hand_pose", ({}, {}))
    commands = {_name(seen, robot): sum(robot in moment.commands for moment in seen.measured) for robot in seen.robots}
    without_command = {_name(seen, robot): causes(seen, robot) for robot in seen.robots}
    faults = [*_too_few(seen.frames, commands, without_command), *_too_far_off(errors)]
    return {
        "done": not faults,
        "failures": faults,
        "frames": seen.frames,
        "rate": seen.rate,
        "commands": commands,
        "without_command": without_command,
        "latency_ms": {f"stamp to {_name(seen, key)}": _latency(seen, key) for key in (*POSES, *seen.robots)},
        "pose_errors": {
            name: {"median_mm": _rounded(np.median, millimetres), "median_degrees": _rounded(np.median, degrees)}
            for name, (millimetres, degrees) in errors.items()
        },
        "stages_p50_ms": median_stages(perception),
        "model": perception.get("model", ""),
        "views": perception.get("views", ""),
        "runtime": perception.get("runtime", ""),
        "load": os.getloadavg()[0],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _latency(seen: TeleopObservation, key: str) -> Latency:
    late = np.array([moment.latency_ms[key] for moment in seen.measured if key in moment.latency_ms])
    return {"p50": _rounded(np.median, late), "p99": _rounded(lambda times: np.percentile(times, 99), late)}


def _too_few(frames: int, commands: dict[str, int], without: dict[str, dict[str, int]]) -> Iterator[str]:
    """A sentence on each robot that moved too seldom, and why."""
    for robot, count in commands.items():
        if count < LEAST_COMMANDED * max(frames, 1):
            why = ", ".join(f"{cause}: {missing}" for cause, missing in without[robot].items())
            yield f"{robot} got {count} commands for {frames} frames ({why})"


def _too_far_off(errors: Mapping[str, tuple[Array, Array]]) -> Iterator[str]:
    """A sentence on each pose that is too far off the true one; the errors are those of `pose_errors`."""
    for name, (millimetres, _) in errors.items():
        if millimetres.size == 0 or np.median(millimetres) > LARGEST_ERROR_MM:
            yield f"the {name} is more than {LARGEST_ERROR_MM:g} mm off, or it is not known how far"


def causes(seen: TeleopObservation, robot: str) -> dict[str, int]:
    """Why an image did not move the robot of that node -> how many did not for this reason.

    The nodes count the causes and say so once a second, so these may be some images off. What no node counts was lost
    on the way to one.
    """
    missing = seen.frames - sum(robot in moment.commands for moment in seen.measured)
    counted: dict[str, int] = {}
    for node, keys in (("hand_pose", PERCEPTION), ("hand_state", STATE), (robot, RETARGET)):
        first, last = seen.counted.get(node, ({}, {}))
        for key in last:
            cause = next((cause for start, cause in keys.items() if key.startswith(start)), None)
            if cause is not None and not key.endswith(" per second"):
                counted[cause] = counted.get(cause, 0) + int(last[key]) - int(first.get(key, 0))
    counted["lost on the way to a node"] = missing - sum(counted.values())
    return {cause: count for cause, count in counted.items() if count > 0} if missing else {}


def table(figures: TeleopFigures) -> str:
    """The figures as text for a terminal."""
    lines = [f"  {'frames':<36}{figures['frames']} at {figures['rate']:g} Hz"]
    lines += [f"  {f'commands to {robot}':<36}{count}" for robot, count in figures["commands"].items()]
    for robot, counts in figures["without_command"].items():
        lines += [f"  {f'none to {robot}':<36}{count} {cause}" for cause, count in counts.items()]
    for name, error in figures["pose_errors"].items():
        text = f"{error['median_mm']} mm, {error['median_degrees']} degrees"
        lines.append(f"  {f'{name} off the true one, median':<36}{text}")
    lines.append(f"  {'latency':<36}{'p50 ms':>8}{'p99 ms':>8}")
    for stage, value in figures["latency_ms"].items():
        lines.append(f"  {stage:<36}{value['p50'] or 0:8.1f}{value['p99'] or 0:8.1f}")
    return "\n".join(lines)


def write_teleop(seen: TeleopObservation, intrinsics: Intrinsics, output: Path) -> TeleopFigures:
    """Write report.json, overlays/*.png, contact_sheet.png and teleop.mp4; returns the figures."""
    figures = report(seen)
    write_text(output / "report.json", json.dumps(figures, indent=2, allow_nan=False) + "\n")
    whole = [moment for moment in seen.shown if _is_whole(moment, seen)]
    step = max(1, round(seen.rate / VIDEO_HZ))
    # A URDF of meshes alone, as of most real robots, has nothing to draw.
    shown = {name: robot for name, robot in seen.robots.items() if any(robot.robot.links.values())}
    drawings = {name: RobotDrawing(robot.robot, _middle(robot)) for name, robot in shown.items()}
    files = []
    for number, moment in enumerate(whole[::step]):
        files.append(output / OVERLAYS / f"{number:03d}.png")
        write_image(files[-1], _side_by_side(moment, seen, drawings, intrinsics))
    if files:
        chosen = whole[:: max(1, len(whole) // SHEET_IMAGES)][:SHEET_IMAGES]
        images = [_side_by_side(moment, seen, drawings, intrinsics) for moment in chosen]
        write_image(output / SHEET, contact_sheet(images, columns=2, width=1200))
        if can_write_video():
            write_video(output / "teleop.mp4", files, seen.rate / step)
    return figures


def _side_by_side(
    moment: Moment, seen: TeleopObservation, drawings: dict[str, RobotDrawing], intrinsics: Intrinsics
) -> ColourImage:
    """Depth image with the skeleton, then each robot turned as the hand is."""
    assert moment.depth is not None
    assert moment.hand is not None
    size = moment.depth.shape[0]
    images = [_close_up(moment.depth, moment.hand, intrinsics, size)]
    for name, drawing in drawings.items():
        robot = seen.robots[name]
        gripper = isinstance(robot, ParallelGripper)
        joints = moment.hand.joints
        turn = hand_frames(joints, FOLLOWED)["pinch"].rotation if gripper else operator_rotation(joints, FOLLOWED)
        image = drawing.draw(moment.commands[name], turn, size)
        write(image, f"{robot.robot.name}  {moment.latency_ms[name]:.0f} ms after the image", (10, 22), 0.5)
        images.append(image)
    return np.hstack(images)


def _close_up(depth: DepthImage, hand: HandPose, intrinsics: Intrinsics, size: int) -> ColourImage:
    """The depth image about the hand with its skeleton, as large as the robots are drawn."""
    height, width = depth.shape
    camera = intrinsics.camera(width, height)
    column, row = camera.project(hand.centre)
    half = round(SHOWN_M / 2.0 * camera.fx / float(hand.centre[2]))
    left, top = round(float(column)) - half, round(float(row)) - half
    whole = np.pad(depth.metres(), half)
    # What is outside the image was not measured.
    rows = slice(min(max(top + half, 0), height), min(max(top + half, 0), height) + 2 * half)
    columns = slice(min(max(left + half, 0), width), min(max(left + half, 0), width) + 2 * half)
    window = cv2.resize(whole[rows, columns], (size, size), interpolation=cv2.INTER_NEAREST)
    seen = camera.cropped(columns.start - half, rows.start - half, 2 * half, 2 * half).resized(size, size)
    distance = float(hand.centre[2])
    image = colour_depth(DepthImage(np.asarray(window, np.float32)), distance - NEAR_M, distance + FAR_M)
    draw_hand(image, hand, seen)
    return image


def _is_whole(moment: Moment, seen: TeleopObservation) -> bool:
    return moment.depth is not None and moment.hand is not None and set(seen.robots) <= set(moment.commands)


def _middle(robot: Retargeting) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(3,) middle of the links' origins at rest."""
    places = np.array([place[:3, 3] for place in robot.robot.link_places({}).values()])
    return np.asarray((places.min(axis=0) + places.max(axis=0)) / 2.0, np.float64)


def _name(seen: TeleopObservation, key: str) -> str:
    """A robot's, with that of its node where several configurations are of one robot."""
    if key not in seen.robots:
        return key
    name = seen.robots[key].robot.name
    return f"{name} ({key})" if [other.robot.name for other in seen.robots.values()].count(name) > 1 else name


def _rounded(measure: Callable[[Array], Any], values: Array) -> float | None:
    """To a tenth; None without values."""
    return round(float(measure(values)), 1) if values.size else None
