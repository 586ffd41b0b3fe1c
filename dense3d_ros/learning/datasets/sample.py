"""What every data set gives: a depth image, its camera and the joints that were labelled in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.benchmarks import Benchmark
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage


class DatasetError(ValueError):
    """A data set's file that is missing, broken or laid out otherwise; the message names it."""


@dataclass(frozen=True)
class DatasetSample:
    """One labelled frame.

    joints: (J, 3) metres in the camera's optical frame, in the data set's own order. name: where the frame
    stands in the data set, such as "test/depth_1_0000001.png".
    """

    depth: DepthImage
    camera: Camera
    joints: NDArray[np.float32]
    name: str


class DepthDataset(Protocol):
    """The frames of one split. Images are read when they are asked for, labels when it is opened."""

    benchmark: Benchmark
    joints: NDArray[np.float32]
    """(N, J, 3) metres, the labels of all frames."""

    def __len__(self) -> int:
        """Number of labelled frames."""

    def __getitem__(self, index: int) -> DatasetSample:
        """Frame `index`; DatasetError if its image cannot be read."""

    def image(self, index: int) -> Path:
        """The file of a frame's image."""
