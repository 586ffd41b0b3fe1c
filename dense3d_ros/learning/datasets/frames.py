"""Frames as the paper's crop takes them, in millimetres with the scored joints alone, and the protocol's splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.dense.paper_crop import ICVL_DEPTH_LIMIT
from dense3d_ros.geometry.benchmarks import BENCHMARKS, Benchmark
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.datasets.icvl import IcvlDataset
from dense3d_ros.learning.datasets.msra import MsraDataset
from dense3d_ros.learning.datasets.nyu import NyuDataset
from dense3d_ros.learning.datasets.sample import DatasetSample, DepthDataset

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class PaperFrame:
    """depth (H, W) mm, 0 where nothing was measured; joints (J, 3) mm; depth_limit mm, None: from the joints."""

    depth: FloatArray
    camera: Camera
    joints: FloatArray
    depth_limit: float | None = None


def benchmark_frame(sample: DatasetSample, benchmark: Benchmark, camera: Camera | None = None) -> PaperFrame:
    """A benchmark's frame with its scored joints. camera: another than the sample's; pixels of labels are kept."""
    joints = sample.joints[list(benchmark.scored)] * np.float32(1000)
    if camera is not None and benchmark.name == "icvl":
        # ICVL is labelled in pixels and depth, the others in millimetres.
        joints = camera.back_project(sample.camera.project(joints), joints[:, 2]).astype(np.float32)
    depth = sample.depth.metres() * np.float32(1000)
    return PaperFrame(depth, camera or sample.camera, joints, depth_limit(benchmark))


def depth_limit(benchmark: Benchmark) -> float | None:
    """Millimetres from which everything is background in a benchmark's crops; None where the joints decide."""
    return ICVL_DEPTH_LIMIT if benchmark.name == "icvl" else None


def open_dataset(name: str, root: Path, split: str, held_out: int = 0) -> DepthDataset:
    """A benchmark's split as the protocol has it; held_out: MSRA15's test subject."""
    if name == "nyu":
        return NyuDataset(root, split)
    if name == "icvl":
        return IcvlDataset(root, split)
    if name == "msra":
        return MsraDataset(root, split, held_out)
    raise ValueError(f"data set '{name}' is unknown; accepted: {', '.join(BENCHMARKS)}")
