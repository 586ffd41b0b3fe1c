"""`hand_retarget`: smoothed hands in, joint commands of a robot out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import Condition, Conditions, Level, diagnostic_array
from dense3d_ros.nodes.messages import read_hand
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.process import run_nodes, steady_clock
from dense3d_ros.nodes.settings import HandRetargetSettings
from dense3d_ros.retargeting.robot import load_robot


class HandRetargetNode(Node):  # type: ignore[misc]
    """One command for each message with the hand that the robot follows, with that image's stamp; none otherwise."""

    def __init__(self, **options: Any) -> None:
        super().__init__("hand_retarget", **options)
        self._configuration = NodeParameters(self, HandRetargetSettings())
        self._robot = load_robot(self._configuration.settings.robot)
        self._handedness = self._robot.handedness.name.lower()
        self._conditions = Conditions(self.get_logger())
        self._counts = Counter({"commands": 0, "without a hand": 0, "refused hands": 0, "not enabled": 0})
        self._came = self._enabled = -float("inf")
        overriding = QoSOverridingOptions.with_default_policies()
        self._commands = self.create_publisher(
            JointState, "~/joint_commands", QoSProfile(depth=5), qos_overriding_options=overriding
        )
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # A command for an old hand is worth nothing once a new one is there.
        self._input = self.create_subscription(
            HandPoseArray, "hand_state/hands", self._hands_came, QoSProfile(depth=1), qos_overriding_options=overriding
        )
        self._switch = self.create_subscription(Bool, "~/enable", self._switched, QoSProfile(depth=5))
        self._tick = self.create_timer(1.0, self._report, clock=steady_clock())

    def _switched(self, message: Any) -> None:
        self._enabled = time.monotonic() if message.data else -float("inf")

    def _hands_came(self, message: Any) -> None:
        self._came = time.monotonic()
        hands = [hand for hand in message.hands if hand.handedness == self._robot.handedness]
        if not hands:
            self._counts["without a hand"] += 1
            self._conditions.report(Condition(Level.OK, "no hand", f"no {self._handedness} hand in the last message"))
            return
        timeout = self._configuration.settings.enable_timeout
        if timeout > 0.0 and self._came - self._enabled > timeout:
            self._counts["not enabled"] += 1
            text = f"no true on {self._switch.topic_name} in the last {timeout:g} s: no commands"
            self._conditions.report(Condition(Level.OK, "not enabled", text))
            return
        try:
            hand = read_hand(hands[0])
            positions = self._robot.positions(hand.joints)
        except ValueError as error:
            self._counts["refused hands"] += 1
            text = f"{Handedness(self._robot.handedness).name.lower()} hand on {self._input.topic_name}: {error}"
            self._conditions.report(Condition(Level.ERROR, "hand", text))
            return
        names = list(self._robot.joint_names)
        self._commands.publish(JointState(header=message.header, name=names, position=positions.tolist()))
        self._counts["commands"] += 1
        self._conditions.report(Condition(Level.OK, "commanded", f"commands to {self._robot.robot.name}"))

    def _report(self) -> None:
        silence = time.monotonic() - self._came
        if silence > 1.0:
            level = Level.STALE if self._counts["commands"] else Level.WARN
            since = f"for {silence:.1f} s" if silence < float("inf") else "yet"
            text = f"no message on {self._input.topic_name} {since}"
            self._conditions.report(Condition(level, "no messages", text))
        self._diagnostics.publish(
            diagnostic_array(
                self.get_clock().now().to_msg(),
                f"{self.get_fully_qualified_name().lstrip('/')}: commands",
                self._robot.robot.name,
                self._conditions.take(),
                self._counts,
            )
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted; returns the exit status."""
    return run_nodes(lambda: [HandRetargetNode()], arguments)
