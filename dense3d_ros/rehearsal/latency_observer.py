"""A subscriber that does little but note when hands come, and the processor time and memory of a process."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import HANDS, statuses_of, values_of
from dense3d_ros.nodes.messages import stamp_nanoseconds


class LatencyObserver(Node):  # type: ignore[misc]
    """Notes the stamps of camera infos, which go out with the images, and the hands that answer them.

    sent: stamps in nanoseconds. latency_ms: stamp -> milliseconds until the hands were received. hands: stamp -> the
    messages of these hands, if there are any. first_hand: time.monotonic() of the first hand.
    """

    def __init__(self, namespace: str, info_topic: str) -> None:
        super().__init__("latency_observer", namespace=namespace)
        self.diagnostics: dict[str, str] = {}
        self.first_hand: float | None = None
        self.forget()
        best_effort = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(CameraInfo, info_topic, self._info_came, best_effort)
        self.create_subscription(HandPoseArray, f"{namespace}/hand_pose/hands", self._hands_came, 100)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics_came, 20)

    def forget(self) -> None:
        """Start counting anew."""
        self.sent: set[int] = set()
        self.latency_ms: dict[int, float] = {}
        self.hands: dict[int, Sequence[Any]] = {}

    def _info_came(self, message: Any) -> None:
        self.sent.add(stamp_nanoseconds(message.header.stamp))

    def _hands_came(self, message: Any) -> None:
        stamp = stamp_nanoseconds(message.header.stamp)
        if stamp in self.latency_ms:
            return  # the message that takes the last hands back when the input has ended
        self.latency_ms[stamp] = (self.get_clock().now().nanoseconds - stamp) * 1e-6
        if message.hands:
            self.hands[stamp] = message.hands
            self.first_hand = self.first_hand or time.monotonic()

    def _diagnostics_came(self, message: Any) -> None:
        for status in statuses_of(message, "hand_pose", HANDS):
            self.diagnostics = values_of(status)


@dataclass(frozen=True)
class ProcessUse:
    """seconds: processor time since the start. resident_mib: memory in RAM; largest_mib: the most there ever was."""

    seconds: float
    resident_mib: float
    largest_mib: float


def process_use(pid: int) -> ProcessUse:
    """What a running process of this machine (Linux) has used so far."""
    # The name in parentheses may hold spaces: fields are counted behind it.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    kibibytes = {line.partition(":")[0]: line.split()[1] for line in status if line.startswith(("VmRSS", "VmHWM"))}
    return ProcessUse(ticks / os.sysconf("SC_CLK_TCK"), int(kibibytes["VmRSS"]) / 1024, int(kibibytes["VmHWM"]) / 1024)
