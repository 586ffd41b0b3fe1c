"""Whether a downloaded data set is complete: labels readable, all their images there, samples readable."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.learning.datasets.icvl import IcvlDataset
from dense3d_ros.learning.datasets.msra import SUBJECTS, MsraDataset
from dense3d_ros.learning.datasets.nyu import KINECTS, NyuDataset
from dense3d_ros.learning.datasets.sample import DatasetError, DatasetSample, DepthDataset

SAMPLES = 12
_MARKS = {
    "nyu": tuple(f"{folder}/joint_data.mat" for folder in ("train", "test", "dataset/train", "dataset/test")),
    "icvl": ("Training", "Testing", "ICVL/Training", "ICVL/Testing"),
    "msra": ("P0", "cvpr15_MSRAHandGestureDB/P0"),
}


@dataclass
class DatasetCheck:
    """facts: what was found, a sentence a part. problems: what is wrong, empty for a complete data set."""

    dataset: str
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    samples: list[DatasetSample] = field(default_factory=list)


def recognise(root: Path) -> str:
    """The data set whose layout `root` has; DatasetError if none."""
    for name, marks in _MARKS.items():
        if any((root / mark).exists() for mark in marks):
            return name
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder; expected the folder of a downloaded data set")
    wanted = "; ".join(f"{BENCHMARKS[name].title} has {marks[0]}" for name, marks in _MARKS.items())
    raise DatasetError(f"{root} has the layout of no known data set: {wanted}")


def check_dataset(root: Path, dataset: str) -> DatasetCheck:
    """Check all parts of a data set and read SAMPLES frames, spread evenly, of them."""
    result = DatasetCheck(dataset)
    parts: list[DepthDataset] = []
    for part, opened in _parts(root, dataset):
        if isinstance(opened, DatasetError):
            result.problems.append(str(opened))
            continue
        result.facts.append(f"{part}: {len(opened)} labelled frames")
        expected = BENCHMARKS[dataset].frames.get(part.split()[0])
        if expected is not None and len(opened) != expected:
            result.problems.append(f"{part}: {len(opened)} labelled frames, the whole set has {expected}")
        result.problems += _missing_images(part, opened)
        parts.append(opened)
    total = sum(len(part) for part in parts)
    for number in np.linspace(0, total - 1, min(SAMPLES, total)).astype(int):
        index = int(number)
        for opened in parts:
            if index < len(opened):
                _read(opened, index, result)
                break
            index -= len(opened)
    return result


def _parts(root: Path, dataset: str) -> Iterator[tuple[str, DepthDataset | DatasetError]]:
    """Each part of the data set, or the error that says why it cannot be opened."""
    if dataset == "msra":
        for subject in SUBJECTS:
            yield f"P{subject}", _opened(partial(MsraDataset, root, "test", subject))
        return
    for split in ("train", "test"):
        if dataset == "icvl":
            yield split, _opened(partial(IcvlDataset, root, split, rotated=True))
        else:
            for kinect in KINECTS:
                yield f"{split} Kinect {kinect}", _opened(partial(NyuDataset, root, split, kinect))


def _opened(make: Callable[[], DepthDataset]) -> DepthDataset | DatasetError:
    try:
        return make()
    except DatasetError as error:
        return error


def _missing_images(part: str, dataset: DepthDataset) -> list[str]:
    """A sentence if images of labelled frames are not there or empty."""
    present: dict[Path, set[str]] = {}
    missing = []
    for index in range(len(dataset)):
        path = dataset.image(index)
        if path.parent not in present:
            present[path.parent] = _files(path.parent)
        if path.name not in present[path.parent]:
            missing.append(path)
    if not missing:
        return []
    examples = ", ".join(str(path) for path in missing[:3])
    return [f"{part}: {len(missing)} of {len(dataset)} images are missing or empty, such as {examples}"]


def _files(folder: Path) -> set[str]:
    """Names of the files in a folder that hold something."""
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_file() and entry.stat().st_size}


def _read(dataset: DepthDataset, index: int, result: DatasetCheck) -> None:
    try:
        result.samples.append(dataset[index])
    except DatasetError as error:
        if dataset.image(index).exists():
            result.problems.append(str(error))
