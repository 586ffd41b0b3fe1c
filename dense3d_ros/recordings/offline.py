"""Recorded frames, and the hands that the estimator finds in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.perception.estimator import Estimate, HandPoseEstimator

Centres = Mapping[str, Sequence[NDArray[np.float32]]]
"""Name of a frame -> centres (3,) of its hands in metres."""
Transform = tuple[str, int, Any]
"""As recorded: topic, nanoseconds of the recorder and tf2_msgs/TFMessage."""


@dataclass(frozen=True)
class Intrinsics:
    """What a folder of PNGs does not say: pinhole camera in pixels, metres per depth value, frames a second."""

    fx: float
    fy: float
    cx: float
    cy: float
    depth_unit: float
    rate: float = 30.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.rate) and self.rate > 0):
            raise ValueError(f"the rate must be a positive number of frames a second, got {self.rate}")
        if not (np.isfinite(self.depth_unit) and self.depth_unit > 0):
            raise ValueError(f"the depth unit must be a positive number of metres, got {self.depth_unit}")
        self._camera(1, 1)

    def camera(self, width: int, height: int) -> Camera:
        """The camera of an image of this size; ValueError for impossible intrinsics."""
        return self._camera(width, height).checked()

    def _camera(self, width: int, height: int) -> Camera:
        return Camera(self.fx, self.fy, self.cx, self.cy, width, height)


@dataclass(frozen=True)
class FrameFile:
    """A depth PNG: its path, the same relative to the recording, and its number within its own folder."""

    path: Path
    relative: Path
    index: int

    @property
    def name(self) -> str:
        """What it is called: the relative path as text, also where that is not UTF-8."""
        return printable(self.relative)


@dataclass(frozen=True)
class RecordedFrame:
    """A depth image, when it was taken, and the camera that took it.

    nanoseconds: since 1970 where the recording says so, else from its folder's first frame. starts: nothing before it
    belongs to the same sequence. fault: why it cannot be read; then the image is black. transforms: those recorded
    since the frame before.
    """

    file: FrameFile
    nanoseconds: int
    depth: DepthImage
    camera: Camera
    frame_id: str = "camera_depth_optical_frame"
    starts: bool = False
    fault: str = ""
    transforms: tuple[Transform, ...] = ()

    @property
    def stamp(self) -> float:
        """Seconds."""
        return self.nanoseconds * 1e-9

    @property
    def readable(self) -> bool:
        """Whether there is an image."""
        return not self.fault


@dataclass(frozen=True)
class Recording:
    """A recording to go through once.

    count: how many frames it is said to have. intrinsics: of its first frame. about: where the frames come from. cuts:
    sentences on what is missing; last_transforms: those recorded after the last frame; both are complete only behind
    it. camera_doubt: why the first frame's intrinsics may be wrong; "" where nothing speaks for that.
    """

    frames: Iterable[RecordedFrame]
    count: int
    intrinsics: Intrinsics
    about: Mapping[str, str]
    cuts: list[str]
    last_transforms: list[Transform] = field(default_factory=list)
    camera_doubt: str = ""


@dataclass(frozen=True, kw_only=True)
class FrameResult(RecordedFrame):
    """A frame and the hands in it."""

    estimate: Estimate


def unreadable(file: FrameFile, stamp: int, fault: str, shape: tuple[int, int] | None = None) -> RecordedFrame:
    """A black frame (H, W) at `stamp` nanoseconds in place of one that cannot be read."""
    height, width = shape or (480, 640)
    black = DepthImage(np.zeros((height, width), np.uint16), 1.0)
    nothing = Camera(1.0, 1.0, 0.0, 0.0, width, height)
    return RecordedFrame(file, stamp, black, nothing, starts=file.index == 0, fault=fault)


def estimate_frames(
    frames: Iterable[RecordedFrame], estimator: HandPoseEstimator, centres: Centres | None = None
) -> Iterator[FrameResult]:
    """Each frame's hands in turn. Where a sequence starts, hands are not followed into it.

    centres: by frame name, instead of the estimator's own search; a frame without any then has no hand. A frame that
    cannot be read has no hand, and its fault as the reason.
    """
    for frame in frames:
        if frame.starts:
            estimator.reset()
        if frame.fault:
            estimate = Estimate([], frame.fault)
        else:
            given = None if centres is None else centres.get(frame.file.name, [])
            estimate = estimator.estimate(frame.depth, frame.camera, frame.stamp, given)
        yield FrameResult(**vars(frame), estimate=estimate)
