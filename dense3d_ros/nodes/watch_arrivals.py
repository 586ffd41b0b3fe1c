"""The messages of one topic, as `dense3d watch` counts them, and what a depth image of them shows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from dense3d_ros.geometry.depth import DepthFormatError
from dense3d_ros.geometry.depth_unit import nearest_and_farthest
from dense3d_ros.nodes.messages import depth_image, stamp_nanoseconds

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


def shown(image: Any, unit: float) -> dict[str, Any]:
    """Fields of a `DepthSeen` by an image, of which a value counts `unit` metres, or 0 the encoding's."""
    is_raw = isinstance(image, Image)
    seen = {"encoding": image.encoding if is_raw else image.format}
    try:
        depth = depth_image(image, unit)
    except DepthFormatError as error:
        return {**seen, "fault": str(error), **({"width": image.width, "height": image.height} if is_raw else {})}
    height, width = depth.shape
    near, far = np.nan_to_num(nearest_and_farthest(depth)).tolist()
    return {**seen, "width": width, "height": height, "near": near, "far": far, "unit": depth.unit}
