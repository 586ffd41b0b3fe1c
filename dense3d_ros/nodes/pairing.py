"""Depth images, raw or compressed, and their camera infos, as pairs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dense3d_ros.nodes.endpoints import create_subscription
from dense3d_ros.nodes.lost_images import LostImages, profile_advice
from dense3d_ros.nodes.messages import stamp_nanoseconds
from dense3d_ros.nodes.quality import unfit_publisher
from dense3d_ros.nodes.stamp_pairing import WAITING, StampPairing
from dense3d_ros.nodes.topic_graph import is_drawn_by_hand_pose

_WORTH_A_SLOP = 0.1
"""Seconds between the stamps of an image and a camera info up to which they may have been meant as a pair."""

_OLD_INFO_S = 2.0
"""Seconds after which a camera info that is kept may be another camera's."""


@dataclass(frozen=True)
class PairedImage:
    """A depth image with its camera info. `arrival` is `time.perf_counter()` when the pair was complete."""

    image: Any
    info: Any
    arrival: float


class DepthInput:
    """Subscribes to a node's `depth` and `camera_info` and gives each pair to `on_frame`, which returns fast.

    `counts` holds how many "images", "camera infos" and "pairs" came so far.
    """

    def __init__(
        self,
        node: Any,
        on_frame: Callable[[PairedImage], None],
        transport: str = "raw",
        slop: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._node = node
        self._on_frame = on_frame
        self._last_stamps: dict[str, int] = {}
        self._last_pair = time.monotonic()
        self.counts: Counter[str] = Counter({"images": 0, "camera infos": 0, "pairs": 0})
        self._counts_before = self.counts.copy()
        self._lost = LostImages()
        self._pairing = StampPairing(self._pair_came, slop)
        self._is_raw = transport == "raw"
        # Remapped is the image's topic, and the transport's follows it.
        topic = "depth" if self._is_raw else f"{node.resolve_topic_name('depth')}/{transport}"
        kind = Image if self._is_raw else CompressedImage
        self._depth = create_subscription(node, kind, topic, self._image_came, _latest(1))
        self._info = create_subscription(node, CameraInfo, "camera_info", self._info_came, _latest(WAITING))
        self._latched_info: Any = None

    @property
    def depth_topic(self) -> str:
        """The full name of the depth topic, after remapping."""
        return str(self._depth.topic_name)

    @property
    def info_topic(self) -> str:
        """The full name of the camera info topic, after remapping."""
        return str(self._info.topic_name)

    @property
    def pairing(self) -> str:
        """How images find their camera info, in words."""
        reason = self._pairing.keeps_the_last_info
        return f"the last one is kept: {reason}" if reason else "that of the image's stamp"

    def told_pairing(self) -> str:
        """The same as a sentence for the log."""
        if reason := self._pairing.keeps_the_last_info:
            return f"Every image goes with the last camera info on {self.info_topic}: {reason}."
        return f"Every image goes with the camera info of its stamp on {self.info_topic}."

    def about_kept_info(self) -> str:
        """How old the camera info is that is kept for the images, as the end of a sentence; "" where that is no news.

        Whoever published it may be gone, and another be there.
        """
        age = self._pairing.info_age
        if not self._pairing.keeps_the_last_info or age < _OLD_INFO_S:
            return ""
        gone = "" if self._node.count_publishers(self.info_topic) else ", and nobody publishes there now"
        return f"; it is the last one, which came {age:.0f} s ago{gone}"

    def look_for_latched_info(self) -> None:
        """Ask for camera infos that were published before this node knew their publisher.

        From the executor's thread. A subscription to what is published from now on hears nothing of them, and one to
        what was published before fits no other publisher.
        """
        if self._latched_info is not None:
            return
        offers = [offer.qos_profile for offer in self._node.get_publishers_info_by_topic(self.info_topic)]
        if any(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers):
            latched = QoSProfile(
                depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
            )
            self._latched_info = self._node.create_subscription(
                CameraInfo, "camera_info", self._latched_info_came, latched
            )

    def _latched_info_came(self, message: Any) -> None:
        # What is published again and again comes by the other subscription, too. Another camera's, which a driver that
        # was started again sent once, may have come here alone.
        if not _are_of_one_camera(message, self._pairing.last_info):
            self._info_came(message)

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
            (self.depth_topic, f"sensor_msgs/msg/{'Image' if self._is_raw else 'CompressedImage'}", "images"),
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
                silent = f"{topic} has a publisher, but no message arrives"
                if kind == "images" and came["camera infos"]:
                    return f"{silent}, while its camera infos do on {self.info_topic}{profile_advice()}"
                return silent
        nearest = self._pairing.nearest
        advice = ""
        if nearest is not None and nearest < _WORTH_A_SLOP:
            advice = (
                f"; the nearest differ by {1000 * nearest:.3g} ms: if they belong together, set sync_slop to "
                f"{1.5 * nearest:.2g}"
            )
        return f"{self.depth_topic} and {self.info_topic} have messages, but never with the same stamp{advice}"

    def loss(self) -> str:
        """A sentence where images are lost of late; "" where not. Called about once a second."""
        rates = self._lost.rates(self.counts)
        if rates is None:
            return ""
        return (
            f"of {self.depth_topic} {rates[0]:.1f} images a second arrive, of its camera info on {self.info_topic} "
            f"{rates[1]:.1f}{profile_advice()}; if it is, this machine is too busy to take them"
        )

    def _candidates(self, kind: str) -> str:
        topics = sorted(name for name, kinds in self._node.get_topic_names_and_types() if kind in kinds)
        # The topics that this node itself subscribes to are on the graph too, published or not.
        published = [
            name for name in topics if self._node.count_publishers(name) and not is_drawn_by_hand_pose(self._node, name)
        ]
        likely = [name for name in published if "depth" in name] or published
        return f"published as {kind}: {', '.join(likely) if likely else 'nothing'}"

    def _image_came(self, image: Any) -> None:
        self._came("images", image)
        self._lost.image(stamp_nanoseconds(image.header.stamp))
        self._pairing.image(image)

    def _info_came(self, info: Any) -> None:
        self._came("camera infos", info)
        self._pairing.info(info)

    def _came(self, kind: str, message: Any) -> None:
        self.counts[kind] += 1
        stamp = stamp_nanoseconds(message.header.stamp)
        if stamp < self._last_stamps.get(kind, stamp):
            # A bag started again.
            self._pairing.forget_after(stamp)
        self._last_stamps[kind] = stamp

    def _pair_came(self, image: Any, info: Any) -> None:
        self.counts["pairs"] += 1
        self._last_pair = time.monotonic()
        self._on_frame(PairedImage(image, info, time.perf_counter()))


def _are_of_one_camera(info: Any, other: Any) -> bool:
    """Whether two camera infos, of which the second may be None, differ in nothing but their headers."""
    return other is not None and all(
        np.array_equal(getattr(info, name), getattr(other, name))
        for name in info.get_fields_and_field_types()
        if name != "header"
    )


def _latest(depth: int) -> QoSProfile:
    return QoSProfile(reliability=ReliabilityPolicy.BEST_EFFORT, history=HistoryPolicy.KEEP_LAST, depth=depth)
