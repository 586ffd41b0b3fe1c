"""The samples of an ablation, made once, so that every variant sees the very same ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from dense3d_ros.atomic_write import atomic_write, make_folder
from dense3d_ros.geometry.crop import MIRROR, crop_hand
from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.datasets.nyu import NyuDataset
from dense3d_ros.learning.synthetic.options import before_working_hands
from dense3d_ros.learning.synthetic.samples import make_sample
from dense3d_ros.learning.synthetic.scenes import SceneAssets

RESOLUTION = 64
HALF_SIZE = 0.15
NEAR = 0.05
"""A synthetic crop's centre is at most this far from the hand's, metres."""
JITTER = 0.012
"""Standard deviation of the crop's centre from the mean of a data set's joints, metres an axis."""

_QUARTER = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
SEEDS = {"train": 7_000_000, "test": 8_000_000}


@dataclass(frozen=True)
class Crops:
    """images (N, 1, R, R) float16, normalised; cameras (N, 4) fx, fy, cx, cy; centres (N, 3), joints (N, J, 3) in
    metres.
    """

    images: Tensor
    cameras: Tensor
    centres: Tensor
    joints: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def pick(self, index: Tensor) -> Crops:
        """The crops of an index."""
        return Crops(*(getattr(self, item.name)[index] for item in fields(self)))

    def turned(self, quarters: int) -> Crops:
        """The same scenes seen by cameras turned about their optical axis by quarters of a turn; exact."""
        if quarters == 0:
            return self
        fx, fy, cx, cy = self.cameras.unbind(1)
        images = torch.rot90(self.images, 1, (2, 3))
        cameras = torch.stack([fy, fx, cy, self.images.shape[3] - 1 - cx], 1)
        return Crops(images, cameras, self.centres @ _QUARTER, self.joints @ _QUARTER).turned(quarters - 1)

    def to(self, device: str) -> Crops:
        """The same on another device."""
        return Crops(*(getattr(self, item.name).to(device) for item in fields(self)))


@dataclass(frozen=True)
class _Crop:
    image: np.ndarray
    camera: np.ndarray
    centre: np.ndarray
    joints: np.ndarray


def cached_crops(path: Path, split: str, count: int, nyu: Path | None) -> Crops:
    """The first `count` crops of a split, read from `path` where it holds them, made and written there if not.

    nyu: root of the NYU data set; without it they are synthetic.
    """
    if path.exists():
        with safe_open(path, framework="pt") as file:
            crops = Crops(*(file.get_tensor(item.name) for item in fields(Crops)))
        if len(crops) == count:
            return crops
    made = _synthetic(split) if nyu is None else _nyu(nyu, split, count)
    crops = _stack(made, count, f"{split} crops")
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        save_file({item.name: getattr(crops, item.name) for item in fields(crops)}, temporary)
    return crops


def _synthetic(split: str) -> Iterator[_Crop]:
    """Endless crops with a hand near their centre; left hands are shown in a mirror, as right ones."""
    assets = SceneAssets.load()
    # What was measured on them goes on being what can be measured.
    assets = replace(assets, options=before_working_hands(assets.options))
    rng = np.random.default_rng(SEEDS[split])
    while True:
        sample = make_sample(rng, assets, RESOLUTION)
        if sample.presence != 1 or np.linalg.norm(sample.centre - hand_centre(sample.joints)) > NEAR:
            continue
        crop = _Crop(sample.image, sample.camera, sample.centre, sample.joints)
        yield crop if sample.right else _mirrored(crop)


def _mirrored(crop: _Crop) -> _Crop:
    camera = crop.camera.copy()
    camera[2] = crop.image.shape[1] - 1 - camera[2]
    return _Crop(crop.image[:, ::-1], camera, crop.centre * MIRROR, crop.joints * MIRROR)


def _nyu(root: Path, split: str, count: int) -> Iterator[_Crop]:
    """`count` frames spread evenly over a split, around the mean of the 14 scored joints with jitter."""
    dataset = NyuDataset(root, split)
    if len(dataset) < count:
        raise ValueError(f"{root} has {len(dataset)} NYU {split} frames; {count} were asked for")
    rng = np.random.default_rng(SEEDS[split])
    for index in np.linspace(0, len(dataset) - 1, count).round().astype(int):
        sample = dataset[int(index)]
        joints = sample.joints[list(dataset.benchmark.scored)]
        centre = (joints.mean(axis=0) + rng.normal(0.0, JITTER, 3)).astype(np.float32)
        crop = crop_hand(sample.depth, sample.camera, centre, HALF_SIZE, RESOLUTION)
        camera = np.array(crop.camera.pinhole, np.float32)
        yield _Crop(crop.image, camera, crop.centre, joints)


def _stack(made: Iterator[_Crop], count: int, what: str) -> Crops:
    """The first `count`; in float16 a depth of 150 mm is off by 0.04 mm at most."""
    images, rest = np.empty((count, 1, RESOLUTION, RESOLUTION), np.float16), []
    for index, crop in zip(tqdm(range(count), desc=what, unit="crop"), made, strict=False):
        images[index, 0] = crop.image
        rest.append((crop.camera, crop.centre, crop.joints))
    cameras, centres, joints = (torch.from_numpy(np.stack(part)) for part in zip(*rest, strict=True))
    return Crops(torch.from_numpy(images), cameras, centres, joints)
