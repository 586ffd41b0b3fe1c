"""The demo's observer over real DDS, and how long the demo waits."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.diagnostics import Condition, Level, diagnostic_array
from dense3d_ros.recordings.offline import Intrinsics
from dense3d_ros.rehearsal import children, demo
from dense3d_ros.rehearsal.children import ModelChoice, ProcessError, wait_for_publisher, watching
from dense3d_ros.rehearsal.demo import DemoSettings
from dense3d_ros.rehearsal.demo_observer import DemoObservation, DemoObserver
from dense3d_ros.rehearsal.depth_camera_node import image_message

DEPTH = "/demo/depth"


class Stage:
    """An observer, and the topics that it hears, from one publisher each."""

    def __init__(self, observer: DemoObserver, executor: SingleThreadedExecutor) -> None:
        self.observer, self.executor = observer, executor
        self._image = observer.create_publisher(Image, DEPTH, 20)
        self._hands = observer.create_publisher(HandPoseArray, observer.hands_topic, 20)
        self.until(lambda: self._image.get_subscription_count() and self._hands.get_subscription_count())

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < deadline
            self.executor.spin_once(timeout_sec=0.05)

    def show(self, stamp: int) -> None:
        """Publish an image of `stamp` nanoseconds, every value of which is the stamp."""
        image = image_message(DepthImage(np.full((3, 4), stamp, np.uint16), 0.001), "16UC1")
        image.header.stamp, image.header.frame_id = Time(nanosec=stamp), "camera"
        self._image.publish(image)

    def answer(self, stamp: int, frame: str = "camera") -> None:
        message = HandPoseArray()
        message.header.stamp, message.header.frame_id = Time(nanosec=stamp), frame
        self._hands.publish(message)

    def seen(self, folder: Path | None = None) -> DemoObservation:
        return self.observer.observation(folder, "soma", None, 0.0, survived=True)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with watching(partial(DemoObserver, "/demo", DEPTH, 1, reliable=True)) as (observer, executor):
        yield Stage(observer, executor)


def test_an_answer_that_overtakes_its_image_is_drawn_and_checked(stage: Stage) -> None:
    stage.answer(7, frame="elsewhere")
    stage.until(lambda: stage.observer.first_answer)
    stage.show(7)
    stage.until(lambda: stage.observer.saw_images)
    seen = stage.seen()
    assert (seen.frames_in, seen.frames_out, seen.wrong_frames) == (1, 1, 1)
    np.testing.assert_array_equal([shot.depth.values for shot in seen.shots], np.full((1, 3, 4), 7))


def test_only_a_folders_images_count_before_the_first_answer(stage: Stage) -> None:
    for stamp in range(1, 6):
        stage.show(stamp)
    for stamp in (3, 5):
        stage.answer(stamp)
    stage.until(lambda: stage.seen(Path()).frames_in == 5 and stage.seen(Path()).frames_out == 2)
    seen = stage.seen()
    assert (seen.frames_before, seen.frames_in, seen.frames_out) == (2, 3, 2)
    assert (stage.seen(Path()).frames_before, seen.wrong_frames) == (0, 0)


def test_the_reason_for_no_hand_is_told_without_doubts_of_the_camera(stage: Stage) -> None:
    publisher = stage.observer.create_publisher(DiagnosticArray, "/diagnostics", 20)
    stage.until(publisher.get_subscription_count)
    cause = "best score 0.12 at 0.00 0.00 0.40 m; most against it: surface"
    doubted = Condition(Level.WARN, "camera", f"no hand: {cause}; camera info on /info: these intrinsics are unusual")
    publisher.publish(diagnostic_array(Time(), "demo/hand_pose: hands", "", doubted, {"no hand": cause}))
    stage.until(lambda: stage.seen().reason)
    assert stage.seen().reason == f"{cause} (1 of 1)"


def test_waiting_ends_with_a_sentence(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "START_TIMEOUT", 0.2)
    monkeypatch.setattr(demo, "START_TIMEOUT", 0.2)
    wait_for_publisher(stage.observer, stage.executor, DEPTH)
    with pytest.raises(ProcessError, match="nobody published /demo/nothing in 0 s"):
        wait_for_publisher(stage.observer, stage.executor, "/demo/nothing")
    camera = Intrinsics(475.0, 475.0, 319.5, 239.5, 0.001)
    settings = DemoSettings(tmp_path, ModelChoice("hand", 1, "cpu", "auto"), 1.0, None, camera, "soma")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with pytest.raises(ProcessError, match="no depth image came in 0 s; see the logs in"):
            demo._watch(settings, stage.observer, stage.executor, process, process)
        stage.show(1)
        stage.until(lambda: stage.observer.saw_images)
        with pytest.raises(ProcessError, match="no answer to a depth image came in 0 s; see the logs in"):
            demo._watch(settings, stage.observer, stage.executor, process, process)
        process.kill()
