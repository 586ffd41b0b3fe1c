"""Publishers and subscriptions whose quality of service a user may change by the parameters qos_overrides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions


def create_publisher(node: Any, message: Any, topic: str, qos: QoSProfile | int) -> Any:
    """A publisher of `node`. message: its class. qos: the default, or the depth of an otherwise ordinary one."""
    return node.create_publisher(
        message, topic, qos, qos_overriding_options=QoSOverridingOptions.with_default_policies()
    )


def create_subscription(
    node: Any, message: Any, topic: str, callback: Callable[[Any], None], qos: QoSProfile | int
) -> Any:
    """A subscription of `node`, likewise."""
    return node.create_subscription(
        message,
        topic,
        callback,
        qos_profile=qos,
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )
