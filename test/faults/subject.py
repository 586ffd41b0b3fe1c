"""A process of the nodes under test: what it is sent, what it says, and whether it still does its work."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from node_processes import Client, NodeProcess
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dense3d_ros.msg import HandPoseArray

from .frames import SentFrame, empty_room, good_hand
from .judging import Expected, Limits, Sent, fault
from .resources import Resources, resources, segments

PROCESS = str(Path(__file__).parent / "model_process.py")
PATIENCE_S = 90.0
"""How long a node may need for what takes a second, before it counts as stuck."""
START_PATIENCE_S = 300.0
"""For imports and the loading of a model."""
LONGEST_TEXT = 1000
"""Characters that one sentence in the log or in the diagnostics may have."""


@dataclass(frozen=True)
class Fault:
    """Something that must not happen. kind: dead, stuck, wrong answer, unexpected exception, ..."""

    kind: str
    text: str


class Stuck(Exception):
    """The process ended or does not do its work; it is of no more use."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.fault = Fault(kind, text)


def start_nodes(log: Path, parameters: Sequence[str], command: Sequence[str] = (PROCESS,)) -> NodeProcess:
    """A process of the nodes, with the stiff model or one that stalls unless `command` says another program."""
    words = [word for value in parameters for word in ("-p", value)]
    return NodeProcess([*command, "--ros-args", *words], log)


class Subject:
    """Sends to one perception node of a process and listens to it.

    `known_hand(stamp)` and `no_hand(stamp)` are frames whose answer is known. `foreign`: frames that this
    program does not send are answered too, all of them the known hand. `segments`: what the process had in shared
    memory. `kept_by_the_killed`: files of it that Fast DDS never removes: a process was killed that had them open.
    """

    def __init__(
        self,
        process: NodeProcess,
        limits: Limits,
        *,
        namespace: str = "",
        known_hand: Callable[[Time], SentFrame] = good_hand,
        no_hand: Callable[[Time], SentFrame] = empty_room,
        is_compressed: bool = False,
    ) -> None:
        self.process, self.limits, self.namespace = process, limits, namespace
        self.known_hand, self.no_hand = known_hand, no_hand
        self.foreign = False
        self.client = Client(f"faults_{os.getpid()}_{time.monotonic_ns()}", f"{namespace}/hand_pose")
        node = self.client.node
        kind, topic = (CompressedImage, "depth/compressedDepth") if is_compressed else (Image, "depth")
        self.images = node.create_publisher(kind, f"{namespace}/{topic}", QoSProfile(depth=5))
        self.infos = node.create_publisher(CameraInfo, f"{namespace}/camera_info", QoSProfile(depth=5))
        node.create_subscription(HandPoseArray, f"{namespace}/hand_pose/hands", self._heard, QoSProfile(depth=50))
        self.sent: dict[tuple[int, int], Sent] = {}
        self.answers: dict[tuple[int, int], Any] = {}
        self.inputs: Counter[str] = Counter()
        self.faults: list[Fault] = []
        self.segments: set[str] = set()
        self.kept_by_the_killed: set[str] = set()
        self.counted: Counter[str] = Counter()
        self._read = 0

    def wait_until_ready(self) -> None:
        """Until the model is loaded and everything answers. Raises Stuck if it does not come up."""
        self._answers(self.known_hand, START_PATIENCE_S)
        self.check()
        self.faults.clear()
        self.inputs.clear()

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def now(self) -> Time:
        stamp: Time = self.client.now()
        return stamp

    def send(self, frame: SentFrame, wait: float = 0.02) -> None:
        """Publish a frame; hear what comes for at most `wait` seconds, or until it is answered."""
        self.count(frame.kind)
        self.publish(frame)
        key = _key(frame.stamp)
        self.client.until(lambda: key in self.answers, wait)

    def publish(self, frame: SentFrame) -> None:
        """Publish a frame and remember what may come out."""
        self.sent[_key(frame.stamp)] = Sent(
            frame.kind, frame.expected, frame.frame_id, time.time_ns(), self.limits, frame.joints, frame.within
        )
        first, second = (self.infos, frame.info), (self.images, frame.image)
        for publisher, message in (first, second) if frame.info_first else (second, first):
            if message is not None:
                publisher.publish(message)

    def count(self, kind: str) -> None:
        """One more input of this kind."""
        self.inputs[kind] += 1

    def check(self) -> None:
        """Services answer, the hand-free image has no hand, the known hand is found, log and diagnostics are fit.

        Raises Stuck.
        """
        self._services_answer()
        for make in (self.no_hand, self.known_hand):
            self._answers(make)
        self._diagnostics_come()
        self._log_is_fit()
        self.counted = self.counters() or self.counted
        self.foreign = False
        self.sent.clear()
        self.answers.clear()
        for heard in (self.client.hands, self.client.joints, self.client.markers, self.client.diagnostics):
            heard.clear()
        self.segments |= segments(self.pid)

    def resources(self) -> Resources:
        return resources(self.pid)

    def counters(self) -> Counter[str]:
        """The node's own counts, from its latest diagnostics; empty where none were heard."""
        for message in reversed(self.client.diagnostics):
            for status in message.status:
                return Counter({v.key: int(v.value) for v in status.values if v.value.isdigit() and "MiB" not in v.key})
        return Counter()

    def close(self) -> None:
        self.client.close()

    def _heard(self, message: Any, info: Any) -> None:
        key = _key(message.header.stamp)
        if key in self.answers and not message.hands:
            return  # the hand is taken back, with the header that it had
        self.answers[key] = message
        sent = self.sent.get(key)
        if sent is None and self.foreign:
            joints = good_hand(message.header.stamp).joints
            at_ns = key[0] * 10**9 + key[1]
            sent = Sent("camera", Expected.RIGHT_HAND, message.header.frame_id, at_ns, self.limits, joints)
        if sent is None:
            text = f"hands at a stamp that was never sent: {key}" if message.hands else ""
        else:
            text = fault(message, info["source_timestamp"], sent)
        if text:
            self.faults.append(Fault("wrong answer", f"{sent.kind if sent else ''}: {text}"))

    def _services_answer(self) -> None:
        self.check_alive()
        try:
            self.client.state()
        except AssertionError as error:
            self.check_alive()
            raise Stuck("stuck", str(error)) from error

    def _answers(self, make: Callable[[Time], SentFrame], patience: float = PATIENCE_S) -> None:
        """Patiently: a frame may be lost, or too old when its turn comes. A wrong answer is noted when it is heard."""
        end = time.monotonic() + patience
        frame = make(self.now())
        while time.monotonic() < end:
            self.check_alive()
            frame = make(self.now())
            self.publish(frame)
            key = _key(frame.stamp)
            if self.client.until(lambda key=key: key in self.answers, 2.0):
                return
        texts = [status.message for message in self.client.diagnostics[-3:] for status in message.status]
        raise Stuck("stuck", f"'{frame.kind}' was not answered in {patience:.0f} s; diagnostics: {texts}"[:600])

    def _diagnostics_come(self) -> None:
        seen = len(self.client.diagnostics)
        if not self.client.until(lambda: len(self.client.diagnostics) > seen, PATIENCE_S):
            self.check_alive()
            raise Stuck("stuck", "no diagnostics come")
        for message in self.client.diagnostics:
            for status in message.status:
                if len(status.message) > LONGEST_TEXT:
                    self.faults.append(Fault("unbounded text", f"diagnostics of {len(status.message)} characters"))
                if status.message.startswith("unexpected"):
                    self.faults.append(Fault("unexpected exception", status.message[:200]))

    def _log_is_fit(self) -> None:
        with self.process.log.open("rb") as file:
            file.seek(self._read)
            written = file.read()
        self._read += len(written)
        longest = max((len(line) for line in written.splitlines()), default=0)
        if longest > LONGEST_TEXT:
            self.faults.append(Fault("unbounded text", f"a line of {longest} characters in the log"))

    def check_alive(self) -> None:
        """Raises Stuck if the process has ended."""
        if not self.process.running():
            tail = re.sub(r"\s+", " ", self.process.output()[-500:])
            raise Stuck("dead", f"ended with status {self.process.wait()}: {tail}")


def _key(stamp: Time) -> tuple[int, int]:
    return stamp.sec, stamp.nanosec
