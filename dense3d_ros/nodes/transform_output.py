"""The frames of hands on /tf."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from tf2_msgs.msg import TFMessage

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.geometry.rotation import quaternion
from dense3d_ros.hand_state.state import StateEstimate
from dense3d_ros.nodes.endpoints import create_publisher


class TransformOutput:
    """Broadcasts the frames of hands that are seen. Those of a lost hand end: at later stamps there are none."""

    def __init__(self, node: Any) -> None:
        self._publisher = create_publisher(node, TFMessage, "/tf", 100)

    def publish(self, header: Any, hands: dict[Handedness, StateEstimate], prefix: str) -> None:
        """One message with the frames of all `hands`, which were seen in the image of `header`."""
        transforms = [
            self._transform(header, f"{prefix}{handedness.name.lower()}_{name}", pose)
            for handedness, estimate in hands.items()
            for name, pose in estimate.frames.items()
        ]
        if transforms:
            self._publisher.publish(TFMessage(transforms=transforms))

    def _transform(self, header: Any, child: str, pose: Any) -> TransformStamped:
        sent = TransformStamped(header=header, child_frame_id=child)
        move, turn = sent.transform.translation, sent.transform.rotation
        move.x, move.y, move.z = pose.position.tolist()
        turn.x, turn.y, turn.z, turn.w = quaternion(pose.rotation)
        return sent
