"""What `dense3d run` leaves behind: joints as JSON lines and CSV, overlay images, a contact sheet, a video."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from dense3d_ros.atomic_write import make_folder, write_text, writing
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import JOINT_NAMES, SKELETON, HandPose
from dense3d_ros.perception.model import HandModel
from dense3d_ros.recordings.drawing import contact_sheet, overlay, read_image, write_image
from dense3d_ros.recordings.offline import FrameResult, Recording
from dense3d_ros.recordings.other_joints import in_convention
from dense3d_ros.recordings.result_folder import OVERLAYS, SHEET
from dense3d_ros.recordings.video import can_write_video, write_video

SHEET_IMAGES = 60
TILE_WIDTH = 480


class LineFile:
    """A text file that grows by whole lines. A line is in the file when `append` returns, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("wb", buffering=0)

    def append(self, line: str) -> None:
        """Write a line; OSError where that does not work, as on a full disk."""
        end = self._file.tell()
        left = memoryview(line.encode("utf-8"))
        with writing(self._path):
            try:
                while left:
                    left = left[self._file.write(left) :]
            except BaseException:
                self._file.truncate(end)
                self._file.seek(end)
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ResultWriter:
    """Writes the results of a recording into a folder that `prepare_results` made.

    Joints and overlays are written frame by frame, contact sheet and video on leaving the `with` block without an
    error.
    """

    def __init__(self, folder: Path, model: HandModel, recording: Recording, joints: str | None = None) -> None:
        """joints: a name of CONVERSIONS in which hands.jsonl has the joints besides."""
        self._folder = folder
        self._joints = joints
        self._rate = recording.intrinsics.rate
        self._overlays: list[Path] = []
        about = {
            "model": model.description.name,
            "views": model.views,
            "skeleton": SKELETON,
            "joint_names": list(JOINT_NAMES),
            "camera": asdict(recording.intrinsics),
            "camera_doubt": recording.camera_doubt,
            "frames": recording.count,
            **recording.about,
        }
        write_text(folder / "run.json", json.dumps(about, indent=1) + "\n")
        self._json = LineFile(folder / "hands.jsonl")
        self._csv = LineFile(folder / "hands.csv")
        self._csv.append(_csv_line(CSV_TITLES))

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._json.close()
        self._csv.close()
        if kind is None:
            self._write_sheet()
            if self._overlays and can_write_video():
                write_video(self._folder / "hands.mp4", self._overlays, self._rate)

    def add(self, result: FrameResult) -> None:
        """Write a frame's hands and its overlay."""
        name, stamp, estimate = result.file.name, round(result.stamp, 6), result.estimate
        records = [hand_record(hand) for hand in estimate.hands]
        hands = [
            {**record, **self._other_joints(hand, result.camera)}
            for record, hand in zip(records, estimate.hands, strict=True)
        ]
        frame = {"file": name, "stamp": stamp, "hands": hands, "reason": estimate.reason}
        self._json.append(json.dumps(frame) + "\n")
        self._csv.append("".join(_csv_line([name, stamp, *_csv_values(record)]) for record in records))
        path = self._folder / OVERLAYS / result.file.relative
        make_folder(path.parent)
        write_image(path, overlay(result.depth, result.camera, estimate.hands, f"{name}  {estimate.cause}".rstrip()))
        self._overlays.append(path)

    def _other_joints(self, hand: HandPose, camera: Camera) -> dict[str, Any]:
        """What a hand's record has besides."""
        return {} if self._joints is None else {self._joints: in_convention(self._joints, hand, camera)}

    def _write_sheet(self) -> None:
        count = len(self._overlays)
        chosen = self._overlays
        if count > SHEET_IMAGES:
            chosen = [chosen[index * count // SHEET_IMAGES] for index in range(SHEET_IMAGES)]
        tiles = [contact_sheet([read_image(path)], width=TILE_WIDTH) for path in chosen]
        if tiles:
            write_image(self._folder / SHEET, contact_sheet(tiles, width=TILE_WIDTH))


CSV_TITLES = [
    *("file", "stamp", "track_id", "handedness", "score"),
    *(f"{name}_{axis}" for name in JOINT_NAMES for axis in ("x", "y", "z", "score")),
]


class HandRecord(TypedDict):
    """A hand as JSON has it; joints [x, y, z] in metres, in the order of JOINT_NAMES."""

    track_id: int
    handedness: str
    score: float
    joints: list[list[float]]
    joint_scores: list[float]


def _csv_values(hand: HandRecord) -> list[object]:
    """What follows file and stamp in the row of a hand, see CSV_TITLES."""
    joints = zip(hand["joints"], hand["joint_scores"], strict=True)
    return [
        *(hand["track_id"], hand["handedness"], hand["score"]),
        *(value for joint, score in joints for value in (*joint, score)),
    ]


def _csv_line(row: Sequence[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(row)
    return text.getvalue()


def hand_record(hand: HandPose) -> HandRecord:
    """The record of a hand; metres to a hundredth of a millimetre."""
    return {
        "track_id": hand.track_id,
        "handedness": hand.handedness.name.lower(),
        "score": round(hand.score, 4),
        "joints": [[round(float(value), 5) for value in joint] for joint in hand.joints],
        "joint_scores": [round(float(score), 4) for score in hand.joint_scores],
    }
