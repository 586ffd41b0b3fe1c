"""A process of the real nodes with a model that needs no training: one stiff hand, placed where the depth is.

It measures the place from the crop's pixels with the crop's camera, so wrong intrinsics or units give wrong joints.
Where the joints are from there is in a file: many tests start this process, and each would have to load the renderer.
Its `load` also plays the ways in which loading goes wrong; names that are paths go to the real one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import HandCrop, crop_hand
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.runtime.interface import NonFiniteOutputError

CAMERA = Camera(300.0, 310.0, 155.0, 122.0, 320, 240)
SPREAD = np.full(21, 0.005, np.float32)
GAP = 0.06
"""Metres across the image between two hands."""
JOINTS = Path(__file__).with_name("rigid_hand.csv")
"""(21, 3) metres from the mean of the hand's surface to its joints, as `measured_joints` gives them."""
BALLAST_BYTES = 100 << 20
"""What a model holds on to, so that a test sees whether it was freed."""


def scene(place: Sequence[float], camera: Camera = CAMERA) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Depth (H, W) in metres and true joints (21, 3) of an upright right hand whose centre is at `place`."""
    from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
    from dense3d_ros.learning.synthetic.render import render_depth

    hand = HandMesh.load().pose(np.zeros(25), forearm=0.05)
    upright = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    shift = np.asarray(place, np.float32) - hand_centre(hand.joints @ upright.T)
    depth = render_depth(hand.vertices @ upright.T + shift, hand.faces, camera)
    return depth, (hand.joints @ upright.T + shift).astype(np.float32)


def surface_mean(crop: HandCrop) -> NDArray[np.float32]:
    """(3,) metres in the camera's frame: the mean of the points that the crop shows."""
    rows, cols = np.nonzero(crop.image < 1.0)
    depth = crop.centre[2] + crop.image[rows, cols] * crop.half_size
    points = crop.camera.back_project(np.stack([cols, rows], axis=1).astype(np.float64), depth)
    return crop.in_camera(points.mean(axis=0, dtype=np.float32))


def measured_joints() -> NDArray[np.float32]:
    """What JOINTS holds."""
    depth, joints = scene((0.0, 0.0, 0.5))
    return joints - surface_mean(crop_hand(DepthImage(depth), CAMERA, hand_centre(joints)))


@dataclass(frozen=True)
class Description:
    name: str
    half_size: float = 0.15
    resolution: int = 128


@dataclass(frozen=True)
class Prediction:
    joints: NDArray[np.float32]
    joint_scores: NDArray[np.float32]
    presence: float
    right_hand: float
    log_likelihood: float
    spread: NDArray[np.float32]


class RigidModel:
    """Stands in for HandModel."""

    device, runtime, runtime_reason, crops_itself, calibration_doubt = "cpu", "numpy", "a test", False, ""

    def __init__(self, name: str, views: int) -> None:
        self.description = Description(name)
        self.views, self.confidence = views, Confidence()
        self._joints_from_mean = np.loadtxt(JOINTS, np.float32, delimiter=",")
        self._ballast = np.ones(BALLAST_BYTES, np.uint8)

    @property
    def for_new_hands(self) -> RigidModel:
        return self

    def detect(self, depth: DepthImage, camera: Camera, limit: int) -> list[Candidate]:
        """The mean of all that is near, on each side of a wide gap: there is nothing else than hands."""
        metres = depth.metres(slice(None), slice(None))
        rows, cols = np.nonzero((metres > 0) & (metres < 2))
        if len(rows) < 50:
            return []
        points = camera.back_project(np.stack([cols, rows], axis=1).astype(np.float64), metres[rows, cols])
        points = points[np.argsort(points[:, 0])]
        gaps = np.flatnonzero(np.diff(points[:, 0]) > GAP)
        hands = np.split(points, gaps + 1)
        return [Candidate(hand.mean(axis=0).astype(np.float32), 0.9, 0.0) for hand in hands][:limit]

    def predict(self, crops: Sequence[HandCrop], handednesses: Sequence[Handedness]) -> list[Prediction]:
        if self.description.name == "rigid_that_fails_in_a_frame":
            raise RuntimeError("the network failed")
        if self.description.name == "rigid_that_is_not_finite":
            raise NonFiniteOutputError("the network gives NaN or infinity")
        held(self.description.name, "rigid_working_while:")
        first = crops[:: self.views]
        return [self._predict_one(crop, handedness) for crop, handedness in zip(first, handednesses, strict=True)]

    def _predict_one(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        if np.count_nonzero(crop.image < 1.0) < 50:
            joints = np.tile(crop.in_camera(crop.centre), (21, 1))
            return Prediction(joints, np.zeros(21, np.float32), -9.0, 0.5, 0.0, SPREAD)
        joints = (surface_mean(crop) + self._joints_from_mean).astype(np.float32)
        likelihood = 5.0 * (handedness != Handedness.LEFT)
        # The nearer one of two hands is a little more certain.
        presence = 4.6 + 0.2 * (0.5 - float(joints[0, 2]))
        return Prediction(joints, np.linspace(0.5, 0.9, 21, dtype=np.float32), presence, 0.99, likelihood, SPREAD)

    def warm_up(self) -> None:
        if self.description.name == "rigid_that_breaks":
            raise RuntimeError("the network cannot run")


def load(name: str, device: str, runtime: str, views: int) -> RigidModel:
    if not name.startswith("rigid"):
        from dense3d_ros.perception.model import load_model

        return load_model(name, device, runtime, views)
    held(name, "rigid_loading_while:")
    return RigidModel(name, views)


def held(name: str, prefix: str) -> None:
    """For a name of `prefix` and a path: wait while that file is there, and make another one that says so."""
    if name.startswith(prefix):
        path = Path(name.removeprefix(prefix))
        while path.exists():
            path.with_suffix(".held").touch()
            time.sleep(0.02)


if __name__ == "__main__":
    from dense3d_ros.nodes.main import main

    sys.exit(main(load=load))
