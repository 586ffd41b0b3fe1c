"""A ROS bag as a recording: its depth images with their cameras and stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.camera_info import CameraInfoError, camera_of, lens_of
from dense3d_ros.geometry.compressed_depth import decode_compressed_depth
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage, printable
from dense3d_ros.recordings.bag import COMPRESSED, TRANSFORMS, Bag, Topic, choose_depth, choose_info, open_bag
from dense3d_ros.recordings.bag_file import BagError
from dense3d_ros.recordings.offline import FrameFile, Intrinsics, RecordedFrame, Recording, unreadable

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
    bag = open_bag(path)
    topic = choose_depth(bag, depth)
    info = None if pinhole else choose_info(bag, topic, camera_info)
    if not (pinhole or info):
        raise BagError(f"{printable(path)} holds no camera info; say what camera it was by --fx, --fy, --cx and --cy")
    first = topic.first
    try:
        image = _depth_image(first, topic.kind, unit)
        camera = _camera(first, image, info.first if info else None, pinhole, lens_of(topic.name))
    except CameraInfoError as error:
        raise BagError(f"camera info on {info.name if info else topic.name}: {error}") from error
    except DepthFormatError as error:
        raise BagError(f"depth image on {topic.name}: {error}") from error
    intrinsics = Intrinsics(camera.fx, camera.fy, camera.cx, camera.cy, image.unit, _rate(bag, topic))
    about = {"depth topic": topic.name, "camera info topic": info.name if info else ""}
    return Recording(_frames(bag, topic, info, pinhole, unit), topic.count, intrinsics, about, bag.cuts)


def _rate(bag: Bag, topic: Topic) -> float:
    """Frames a second by the first stamps."""
    # What is damaged is told when all is read.
    messages = ((time, message) for _, time, message in replace(bag, cuts=[]).messages([topic.name]))
    stamps = [_stamp(message, time) for time, message in islice(messages, _FIRST_FRAMES)]
    interval = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
    return round(_SECOND / interval, 2) if interval > 0 else 30.0


def _frames(
    bag: Bag, depth: Topic, info: Topic | None, pinhole: tuple[float, float, float, float] | None, unit: float | None
) -> Iterator[RecordedFrame]:
    latest = info.first if info else None
    last: RecordedFrame | None = None
    index = 0
    moves = [topic.name for topic in bag.topics.values() if topic.kind == TRANSFORMS]
    moved: list[tuple[str, int, Any]] = []
    for name, time, message in bag.messages([depth.name, *([info.name] if info else []), *moves]):
        if name in moves:
            moved.append((name, time, message))
            continue
        if name != depth.name:
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
        moved = []
        yield last
    if bag.cuts and last:
        bag.cuts.append(f"the last frame that is there is {last.file.name}, with the stamp {last.stamp:.3f}")


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
