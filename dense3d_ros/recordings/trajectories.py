"""From the hands that `dense3d run` found to the joint positions of a robot over time."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.atomic_write import write_text
from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.hand_state.followed import FollowedHand
from dense3d_ros.hand_state.state import check_hand
from dense3d_ros.parsing import parsing
from dense3d_ros.retargeting.certainty import MIN_JOINT_SCORE, doubt
from dense3d_ros.retargeting.robot import Retargeting

HANDS = "hands.jsonl"
SUFFIXES = (".csv", ".json")


@dataclass(frozen=True)
class FrameHands:
    """file: of the image, with its subfolder. index: of the frame among all, from 0. stamp: seconds."""

    file: str
    index: int
    stamp: float
    hands: list[HandPose]


@dataclass(frozen=True)
class Trajectory:
    """shown: (T,) frames that show the hand. positions: (T, N) of the robot's `joint_names`.

    Each subfolder is a recording of its own: there the stamps begin anew, and the hand is not smoothed towards where it
    was. frames: how many there were. lost: of them, those that the solver found nothing for. uncertain: those whose
    joints were too uncertain to move the robot, see `doubt`.
    """

    joint_names: tuple[str, ...]
    shown: list[FrameHands]
    positions: NDArray[np.float64]
    frames: int
    lost: int
    uncertain: int


def read_hands(path: Path) -> Iterator[FrameHands]:
    """The frames of a hands.jsonl or in its folder; ValueError names file and line."""
    file = path / HANDS if path.is_dir() else path
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}; accepted: a folder of dense3d run") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text; accepted: a {HANDS} of dense3d run") from error
    for number, line in enumerate(lines, 1):
        with parsing(f"{file}, line {number}, is no frame", f"a {HANDS} of dense3d run"):
            record = json.loads(line)
            hands = [_hand(entry) for entry in record["hands"]]
            frame = FrameHands(str(record["file"]), number - 1, float(record["stamp"]), hands)
            if not math.isfinite(frame.stamp):
                raise ValueError(f"stamp is {frame.stamp}")
        yield frame


def _hand(entry: dict[str, Any]) -> HandPose:
    hand = HandPose(
        np.array(entry["joints"], np.float32),
        np.array(entry["joint_scores"], np.float32),
        float(entry["score"]),
        Handedness[entry["handedness"].upper()],
        int(entry["track_id"]),
    )
    check_hand(hand)
    return hand


def retarget(frames: Iterator[FrameHands], robot: Retargeting) -> Trajectory:
    """The robot's positions wherever the hand that it follows is seen, chosen and smoothed as by `hand_state`."""
    followed = FollowedHand(robot.handedness)
    shown, positions, folder, last, count, lost, uncertain = [], [], "", -math.inf, 0, 0, 0
    for frame in frames:
        count += 1
        before, folder = folder, frame.file.rpartition("/")[0]
        if folder != before:
            followed.reset()
            robot.forget()
        estimate = followed.update(frame.stamp, frame.hands)
        if estimate is None or estimate.age > 0.0:
            continue
        if frame.stamp - last > followed.state.settings.max_hold:
            robot.forget()
        last = frame.stamp
        if doubt(robot.used, estimate.scores, MIN_JOINT_SCORE):
            uncertain += 1
            continue
        try:
            positions.append(robot.positions(estimate.joints))
            shown.append(frame)
        except ValueError:
            lost += 1
    width = len(robot.joint_names)
    return Trajectory(robot.joint_names, shown, np.array(positions).reshape(-1, width), count, lost, uncertain)


def write_trajectory(path: Path, trajectory: Trajectory) -> None:
    """A .csv with columns `file`, `index`, `stamp` and one for each joint, or a .json; ValueError for another name."""
    titles = ["file", "index", "stamp"]
    frames = [(frame.file, frame.index, round(frame.stamp, 6)) for frame in trajectory.shown]
    rows = [[round(float(value), 6) for value in row] for row in trajectory.positions]
    if path.suffix == ".csv":
        text = io.StringIO(newline="")
        lines = csv.writer(text)
        lines.writerow([*titles, *trajectory.joint_names])
        lines.writerows([*frame, *row] for frame, row in zip(frames, rows, strict=True))
        write_text(path, text.getvalue())
    elif path.suffix == ".json":
        points = [
            {**dict(zip(titles, frame, strict=True)), "positions": row} for frame, row in zip(frames, rows, strict=True)
        ]
        whole = {"joint_names": list(trajectory.joint_names), "points": points}
        write_text(path, json.dumps(whole, indent=1) + "\n")
    else:
        raise ValueError(f"{path} cannot be written; accepted: a name that ends in {' or '.join(SUFFIXES)}")
