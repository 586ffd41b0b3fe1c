"""MSRA15 (Sun et al., 2015): a .bin of the hand's window and a joint.txt per subject and gesture.

    P0/1/000000_depth.bin ...  P0/1/joint.txt

Subjects are P0 to P8, gestures 1 to 9, I, IP, L, MP, RP, T, TIP and Y.

A .bin is six 32-bit integers (width, height, left, top, right, bottom) and the window as 32-bit floats in
millimetres. joint.txt is the number of frames, then `x y z` of 21 joints a line, in mm, y up, z backwards.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.learning.datasets.files import find_folder, parse_numbers, read_lines
from dense3d_ros.learning.datasets.sample import DatasetError, DatasetSample

SPLITS = ("train", "test")
SUBJECTS = tuple(range(9))
GESTURES = (*(str(number) for number in range(1, 10)), "I", "IP", "L", "MP", "RP", "T", "TIP", "Y")
_HEADER = 6


class MsraDataset:
    """Leave one subject out: the test split is the held-out subject, the training split the other eight.

    The published results are means over the nine choices of `held_out`.
    """

    benchmark = BENCHMARKS["msra"]

    def __init__(self, root: Path, split: str, held_out: int = 0) -> None:
        if split not in SPLITS or held_out not in SUBJECTS:
            raise ValueError(f"MSRA15 has splits {SPLITS} and subjects 0..8, got {split!r} and {held_out!r}")
        self.root = find_folder(root, "cvpr15_MSRAHandGestureDB", "P0", "MSRA15")
        self._images: list[Path] = []
        labels = []
        for subject in SUBJECTS:
            if (subject == held_out) != (split == "test"):
                continue
            for gesture in GESTURES:
                folder = self.root / f"P{subject}" / gesture
                frames = _read_labels(folder / "joint.txt", len(self.benchmark.joints))
                labels.append(frames)
                self._images += [folder / f"{number:06d}_depth.bin" for number in range(len(frames))]
        self.joints: NDArray[np.float32] = np.concatenate(labels).astype(np.float32)

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, index: int) -> DatasetSample:
        path, camera = self.image(index), self.benchmark.camera
        depth = DepthImage(_read_window(path, camera.height, camera.width), 0.001)
        return DatasetSample(depth, camera, self.joints[index], path.relative_to(self.root).as_posix())

    def image(self, index: int) -> Path:
        return self._images[index]


def _read_labels(path: Path, joints: int) -> NDArray[np.float64]:
    """(N, J, 3) metres in the optical frame."""
    first, *lines = read_lines(path) or [""]
    rows = [
        parse_numbers(line.split(), 3 * joints, path, number) for number, line in enumerate(lines, 2) if line.strip()
    ]
    if first.strip() != str(len(rows)) or not rows:
        raise DatasetError(f"{path} holds {len(rows)} frames, expected the {first!r} of its first line")
    return np.array(rows).reshape(-1, joints, 3) * [0.001, -0.001, -0.001]


def _read_window(path: Path, height: int, width: int) -> NDArray[np.float32]:
    """(height, width) millimetres, 0 outside the stored window."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); expected a depth window") from error
    if len(data) < 4 * _HEADER:
        raise DatasetError(f"{path} has {len(data)} bytes; expected a header of {4 * _HEADER} and a window")
    header = [int(value) for value in np.frombuffer(data, "<u4", _HEADER)]
    left, top, right, bottom = header[2:]
    if header[:2] != [width, height] or not (left < right <= width and top < bottom <= height):
        raise DatasetError(f"{path} has the header {header}; expected a window of a {width}x{height} image")
    needed = 4 * (_HEADER + (bottom - top) * (right - left))
    if len(data) != needed:
        raise DatasetError(f"{path} has {len(data)} bytes; its header {header} needs {needed}")
    image = np.zeros((height, width), np.float32)
    window = np.frombuffer(data, "<f4", offset=4 * _HEADER)
    image[top:bottom, left:right] = window.reshape(bottom - top, right - left)
    return image
