"""Watches the demo from outside, as a user's node would, and sums it up."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from visualization_msgs.msg import Marker, MarkerArray

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.depth_unit import BEGINS
from dense3d_ros.nodes.messages import depth_image, read_hand, stamp_nanoseconds
from dense3d_ros.recordings.tally import Reasons

NO_HAND = "no hand: "
"""Before the reason in the perception node's diagnostics."""
KEPT_IMAGES = 15
"""Depth images that may wait for their hands; more are behind by half a second."""


@dataclass(frozen=True)
class Shot:
    """One depth image and the hands that were published for it."""

    depth: DepthImage
    hands: list[HandPose]
    true_joints: NDArray[np.float32] | None


@dataclass(frozen=True)
class Observation:
    """What came of the demo.

    mesh: of the rendered hand. images: of the folder that can be read, None for the rendered hand. frames_in: depth
    images seen. frames_out: hand messages with the stamp of such an image. errors_mm: (N,) mean joint error of every
    frame with a hand and known joints. latency_ms: (M,) stamp to receipt of every hand message.
    diagnostics: the last values of the perception node. reason: the most frequent one that it gave for no hand.
    wrong_frames: messages whose frame was not the image's.
    """

    folder: Path | None
    mesh: str
    images: int | None
    frames_in: int
    frames_out: int
    frames_with_hand: int
    marker_messages: int
    wrong_frames: int
    errors_mm: NDArray[np.float64]
    latency_ms: NDArray[np.float64]
    rate: float
    seconds_to_active: float
    diagnostics: dict[str, str]
    reason: str
    shots: list[Shot]
    survived: bool


class DemoObserver(Node):  # type: ignore[misc]
    """Subscribes to what goes in and what comes out. Every `every`-th image is kept to be drawn.

    reliable: whether the camera is, as for a folder, whose images are all wanted.
    """

    def __init__(self, namespace: str, depth_topic: str, every: int, *, reliable: bool) -> None:
        super().__init__("observer", namespace=namespace)
        self.first_answer: float | None = None
        self._every = every
        self._images: OrderedDict[int, Any] = OrderedDict()
        self._frame_ids: dict[int, str] = {}
        self._truth: dict[int, NDArray[np.float32]] = {}
        self._answers: dict[int, tuple[float, list[HandPose]]] = {}
        self._shots: dict[int, Shot] = {}
        self._counts = {"markers": 0, "wrong frames": 0}
        self._diagnostics: dict[str, str] = {}
        self._reasons = Reasons()
        reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        self.create_subscription(Image, depth_topic, self._image_came, QoSProfile(depth=20, reliability=reliability))
        self.create_subscription(PoseArray, f"{namespace}/depth_camera/true_joints", self._truth_came, 20)
        self.create_subscription(HandPoseArray, f"{namespace}/hand_pose/hands", self._hands_came, 20)
        self.create_subscription(MarkerArray, f"{namespace}/hand_pose/markers", self._markers_came, 20)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics_came, 20)

    def observation(
        self, folder: Path | None, mesh: str, images: int | None, seconds_to_active: float, *, survived: bool
    ) -> Observation:
        """Sum up what was seen."""
        answers = {stamp: answer for stamp, answer in self._answers.items() if stamp in self._frame_ids}
        errors = [
            float(np.linalg.norm(hands[0].joints - self._truth[stamp], axis=1).mean()) * 1000
            for stamp, (_, hands) in answers.items()
            if hands and stamp in self._truth
        ]
        stamps = sorted(answers)
        seconds = (stamps[-1] - stamps[0]) * 1e-9 if len(stamps) > 1 else 0.0
        return Observation(
            folder=folder,
            mesh=mesh,
            images=images,
            frames_in=len(self._frame_ids),
            frames_out=len(answers),
            frames_with_hand=sum(bool(hands) for _, hands in answers.values()),
            marker_messages=self._counts["markers"],
            wrong_frames=self._counts["wrong frames"],
            errors_mm=np.array(errors),
            latency_ms=np.array([latency for latency, _ in answers.values()]),
            rate=(len(stamps) - 1) / seconds if seconds else 0.0,
            seconds_to_active=seconds_to_active,
            diagnostics=self._diagnostics,
            reason=self._reasons.most_frequent(),
            shots=[self._shots[stamp] for stamp in sorted(self._shots)],
            survived=survived,
        )

    def _image_came(self, message: Any) -> None:
        stamp = stamp_nanoseconds(message.header.stamp)
        if len(self._frame_ids) % self._every == 0:
            self._images[stamp] = message
            while len(self._images) > KEPT_IMAGES:
                self._images.popitem(last=False)
        self._frame_ids[stamp] = message.header.frame_id

    def _truth_came(self, message: Any) -> None:
        self._truth[stamp_nanoseconds(message.header.stamp)] = np.array(
            [(pose.position.x, pose.position.y, pose.position.z) for pose in message.poses], np.float32
        )

    def _hands_came(self, message: Any) -> None:
        stamp = stamp_nanoseconds(message.header.stamp)
        if stamp in self._answers:
            return  # the message that takes the last hands back when the input has ended
        latency = (self.get_clock().now().nanoseconds - stamp) * 1e-6
        self._answers[stamp] = (latency, [read_hand(hand) for hand in message.hands])
        if self.first_answer is None:
            self.first_answer = time.monotonic()
        if self._frame_ids.get(stamp, message.header.frame_id) != message.header.frame_id:
            self._counts["wrong frames"] += 1
        if image := self._images.pop(stamp, None):
            self._shots[stamp] = Shot(depth_image(image), self._answers[stamp][1], self._truth.get(stamp))

    def _markers_came(self, message: Any) -> None:
        self._counts["markers"] += any(marker.action == Marker.ADD for marker in message.markers)

    def _diagnostics_came(self, message: Any) -> None:
        for status in message.status:
            if status.name.endswith("hand_pose: hands"):
                self._diagnostics = {value.key: value.value for value in status.values}
                if status.message.startswith(NO_HAND):
                    # The camera publishes millimetres: a doubt of them is none of the folder's unit.
                    self._reasons.add(status.message.removeprefix(NO_HAND).partition(f"; {BEGINS}")[0])
