"""`hand_retarget`: smoothed hands in, joint commands of a robot out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from dense3d_ros.hand_state.state import check_hand
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import COMMANDS, Condition, Conditions, Level, diagnostic_array, status_name
from dense3d_ros.nodes.endpoints import create_publisher, create_subscription
from dense3d_ros.nodes.messages import read_hand
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.process import run_nodes, steady_clock
from dense3d_ros.nodes.settings import HandRetargetSettings
from dense3d_ros.retargeting.certainty import doubt
from dense3d_ros.retargeting.robot import load_robot

COUNTED = ("commands", "without a hand", "repeated stamps", "not enabled", "refused hands", "low joint scores")


class HandRetargetNode(Node):  # type: ignore[misc]
    """One command for each image that shows the hand that the robot follows well enough, with its stamp.

    None for other images, for one whose stamp was the last one's already, and while a dead-man's switch is not pressed.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("hand_retarget", **options)
        self._configuration = NodeParameters(self, HandRetargetSettings())
        self._robot = load_robot(self._configuration.settings.robot)
        self._handedness = self._robot.handedness.name.lower()
        self._conditions = Conditions(self.get_logger())
        self._counts = Counter(dict.fromkeys(COUNTED, 0))
        self._came = self._enabled = -float("inf")
        self._stamp: Any = None
        self._commands = create_publisher(self, JointState, "~/joint_commands", 5)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # A command for an old hand is worth nothing once a new one is there.
        self._input = create_subscription(self, HandPoseArray, "hand_state/hands", self._hands_came, 1)
        # The newest alone: after a pause of this process, a true that waited must not hide the false behind it.
        self._switch = self.create_subscription(Bool, "~/enable", self._switched, 1)
        self._tick = self.create_timer(1.0, self._report, clock=steady_clock())
        if self._configuration.settings.enable_timeout == 0.0:
            self.get_logger().warning(
                f"No dead-man's switch is active: every {self._handedness} hand moves the robot. To have one, set the "
                "parameter enable_timeout, for example -p enable_timeout:=0.5, and keep sending true on "
                f"{self._switch.topic_name} (std_msgs/Bool)."
            )

    def _switched(self, message: Any) -> None:
        self._enabled = time.monotonic() if message.data else -float("inf")

    def _hands_came(self, message: Any) -> None:
        self._came = time.monotonic()
        hands = [hand for hand in message.hands if hand.handedness == self._robot.handedness]
        if not hands:
            self._robot.forget()
            text = f"no {self._handedness} hand in the last message"
            self._no_command("without a hand", Condition(Level.OK, "no hand", text))
            return
        former, self._stamp = self._stamp, message.header.stamp
        # Drivers without stamps send 0 each time.
        if self._stamp == former and self._stamp != Time():
            stamp = f"{former.sec}.{former.nanosec:09d}"
            text = f"the stamp {stamp} of {self._input.topic_name} is the last one's again: no command"
            self._no_command("repeated stamps", Condition(Level.WARN, "repeated stamp", text))
            return
        settings = self._configuration.settings
        if settings.enable_timeout > 0.0 and self._came - self._enabled > settings.enable_timeout:
            text = f"no true on {self._switch.topic_name} in the last {settings.enable_timeout:g} s: no commands"
            self._no_command("not enabled", Condition(Level.OK, "not enabled", text))
            return
        name = f"{self._handedness} hand on {self._input.topic_name}"
        try:
            hand = read_hand(hands[0])
            check_hand(hand)
            if text := doubt(self._robot.used, hand.joint_scores, settings.min_joint_score):
                self._no_command("low joint scores", Condition(Level.WARN, "joint scores", f"{name}: {text}"))
                return
            positions = self._robot.positions(hand.joints)
        except ValueError as error:
            self._no_command("refused hands", Condition(Level.ERROR, "hand", f"{name}: {error}"))
            return
        names = list(self._robot.joint_names)
        self._commands.publish(JointState(header=message.header, name=names, position=positions.tolist()))
        self._counts["commands"] += 1
        self._conditions.report(Condition(Level.OK, "commanded", f"commands to {self._robot.robot.name}"))

    def _no_command(self, reason: str, condition: Condition) -> None:
        self._counts[reason] += 1
        self._conditions.report(condition)

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
                status_name(self, COMMANDS),
                self._robot.robot.name,
                self._conditions.take(),
                self._counts,
            )
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted; returns the exit status."""
    return run_nodes(lambda: [HandRetargetNode()], arguments)
