"""`hand_state`: hands in; smoothed hands, poses, grasp and angles of each side out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.hand_state.state import Estimate, HandState
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import Condition, Conditions, Level, diagnostic_array
from dense3d_ros.nodes.messages import HandMessages, stamp_seconds
from dense3d_ros.nodes.parameters import HandStateSettings, NodeParameters
from dense3d_ros.nodes.process import run_nodes, steady_clock
from dense3d_ros.nodes.side_outputs import SideOutputs

SIDES = (Handedness.LEFT, Handedness.RIGHT)
WATCH_INTERVAL_S = 0.1


class HandStateNode(Node):  # type: ignore[misc]
    """Follows the most certain left and right hand on `hand_pose/hands`. Hands of no side are only counted."""

    def __init__(self, **options: Any) -> None:
        super().__init__("hand_state", **options)
        self._configuration = NodeParameters(self, HandStateSettings())
        self._conditions = Conditions(self.get_logger())
        self._counts = Counter({"messages": 0, "hands of no side": 0, "refused hands": 0})
        self._states = {side: HandState(side) for side in SIDES}
        self._outputs = {side: SideOutputs(self, side) for side in SIDES}
        self._messages = HandMessages()
        overriding = QoSOverridingOptions.with_default_policies()
        self._smoothed = self.create_publisher(
            HandPoseArray, "~/hands", QoSProfile(depth=5), qos_overriding_options=overriding
        )
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._came = time.monotonic()
        self._header: Any = None
        self._input = self.create_subscription(
            HandPoseArray, "hand_pose/hands", self._follow, QoSProfile(depth=5), qos_overriding_options=overriding
        )
        # Wall time: with use_sim_time the node's clock may stand still, and a hand must not stay for that.
        self._watch = self.create_timer(WATCH_INTERVAL_S, self._lose_hands_in_silence, clock=steady_clock())
        self._tick = self.create_timer(1.0, self._report, clock=steady_clock())

    def _follow(self, message: Any) -> None:
        self._came, self._header = time.monotonic(), message.header
        self._counts["messages"] += 1
        self._conditions.report(Condition(Level.OK, "followed", f"{len(message.hands)} hands in the last message"))
        stamp = stamp_seconds(message.header.stamp)
        settings = self._configuration.settings.of_the_hand()
        seen = {side: self._most_certain(message, side) for side in SIDES}
        self._counts["hands of no side"] += sum(hand.handedness not in SIDES for hand in message.hands)
        smoothed = []
        for side, state in self._states.items():
            state.settings = settings
            hand = seen[side]
            estimate = self._estimate(state, stamp, hand)
            self._outputs[side].publish(message.header, estimate)
            if hand is not None and estimate is not None and estimate.age == 0.0:
                joints = estimate.joints.astype(np.float32)
                smoothed.append(HandPose(joints, estimate.scores, hand.score, side, hand.track_id))
        if self._smoothed.get_subscription_count() > 0:
            smoothed.sort(key=lambda hand: -hand.score)
            self._smoothed.publish(self._messages.hands(message.header, smoothed, message.model))

    def _most_certain(self, message: Any, side: Handedness) -> HandPose | None:
        hands = [hand for hand in message.hands if hand.handedness == side]
        if not hands:
            return None
        hand = max(hands, key=lambda hand: float(hand.score))
        joints = np.array([(point.x, point.y, point.z) for point in hand.joints], np.float32)
        return HandPose(joints, np.array(hand.joint_scores, np.float32), float(hand.score), side, int(hand.track_id))

    def _estimate(self, state: HandState, stamp: float, hand: HandPose | None) -> Estimate | None:
        try:
            return state.update(stamp, hand)
        except ValueError as error:
            self._counts["refused hands"] += 1
            text = f"{state.side.name.lower()} hand on {self._input.topic_name}: {error}"
            self._conditions.report(Condition(Level.ERROR, "hand", text))
            return state.update(stamp, None)

    def _lose_hands_in_silence(self) -> None:
        """No message has come for long: what subscribers hold is taken back."""
        if self._header is None or time.monotonic() - self._came < self._configuration.settings.timeout:
            return
        for side, state in self._states.items():
            state.reset()
            self._outputs[side].publish(self._header, None)
        self._header = None

    def _report(self) -> None:
        silence = time.monotonic() - self._came
        if silence > self._configuration.settings.timeout:
            level = Level.STALE if self._counts["messages"] else Level.WARN
            text = f"no message on {self._input.topic_name} for {silence:.1f} s"
            self._conditions.report(Condition(level, "no messages", text))
        tracked = {f"{side.name.lower()} tracked": outputs.tracked for side, outputs in self._outputs.items()}
        self._diagnostics.publish(
            diagnostic_array(
                self.get_clock().now().to_msg(),
                f"{self.get_fully_qualified_name().lstrip('/')}: state",
                self._input.topic_name,
                self._conditions.take(),
                {**self._counts, **tracked},
            )
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted; returns the exit status."""
    return run_nodes(lambda: [HandStateNode()], arguments)
