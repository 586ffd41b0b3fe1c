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
from dense3d_ros.nodes.diagnostics import HANDS, NO_HAND, statuses_of, values_of
from dense3d_ros.nodes.messages import depth_image, read_hand, stamp_nanoseconds
from dense3d_ros.recordings.tally import Reasons

KEPT_IMAGES = 15
"""Depth images that may wait for their hands; more are behind by half a second."""


@dataclass(frozen=True)
class Shot:
    """One depth image and the hands that were published for it."""

    depth: DepthImage
    hands: list[HandPose]
    true_joints: NDArray[np.float32] | None


@dataclass(frozen=True)
class _Answer:
    """A message of hands: in which frame they are, and milliseconds from the image's stamp to its receipt."""

    hands: list[HandPose]
    frame_id: str
    latency_ms: float


@dataclass(frozen=True)
class DemoObservation:
    """What came of the demo.

    mesh: of the rendered hand. images: of the folder that can be read, None for the rendered hand. frames_in: depth
    images that count. frames_before: those of the rendered hand before the first that was answered; they do not count,
    because camera and nodes had not found each other yet. frames_out: hand messages with the stamp of an image that
    counts. errors_mm: (N,) mean joint error of every frame with a hand and known joints. latency_ms: (M,) stamp to
    receipt of every hand message.
    diagnostics: the last values of the perception node. reason: the most frequent one that it gave for no hand.
    wrong_frames: messages whose frame was not the image's.
    """

    folder: Path | None
    mesh: str
    images: int | None
    frames_in: int
    frames_before: int
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
        self.hands_topic = f"{namespace}/hand_pose/hands"
        self.first_answer: float | None = None
        self._every = every
        self._images: OrderedDict[int, Any] = OrderedDict()
        self._frame_ids: dict[int, str] = {}
        self._truth: dict[int, NDArray[np.float32]] = {}
        self._answers: dict[int, _Answer] = {}
        self._answered: dict[int, DepthImage] = {}
        self._marker_messages = 0
        self._diagnostics: dict[str, str] = {}
        self._reasons = Reasons()
        reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        self.create_subscription(Image, depth_topic, self._image_came, QoSProfile(depth=20, reliability=reliability))
        self.create_subscription(PoseArray, f"{namespace}/depth_camera/true_joints", self._truth_came, 20)
        self.create_subscription(HandPoseArray, self.hands_topic, self._hands_came, 20)
        self.create_subscription(MarkerArray, f"{namespace}/hand_pose/markers", self._markers_came, 20)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics_came, 20)

    @property
    def saw_images(self) -> bool:
        """Whether a depth image came."""
        return bool(self._frame_ids)

    def observation(
        self, folder: Path | None, mesh: str, images: int | None, seconds_to_active: float, *, survived: bool
    ) -> DemoObservation:
        """Sum up what was seen."""
        answers = {stamp: answer for stamp, answer in self._answers.items() if stamp in self._frame_ids}
        errors = [
            float(np.linalg.norm(answer.hands[0].joints - self._truth[stamp], axis=1).mean()) * 1000
            for stamp, answer in answers.items()
            if answer.hands and stamp in self._truth
        ]
        stamps = sorted(answers)
        before = sum(stamp < stamps[0] for stamp in self._frame_ids) if stamps and folder is None else 0
        seconds = (stamps[-1] - stamps[0]) * 1e-9 if len(stamps) > 1 else 0.0
        return DemoObservation(
            folder=folder,
            mesh=mesh,
            images=images,
            frames_in=len(self._frame_ids) - before,
            frames_before=before,
            frames_out=len(answers),
            frames_with_hand=sum(bool(answer.hands) for answer in answers.values()),
            marker_messages=self._marker_messages,
            wrong_frames=sum(answer.frame_id != self._frame_ids[stamp] for stamp, answer in answers.items()),
            errors_mm=np.array(errors),
            latency_ms=np.array([answer.latency_ms for answer in answers.values()]),
            rate=(len(stamps) - 1) / seconds if seconds else 0.0,
            seconds_to_active=seconds_to_active,
            diagnostics=self._diagnostics,
            reason=self._reasons.most_frequent(),
            shots=[
                Shot(depth, self._answers[stamp].hands, self._truth.get(stamp))
                for stamp, depth in sorted(self._answered.items())
            ],
            survived=survived,
        )

    def _image_came(self, message: Any) -> None:
        stamp = stamp_nanoseconds(message.header.stamp)
        if len(self._frame_ids) % self._every == 0:
            # On a busy machine the answer may have overtaken its image.
            if stamp in self._answers:
                self._answered[stamp] = depth_image(message)
            else:
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
        # The most certain one is compared with the truth.
        hands = sorted((read_hand(hand) for hand in message.hands), key=lambda hand: -hand.score)
        self._answers[stamp] = _Answer(hands, message.header.frame_id, latency)
        if self.first_answer is None:
            self.first_answer = time.monotonic()
        if image := self._images.pop(stamp, None):
            self._answered[stamp] = depth_image(image)

    def _markers_came(self, message: Any) -> None:
        self._marker_messages += any(marker.action == Marker.ADD for marker in message.markers)

    def _diagnostics_came(self, message: Any) -> None:
        for status in statuses_of(message, "hand_pose", HANDS):
            self._diagnostics = values_of(status)
            # The sentence may go on with a doubt of the unit or the intrinsics, which is none of the reason, and it is
            # of the worst frame of the second, the reason of the last one.
            if status.message.startswith(NO_HAND) and (reason := self._diagnostics[NO_HAND]):
                self._reasons.add(reason)
