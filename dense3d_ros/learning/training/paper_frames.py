"""Whole frames with their joints, for the paper's crop: of a benchmark or of synthetic hands. In millimetres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import MIRROR
from dense3d_ros.geometry.hand import SKELETON
from dense3d_ros.learning.datasets.frames import PaperFrame, benchmark_frame, open_dataset
from dense3d_ros.learning.datasets.msra import SUBJECTS
from dense3d_ros.learning.datasets.sample import DepthDataset
from dense3d_ros.learning.synthetic.samples import make_sample
from dense3d_ros.learning.synthetic.scenes import SceneAssets
from dense3d_ros.learning.training.method import VALIDATION_SEED
from dense3d_ros.learning.training.paper_recipe import PaperRecipe

SYNTHETIC = "synthetic"
VALIDATION_FRAMES = 128
_FRAME_SIZE = 224
"""Pixels along the 300 mm of a synthetic frame: at 1.3 mm the paper's margin of 20 px is as wide as on NYU."""
_PUBLISHED_CAMERAS = {
    "nyu": Camera(588.235, 587.084, 320.0, 240.0, 640, 480),
    "icvl": Camera(241.42, 241.42, 160.0, 120.0, 320, 240),
}


class Frames(Protocol):
    """Frames by number; training goes round and round, each round in another order."""

    def __len__(self) -> int:
        """Frames in a round."""

    def frame(self, number: int) -> PaperFrame:
        """Frame `number` of an endless sequence."""


@dataclass(frozen=True)
class PaperData:
    """What is learned and what errors are measured on, both in words and as frames, and the skeleton's name."""

    name: str
    skeleton: str
    training: Frames
    training_words: str
    validation: Frames
    validation_words: str


class DatasetFrames:
    """The scored joints of a data set's frames. order_seed: shuffles each round anew; None keeps the order."""

    def __init__(
        self, dataset: DepthDataset, *, order_seed: int | None, rounds: int = 1, published_camera: bool = False
    ) -> None:
        self.dataset, self.order_seed, self.rounds = dataset, order_seed, rounds
        self.benchmark = dataset.benchmark
        self.camera = _PUBLISHED_CAMERAS.get(self.benchmark.name) if published_camera else None
        self._order: tuple[int, NDArray[np.intp]] = (-1, np.arange(len(dataset)))

    def __len__(self) -> int:
        return self.rounds * len(self.dataset)

    def frame(self, number: int) -> PaperFrame:
        turn, place = divmod(number, len(self.dataset))
        if self.order_seed is not None and self._order[0] != turn:
            self._order = (turn, np.random.default_rng([self.order_seed, turn]).permutation(len(self.dataset)))
        return benchmark_frame(self.dataset[int(self._order[1][place])], self.benchmark, self.camera)


class SyntheticFrames:
    """Right hands, and left ones in a mirror, of the generator that the default model learns from."""

    def __init__(self, seed: int, count: int) -> None:
        self.seed, self.count = seed, count
        self._assets: SceneAssets | None = None

    def __len__(self) -> int:
        return self.count

    def frame(self, number: int) -> PaperFrame:
        self._assets = self._assets or SceneAssets.load()
        rng = np.random.default_rng([self.seed, 1, number])
        while (sample := make_sample(rng, self._assets, _FRAME_SIZE)).presence != 1:
            pass
        metres = np.where(sample.image < 1, sample.image * np.float32(0.15) + sample.centre[2], np.float32(0))
        fx, fy, cx, cy = (float(value) for value in sample.camera)
        camera, joints = Camera(fx, fy, cx, cy, _FRAME_SIZE, _FRAME_SIZE), sample.joints
        if not sample.right:
            metres, joints = metres[:, ::-1], joints * MIRROR
            camera = replace(camera, cx=_FRAME_SIZE - 1 - cx)
        return PaperFrame(metres * np.float32(1000), camera, joints * np.float32(1000))


class EvenFrames:
    """At most `count` frames, spread evenly over a data set."""

    def __init__(self, frames: Frames, count: int) -> None:
        self.frames = frames
        self.numbers = np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int)

    def __len__(self) -> int:
        return len(self.numbers)

    def frame(self, number: int) -> PaperFrame:
        return self.frames.frame(int(self.numbers[number]))


def open_data(recipe: PaperRecipe, name: str = SYNTHETIC, root: Path | None = None, held_out: int = 0) -> PaperData:
    """What a recipe learns from: synthetic hands, or a benchmark in the folder `root`."""
    if name == SYNTHETIC:
        return PaperData(
            name,
            SKELETON,
            SyntheticFrames(recipe.seed, recipe.epoch_samples),
            "synthetic hands only",
            SyntheticFrames(VALIDATION_SEED, VALIDATION_FRAMES),
            f"synthetic hands, true crop, {VALIDATION_FRAMES} frames",
        )
    if root is None:
        raise ValueError(f"the data set {name} needs the folder that it lies in")
    test = open_dataset(name, root, "test", held_out)
    on_test_subject = name == "msra" and "train_on_test_subject" in recipe.quirks
    learned = test if on_test_subject else open_dataset(name, root, "train", held_out)
    published_camera = "published_cameras" in recipe.quirks
    training = DatasetFrames(
        learned,
        order_seed=recipe.seed,
        rounds=len(SUBJECTS) - 1 if on_test_subject else 1,
        published_camera=published_camera,
    )
    all_tests = DatasetFrames(test, order_seed=None, published_camera=published_camera)
    validation = EvenFrames(all_tests, VALIDATION_FRAMES)
    subject = f", subject {held_out} held out" if name == "msra" else ""
    title = test.benchmark.title
    split = f"the test subject {held_out} itself" if on_test_subject else "training split" + subject
    return PaperData(
        name,
        test.benchmark.skeleton,
        training,
        f"{title}, {split}, {len(learned)} frames",
        validation,
        f"{title} test{subject}, true crop, {len(validation)} frames",
    )
