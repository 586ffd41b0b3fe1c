"""Hands as RViz markers: the joints of a hand are one sphere list, its bones one line list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import Point
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from dense3d_ros.geometry.hand import BONES, FINGER_COLOURS, JOINT_COLOURS, JOINT_COUNT, HandPose

JOINTS_NAMESPACE = "joints"
BONES_NAMESPACE = "bones"


def _colour(rgb: tuple[float, float, float]) -> ColorRGBA:
    red, green, blue = rgb
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)


class HandMarkers:
    """Fills one MarkerArray again and again; each call changes the message of the last one.

    A marker's id is the hand's track id. A hand that was in the last message and is gone is deleted.
    """

    def __init__(self) -> None:
        self._array = MarkerArray()
        self._pool: list[tuple[Any, Any]] = []
        self._shown: set[int] = set()

    def update(
        self,
        header: Any,
        hands: Sequence[HandPose],
        *,
        joint_diameter: float,
        bone_width: float,
        lifetime: float,
    ) -> Any:
        """MarkerArray of `hands`. Sizes in metres, lifetime in seconds."""
        if not hands:
            return self.clear(header)
        duration = Duration(seconds=lifetime).to_msg()
        markers = []
        while len(self._pool) < len(hands):
            self._pool.append(_hand_markers())
        for (joints, bones), hand in zip(self._pool, hands, strict=False):
            for point, (x, y, z) in zip(joints.points, hand.joints.tolist(), strict=True):
                point.x, point.y, point.z = x, y, z
            joints.scale.x = joints.scale.y = joints.scale.z = joint_diameter
            bones.scale.x = bone_width
            for marker in (joints, bones):
                marker.header = header
                marker.id = hand.track_id
                marker.lifetime = duration
                markers.append(marker)
        present = {hand.track_id for hand in hands}
        for track_id in sorted(self._shown - present):
            for namespace in (JOINTS_NAMESPACE, BONES_NAMESPACE):
                markers.append(Marker(header=header, ns=namespace, id=track_id, action=Marker.DELETE))
        self._shown = present
        self._array.markers = markers
        return self._array

    def clear(self, header: Any) -> Any:
        """MarkerArray that removes everything this topic has shown."""
        self._shown = set()
        self._array.markers = [Marker(header=header, action=Marker.DELETEALL)]
        return self._array


def _hand_markers() -> tuple[Marker, Marker]:
    """Joint and bone marker that share their points, so that filling the joints fills both."""
    joints = Marker(ns=JOINTS_NAMESPACE, type=Marker.SPHERE_LIST, action=Marker.ADD)
    joints.points = [Point() for _ in range(JOINT_COUNT)]
    joints.colors = [_colour(colour) for colour in JOINT_COLOURS]
    bones = Marker(ns=BONES_NAMESPACE, type=Marker.LINE_LIST, action=Marker.ADD)
    bones.points = [joints.points[joint] for bone in BONES for joint in bone]
    bones.colors = [_colour(colour) for colour in FINGER_COLOURS for _ in range(8)]
    return joints, bones
