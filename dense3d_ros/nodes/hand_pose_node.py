"""`hand_pose`: depth images and camera infos in, hands out."""

from __future__ import annotations

import threading
import time
from itertools import count
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.camera_info import CameraInfoError, camera_of, lens_of
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage
from dense3d_ros.hand_state.followed import SET_BACK_S
from dense3d_ros.nodes.allocator import gpu_mebibytes, resident_mebibytes
from dense3d_ros.nodes.camera_clock import CameraClock
from dense3d_ros.nodes.camera_hints import CameraHints
from dense3d_ros.nodes.diagnostics import (
    HANDS,
    LOG_AGAIN_S,
    NO_HAND,
    Condition,
    Conditions,
    Level,
    diagnostic_array,
    status_name,
    traceback_text,
)
from dense3d_ros.nodes.hand_pose_outputs import HandPoseOutputs
from dense3d_ros.nodes.input_condition import input_condition
from dense3d_ros.nodes.messages import depth_image, stamp_seconds
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.pairing import DepthInput, PairedImage
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.process import steady_clock
from dense3d_ros.nodes.settings import HandPoseSettings
from dense3d_ros.nodes.statistics import FrameStatistics
from dense3d_ros.nodes.watch_timer import WatchTimer
from dense3d_ros.nodes.worker import LatestWorker
from dense3d_ros.perception.estimator import Estimate, HandPoseEstimator
from dense3d_ros.perception.model import HandModel
from dense3d_ros.runtime.interface import NonFiniteOutputError


class HandPoseNode(Node):  # type: ignore[misc]
    """Wires the input to the estimator and the estimator to the outputs. The model comes from `slot`.

    The subscriptions only hand the newest frame to a worker thread, which decodes, estimates and publishes.
    """

    def __init__(self, slot: ModelSlot, **options: Any) -> None:
        super().__init__("hand_pose", **options)
        self._slot = slot
        self._configuration = NodeParameters(self, HandPoseSettings())
        self._conditions = Conditions(self.get_logger())
        self._statistics = FrameStatistics()
        # Held while a frame is worked on: who takes the model away waits for it.
        self._working = threading.Lock()
        self._estimator: HandPoseEstimator | None = None
        self._estimator_of: tuple[object, ...] | None = None
        self._camera: Camera | None = None
        self._camera_clock = CameraClock()
        self._numbers = count(1)
        self._last_moment = 0.0
        self._no_hand = ""
        self._hints = CameraHints(lambda text: self.get_logger().warning(text))
        self._outputs = HandPoseOutputs(self)
        self._worker: LatestWorker[PairedImage] = LatestWorker("hand_pose", self._work, self._failed)
        transport = self._configuration.settings.transport
        self._input = DepthInput(self, self._worker.put, transport, lambda: self._configuration.settings.sync_slop)
        self._pairing = self._input.pairing
        slot.on_change(self._model_changed)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # A thread of its own: a report takes milliseconds, in which no image could be received.
        self._reporter: LatestWorker[float] = LatestWorker("diagnostics", self._report, self._failed)
        # Wall time: with use_sim_time the node's clock may stand still, and that has to be reported too.
        self._tick = self.create_timer(1.0, self._tell_reporter, clock=steady_clock())
        self._watch = WatchTimer(self, self._clear_stale_hands)

    def destroy_node(self) -> None:
        """End the threads, then the node."""
        self._slot.forget(self._model_changed)
        self._worker.stop()
        self._reporter.stop()
        super().destroy_node()

    def _work(self, frame: PairedImage) -> None:
        """Worker thread: one frame, where there is a model and someone wants its hands."""
        started = time.perf_counter()
        with self._working:
            model = self._slot.current()
            if model is None:
                return
            stamp = stamp_seconds(frame.image.header.stamp)
            # Simulated time is 0 until it is told: an age by it would say that the camera's clock is far ahead.
            if (now := self._now()) > 0.0:
                self._camera_clock.came(now - stamp)
            if self._outputs.wanted():
                self._process(frame, stamp, model, started)
            else:
                self._conditions.report(
                    Condition(Level.OK, "idle", "idle: nobody subscribes to hands, joints, points, markers or overlay")
                )

    def _process(self, frame: PairedImage, stamp: float, model: HandModel, started: float) -> None:
        """From message to message. started: time.perf_counter() when the worker took the frame."""
        settings = self._configuration.settings
        age = self._age(stamp)
        waited = time.perf_counter() - frame.arrival
        if self._is_too_old(stamp, settings, ""):
            return
        # Of a driver without stamps it is known when its images came.
        moment = stamp or frame.arrival
        if 0.0 < self._last_moment - moment < SET_BACK_S:
            self._statistics.count("refused: out of order")
            return
        read = self._read(frame)
        if read is None:
            return
        depth, camera = read
        decoded = time.perf_counter()
        estimator = self._estimator_for(model, settings)
        if camera != self._camera or moment < self._last_moment:
            # Another camera, or a bag that started again: what was tracked is elsewhere.
            estimator.reset()
        self._camera, self._last_moment = camera, moment
        estimate = self._estimate(estimator, depth, camera, moment)
        if estimate is None or self._is_too_old(stamp, settings, " when their hands are found"):
            return
        estimated = time.perf_counter()
        hands = sorted(estimate.hands, key=lambda hand: hand.track_id)
        self._outputs.publish(frame.image.header, hands, model.description.name, settings)
        self._statistics.count("published")
        self._statistics.count("with a hand" if hands else "without a hand")
        self._statistics.time(
            {
                "receive": (age - waited) * 1e3,
                "wait": (started - frame.arrival) * 1e3,
                "decode": (decoded - started) * 1e3,
                **estimate.stage_ms,
                "publish": (time.perf_counter() - estimated) * 1e3,
                "stamp to publish": self._age(stamp) * 1e3,
            }
        )
        self._no_hand = estimate.cause
        text = f"{len(hands)} in the last frame" if hands else f"{NO_HAND}: {estimate.cause}"
        self._conditions.report(self._published(text, estimate.unit_doubt))
        # Last, so that nobody who acts on the hands waits for it.
        self._outputs.show(frame.image.header, depth, camera, hands, settings)

    def _published(self, text: str, doubt_of_unit: str) -> Condition:
        for kind, doubt in (("depth unit", doubt_of_unit), ("camera clock", self._camera_clock.doubt())):
            if doubt:
                return Condition(Level.WARN, kind, f"{text}; {doubt}")
        if self._hints.doubt:
            return Condition(Level.WARN, "camera", f"{text}; {self._hints.doubt}", is_logged=True)
        return Condition(Level.OK, "published", text)

    def _is_too_old(self, stamp: float, settings: HandPoseSettings, when: str) -> bool:
        """Whether a frame is older than max_age, which is then counted and reported."""
        age = self._age(stamp)
        if not 0.0 < settings.max_age < age:
            return False
        topic, why = self._input.depth_topic, self._camera_clock.why_old(stamp)
        # Without a stamp a frame has no age.
        old = f"frames of {topic} are {age:.2f} s old{when}, max_age is {settings.max_age:g} s; {why}"
        self._refuse("too old", old if stamp > 0.0 else f"depth image on {topic}: {why}")
        return True

    def _estimate(
        self, estimator: HandPoseEstimator, depth: DepthImage, camera: Camera, moment: float
    ) -> Estimate | None:
        """The hands of a frame, or None where the network's output is unusable, which is then reported."""
        try:
            return estimator.estimate(depth, camera, moment)
        except NonFiniteOutputError as error:
            self._refuse("network output", str(error))
            return None

    def _read(self, frame: PairedImage) -> tuple[DepthImage, Camera] | None:
        """Depth and camera of a frame, or None where it cannot be used, which is then reported."""
        settings = self._configuration.settings
        depth_topic, info_topic = self._input.depth_topic, self._input.info_topic
        try:
            depth = depth_image(frame.image, settings.depth_unit)
        except DepthFormatError as error:
            self._refuse("depth image", f"depth image on {depth_topic}: {error}")
            return None
        height, width = depth.shape
        lens = lens_of(depth_topic, settings.distortion)
        try:
            camera = camera_of(frame.info, width, height, frame.image.header.frame_id, lens)
        except CameraInfoError as error:
            self._refuse("camera info", f"camera info on {info_topic}: {error}{self._input.about_kept_info()}")
            return None
        self._hints.check(frame.image, frame.info, camera, depth_topic, info_topic)
        return depth, camera

    def _refuse(self, kind: str, text: str) -> None:
        self._statistics.count(f"refused: {kind}")
        self._conditions.report(Condition(Level.ERROR, kind, text))

    def _failed(self, error: Exception) -> None:
        """Worker thread: an exception that nobody expected. The thread goes on with the next frame."""
        if not self.context.ok():
            return
        self.get_logger().error(traceback_text(error), throttle_duration_sec=LOG_AGAIN_S)
        kind = type(error).__name__
        self._refuse(f"unexpected {kind}", f"unexpected {kind} in a frame, see the log: {error}")

    def _now(self) -> float:
        """Seconds on the node's clock, which follows use_sim_time."""
        return float(self.get_clock().now().nanoseconds) * 1e-9

    def _age(self, stamp: float) -> float:
        """Seconds from `stamp` to now; where the camera's clock is ahead, from when it would be right."""
        return self._now() - stamp + self._camera_clock.ahead

    def _estimator_for(self, model: HandModel, settings: HandPoseSettings) -> HandPoseEstimator:
        # Only these: another size of the markers does not end the tracks.
        limits = (settings.max_hands, settings.min_score, settings.min_depth, settings.max_depth, settings.max_lost)
        made_of = (model, *limits)
        if self._estimator is None or self._estimator_of != made_of:
            self._estimator = HandPoseEstimator(
                model,
                max_hands=settings.max_hands,
                min_score=settings.min_score or None,
                min_depth=settings.min_depth,
                max_depth=settings.max_depth,
                max_lost=settings.max_lost,
                numbers=self._numbers,
            )
            self._estimator_of = made_of
        return self._estimator

    def _model_changed(self) -> None:
        """Let go of the former model. Where there is no other one, clear the hands it found."""
        with self._working:
            self._estimator = self._estimator_of = None
            if self._slot.current() is None:
                self._outputs.clear()

    def _clear_stale_hands(self) -> bool:
        """Clear hands that no frame has renewed for `timeout`; whether there are hands that may have to be cleared.

        The input ended, is refused, or the network takes too long.
        """
        if self._outputs.clear(after=self._configuration.settings.timeout):
            self._statistics.count("cleared")
        return self._outputs.stand

    def _tell_reporter(self) -> None:
        """Once a second."""
        self._input.look_for_latched_info()
        self._reporter.put(self._input.silence())

    def _report(self, silence: float) -> None:
        """Reporter thread: judge model and input, silent for so many seconds, and publish the diagnostics."""
        model = self._slot.current()
        input_fault = input_condition(self._input, silence, self._configuration.settings.timeout)
        if model is None:
            self._conditions.report(self._slot.why_none())
        elif input_fault:
            self._conditions.report(input_fault)
        if (pairing := self._input.pairing) != self._pairing:
            self._pairing = pairing
            self.get_logger().info(self._input.told_pairing())
        if unfit := self._outputs.unfit_subscriber():
            self._conditions.report(Condition(Level.WARN, "unfit subscriber", unfit))
        # Without the kinds of message that never came.
        others = {**+self._input.counts, "dropped: newer frame": self._worker.dropped}
        values: dict[str, object] = {
            "input": input_fault.text if input_fault else "frames arrive",
            NO_HAND: self._no_hand,
            "camera info": pairing,
            "distortion": self._hints.lens,
            "camera clock ahead s": self._camera_clock.ahead,
            "model": model.description.name if model else "",
            "views": model.views if model else "",
            "device": model.device if model else "",
            "runtime": model.runtime if model else "",
            "memory MiB": resident_mebibytes(),
            "GPU memory MiB": gpu_mebibytes(),
            **self._statistics.values(others),
        }
        self._diagnostics.publish(
            diagnostic_array(
                self.get_clock().now().to_msg(),
                status_name(self, HANDS),
                self._input.depth_topic,
                self._conditions.take(),
                values,
            )
        )
