"""The filling of all messages about a frame's hands, to be timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from std_msgs.msg import Header

from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.nodes.markers import HandMarkers
from dense3d_ros.nodes.messages import HandMessages


def fill_messages(hands: Sequence[HandPose]) -> Callable[[], object]:
    """What fills hands, joints and markers once."""
    header, messages, markers = Header(), HandMessages(), HandMarkers()

    def fill() -> object:
        messages.hands(header, hands, "hand")
        messages.joints(header, hands)
        return markers.update(header, hands, joint_diameter=0.012, bone_width=0.006, lifetime=0.5)

    return fill
