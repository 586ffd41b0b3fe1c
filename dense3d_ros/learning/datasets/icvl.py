"""ICVL (Tang et al., 2014): lists of labels and 16-bit PNG in millimetres.

    Training/labels.txt  Training/Depth/201403121135/image_0000.png ...
    Testing/test_seq_1.txt  Testing/test_seq_2.txt  Testing/Depth/test_seq_1/image_0000.png ...

A line is the image's name below Depth/ and `u v d` of 16 joints, in pixels and millimetres.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.learning.datasets.files import find_folder, parse_numbers, read_lines, read_png
from dense3d_ros.learning.datasets.sample import DatasetError, DatasetSample

LISTS = {"train": ("Training/labels.txt",), "test": ("Testing/test_seq_1.txt", "Testing/test_seq_2.txt")}
_LOW_CONFIDENCE = 32001
"""What the camera writes, and values above it, where it is not sure."""


class IcvlDataset:
    """The paper trains on the recorded frames alone; `rotated` adds the copies turned in the plane."""

    benchmark = BENCHMARKS["icvl"]

    def __init__(self, root: Path, split: str, *, rotated: bool = False) -> None:
        if split not in LISTS:
            raise ValueError(f"ICVL has splits {tuple(LISTS)}, got {split!r}")
        root = find_folder(root, "ICVL", LISTS[split][0], "ICVL")
        self.names: list[str] = []
        self._images: list[Path] = []
        labels: list[list[float]] = []
        for relative in LISTS[split]:
            path = root / relative
            for number, line in enumerate(read_lines(path), 1):
                name, *words = line.split() or [""]
                # Recorded sequences are named by their date, turned ones by their angle.
                if not name or (split == "train" and not rotated and not name.startswith("2014")):
                    continue
                labels.append(parse_numbers(words, 3 * len(self.benchmark.joints), path, number))
                self.names.append(f"{path.parent.name}/Depth/{name}")
                self._images.append(path.parent / "Depth" / name)
        if not labels:
            raise DatasetError(f"{root}/{LISTS[split][0]} names no frames; expected lines of a name and 48 numbers")
        pixels = np.array(labels).reshape(len(labels), -1, 3)
        joints = self.benchmark.camera.back_project(pixels[..., :2], pixels[..., 2] * 0.001)
        self.joints: NDArray[np.float32] = joints.astype(np.float32)

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, index: int) -> DatasetSample:
        camera = self.benchmark.camera
        values = read_png(self.image(index), (camera.height, camera.width), np.uint16).astype(np.uint16)
        values[values >= _LOW_CONFIDENCE] = 0
        return DatasetSample(DepthImage(values, 0.001), camera, self.joints[index], self.names[index])

    def image(self, index: int) -> Path:
        return self._images[index]
