"""Watches what drives a robot: poses of the hand, joint commands, and how late and how true they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, JointState

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.hand_state.frames import Pose, hand_frames
from dense3d_ros.hand_state.transforms import rotation_matrix
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import values_of
from dense3d_ros.nodes.messages import depth_image, read_hand, stamp_nanoseconds

Array = NDArray[np.float64]

Values = dict[str, str]

POSES = ("wrist", "pinch")


@dataclass
class Moment:
    """What was heard of one image. commands: positions by joint, by robot."""

    depth: DepthImage | None = None
    hand: HandPose | None = None
    truth: Array | None = None
    poses: dict[str, Pose] = field(default_factory=dict)
    commands: dict[str, dict[str, float]] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)


class TeleopObserver(Node):  # type: ignore[misc]
    """Keeps a Moment for each image's stamp. `robots`: names of the nodes that command them.

    counted: the first and the last values of each node's diagnostics since `forget`, by the node's name.
    """

    def __init__(self, namespace: str, camera: str, robots: Sequence[str], handedness: Handedness) -> None:
        super().__init__("teleop_observer", namespace=namespace)
        self.moments: dict[int, Moment] = {}
        self.frames: set[int] = set()
        self.counted: dict[str, tuple[Values, Values]] = {}
        self._handedness, self._namespace, self._camera = handedness, namespace, camera
        name = handedness.name.lower()
        best_effort = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(CameraInfo, f"{camera}/depth/camera_info", self._info_came, best_effort)
        self.create_subscription(PoseArray, f"{camera}/true_joints", self._truth_came, 100)
        for pose in POSES:
            topic = f"{namespace}/hand_state/{name}/{pose}"
            self.create_subscription(PoseStamped, topic, self._pose_keeper(pose), 100)
        for robot in robots:
            topic = f"{namespace}/{robot}/joint_commands"
            self.create_subscription(JointState, topic, self._command_keeper(robot), 100)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics_came, 20)

    def forget(self) -> None:
        """Start counting anew."""
        self.moments.clear()
        self.frames.clear()
        self.counted.clear()

    def keep_images(self) -> None:
        """Listen to the images and the smoothed hands from now on, which costs time of its own."""
        best_effort = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(Image, f"{self._camera}/depth/image_rect_raw", self._image_came, best_effort)
        self.create_subscription(HandPoseArray, f"{self._namespace}/hand_state/hands", self._hands_came, 20)

    def _moment(self, message: Any) -> Moment:
        return self.moments.setdefault(stamp_nanoseconds(message.header.stamp), Moment())

    def _late(self, message: Any) -> float:
        """Milliseconds since the image's stamp."""
        return float(self.get_clock().now().nanoseconds - stamp_nanoseconds(message.header.stamp)) * 1e-6

    def _info_came(self, message: Any) -> None:
        self.frames.add(stamp_nanoseconds(message.header.stamp))

    def _truth_came(self, message: Any) -> None:
        points = [(pose.position.x, pose.position.y, pose.position.z) for pose in message.poses]
        self._moment(message).truth = np.array(points)

    def _image_came(self, message: Any) -> None:
        self._moment(message).depth = depth_image(message)

    def _hands_came(self, message: Any) -> None:
        for hand in message.hands:
            if hand.handedness == self._handedness:
                self._moment(message).hand = read_hand(hand)

    def _pose_keeper(self, name: str) -> Any:
        def came(message: Any) -> None:
            late = self._late(message)
            position, turn = message.pose.position, message.pose.orientation
            moment = self._moment(message)
            moment.latency_ms[name] = late
            moment.poses[name] = Pose(
                np.array([position.x, position.y, position.z]),
                rotation_matrix(np.array([turn.x, turn.y, turn.z, turn.w])),
            )

        return came

    def _command_keeper(self, robot: str) -> Any:
        def came(message: Any) -> None:
            late = self._late(message)
            moment = self._moment(message)
            moment.latency_ms[robot] = late
            moment.commands[robot] = dict(zip(message.name, message.position, strict=True))

        return came

    def _diagnostics_came(self, message: Any) -> None:
        for status in message.status:
            node = status.name.rpartition(": ")[0].rpartition("/")[2]
            values = values_of(status)
            self.counted[node] = (self.counted.get(node, (values,))[0], values)


def pose_errors(moments: Sequence[Moment], handedness: Handedness) -> dict[str, tuple[Array, Array]]:
    """For wrist and pinch: (T,) millimetres and (T,) degrees off the frames of the true joints."""
    errors: dict[str, tuple[Array, Array]] = {}
    for name in POSES:
        metres, degrees = [], []
        for moment in moments:
            if moment.truth is None or name not in moment.poses:
                continue
            pose, true = moment.poses[name], hand_frames(moment.truth, handedness)[name]
            metres.append(float(np.linalg.norm(pose.position - true.position)))
            # The trace of the turn between two rotations is 1 + 2 cos of its angle.
            cosine = (float((pose.rotation * true.rotation).sum()) - 1.0) / 2.0
            degrees.append(float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))))
        errors[name] = (np.array(metres) * 1e3, np.array(degrees))
    return errors
