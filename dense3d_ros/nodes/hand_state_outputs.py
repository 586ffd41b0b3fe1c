"""What `hand_state` publishes about one hand, each topic only while someone subscribes to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import PoseArray, PoseStamped
from sensor_msgs.msg import JointState

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.geometry.hand_angles import ANGLE_NAMES, WRIST_ANGLES
from dense3d_ros.geometry.rotation import quaternion
from dense3d_ros.hand_state.frames import FRAME_NAMES, Pose
from dense3d_ros.hand_state.state import StateEstimate
from dense3d_ros.msg import HandGrasp
from dense3d_ros.nodes.endpoints import create_publisher

_UNTOLD = len(ANGLE_NAMES[WRIST_ANGLES])
"""The first angles, which are the wrist's: the forearm is not among the joints."""


class HandStateOutputs:
    """The topics `~/left/...` or `~/right/...` of a node.

    Poses and angles are sent only for an image that shows the hand. `grasp` goes on with its age while the hand is
    held, and says once that it is lost.
    """

    def __init__(self, node: Any, handedness: Handedness) -> None:
        name = handedness.name.lower()

        def publisher(message: Any, topic: str) -> Any:
            return create_publisher(node, message, f"~/{name}/{topic}", 5)

        self._handedness = handedness
        self._poses = {frame: publisher(PoseStamped, frame) for frame in FRAME_NAMES if frame != "grasp"}
        # `grasp` names the message; its frame goes by the name of the grip.
        self._poses["grasp"] = publisher(PoseStamped, "power_grasp")
        self._grasp = publisher(HandGrasp, "grasp")
        self._angles = publisher(JointState, "angles")
        self._joints = publisher(PoseArray, "joints")
        self._joint_names = [f"{name}_{angle}" for angle in ANGLE_NAMES[_UNTOLD:]]
        self._header: Any = None

    @property
    def tracked(self) -> bool:
        """Whether subscribers hold a hand now."""
        return self._header is not None

    def wanted(self) -> bool:
        """Whether anyone subscribes to any of the topics."""
        topics = (*self._poses.values(), self._grasp, self._angles, self._joints)
        return any(topic.get_subscription_count() > 0 for topic in topics)

    def joints_wanted(self) -> bool:
        """Whether anyone subscribes to the joints in another convention."""
        return bool(self._joints.get_subscription_count() > 0)

    def publish_joints(self, header: Any, joints: Sequence[Pose]) -> None:
        """The joints of a convention, for an image that shows the hand."""
        self._joints.publish(PoseArray(header=header, poses=[_filled(PoseMessage(), joint) for joint in joints]))

    def publish(self, header: Any, estimate: StateEstimate | None, reason: str = "") -> None:
        """What is known at the image of `header`; None where the hand is lost or never was, for that reason."""
        if estimate is None:
            if self.tracked and self._grasp.get_subscription_count() > 0:
                self._grasp.publish(HandGrasp(header=header, handedness=int(self._handedness), reason=reason))
            self._header = None
            return
        if estimate.age == 0.0:
            self._header = header
            for frame, topic in self._poses.items():
                if topic.get_subscription_count() > 0:
                    topic.publish(pose_message(header, estimate.frames[frame]))
            if self._angles.get_subscription_count() > 0:
                positions = estimate.angles[_UNTOLD:].tolist()
                self._angles.publish(JointState(header=header, name=self._joint_names, position=positions))
        if self._grasp.get_subscription_count() > 0:
            self._grasp.publish(self._grasp_message(estimate))

    def _grasp_message(self, estimate: StateEstimate) -> Any:
        grasp = estimate.grasp
        return HandGrasp(
            header=self._header,
            handedness=int(self._handedness),
            tracked=True,
            age=estimate.age,
            aperture=grasp.aperture,
            closure=grasp.closure,
            finger_closures=grasp.finger_closures.tolist(),
            pinch=grasp.pinch,
            fist=grasp.fist,
            pinch_confidence=grasp.pinch_confidence,
            fist_confidence=grasp.fist_confidence,
        )


def pose_message(header: Any, pose: Pose) -> Any:
    """geometry_msgs/PoseStamped of a pose."""
    message = PoseStamped(header=header)
    _filled(message.pose, pose)
    return message


def _filled(message: Any, pose: Pose) -> Any:
    position, orientation = message.position, message.orientation
    position.x, position.y, position.z = pose.position.tolist()
    orientation.x, orientation.y, orientation.z, orientation.w = quaternion(pose.rotation)
    return message
