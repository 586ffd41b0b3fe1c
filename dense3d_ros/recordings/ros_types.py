"""Hands, markers, depth and camera info as ROS 2 messages without ROS, and their definitions, for bags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import BONES, FINGER_COLOURS, JOINT_COLOURS, SKELETON, HandPose
from dense3d_ros.geometry.joint_cloud import POINT, joint_cloud
from dense3d_ros.geometry.rotation import quaternion

HANDS, MARKERS = "dense3d_ros/msg/HandPoseArray", "visualization_msgs/msg/MarkerArray"
IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
POINTS = "sensor_msgs/msg/PointCloud2"
TRANSFORMS = "tf2_msgs/msg/TFMessage"
_OURS = ("HandPose", "HandPoseArray")
_SPHERE_LIST, _LINE_LIST = 7, 5
_ADD, _DELETE, _DELETE_ALL = 0, 2, 3
_JOINT_DIAMETER, _BONE_WIDTH = 0.012, 0.006
_NAMESPACES = ("joints", "bones")
_FLOAT32 = 7


def type_store() -> Typestore:
    """The types of ROS 2 Jazzy, which are those of the later versions too, and our own."""
    store = get_typestore(Stores.ROS2_JAZZY)
    folder = _definitions()
    for name in _OURS:
        store.register(get_types_from_msg((folder / f"{name}.msg").read_text("utf-8"), f"dense3d_ros/msg/{name}"))
    return store


def _definitions() -> Path:
    """msg/ of the source folder or of the installation that this module is in."""
    for parent in Path(__file__).resolve().parents:
        for folder in (parent / "msg", parent / "share" / "dense3d_ros" / "msg"):
            if (folder / f"{_OURS[0]}.msg").is_file():
                return folder
    raise FileNotFoundError("the message definitions of dense3d_ros are not installed beside it (msg/HandPose.msg)")


class RosTypes:
    """Makes messages; `markers` remembers which hands the last message showed."""

    def __init__(self) -> None:
        self.store = type_store()
        self._shown: set[int] = set()

    def _new(self, kind: str, *values: Any) -> Any:
        return self.store.types[kind](*values)

    def header(self, nanoseconds: int, frame_id: str) -> Any:
        """std_msgs/Header."""
        return self._new("std_msgs/msg/Header", self._time(nanoseconds), frame_id)

    def _time(self, nanoseconds: int) -> Any:
        return self._new("builtin_interfaces/msg/Time", nanoseconds // 10**9, nanoseconds % 10**9)

    def image(self, header: Any, depth: DepthImage) -> Any:
        """sensor_msgs/Image: 16UC1 where the values are millimetres, else 32FC1 in metres with NaN for nothing."""
        height, width = depth.shape
        if depth.values.dtype == np.uint16 and depth.unit == 0.001:
            encoding, values = "16UC1", depth.values.astype("<u2")
        else:
            metres = depth.metres()
            encoding, values = "32FC1", np.where(metres > 0, metres, np.nan).astype("<f4")
        data = np.frombuffer(values.tobytes(), np.uint8)
        return self._new(IMAGE, header, height, width, encoding, 0, width * values.itemsize, data)

    def info(self, header: Any, camera: Camera) -> Any:
        """sensor_msgs/CameraInfo, with the camera's lens."""
        lens = camera.distortion
        model, bends = (lens.model, np.array(lens.coefficients)) if lens else ("plumb_bob", np.zeros(5))
        k = np.array([camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1], np.float64)
        p = np.array([camera.fx, 0, camera.cx, 0, 0, camera.fy, camera.cy, 0, 0, 0, 1, 0], np.float64)
        region = self._new("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
        size = (camera.height, camera.width)
        return self._new(INFO, header, *size, model, bends, k, np.eye(3).ravel(), p, 0, 0, region)

    def hands(self, header: Any, hands: Sequence[HandPose], model: str) -> Any:
        """dense3d_ros/HandPoseArray."""
        return self._new(HANDS, header, [self._hand(hand) for hand in hands], model)

    def _hand(self, hand: HandPose) -> Any:
        points = self._points(hand)
        pose = self._new("geometry_msgs/msg/Pose", points[0], self._turn(*quaternion(hand.wrist_axes)))
        scores = hand.joint_scores.astype(np.float32)
        about = (SKELETON, hand.track_id, int(hand.handedness), float(hand.score))
        return self._new("dense3d_ros/msg/HandPose", *about, points, scores, pose)

    def _points(self, hand: HandPose) -> list[Any]:
        return [self._new("geometry_msgs/msg/Point", x, y, z) for x, y, z in hand.joints.tolist()]

    def _turn(self, x: float, y: float, z: float, w: float) -> Any:
        return self._new("geometry_msgs/msg/Quaternion", x, y, z, w)

    def points(self, header: Any, hands: Sequence[HandPose]) -> Any:
        """sensor_msgs/PointCloud2 of all joints as `hand_pose` publishes it."""
        points = joint_cloud(hands)
        names = POINT.names or ()
        fields = [
            self._new("sensor_msgs/msg/PointField", name, 4 * index, _FLOAT32, 1) for index, name in enumerate(names)
        ]
        size = POINT.itemsize
        data = np.frombuffer(points.tobytes(), np.uint8)
        return self._new(POINTS, header, 1, points.size, fields, False, size, size * points.size, data, True)

    def markers(self, header: Any, hands: Sequence[HandPose], lifetime: int) -> Any:
        """visualization_msgs/MarkerArray as `hand_pose` publishes it; lifetime in nanoseconds."""
        present = {hand.track_id for hand in hands}
        markers = [marker for hand in hands for marker in self._hand_markers(header, hand, lifetime)]
        for number in sorted(self._shown - present) if hands else ():
            markers += [self._marker(header, name, number, 0, _DELETE) for name in _NAMESPACES]
        self._shown = present
        return self._new(MARKERS, markers or [self._marker(header, "", 0, 0, _DELETE_ALL)])

    def _hand_markers(self, header: Any, hand: HandPose, lifetime: int) -> tuple[Any, Any]:
        joints, bones = (
            self._marker(header, name, hand.track_id, shape, _ADD, lifetime)
            for name, shape in zip(_NAMESPACES, (_SPHERE_LIST, _LINE_LIST), strict=True)
        )
        joints.points = self._points(hand)
        joints.colors = [self._colour(colour) for colour in JOINT_COLOURS]
        joints.scale.x = joints.scale.y = joints.scale.z = _JOINT_DIAMETER
        bones.points = [joints.points[joint] for bone in BONES for joint in bone]
        bones.colors = [self._colour(colour) for colour in FINGER_COLOURS for _ in range(8)]
        bones.scale.x = _BONE_WIDTH
        return joints, bones

    def _colour(self, rgb: tuple[float, float, float]) -> Any:
        return self._new("std_msgs/msg/ColorRGBA", *rgb, 1.0)

    def _marker(self, header: Any, name: str, number: int, shape: int, action: int, lifetime: int = 0) -> Any:
        nowhere = self._new("geometry_msgs/msg/Point", 0.0, 0.0, 0.0)
        pose = self._new("geometry_msgs/msg/Pose", nowhere, self._turn(0.0, 0.0, 0.0, 1.0))
        scale = self._new("geometry_msgs/msg/Vector3", 0.0, 0.0, 0.0)
        colour = self._new("std_msgs/msg/ColorRGBA", 0.0, 0.0, 0.0, 0.0)
        duration = self._new("builtin_interfaces/msg/Duration", lifetime // 10**9, lifetime % 10**9)
        blank = self._new("std_msgs/msg/Header", self._time(0), "")
        image = self._new("sensor_msgs/msg/CompressedImage", blank, "", np.zeros(0, np.uint8))
        mesh = self._new("visualization_msgs/msg/MeshFile", "", np.zeros(0, np.uint8))
        shown = (header, name, number, shape, action, pose, scale, colour, duration, False)
        return self._new("visualization_msgs/msg/Marker", *shown, [], [], "", image, [], "", "", mesh, False)
