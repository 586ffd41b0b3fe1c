"""NYU Hand Pose (Tompson et al., 2014): joint_data.mat and colour PNG with the depth in two bytes.

    train/joint_data.mat  train/depth_1_0000001.png ...      test/ likewise; Kinects 1, 2 and 3

joint_xyz is (3 Kinects, N, 36, 3) in millimetres with y up. Depth in millimetres is 256 green + blue.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.learning.datasets.files import find_folder, read_png
from dense3d_ros.learning.datasets.sample import DatasetError, DatasetSample

SPLITS = ("train", "test")
KINECTS = (1, 2, 3)


class NyuDataset:
    """The protocol uses Kinect 1 alone, the others are further views. With all 36 joints."""

    benchmark = BENCHMARKS["nyu"]

    def __init__(self, root: Path, split: str, kinect: int = 1) -> None:
        if split not in SPLITS or kinect not in KINECTS:
            raise ValueError(f"NYU has splits {SPLITS} and Kinects {KINECTS}, got {split!r} and {kinect!r}")
        self.folder = find_folder(root, "dataset", f"{split}/joint_data.mat", "NYU") / split
        self.kinect = kinect
        labels = _read_labels(self.folder / "joint_data.mat", len(self.benchmark.joints))
        self.joints: NDArray[np.float32] = (labels[kinect - 1] * [0.001, -0.001, 0.001]).astype(np.float32)

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, index: int) -> DatasetSample:
        camera = self.benchmark.camera
        path = self.image(index)
        colours = read_png(path, (camera.height, camera.width, 3), np.uint8).astype(np.uint16)
        depth = DepthImage((colours[:, :, 1] * 256 + colours[:, :, 0]).astype(np.uint16), 0.001)
        return DatasetSample(depth, camera, self.joints[index], f"{self.folder.name}/{path.name}")

    def image(self, index: int) -> Path:
        return self.folder / f"depth_{self.kinect}_{range(1, len(self) + 1)[index]:07d}.png"


def _read_labels(path: Path, joints: int) -> NDArray[np.float64]:
    expected = f"(3, N, {joints}, 3) numbers in joint_xyz"
    try:
        content = loadmat(path, variable_names=["joint_xyz", "joint_names"])
    except (OSError, ValueError, TypeError, NotImplementedError, EOFError, zlib.error, MatReadError) as error:
        raise DatasetError(f"{path} cannot be read as a MATLAB file: {error}; expected {expected}") from error
    labels = content.get("joint_xyz")
    if labels is None or labels.ndim != 4 or (labels.shape[0], *labels.shape[2:]) != (3, joints, 3):
        found = "no joint_xyz" if labels is None else f"joint_xyz of shape {labels.shape}"
        raise DatasetError(f"{path} has {found}; expected {expected}")
    names = tuple(str(np.squeeze(name)) for name in np.ravel(content.get("joint_names", [])))
    if names and names != BENCHMARKS["nyu"].joints:
        raise DatasetError(f"{path} has the joints {names}; expected {BENCHMARKS['nyu'].joints}")
    numbers: NDArray[np.float64] = labels.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise DatasetError(f"{path} holds NaN or Inf in joint_xyz; download it again")
    return numbers
