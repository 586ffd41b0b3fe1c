"""Frames: an image with its camera info, and what may come out. The good ones, from which the bad ones are made."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
from builtin_interfaces.msg import Time
from node_processes import FRAME, depth_message, info_message
from node_rigid_model import CAMERA, scene
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dense3d_ros.geometry.camera import Camera

from .judging import EXACT_WITHIN_M, Expected

Option = TypeVar("Option")

PLACES = ((0.0, 0.0, 0.5), (0.05, -0.04, 0.45), (-0.06, 0.03, 0.6))


@dataclass(frozen=True)
class SentFrame:
    """Messages to publish; None for one that does not come, bytes for one that is written raw.

    stamp and frame_id: of an answer to it. joints: (21, 3) metres, which an exact answer meets within so many metres.
    """

    kind: str
    image: Image | CompressedImage | bytes | None
    info: CameraInfo | bytes | None
    expected: Expected
    joints: NDArray[np.float32] | None = None
    info_first: bool = True
    stamp: Time = field(default_factory=Time)
    frame_id: str = FRAME
    within: float = EXACT_WITHIN_M


def pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """One of them, as it is: NumPy's own choice would make an array of them."""
    return options[int(rng.integers(len(options)))]


@cache
def image(place: tuple[float, float, float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Depth (H, W) and joints (21, 3) in metres."""
    return scene(place)


def frame_of(
    depth: NDArray[np.float32],
    stamp: Time,
    expected: Expected,
    *,
    kind: str = "good",
    camera: Camera = CAMERA,
    joints: NDArray[np.float32] | None = None,
    within: float = EXACT_WITHIN_M,
    encoding: str = "16UC1",
) -> SentFrame:
    """A well-formed frame of depth (H, W) in metres."""
    height, width = depth.shape
    image = depth_message(depth, stamp, encoding=encoding)
    info = info_message(image, replace(camera, width=width, height=height))
    # The two share their header until one is copied.
    info.header = copy.deepcopy(image.header)
    return SentFrame(kind, image, info, expected, joints, stamp=stamp, within=within)


def good_hand(stamp: Time, place: tuple[float, float, float] = PLACES[0]) -> SentFrame:
    """The stiff model answers it exactly."""
    depth, joints = image(place)
    return frame_of(depth, stamp, Expected.EXACT_HAND, kind="known hand", joints=joints)


def empty_room(stamp: Time) -> SentFrame:
    """A wall two metres away."""
    depth = np.full((CAMERA.height, CAMERA.width), 2.0, np.float32)
    return frame_of(depth, stamp, Expected.NO_HAND, kind="empty room")


def changed(frame: SentFrame, kind: str, expected: Expected, **changes: Any) -> SentFrame:
    """`frame` by another name, with another expectation."""
    return replace(frame, kind=kind, expected=expected, **changes)
