"""Endless reproducible batches of the paper's crops, turned and stretched. In millimetres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from dense3d_ros.dense.paper_crop import (
    PAD,
    Box,
    EmptyCropError,
    PaperCrop,
    crop_millimetres,
    joint_box,
    joint_depth_limit,
    normalise_depth,
    reference_point,
)
from dense3d_ros.dense.paper_regressor import stack_crops
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.datasets.frames import PaperFrame
from dense3d_ros.learning.training.batches import DeviceBatch, of_this_worker
from dense3d_ros.learning.training.paper_augmentation import augment
from dense3d_ros.learning.training.paper_frames import Frames

_SKIPPED = 100
"""So many frames in a row without depth at their joints are no accident."""


@dataclass
class PaperBatch(DeviceBatch):
    """images (B, 1, 128, 128) normalised; cameras (B, 4) of the crops; centres (B, 3), joints (B, J, 3) mm."""

    images: Tensor
    cameras: Tensor
    centres: Tensor
    joints: Tensor

    @classmethod
    def from_crops(cls, crops: Sequence[PaperCrop], joints: Sequence[np.ndarray]) -> PaperBatch:
        """Stack crops and their joints (J, 3) mm."""
        return cls(*stack_crops(crops), torch.from_numpy(np.stack(joints).astype(np.float32)))


@dataclass(frozen=True)
class Cropping:
    """How training crops are made; see `paper_recipe` for box_jitter and the quirks."""

    box_jitter: float = 0.0
    near_holes_are_surface: bool = False
    half_pixel_rotation: bool = False
    stale_centre: bool = False

    def training_crop(self, rng: np.random.Generator, frame: PaperFrame) -> tuple[PaperCrop, np.ndarray]:
        """Crop, turn and stretch; the crop and its joints (J, 3) mm. Raises EmptyCropError."""
        pixels = frame.camera.project(frame.joints)
        limit = joint_depth_limit(frame.depth, pixels) if frame.depth_limit is None else frame.depth_limit
        box = self._jittered(rng, joint_box(pixels, frame.camera), frame.camera)
        crop, camera = crop_millimetres(frame.depth, frame.camera, box, limit)
        before = reference_point(crop, camera)
        crop, joints = augment(rng, crop, camera, frame.joints, half_pixel_rotation=self.half_pixel_rotation)
        centre = before if self.stale_centre else reference_point(crop, camera)
        image = normalise_depth(crop, float(centre[2]), near_holes_are_surface=self.near_holes_are_surface)
        return PaperCrop(image, camera, centre), joints

    def _jittered(self, rng: np.random.Generator, box: Box, camera: Camera) -> Box:
        """The box with each side moved, still within the image and not smaller than a box may be."""
        if not self.box_jitter:
            return box
        sides = np.array([box.top, box.left, box.bottom, box.right])
        top, left, bottom, right = np.rint(sides + rng.normal(0.0, self.box_jitter, 4)).astype(int)
        top, left = np.clip([top, left], 0, [camera.height - 2 * PAD, camera.width - 2 * PAD])
        bottom, right = np.clip([bottom, right], [top + 2 * PAD, left + 2 * PAD], [camera.height, camera.width])
        return Box(int(top), int(left), int(bottom), int(right))


class PaperBatches(IterableDataset[PaperBatch]):
    """Batch number n is a function of (frames, seed, n) alone, whatever the number of workers and processes."""

    def __init__(
        self, frames: Frames, cropping: Cropping, *, seed: int, batch_size: int, first: int, count: int, stride: int = 1
    ) -> None:
        self.frames, self.cropping = frames, cropping
        self.seed, self.batch_size = seed, batch_size
        self.numbers = range(first, first + count * stride, stride)

    def __iter__(self) -> Iterator[PaperBatch]:
        for number in of_this_worker(self.numbers):
            start = number * self.batch_size
            made = [self._sample(sample) for sample in range(start, start + self.batch_size)]
            yield PaperBatch.from_crops(*zip(*made, strict=True))

    def _sample(self, number: int) -> tuple[PaperCrop, np.ndarray]:
        """Sample `number`; a frame that holds no depth at its joints is replaced by another one."""
        rng = np.random.default_rng([self.seed, 2, number])
        for attempt in range(_SKIPPED):
            try:
                frame = self.frames.frame(number if attempt == 0 else int(rng.integers(len(self.frames))))
                return self.cropping.training_crop(rng, frame)
            except EmptyCropError as error:
                reason = error
        raise ValueError(f"{_SKIPPED} training frames in a row cannot be cropped: {reason}")
