"""Depth images from ROS messages, hands to ROS messages. The messages are made once and filled again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, PoseArray
from sensor_msgs.msg import CompressedImage

from dense3d_ros.geometry.compressed_depth import decode_compressed_depth
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_COUNT, SKELETON, Handedness, HandPose
from dense3d_ros.geometry.rotation import quaternion
from dense3d_ros.msg import HandPose as HandPoseMessage
from dense3d_ros.msg import HandPoseArray


def depth_image(message: Any, unit: float = 0.0) -> DepthImage:
    """View a sensor_msgs/Image, or decode a CompressedImage, as a depth image. Raises DepthFormatError.

    unit: metres per value; 0 takes the encoding's.
    """
    depth = _as_encoded(message)
    return replace(depth, unit=unit) if unit else depth


def _as_encoded(message: Any) -> DepthImage:
    if isinstance(message, CompressedImage):
        return decode_compressed_depth(message.data, message.format)
    return DepthImage.from_buffer(
        message.data,
        width=message.width,
        height=message.height,
        encoding=message.encoding,
        step=message.step,
        is_bigendian=bool(message.is_bigendian),
    )


def stamp_seconds(stamp: Any) -> float:
    """builtin_interfaces/Time -> seconds."""
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def stamp_nanoseconds(stamp: Any) -> int:
    """builtin_interfaces/Time -> nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def read_hand(message: Any) -> HandPose:
    """dense3d_ros/HandPose -> the hand; what is not finite stays so."""
    joints = np.array([(point.x, point.y, point.z) for point in message.joints], np.float32)
    scores = np.array(message.joint_scores, np.float32)
    return HandPose(joints, scores, float(message.score), Handedness(message.handedness), int(message.track_id))


class HandMessages:
    """Fills one HandPoseArray and one PoseArray again and again; a call changes the last call's message."""

    def __init__(self) -> None:
        self._array = HandPoseArray()
        self._hands: list[Any] = []
        self._poses = PoseArray()
        self._joints: list[Any] = []

    def hands(self, header: Any, hands: Sequence[HandPose], model: str) -> Any:
        """HandPoseArray of `hands`, in their order."""
        while len(self._hands) < len(hands):
            self._hands.append(HandPoseMessage(skeleton=SKELETON))
        for message, hand in zip(self._hands, hands, strict=False):
            message.track_id = hand.track_id
            message.handedness = int(hand.handedness)
            message.score = float(hand.score)
            for point, (x, y, z) in zip(message.joints, hand.joints.tolist(), strict=True):
                point.x, point.y, point.z = x, y, z
            message.joint_scores = hand.joint_scores.astype(np.float32)
            position, orientation = message.wrist.position, message.wrist.orientation
            position.x, position.y, position.z = hand.joints[0].tolist()
            orientation.x, orientation.y, orientation.z, orientation.w = quaternion(hand.wrist_axes)
        self._array.header = header
        self._array.hands = self._hands[: len(hands)]
        self._array.model = model
        return self._array

    def joints(self, header: Any, hands: Sequence[HandPose]) -> Any:
        """PoseArray of all joints, 21 a hand in the order of JOINT_NAMES; orientations are the identity."""
        count = JOINT_COUNT * len(hands)
        while len(self._joints) < count:
            self._joints.append(Pose())
        coordinates = [joint for hand in hands for joint in hand.joints.tolist()]
        for pose, (x, y, z) in zip(self._joints, coordinates, strict=False):
            pose.position.x, pose.position.y, pose.position.z = x, y, z
        self._poses.header = header
        self._poses.poses = self._joints[:count]
        return self._poses
