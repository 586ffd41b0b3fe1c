"""The messages of one topic, as `dense3d watch` counts them, and what a depth image of them shows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from dense3d_ros.geometry.depth import DepthFormatError
from dense3d_ros.geometry.depth_unit import nearest_and_farthest
from dense3d_ros.nodes.messages import depth_image, stamp_nanoseconds
from dense3d_ros.nodes.watch_seen import DepthSeen

_LATEST = 400
"""Stamps that are kept of a topic."""


@dataclass
class Arrivals:
    """Messages of one topic: how many, when, and the last one."""

    count: int = 0
    first: float = 0.0
    latest: float = 0.0
    message: Any = None
    stamps: list[int] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)

    def came(self, message: Any, now: int) -> None:
        """`now`: nanoseconds on the node's clock."""
        self.latest = time.monotonic()
        self.first = self.first or self.latest
        self.count += 1
        self.message = message
        if len(self.stamps) < _LATEST:
            stamp = stamp_nanoseconds(message.header.stamp)
            self.stamps.append(stamp)
            self.ages.append((now - stamp) * 1e-9)

    @property
    def rate(self) -> float:
        """Messages a second."""
        return (self.count - 1) / (self.latest - self.first) if self.count > 1 else 0.0


def with_image(seen: DepthSeen, image: Any) -> DepthSeen:
    """What was seen of a topic, with what an image of it shows by the unit that hand_pose takes for it."""
    is_raw = isinstance(image, Image)
    seen = replace(seen, encoding=image.encoding if is_raw else image.format, frame_id=image.header.frame_id)
    try:
        depth = depth_image(image, seen.taken.depth_unit)
    except DepthFormatError as error:
        seen = replace(seen, fault=str(error))
        return replace(seen, width=image.width, height=image.height) if is_raw else seen
    height, width = depth.shape
    near, far = np.nan_to_num(nearest_and_farthest(depth)).tolist()
    return replace(seen, width=width, height=height, near=near, far=far, unit=depth.unit)
