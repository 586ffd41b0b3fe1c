"""A ROS bag as a recording: its depth images with their cameras and stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.camera_info import CameraInfoError, camera_of, doubt_of, lens_of
from dense3d_ros.geometry.compressed_depth import decode_compressed_depth
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage, printable
from dense3d_ros.recordings.bag import (
    COMPRESSED,
    INFO,
    TRANSFORMS,
    Bag,
    Topic,
    open_bag,
    passed_over,
)
from dense3d_ros.recordings.bag_file import BagError
from dense3d_ros.recordings.bag_topics import choose_depth, choose_info
from dense3d_ros.recordings.offline import FrameFile, Intrinsics, RecordedFrame, Recording, Transform, unreadable

_SECOND = 1_000_000_000
_FIRST_FRAMES = 16


def open_bag_recording(
    path: Path,
    *,
    depth: str | None = None,
    camera_info: str | None = None,
    pinhole: tuple[float, float, float, float] | None = None,
    unit: float | None = None,
) -> Recording:
    """A bag's depth images with their cameras. Topics, intrinsics and unit are the bag's where none are given.

    pinhole: fx, fy, cx, cy in pixels, instead of the camera info. unit: metres per value, instead of the encoding's.
    BagError where the bag does not say enough, or cannot be right.
    """
    if unit is not None and not (np.isfinite(unit) and unit > 0):
        raise ValueError(f"the depth unit must be a positive number of metres, got {unit}")
    bag = open_bag(path)
    try:
        return _recording_of(bag, depth, camera_info, pinhole, unit)
    except BagError as error:
        # What is missing may be in the part that is cut off.
        raise BagError("; ".join([str(error), *bag.cuts])) from error


def _recording_of(
    bag: Bag,
    depth: str | None,
    camera_info: str | None,
    pinhole: tuple[float, float, float, float] | None,
    unit: float | None,
) -> Recording:
    """`open_bag_recording` of a bag whose topics are known."""
    topic = choose_depth(bag, depth)
    info = None if pinhole else choose_info(bag, topic, camera_info)
    if not (pinhole or info):
        lost = "".join(f"; {sentence}" for sentence in bag.lost_of(INFO))
        raise BagError(
            f"{printable(bag.path)} holds no camera info{lost}; say what camera it was by --fx, --fy, --cx and --cy"
        )
    start = _start(bag, topic, info, pinhole, unit)
    camera = start.camera
    intrinsics = Intrinsics(camera.fx, camera.fy, camera.cx, camera.cy, start.depth.unit, _rate(bag, topic))
    about = {"depth topic": topic.name, "camera info topic": info.name if info else ""}
    moved: list[Transform] = []
    frames = _frames(bag, topic, info, start, pinhole, unit, moved)
    doubt = doubt_of(start.info, camera) if info else camera.doubt()
    return Recording(frames, topic.count, intrinsics, about, bag.cuts, moved, doubt)


@dataclass(frozen=True)
class _Start:
    """The first image that can be read, and its camera by the first camera info that fits it, before which are others.

    passed: how many.
    """

    depth: DepthImage
    camera: Camera
    info: Any = None
    passed: int = 0


def _start(
    bag: Bag, topic: Topic, info: Topic | None, pinhole: tuple[float, float, float, float] | None, unit: float | None
) -> _Start:
    """BagError where no image can be read, or no camera info fits it."""
    quiet, lens = bag.quiet(), lens_of(topic.name)
    message, depth = _first_image(quiet, topic, unit)
    if info is None:
        return _Start(depth, _camera(message, depth, None, pinhole, lens))
    faults = 0
    reason = ""
    for _, _, about in quiet.messages([info.name]):
        try:
            camera = _camera(message, depth, about, pinhole, lens)
        except CameraInfoError as error:
            faults += 1
            reason = reason or str(error)
            continue
        if faults:
            bag.faults.append(passed_over(info.name, faults, reason))
        return _Start(depth, camera, about, faults)
    raise _unusable("camera info", info, reason, quiet)


def _first_image(bag: Bag, topic: Topic, unit: float | None) -> tuple[Any, DepthImage]:
    reason = ""
    for _, _, message in bag.messages([topic.name]):
        try:
            return message, _depth_image(message, topic.kind, unit)
        except DepthFormatError as error:
            reason = reason or str(error)
    raise _unusable("depth image", topic, reason, bag)


def _unusable(what: str, topic: Topic, reason: str, bag: Bag) -> BagError:
    """No message of a topic can be used. reason: of the first, "" where none could be read."""
    nor_others = f"; none of the {topic.count} messages is better" if reason and topic.count > 1 else ""
    damage = "; ".join(bag.cuts) or "no message can be read"
    return BagError(f"{what} on {topic.name}: {reason or damage}{nor_others}")


def _rate(bag: Bag, topic: Topic) -> float:
    """Frames a second by the first stamps."""
    messages = ((time, message) for _, time, message in bag.quiet().messages([topic.name]))
    stamps = [_stamp(message, time) for time, message in islice(messages, _FIRST_FRAMES)]
    interval = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
    return round(_SECOND / interval, 2) if interval > 0 else 30.0


def _frames(
    bag: Bag,
    depth: Topic,
    info: Topic | None,
    start: _Start,
    pinhole: tuple[float, float, float, float] | None,
    unit: float | None,
    moved: list[Transform],
) -> Iterator[RecordedFrame]:
    """moved: gets the transforms, and is emptied with each frame that takes them along."""
    latest, passed = start.info, 0
    last: RecordedFrame | None = None
    index = 0
    moves = [topic.name for topic in bag.topics.values() if topic.kind == TRANSFORMS]
    for name, time, message in bag.messages([depth.name, *([info.name] if info else []), *moves]):
        if name in moves:
            moved.append((name, time, message))
            continue
        if name != depth.name:
            if passed < start.passed:
                passed += 1
            else:
                latest = message
            continue
        stamp, file = _stamp(message, time), FrameFile(bag.path, Path(f"{index:06d}.png"), index)
        index += 1
        frame_id = str(message.header.frame_id)
        try:
            image = _depth_image(message, depth.kind, unit)
            camera = _camera(message, image, latest, pinhole, lens_of(depth.name))
        except CameraInfoError as error:
            yield unreadable(file, stamp, f"camera info on {info.name if info else ''}: {error}")
            continue
        except ValueError as error:
            yield unreadable(file, stamp, f"depth image {index} on {depth.name}: {error}")
            continue
        starts = last is None or last.camera != camera or stamp < last.nanoseconds
        last = RecordedFrame(file, stamp, image, camera, frame_id, starts, transforms=tuple(moved))
        moved.clear()
        yield last
    if bag.cuts and last:
        bag.cuts.append(f"the last frame that is there is {last.file.name}, with the stamp {last.stamp:.3f}")
    bag.cuts += bag.faults


def _stamp(message: Any, time: int) -> int:
    """Nanoseconds: the header's stamp, or where it was left at zero the recorder's."""
    stamp = message.header.stamp
    return int(stamp.sec) * _SECOND + int(stamp.nanosec) or time


def _depth_image(message: Any, kind: str, unit: float | None) -> DepthImage:
    if kind == COMPRESSED:
        depth = decode_compressed_depth(message.data, message.format)
    else:
        depth = DepthImage.from_buffer(
            message.data,
            width=int(message.width),
            height=int(message.height),
            encoding=message.encoding,
            step=int(message.step),
            is_bigendian=bool(message.is_bigendian),
        )
    return depth if unit is None else replace(depth, unit=unit)


def _camera(
    message: Any, depth: DepthImage, info: Any, pinhole: tuple[float, float, float, float] | None, lens: str
) -> Camera:
    """As live: the lens of an image is undone unless its topic is named rectified."""
    height, width = depth.shape
    if pinhole:
        return Camera(*pinhole, width, height).checked()
    return camera_of(info, width, height, str(message.header.frame_id), lens)
