"""Endless reproducible batches of whole depth images with where their hands are, for the detector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from dense3d_ros.dense.detector_layout import HEIGHT, MAPS, STRIDE, WIDTH
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import MIRROR
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import hand_centre, palm_direction
from dense3d_ros.learning.synthetic.scenes import SceneAssets
from dense3d_ros.learning.synthetic.whole_scenes import WholeScene, make_whole_scene
from dense3d_ros.learning.training.batches import DeviceBatch, generator, of_this_worker
from dense3d_ros.learning.training.data import LAG
from dense3d_ros.perception.detector import sampling

VIEWS_PER_SCENE = 4
"""Views that are learned of every scene: all of it and parts of it, half of them in a mirror."""
LEAST_VISIBLE, LEAST_INSIDE = 0.4, 0.6
"""A hand that shows less than these shares of its pixels and joints is neither to be found nor to be missed."""
_PALM = 0.035
"""Reach of a hand's peak in the heat map, metres."""
_PALM_LENGTH = 0.09
_OF_SCENES, _OF_VIEWS = 10, 11
"""Tell these random numbers from each other, and from those of the crops with the same seed."""
_ROWS, _COLS = HEIGHT // STRIDE, WIDTH // STRIDE


@dataclass
class DetectorBatch(DeviceBatch):
    """depth (B, 1, H, W) metres, focal (B,) in samples, targets (B, len(MAPS), h, w) as the network's maps.

    The first target is the heat, 0..1, and exactly 1 in the cell of a hand's centre. counted: (B, h, w) 0 where it
    cannot be said whether there is a hand. weights: (B, h, w) of the other targets; of the roll it is roll_weights.
    """

    depth: Tensor
    focal: Tensor
    targets: Tensor
    counted: Tensor
    weights: Tensor
    roll_weights: Tensor

    @classmethod
    def from_views(cls, views: list[tuple[NDArray[np.float32], ...]]) -> DetectorBatch:
        """Stack the views of `make_view`."""
        stacked = [torch.from_numpy(np.stack(parts)) for parts in zip(*views, strict=True)]
        return cls(stacked[0].unsqueeze(1), *stacked[1:])


def make_view(
    scene: WholeScene, window: tuple[int, int, int, int], *, mirrored: bool
) -> tuple[NDArray[np.float32], ...]:
    """The fields of a DetectorBatch for one view: the window (left, top, width, height) of a scene."""
    left, top, width, height = window
    camera = scene.camera.cropped(left, top, width, height)
    depth = scene.depth[top : top + height, left : left + width]
    if mirrored:
        depth = depth[:, ::-1]
        camera = camera.mirrored()
    grid = sampling(camera)
    targets = _Targets()
    for hand in scene.hands:
        joints = hand.joints * MIRROR if mirrored else hand.joints
        targets.add(joints, hand.visible, camera, grid.camera)
    targets.counted[targets.maps[0] == 1] = 1
    return (
        grid.samples(DepthImage(np.ascontiguousarray(depth))),
        np.float32(grid.camera.fx),
        targets.maps,
        targets.counted,
        targets.weights,
        targets.roll_weights,
    )


class _Targets:
    """What the network is to say of an image, as it grows hand by hand; the fields are those of a DetectorBatch."""

    def __init__(self) -> None:
        self.maps = np.zeros((len(MAPS), _ROWS, _COLS), np.float32)
        self.counted = np.ones((_ROWS, _COLS), np.float32)
        self.weights, self.roll_weights = np.zeros((2, _ROWS, _COLS), np.float32)
        self._rows, self._cols = np.mgrid[:_ROWS, :_COLS].astype(np.float32)

    def add(self, joints: NDArray[np.float32], visible: float, camera: Camera, samples: Camera) -> None:
        """A hand of (21, 3) joints, metres. visible: share of its pixels. samples: the camera of the samples."""
        centre = hand_centre(joints)
        if joints[:, 2].min() <= 0.05:
            return
        pixels = camera.project(joints)
        inside = ((pixels > -0.5) & (pixels < [camera.width - 0.5, camera.height - 0.5])).all(axis=1).mean()
        x, y = (samples.project(centre) - (STRIDE - 1) / 2) / STRIDE
        reach = _PALM * samples.fx / float(centre[2]) / STRIDE
        away = np.hypot(self._cols - x, self._rows - y)
        if visible < LEAST_VISIBLE or inside < LEAST_INSIDE:
            self.counted[away < 1 + 1.5 * reach] = 0
            return
        at = int(np.rint(y)), int(np.rint(x))
        if not (0 <= at[0] < _ROWS and 0 <= at[1] < _COLS):
            return
        heat = np.exp(-0.5 * np.square(away / np.clip(0.6 * reach, 0.7, 3.0)))
        heat[at] = 1.0
        # Where two hands meet each cell belongs to the nearer one.
        own = heat > self.maps[0]
        direction = palm_direction(joints)
        length = max(float(np.linalg.norm(direction)), 1e-6)
        self.maps[0][own] = heat[own]
        self.maps[1][own], self.maps[2][own] = (x - self._cols)[own], (y - self._rows)[own]
        for index, value in enumerate((np.log(centre[2]), *(direction / length))):
            self.maps[3 + index][own] = value
        self.weights[own] = np.where(heat > 0.3, heat, 0)[own]
        self.roll_weights[own] = self.weights[own] * min(length / _PALM_LENGTH, 1.0)


class DetectorBatches(IterableDataset[DetectorBatch]):
    """Batch number n is a function of (seed, n) alone, whatever the number of workers and processes."""

    def __init__(self, *, seed: int, batch_size: int, first: int, count: int, stride: int = 1) -> None:
        self.seed = seed
        self.batch_size = batch_size
        self.numbers = range(first, first + count * stride, stride)

    def __iter__(self) -> Iterator[DetectorBatch]:
        assets = SceneAssets.load()
        scenes: dict[int, list[WholeScene]] = {}
        for number in of_this_worker(self.numbers):
            rng = generator(self.seed, number, _OF_VIEWS)
            views = []
            for view in range(VIEWS_PER_SCENE):
                source = number - view * LAG
                if source not in scenes:
                    drawn = generator(self.seed, source, _OF_SCENES)
                    scenes[source] = [
                        make_whole_scene(drawn, assets) for _ in range(self.batch_size // VIEWS_PER_SCENE)
                    ]
                views += [random_view(rng, scene, view) for scene in scenes[source]]
            scenes.pop(number - (VIEWS_PER_SCENE - 1) * LAG)
            yield DetectorBatch.from_views(views)


def random_view(rng: np.random.Generator, scene: WholeScene, number: int) -> tuple[NDArray[np.float32], ...]:
    """View `number` of a scene: the first two show all of it, the others parts; every second one is in a mirror."""
    width, height = scene.camera.width, scene.camera.height
    share = 1.0 if number < 2 else rng.uniform(0.45, 0.9)
    part = int(width * share), int(height * share)
    left, top = int(rng.integers(0, width - part[0] + 1)), int(rng.integers(0, height - part[1] + 1))
    return make_view(scene, (left, top, *part), mirrored=number % 2 == 1)
