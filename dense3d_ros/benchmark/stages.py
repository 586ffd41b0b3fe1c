"""A frame in its stages: depth image in, hands out, without ROS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.benchmark.figures import CameraTimes, FrameTimes, Times
from dense3d_ros.benchmark.timing import percentiles, time_calls
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import CropRegion, HandCrop, crop_hand, crop_region
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose, hand_centre, upright_roll
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel

CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
RATE = 30.0
HALF_SIZE = 0.15
"""Of the crops, metres."""
FRAMES = 60
WARM_UP = BLOCK = 20
"""Frames before the first that counts, and frames of one model before the next one's turn."""


@dataclass(frozen=True)
class Scene:
    """A camera's frames: depth in millimetres (H, W) uint16, and the true joints (21, 3) in metres."""

    camera: Camera
    depths: list[NDArray[np.uint16]]
    joints: list[NDArray[np.float32]]

    def crops(self, resolution: int) -> list[HandCrop]:
        """A crop of each frame around the true hand, of `resolution` pixels a side."""
        return [
            crop_hand(depth, self.camera, centre, HALF_SIZE, resolution, roll) for depth, centre, roll in self._places()
        ]

    def regions(self, resolution: int) -> list[CropRegion]:
        """The same, for a device that makes the crops itself."""
        return [
            crop_region(depth, self.camera, centre, HALF_SIZE, resolution, roll)
            for depth, centre, roll in self._places()
        ]

    def _places(self) -> Iterator[tuple[DepthImage, NDArray[np.float32], float]]:
        """Depth, the true hand's centre (3,) in metres and its roll in radians, frame by frame."""
        for depth, joints in zip(self.depths, self.joints, strict=True):
            yield DepthImage(depth, 0.001), hand_centre(joints), upright_roll(joints)


def make_scene(frames: int = FRAMES, camera: Camera = CAMERA) -> Scene:
    """Two seconds of the moving hand, forth and back, so that it can be repeated without a jump."""
    animation = HandAnimation(camera, seed=1, sensor="structured_light")
    forth = [animation.frame(index / RATE) for index in range(frames // 2)]
    images = forth + forth[::-1]
    return Scene(camera, [millimetres(depth) for depth, _ in images], [joints for _, joints in images])


def millimetres(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """(H, W) metres as most drivers publish them."""
    return np.rint(depth * 1000).astype(np.uint16)


def time_frames(models: Sequence[HandModel], scene: Scene, repeats: int) -> tuple[list[FrameTimes], list[HandPose]]:
    """Stages of `repeats` tracked frames as the estimator times them, and hands of the last one; a row a model.

    "frame" is the whole: depth image in, joints out. About every tenth tries both, left and right, so that its
    network runs on twice as many crops. The models take turns, BLOCK frames each, so that a busy moment hits them all.
    """
    runs = [TimedFrames(HandPoseEstimator(model), scene.camera) for model in models]
    for start in range(-WARM_UP, repeats, BLOCK):
        for run in runs:
            for index in range(start, min(start + BLOCK, repeats)):
                run.frame(scene.depths[index % len(scene.depths)], index)
    return [run.row(repeats) for run in runs], runs[0].hands


@dataclass
class TimedFrames:
    """An estimator's frames so far; those of a negative index, down to -WARM_UP, do not count."""

    estimator: HandPoseEstimator
    camera: Camera
    taken: dict[str, list[float]] = field(default_factory=dict)
    hands: list[HandPose] = field(default_factory=list)
    found: int = 0

    def frame(self, values: NDArray[np.uint16], index: int) -> None:
        """Estimate the hands of frame `index`, (H, W) millimetres, and note how long it took."""
        # A copy: a message's image is not in the processor's cache either.
        depth = DepthImage(values.copy(), 0.001)
        start = time.perf_counter()
        estimate = self.estimator.estimate(depth, self.camera, (index + WARM_UP) / RATE)
        milliseconds = 1000 * (time.perf_counter() - start)
        if index < 0:
            return
        self.hands = estimate.hands or self.hands
        self.found += bool(estimate.hands)
        for stage, value in (*estimate.stage_ms.items(), ("frame", milliseconds)):
            self.taken.setdefault(stage, []).append(value)
        self.taken.setdefault("runs of the network", []).append(estimate.passes)

    def row(self, frames: int) -> FrameTimes:
        """The times of the stages over the `frames` frames that count."""
        stages = {stage: percentiles(values) for stage, values in self.taken.items()}
        return {"runtime": self.estimator.model.runtime, "frames": frames, "with_hand": self.found, "stages": stages}


def time_cameras(model: HandModel, scene: Scene, cameras: int, frames: int) -> CameraTimes:
    """`cameras` threads, each with its own estimator and `frames` frames, on one model: frames a second of all."""
    taken: list[float] = []
    ready = threading.Barrier(cameras + 1, timeout=120.0)

    def watch(offset: int) -> None:
        estimator = HandPoseEstimator(model)
        for index in range(-WARM_UP, frames):
            if index == 0:
                ready.wait()
            depth = DepthImage(scene.depths[(index + offset) % len(scene.depths)], 0.001)
            start = time.perf_counter()
            estimator.estimate(depth, scene.camera, (index + WARM_UP) / RATE)
            if index >= 0:
                taken.append(1000 * (time.perf_counter() - start))

    threads = [threading.Thread(target=watch, args=(7 * number,)) for number in range(cameras)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    rate = cameras * frames / (time.perf_counter() - began)
    return {"cameras": cameras, "frames_per_second": round(rate, 1), **percentiles(taken)}


def time_parts(
    model: HandModel, scene: Scene, further: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, Times]:
    """Decoding a message's data, finding hands in a whole image, cropping; and `further` calls."""
    data = memoryview(scene.depths[0].tobytes())
    depth = DepthImage(scene.depths[0], 0.001)
    centre = hand_centre(scene.joints[0])
    calls: dict[str, Callable[[], object]] = {
        "decode": lambda: DepthImage.from_buffer(
            data, width=640, height=480, encoding="16UC1", step=1280, is_bigendian=False
        ),
        "find": lambda: model.detect(depth, scene.camera, 2),
        "crop": lambda: crop_hand(depth, scene.camera, centre, HALF_SIZE, model.description.resolution),
        **further,
    }
    return time_calls(calls, repeats)
