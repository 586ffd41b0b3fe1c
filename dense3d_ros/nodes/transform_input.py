"""Hands wait here until it is known where their camera was in the robot's frame when the image was taken."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from dense3d_ros.excerpt import excerpt
from dense3d_ros.hand_state.followed import SET_BACK_S
from dense3d_ros.hand_state.frames import Pose
from dense3d_ros.hand_state.transforms import TransformBuffer, TransformError
from dense3d_ros.nodes.endpoints import create_subscription
from dense3d_ros.nodes.messages import stamp_nanoseconds
from dense3d_ros.nodes.process import steady_clock

RETRY_S = 0.01
MOST_WAITING = 100
MOST_HINTS = 20
BEGINNING_S = 1.0
"""Seconds of listening after which transforms as old as the hands that come are known."""

Deliver = Callable[[Any, "Pose | None", str], None]
"""Called with a message, where its frame is in the target frame, and why that is unknown."""


class TransformInput:
    """Gives on each message with a header as soon as its transform is known, in order, none later than a timeout.

    `refused` counts the transforms that are none.
    """

    def __init__(self, node: Any, deliver: Deliver) -> None:
        self._node, self._deliver = node, deliver
        self._buffer = TransformBuffer()
        self._waiting: deque[tuple[float, Any]] = deque()
        self._subscriptions: list[Any] = []
        self._target, self._timeout = "", 0.0
        self._newest = 0
        self._listens_since = -float("inf")
        self._known: set[str] = set()
        self.refused = 0
        self._retry = node.create_timer(RETRY_S, self._give_on, clock=steady_clock())
        self._retry.cancel()

    def use(self, target: str, timeout: float) -> bool:
        """The target frame, "" for that of the message, and seconds to wait. Whether the target is another one now."""
        changed, self._target, self._timeout = target != self._target, target, timeout
        if changed:
            # What waits was to go elsewhere.
            self._waiting.clear()
        if target and not self._subscriptions:
            self._subscriptions = [self._subscription("/tf", False), self._subscription("/tf_static", True)]
            self._listens_since = time.monotonic()
        elif not target:
            self.close()
        return changed

    @property
    def has_just_begun(self) -> bool:
        """Whether a transform may be missing for no other reason than that nobody listened when it was sent."""
        return time.monotonic() - self._listens_since < BEGINNING_S

    def close(self) -> None:
        """Listen no more, and forget what was heard."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        self._waiting.clear()
        self._buffer = TransformBuffer()

    def put(self, message: Any) -> None:
        """A message, which is given on now or later."""
        stamp = stamp_nanoseconds(message.header.stamp)
        if stamp < self._newest - round(1e9 * SET_BACK_S):
            # A bag that started again: its transforms are not those of the same times before.
            self._waiting.clear()
            self._buffer.forget_moving()
            self._newest = stamp
            self._node.get_logger().info("The stamps of hands went back: transforms that move are forgotten.")
        self._newest = max(self._newest, stamp)
        if not self._target or message.header.frame_id == self._target:
            self._deliver(message, None, "")
            return
        self._waiting.append((time.monotonic(), message))
        self._give_on()

    def _give_on(self) -> None:
        while self._waiting:
            came, message = self._waiting[0]
            header = message.header
            place, why = None, ""
            try:
                place = self._buffer.lookup(self._target, header.frame_id, stamp_nanoseconds(header.stamp))
            except TransformError as error:
                has_time = time.monotonic() - came < self._timeout and len(self._waiting) <= MOST_WAITING
                if error.may_come and has_time:
                    self._retry.reset()
                    return
                why = str(error)
            self._waiting.popleft()
            if place is not None:
                self._warn_of_body_frame(header.frame_id)
            self._deliver(message, place, why)
        self._retry.cancel()

    def _warn_of_body_frame(self, frame: str) -> None:
        """Say once of a frame that is no optical one by its transforms. Its name, and how it lies, do not tell."""
        if frame in self._known or len(self._known) >= MOST_HINTS:
            return
        self._known.add(frame)
        if optical := self._buffer.optical_frame_of(frame):
            self._node.get_logger().warning(
                f"Hands come in the frame '{excerpt(frame)}'; by the transforms the optical frame there is "
                f"'{excerpt(optical)}'. Joints are x right, y down, z forward in the frame of the images. If they "
                "appear turned, have the driver name its optical frame."
            )

    def _subscription(self, topic: str, static: bool) -> Any:
        durability = DurabilityPolicy.TRANSIENT_LOCAL if static else DurabilityPolicy.VOLATILE
        qos = QoSProfile(depth=100, durability=durability)
        return create_subscription(self._node, TFMessage, topic, lambda message: self._heard(message, static), qos)

    def _heard(self, message: Any, static: bool) -> None:
        for sent in message.transforms:
            move, turn = sent.transform.translation, sent.transform.rotation
            try:
                self._buffer.add(
                    sent.header.frame_id,
                    sent.child_frame_id,
                    None if static else stamp_nanoseconds(sent.header.stamp),
                    np.array([move.x, move.y, move.z]),
                    np.array([turn.x, turn.y, turn.z, turn.w]),
                )
            except ValueError:
                # Whoever needs it is told.
                self.refused += 1
        self._give_on()
