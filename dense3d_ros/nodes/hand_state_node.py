"""`hand_state`: hands in; smoothed hands, poses, grasp and angles of the left and the right hand out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import Header

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.hand_state.conventions import convention_poses
from dense3d_ros.hand_state.followed import FollowedHand
from dense3d_ros.hand_state.frames import Pose
from dense3d_ros.hand_state.state import StateEstimate
from dense3d_ros.hand_state.transforms import transform_points
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import STATE, Condition, Conditions, Level, diagnostic_array, status_name
from dense3d_ros.nodes.endpoints import create_publisher, create_subscription
from dense3d_ros.nodes.hand_state_outputs import HandStateOutputs
from dense3d_ros.nodes.messages import HandMessages, read_hand, stamp_seconds
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.process import run_nodes, steady_clock
from dense3d_ros.nodes.settings import HandStateSettings
from dense3d_ros.nodes.transform_input import TransformInput
from dense3d_ros.nodes.transform_output import TransformOutput
from dense3d_ros.nodes.watch_timer import WatchTimer

INPUT = "hand_pose/hands"
LEFT_AND_RIGHT = (Handedness.LEFT, Handedness.RIGHT)
COUNTED = (
    "messages",
    "out of order",
    "without transform",
    "hands of unknown handedness",
    "refused hands",
    "glitches",
    "outside workspace",
    "changes to another hand",
    "returns after a loss",
)


class HandStateNode(Node):  # type: ignore[misc]
    """Follows a left and a right hand on `hand_pose/hands`. Hands of unknown handedness are only counted.

    It listens only while someone listens to it, because hands are looked for only while someone wants them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("hand_state", **options)
        self._configuration = NodeParameters(self, HandStateSettings())
        self._conditions = Conditions(self.get_logger())
        self._counts = Counter(dict.fromkeys(COUNTED, 0))
        self._hands = {handedness: FollowedHand(handedness) for handedness in LEFT_AND_RIGHT}
        self._outputs = {handedness: HandStateOutputs(self, handedness) for handedness in LEFT_AND_RIGHT}
        self._messages = HandMessages()
        self._smoothed = create_publisher(self, HandPoseArray, "~/hands", 5)
        self._tf = TransformOutput(self)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._transforms = TransformInput(self, self._follow)
        self._input: Any = None
        self._topic = self.resolve_topic_name(INPUT)
        self._came = time.monotonic()
        self._header: Any = None
        self._watch = WatchTimer(self, self._look_around)
        self._tick = self.create_timer(1.0, self._report, clock=steady_clock())

    @property
    def tf_prefix(self) -> str | None:
        """What the names of its frames on /tf begin with; None where it sends none."""
        settings = self._configuration.settings
        return settings.frame_prefix if settings.publish_tf else None

    def _wanted(self) -> bool:
        return (
            self._configuration.settings.publish_tf
            or self._smoothed.get_subscription_count() > 0
            or any(outputs.wanted() for outputs in self._outputs.values())
        )

    def _look_around(self) -> bool:
        """Listen if someone wants it, and take back hands that no message has renewed; whether there may be some."""
        wanted = self._wanted()
        if wanted and self._input is None:
            self._came = time.monotonic()
            self._input = create_subscription(self, HandPoseArray, INPUT, self._hands_came, 5)
            # Before the first hands, which need transforms of times before they come.
            self._use_target_frame()
        elif not wanted and self._input is not None:
            self.destroy_subscription(self._input)
            self._input = None
            self._transforms.use("", 0.0)
            self._lose_all("nobody subscribes")
        if time.monotonic() - self._came >= self._configuration.settings.timeout:
            self._lose_all(f"no message on {self._topic}")
        return self._header is not None

    def _lose_all(self, reason: str) -> None:
        for followed in self._hands.values():
            followed.lose()
        if self._header is None:
            return
        for outputs in self._outputs.values():
            outputs.publish(self._header, None, reason)
        self._publish_smoothed(self._header, [], "")
        self._header = None

    def _hands_came(self, message: Any) -> None:
        self._came = time.monotonic()
        self._counts["messages"] += 1
        if self._use_target_frame():
            self._lose_all(f"target_frame is '{self._configuration.settings.target_frame}' now")
        self._transforms.put(message)

    def _use_target_frame(self) -> bool:
        """Have hands given in the frame that is asked for; whether it is another one now."""
        settings = self._configuration.settings
        return self._transforms.use(settings.target_frame.lstrip("/"), settings.tf_timeout)

    def _follow(self, message: Any, camera: Pose | None, why_not: str) -> None:
        """A message of hands, where their frame is in the target frame, or why that is not known."""
        settings = self._configuration.settings
        header = message.header
        hands = [read_hand(hand) for hand in message.hands if hand.handedness in LEFT_AND_RIGHT]
        # Of a camera without stamps it is known when its hands came.
        moment = stamp_seconds(header.stamp) or time.monotonic()
        if any(followed.is_out_of_order(moment, message.hands) for followed in self._hands.values()):
            self._counts["out of order"] += 1
            return
        self._conditions.report(Condition(Level.OK, "followed", f"{len(message.hands)} hands in the last message"))
        if camera is not None or why_not:
            header = Header(stamp=header.stamp, frame_id=settings.target_frame.lstrip("/"))
        if why_not:
            self._counts["without transform"] += 1
            text = (
                f"hands of '{excerpt(message.header.frame_id)}' cannot be given in target_frame "
                f"'{excerpt(header.frame_id)}': {why_not}"
            )
            level = Level.OK if self._transforms.has_just_begun else Level.ERROR
            self._conditions.report(Condition(level, "transform", text))
        self._header = header
        self._counts["hands of unknown handedness"] += len(message.hands) - len(hands)
        if camera is not None:
            for hand in hands:
                hand.joints = transform_points(camera, hand.joints).astype(np.float32)
        estimates: dict[Handedness, StateEstimate] = {}
        smoothed = []
        for handedness, followed in self._hands.items():
            followed.state.settings = settings.of_the_hand()
            estimate = followed.update(moment, hands, are_placed=not why_not)
            self._tell(followed, estimate)
            if followed.change or followed.back:
                # Whoever holds the former hand's state is told first that it is lost.
                self._outputs[handedness].publish(header, None, followed.change or "the hand was lost")
            self._outputs[handedness].publish(header, estimate, why_not or followed.reason)
            if followed.hand is not None and estimate is not None and estimate.age == 0.0:
                estimates[handedness] = estimate
                self._publish_joints(header, handedness, estimate)
                joints, hand = estimate.joints.astype(np.float32), followed.hand
                smoothed.append(HandPose(joints, estimate.scores, hand.score, handedness, hand.track_id))
        if settings.publish_tf:
            self._tf.publish(header, estimates, settings.frame_prefix)
        self._publish_smoothed(header, smoothed, message.model)

    def _publish_smoothed(self, header: Any, hands: list[HandPose], model: str) -> None:
        if self._smoothed.get_subscription_count() > 0:
            hands.sort(key=lambda hand: hand.track_id)
            self._smoothed.publish(self._messages.hands(header, hands, model))

    def _publish_joints(self, header: Any, handedness: Handedness, estimate: StateEstimate) -> None:
        """In the convention that is asked for, if any."""
        name = self._configuration.settings.convention
        if name == "none" or not self._outputs[handedness].joints_wanted():
            return
        try:
            self._outputs[handedness].publish_joints(header, convention_poses(name, estimate.joints, handedness))
        except ValueError as error:
            text = f"{handedness.name.lower()} hand on {self._topic} cannot be given as {name}: {error}"
            self._conditions.report(Condition(Level.ERROR, "convention", text))

    def _tell(self, followed: FollowedHand, estimate: StateEstimate | None) -> None:
        """Count and report what the last message did to a hand."""
        name = f"{followed.state.handedness.name.lower()} hand on {self._topic}"
        told = [("refused hands", Condition(Level.ERROR, "hand", f"{name}: {text}")) for text in followed.refused]
        if followed.outside:
            told.append(("outside workspace", Condition(Level.WARN, "workspace", f"{name}: {followed.outside}")))
        if followed.change:
            # Each time: from now on somebody else may move the robot.
            change = Condition(Level.WARN, "another hand", f"{name}: {followed.change}", log_again=0.0)
            told.append(("changes to another hand", change))
        if followed.back:
            self._counts["returns after a loss"] += 1
            self.get_logger().info(f"{name} {followed.back}")
        if followed.doubt:
            self._conditions.report(Condition(Level.WARN, "doubtful hand", f"{name}: {followed.doubt}"))
        if followed.state.is_glitch:
            self._counts["glitches"] += 1
            if estimate is None:
                self._conditions.report(Condition(Level.WARN, "glitch", f"{name}: {followed.reason}"))
        for count, condition in told:
            self._counts[count] += 1
            self._conditions.report(condition)

    def _report(self) -> None:
        silence = time.monotonic() - self._came
        if self._input is None:
            self._conditions.report(Condition(Level.OK, "idle", "idle: nobody subscribes"))
        elif silence > self._configuration.settings.timeout:
            level = Level.STALE if self._counts["messages"] else Level.WARN
            text = f"no message on {self._topic} for {silence:.1f} s"
            self._conditions.report(Condition(level, "no messages", text))
        tracked: dict[str, object] = {
            f"{handedness.name.lower()} tracked": outputs.tracked for handedness, outputs in self._outputs.items()
        }
        for handedness, followed in self._hands.items():
            tracked[f"{handedness.name.lower()} track_id"] = "" if followed.track_id is None else followed.track_id
        self._diagnostics.publish(
            diagnostic_array(
                self.get_clock().now().to_msg(),
                status_name(self, STATE),
                self._topic,
                self._conditions.take(),
                {**self._counts, "refused transforms": self._transforms.refused, **tracked},
            )
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted; returns the exit status."""
    return run_nodes(lambda: [HandStateNode()], arguments)
