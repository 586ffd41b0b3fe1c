"""What `dense3d run` leaves behind: joints as JSON and CSV, overlay pictures, a contact sheet, a video."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2

from dense3d_ros.atomic_write import atomic_write, write_text
from dense3d_ros.geometry.hand import JOINT_NAMES, SKELETON, HandPose
from dense3d_ros.perception.model_file import ModelDescription
from dense3d_ros.recordings.drawing import Picture, contact_sheet, overlay, write_picture
from dense3d_ros.recordings.offline import FrameResult, Intrinsics

SHEET_PICTURES = 60
TILE_WIDTH = 400


class ResultWriter:
    """Collects the frames of one recording; on leaving the `with` block without an error, writes the files.

    Overlays are written as they come.
    """

    def __init__(self, folder: Path, model: ModelDescription, intrinsics: Intrinsics) -> None:
        self._folder = folder
        self._overlays = folder / "overlays"
        self._overlays.mkdir(parents=True, exist_ok=True)
        self._document: dict[str, Any] = {
            "model": model.name,
            "skeleton": SKELETON,
            "joint_names": list(JOINT_NAMES),
            "camera": asdict(intrinsics),
            "frames": [],
        }
        self._written: list[Path] = []

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            write_text(self._folder / "hands.json", json.dumps(self._document, indent=1) + "\n")
            self._write_csv()
            self._write_sheet()
            write_video(self._folder / "hands.mp4", self._written, self._document["camera"]["rate"])

    def add(self, result: FrameResult) -> None:
        """Take a frame's hands and write its overlay."""
        estimate = result.estimate
        self._document["frames"].append(
            {
                "file": result.file.name,
                "stamp": round(result.stamp, 6),
                "hands": [hand_record(hand) for hand in estimate.hands],
                "reason": estimate.reason,
            }
        )
        caption = f"{result.file.name}  {estimate.reason}".rstrip()
        picture = overlay(result.depth, result.camera, estimate.hands, caption)
        # One flat folder; the recording's subfolders become parts of the name.
        path = self._overlays / result.file.name.replace("/", "__")
        write_picture(path, picture)
        self._written.append(path)

    def _write_csv(self) -> None:
        titles = ["file", "stamp", "track_id", "handedness", "score"]
        titles += [f"{name}_{axis}" for name in JOINT_NAMES for axis in ("x", "y", "z", "score")]
        path = self._folder / "hands.csv"
        with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(titles)
            for frame in self._document["frames"]:
                for hand in frame["hands"]:
                    row = [frame["file"], frame["stamp"], hand["track_id"], hand["handedness"], hand["score"]]
                    for joint, score in zip(hand["joints"], hand["joint_scores"], strict=True):
                        row += [*joint, score]
                    writer.writerow(row)

    def _write_sheet(self) -> None:
        count = len(self._written)
        chosen = self._written
        if count > SHEET_PICTURES:
            chosen = [chosen[index * count // SHEET_PICTURES] for index in range(SHEET_PICTURES)]
        tiles = [contact_sheet([_read_picture(path)], width=TILE_WIDTH) for path in chosen]
        if tiles:
            write_picture(self._folder / "contact_sheet.png", contact_sheet(tiles, width=TILE_WIDTH))


def hand_record(hand: HandPose) -> dict[str, Any]:
    """A hand as JSON has it; metres to a hundredth of a millimetre."""
    return {
        "track_id": hand.track_id,
        "handedness": hand.handedness.name.lower(),
        "score": round(hand.score, 4),
        "joints": [[round(float(value), 5) for value in joint] for joint in hand.joints],
        "joint_scores": [round(float(score), 4) for score in hand.joint_scores],
    }


def write_video(path: Path, pictures: list[Path], rate: float) -> bool:
    """Pictures as an MP4; False, and no file, where they differ in size or OpenCV has no encoder for it."""
    if len(pictures) < 2:
        return False
    try:
        with atomic_write(path) as temporary:
            _encode(temporary, pictures, rate)
    except _NoVideoError:
        return False
    return True


class _NoVideoError(Exception):
    """OpenCV cannot write this video."""


def _encode(path: Path, pictures: list[Path], rate: float) -> None:
    height, width = _read_picture(pictures[0]).shape[:2]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
    try:
        if not video.isOpened():
            raise _NoVideoError
        for picture in map(_read_picture, pictures):
            if picture.shape[:2] != (height, width):
                raise _NoVideoError
            video.write(picture)
    finally:
        video.release()


def _read_picture(path: Path) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise OSError(f"{path} cannot be read back")
    return picture.astype("uint8", copy=False)
