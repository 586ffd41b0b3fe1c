"""What the perception node publishes about hands, each topic only while someone subscribes to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import PoseArray
from sensor_msgs.msg import Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.endpoints import create_publisher
from dense3d_ros.nodes.markers import HandMarkers
from dense3d_ros.nodes.messages import HandMessages
from dense3d_ros.nodes.quality import unfit_subscriber
from dense3d_ros.nodes.settings import HandPoseSettings
from dense3d_ros.nodes.viewer_messages import overlay, overlay_message, points_message

_DEPTH = 5


class HandPoseOutputs:
    """The topics `~/hands`, `~/joints`, `~/points`, `~/markers` and `~/overlay` of a node.

    Any thread may publish and clear.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._hands = create_publisher(node, HandPoseArray, "~/hands", _DEPTH)
        self._joints = create_publisher(node, PoseArray, "~/joints", _DEPTH)
        self._points = create_publisher(node, PointCloud2, "~/points", _DEPTH)
        self._markers = create_publisher(node, MarkerArray, "~/markers", _DEPTH)
        self._overlay = create_publisher(node, Image, "~/overlay", _DEPTH)
        self._all = (self._hands, self._joints, self._points, self._markers, self._overlay)
        self._messages = HandMessages()
        self._marker_messages = HandMarkers()
        self._publishing = threading.Lock()
        self._standing: tuple[Any, float] | None = None
        """Header of the hands that subscribers hold now, and time.monotonic() of their message."""

    def wanted(self) -> bool:
        """Whether anyone subscribes to any of the topics."""
        return any(publisher.get_subscription_count() > 0 for publisher in self._all)

    @property
    def stand(self) -> bool:
        """Whether subscribers hold hands now."""
        return self._standing is not None

    def unfit_subscriber(self) -> str:
        """A sentence on a subscription whose quality of service does not fit; "" if there is none."""
        topics = (publisher.topic_name for publisher in self._all)
        sentences = (unfit_subscriber(self._node, topic) for topic in topics)
        return next(filter(None, sentences), "")

    def publish(self, header: Any, hands: Sequence[HandPose], model: str, settings: HandPoseSettings) -> None:
        """Publish `hands`, which may be none, with the depth image's header."""
        with self._publishing:
            self._publish(header, hands, model)
            if self._markers.get_subscription_count() > 0:
                self._markers.publish(
                    self._marker_messages.update(
                        header,
                        hands,
                        joint_diameter=settings.joint_diameter,
                        bone_width=settings.bone_width,
                        lifetime=settings.marker_lifetime,
                    )
                )
            self._standing = (header, time.monotonic()) if hands else None

    def show(
        self, header: Any, depth: DepthImage, camera: Camera, hands: Sequence[HandPose], settings: HandPoseSettings
    ) -> None:
        """Publish the depth image in colour with the hands drawn on it."""
        if self._overlay.get_subscription_count() > 0:
            image = overlay(depth, camera, hands, settings.min_depth, settings.max_depth)
            self._overlay.publish(overlay_message(header, image))

    def clear(self, after: float = 0.0) -> bool:
        """Take back hands that were published last, at least `after` seconds ago: an empty message, the same header.

        True if there were any.
        """
        with self._publishing:
            if self._standing is None:
                return False
            header, published = self._standing
            if time.monotonic() - published < after:
                return False
            self._publish(header, [], "")
            if self._markers.get_subscription_count() > 0:
                self._markers.publish(self._marker_messages.clear(header))
            self._standing = None
            return True

    def _publish(self, header: Any, hands: Sequence[HandPose], model: str) -> None:
        if self._hands.get_subscription_count() > 0:
            self._hands.publish(self._messages.hands(header, hands, model))
        if self._joints.get_subscription_count() > 0:
            self._joints.publish(self._messages.joints(header, hands))
        if self._points.get_subscription_count() > 0:
            self._points.publish(points_message(header, hands))
