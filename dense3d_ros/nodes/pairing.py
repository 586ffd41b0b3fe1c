"""Depth images and camera infos with the same stamp, as pairs.

`message_filters` is used where it is installed, as on every ROS 2 installation. The ROS wheels of the Python
package index lack it; there the two classes of `exact_pairing` take its place under the same names, with the
part of its interface that is used here. Both go through `DepthInput`, and the same tests run on both.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image

from dense3d_ros.nodes.quality import unfit_publisher

try:
    import message_filters as filters
except ImportError:
    from dense3d_ros.nodes import exact_pairing as filters

_WAITING_FOR_PARTNER = 5
"""Messages of each kind that may wait for the other kind. More is of no use: only the newest pair counts."""


@dataclass(frozen=True)
class Frame:
    """A depth image with its camera info. `arrival` is `time.perf_counter()` when the pair was complete."""

    image: Any
    info: Any
    arrival: float


class DepthInput:
    """Subscribes to a node's `depth` and `camera_info` and gives each pair to `on_frame`, which returns fast.

    `counts` holds how many "images", "camera infos" and "pairs" came so far.
    """

    def __init__(self, node: Any, on_frame: Callable[[Frame], None]) -> None:
        self._node = node
        self._on_frame = on_frame
        self._last_stamps: dict[str, int] = {}
        self._last_pair = time.monotonic()
        self.counts: Counter[str] = Counter({"images": 0, "camera infos": 0, "pairs": 0})
        self._counts_before = self.counts.copy()
        self._depth = self._subscribe(Image, "depth", 1)
        self._info = self._subscribe(CameraInfo, "camera_info", _WAITING_FOR_PARTNER)
        # Before the synchroniser's callbacks, which are called in the order they were registered.
        self._depth.registerCallback(self._image_came)
        self._info.registerCallback(self._info_came)
        self._pairs = filters.TimeSynchronizer([self._depth, self._info], _WAITING_FOR_PARTNER)
        self._pairs.registerCallback(self._pair_came)

    @property
    def depth_topic(self) -> str:
        """The full name of the depth topic, after remapping."""
        return str(self._depth.sub.topic_name)

    @property
    def info_topic(self) -> str:
        """The full name of the camera info topic, after remapping."""
        return str(self._info.sub.topic_name)

    def silence(self) -> float:
        """Seconds since the last pair, or since the start."""
        return time.monotonic() - self._last_pair

    def problem(self) -> str:
        """Why no pairs came since the last call, by the names of the topics; "" if some came."""
        came = {kind: self.counts[kind] - self._counts_before[kind] for kind in self.counts}
        self._counts_before = self.counts.copy()
        if came["pairs"]:
            return ""
        for topic, message, kind in (
            (self.depth_topic, "sensor_msgs/msg/Image", "images"),
            (self.info_topic, "sensor_msgs/msg/CameraInfo", "camera infos"),
        ):
            if self._node.count_publishers(topic) == 0:
                return f"no publisher on topic {topic}; {self._candidates(message)}"
            if came[kind] == 0 and (reason := unfit_publisher(self._node, topic)):
                # Reliability is the only policy with an override in which a subscription can ask for too much.
                return (
                    f"the publisher of {topic} offers a quality of service that does not fit ({reason}); set the "
                    f"parameter qos_overrides.{topic}.subscription.reliability to what it offers"
                )
            if came[kind] == 0:
                return f"{topic} has a publisher, but no message arrives"
        return f"{self.depth_topic} and {self.info_topic} have messages, but never with the same stamp"

    def _candidates(self, kind: str) -> str:
        topics = sorted(name for name, kinds in self._node.get_topic_names_and_types() if kind in kinds)
        # The topics that this node itself subscribes to are on the graph too, published or not.
        published = [name for name in topics if self._node.count_publishers(name)]
        likely = [name for name in published if "depth" in name] or published
        return f"published as {kind}: {', '.join(likely) if likely else 'nothing'}"

    def _subscribe(self, message: Any, topic: str, depth: int) -> Any:
        return filters.Subscriber(
            self._node,
            message,
            topic,
            qos_profile=QoSProfile(
                reliability=ReliabilityPolicy.BEST_EFFORT, history=HistoryPolicy.KEEP_LAST, depth=depth
            ),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def _image_came(self, image: Any) -> None:
        self._came("images", image)

    def _info_came(self, info: Any) -> None:
        self._came("camera infos", info)

    def _came(self, kind: str, message: Any) -> None:
        self.counts[kind] += 1
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        if stamp < self._last_stamps.get(kind, stamp):
            # A bag started again. The synchroniser keeps the latest stamps and would drop all earlier ones.
            for queue in self._pairs.queues:
                for later in [waiting for waiting in queue if waiting > stamp]:
                    del queue[later]
        self._last_stamps[kind] = stamp

    def _pair_came(self, image: Any, info: Any) -> None:
        self.counts["pairs"] += 1
        self._last_pair = time.monotonic()
        self._on_frame(Frame(image, info, time.perf_counter()))
