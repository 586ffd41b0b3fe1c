"""A ROS bag as a recording: its depth images with their cameras and stamps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.camera_info import CameraInfoError, camera_of, doubt_of, lens_of
from dense3d_ros.geometry.compressed_depth import decode_compressed_depth
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage
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

Pinhole: TypeAlias = tuple[float, float, float, float]
"""fx, fy, cx, cy in pixels."""


def open_bag_recording(
    path: Path,
    *,
    depth: str | None = None,
    camera_info: str | None = None,
    pinhole: Pinhole | None = None,
    unit: float | None = None,
) -> Recording:
    """A bag's depth images with their cameras. Topics, intrinsics and unit are the bag's where none are given.

    pinhole: instead of the camera info. unit: metres per value, instead of the encoding's. BagError where the bag does
    not say enough, or cannot be right.
    """
    if unit is not None and not (np.isfinite(unit) and unit > 0):
        raise ValueError(f"the depth unit must be a positive number of metres, got {unit}")
    bag = open_bag(path)
    try:
        topic = choose_depth(bag, depth)
        info = None if pinhole else choose_info(bag, topic, camera_info)
        return _Source(bag, topic, info, pinhole, unit).recording()
    except BagError as error:
        # What is missing may be in the part that is cut off.
        raise BagError("; ".join([str(error), *bag.cuts])) from error


@dataclass(frozen=True)
class _Start:
    """The first image that can be read, and its camera by the first camera info that fits it.

    passed: how many camera infos come before that one.
    """

    depth: DepthImage
    camera: Camera
    info: Any = None
    passed: int = 0


@dataclass(frozen=True)
class _Source:
    """What is read of a bag whose topics are known, and how; see `open_bag_recording`."""

    bag: Bag
    depth: Topic
    info: Topic | None
    pinhole: Pinhole | None
    unit: float | None

    def recording(self) -> Recording:
        """BagError where it is not known by which camera, or no image can be read."""
        if not (self.pinhole or self.info):
            lost = "".join(f"; {sentence}" for sentence in self.bag.lost_of(INFO))
            raise BagError(
                f"{printable(self.bag.path)} holds no camera info{lost}; say what camera it was by --fx, --fy, --cx "
                "and --cy"
            )
        start = self._start()
        camera = start.camera
        intrinsics = Intrinsics(*camera.pinhole, start.depth.unit, self._rate())
        about = {"depth topic": self.depth.name, "camera info topic": self.info.name if self.info else ""}
        moved: list[Transform] = []
        frames = self._frames(start, moved)
        doubt = doubt_of(start.info, camera) if self.info else camera.doubt()
        return Recording(frames, self.depth.count, intrinsics, about, self.bag.cuts, moved, doubt)

    def _start(self) -> _Start:
        """BagError where no image can be read, or no camera info fits it."""
        quiet = self.bag.quiet()
        message, depth = self._first_image(quiet)
        if self.info is None:
            return _Start(depth, self._camera(message, depth, None))
        faults = 0
        reason = ""
        for _, _, about in quiet.messages([self.info.name]):
            try:
                camera = self._camera(message, depth, about)
            except CameraInfoError as error:
                faults += 1
                reason = reason or str(error)
                continue
            if faults:
                self.bag.faults.append(passed_over(self.info.name, faults, reason))
            return _Start(depth, camera, about, faults)
        raise _unusable("camera info", self.info, reason, quiet)

    def _first_image(self, bag: Bag) -> tuple[Any, DepthImage]:
        reason = ""
        for _, _, message in bag.messages([self.depth.name]):
            try:
                return message, self._image(message)
            except DepthFormatError as error:
                reason = reason or str(error)
        raise _unusable("depth image", self.depth, reason, bag)

    def _rate(self) -> float:
        """Frames a second by the first stamps."""
        messages = ((time, message) for _, time, message in self.bag.quiet().messages([self.depth.name]))
        stamps = [_stamp(message, time) for time, message in islice(messages, _FIRST_FRAMES)]
        interval = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
        # Four digits, also of one image in some minutes.
        return float(f"{_SECOND / interval:.4g}") if interval > 0 else 30.0

    def _frames(self, start: _Start, moved: list[Transform]) -> Iterator[RecordedFrame]:
        """moved: gets the transforms, and is emptied with each frame that takes them along.

        Their times are made the frames': of simulation, or of a device, a header's stamp is not the recorder's time.
        """
        latest, passed, ahead = start.info, 0, 0
        last: RecordedFrame | None = None
        index = 0
        moves = [topic.name for topic in self.bag.topics.values() if topic.kind == TRANSFORMS]
        infos = [self.info.name] if self.info else []
        for name, time, message in self.bag.messages([self.depth.name, *infos, *moves]):
            if name in moves:
                moved.append((name, time, message))
                continue
            if name in infos:
                if passed < start.passed:
                    passed += 1
                else:
                    latest = message
                continue
            frame = self._frame(index, time, message, latest)
            index += 1
            if frame.readable:
                starts = last is None or last.camera != frame.camera or frame.nanoseconds < last.nanoseconds
                ahead = frame.nanoseconds - time
                frame = last = replace(frame, starts=starts, transforms=_shifted(moved, ahead))
                moved.clear()
            yield frame
        moved[:] = _shifted(moved, ahead)
        if self.bag.cuts and last:
            self.bag.cuts.append(f"the last frame that is there is {last.file.name}, with the stamp {last.stamp:.3f}")
        self.bag.cuts += self.bag.faults

    def _frame(self, index: int, time: int, message: Any, info: Any) -> RecordedFrame:
        """Image number `index` that came at `time`, by the camera info before it; black where it cannot be read."""
        stamp, file = _stamp(message, time), FrameFile(self.bag.path, Path(f"{index:06d}.png"), index)
        try:
            depth = self._image(message)
            camera = self._camera(message, depth, info)
        except CameraInfoError as error:
            return unreadable(file, stamp, f"camera info on {self.info.name if self.info else ''}: {error}")
        except ValueError as error:
            return unreadable(file, stamp, f"depth image {index + 1} on {self.depth.name}: {error}")
        return RecordedFrame(file, stamp, depth, camera, str(message.header.frame_id))

    def _image(self, message: Any) -> DepthImage:
        if self.depth.kind == COMPRESSED:
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
        return depth if self.unit is None else replace(depth, unit=self.unit)

    def _camera(self, message: Any, depth: DepthImage, info: Any) -> Camera:
        """As live: the lens of an image is undone unless its topic is named rectified."""
        height, width = depth.shape
        if self.pinhole:
            return Camera(*self.pinhole, width, height).checked()
        return camera_of(info, width, height, str(message.header.frame_id), lens_of(self.depth.name))


def _shifted(transforms: Iterable[Transform], nanoseconds: int) -> tuple[Transform, ...]:
    return tuple((name, time + nanoseconds, message) for name, time, message in transforms)


def _unusable(what: str, topic: Topic, reason: str, bag: Bag) -> BagError:
    """No message of a topic can be used. reason: of the first, "" where none could be read."""
    nor_others = f"; none of the {topic.count} messages is better" if reason and topic.count > 1 else ""
    damage = "; ".join(bag.cuts) or "no message can be read"
    return BagError(f"{what} on {topic.name}: {reason or damage}{nor_others}")


def _stamp(message: Any, time: int) -> int:
    """Nanoseconds: the header's stamp, or where it was left at zero the recorder's."""
    stamp = message.header.stamp
    return int(stamp.sec) * _SECOND + int(stamp.nanosec) or time
