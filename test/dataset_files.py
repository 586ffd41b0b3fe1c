"""Writes small data sets in the formats in which NYU, ICVL and MSRA15 are distributed, from known joints."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

NYU_NAMES = [
    *(f"F{finger}_KNU{knuckle}_{end}" for finger in (1, 2, 3, 4) for knuckle in (3, 2, 1) for end in "AB"),
    *(f"TH_KNU{knuckle}_{end}" for knuckle in (3, 2, 1) for end in "AB"),
    *(f"PALM_{number}" for number in range(1, 7)),
]
MSRA_GESTURES = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "I", "IP", "L", "MP", "RP", "T", "TIP", "Y"]


def random_joints(rng: np.random.Generator, frames: int, joints: int) -> NDArray[np.float64]:
    """(frames, joints, 3) millimetres, x right, y down, z forward, all within every camera's image."""
    return rng.uniform([-60, -60, 400], [60, 60, 500], (frames, joints, 3))


def random_depth(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint16]:
    """Millimetres that need both bytes."""
    return rng.integers(200, 1500, (height, width)).astype(np.uint16)


def write_nyu(root: Path, split: str, joints: NDArray[np.float64], depth: NDArray[np.uint16]) -> None:
    """joints: (3 Kinects, N, 36, 3) mm, y down; depth: (480, 640) mm, the same for all frames."""
    folder = root / split
    folder.mkdir(parents=True)
    names = np.empty((1, len(NYU_NAMES)), object)
    names[0] = NYU_NAMES
    stored = joints * [1, -1, 1]
    savemat(folder / "joint_data.mat", {"joint_names": names, "joint_xyz": stored, "joint_uvd": stored})
    colours = np.zeros((*depth.shape, 3), np.uint8)
    colours[:, :, 0] = depth & 255
    colours[:, :, 1] = depth >> 8
    for kinect in (1, 2, 3):
        for number in range(1, joints.shape[1] + 1):
            cv2.imwrite(str(folder / f"depth_{kinect}_{number:07d}.png"), colours)


def icvl_line(name: str, joints: NDArray[np.float64]) -> str:
    """A label line: pixels of the Creative camera and millimetres."""
    u = joints[:, 0] / joints[:, 2] * 240.99 + 160
    v = joints[:, 1] / joints[:, 2] * 240.96 + 120
    return " ".join([name, *(f"{value:.4f}" for value in np.stack([u, v, joints[:, 2]], axis=1).ravel())])


def write_icvl(root: Path, lists: dict[str, dict[str, NDArray[np.float64]]], depth: NDArray[np.uint16]) -> None:
    """lists: label file -> image's name -> (16, 3) mm."""
    for label_file, frames in lists.items():
        path = root / label_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(icvl_line(name, joints) for name, joints in frames.items()) + "\n\n")
        for name in frames:
            image = path.parent / "Depth" / name
            image.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(image), depth)


def write_msra(root: Path, joints: NDArray[np.float64], window: NDArray[np.float32], left: int, top: int) -> None:
    """joints: (9 subjects, 17 gestures, N, 21, 3) mm, y down, z forward; window: the same for all frames."""
    height, width = window.shape
    data = struct.pack("<6I", 320, 240, left, top, left + width, top + height) + window.astype("<f4").tobytes()
    for subject, gestures in enumerate(joints):
        for gesture, frames in zip(MSRA_GESTURES, gestures, strict=True):
            folder = root / f"P{subject}" / gesture
            folder.mkdir(parents=True)
            lines = [" ".join(f"{value:.3f}" for value in (frame * [1, -1, -1]).ravel()) for frame in frames]
            (folder / "joint.txt").write_text("\n".join([str(len(frames)), *lines]) + "\n")
            for number in range(len(frames)):
                (folder / f"{number:06d}_depth.bin").write_bytes(data)
