"""The synthetic test set in a benchmark's form, for models that know right hands and their joints alone."""

from __future__ import annotations

from dataclasses import replace

from dense3d_ros.geometry.benchmarks import Benchmark
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import MIRROR
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_INDEX, JOINT_NAMES, Handedness
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation.synthetic import SyntheticTestSet, hand_frame


class SyntheticRightHands:
    """The first `count` frames with a hand; images of left hands are mirrored. Every frame has its own camera."""

    benchmark = Benchmark(
        name="synthetic-test",
        title="the synthetic test set",
        camera=Camera(580.0, 580.0, 319.5, 239.5, 640, 480),
        joints=JOINT_NAMES,
        scored=tuple(JOINT_INDEX.values()),
        hand_joints=JOINT_INDEX,
        chains=(),
        frames={},
    )

    def __init__(self, count: int) -> None:
        self.count = count
        self._test_set = SyntheticTestSet.load()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> DatasetSample:
        frame = hand_frame(index, self._test_set)
        return mirrored(frame.sample) if frame.handedness is Handedness.LEFT else frame.sample


def mirrored(sample: DatasetSample) -> DatasetSample:
    """The frame as a mirror in the plane x = 0 shows it."""
    depth = DepthImage(sample.depth.values[:, ::-1], sample.depth.unit)
    return replace(sample, depth=depth, camera=sample.camera.mirrored(), joints=sample.joints * MIRROR)
