"""True joints of rendered hands in many poses, for tests of what is told from joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.learning.synthetic.animation import euler
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space, sample_angles


@dataclass(frozen=True)
class Rendered:
    """angles: (25,) radians. joints: (21, 3) metres. rotation: (3, 3) of the mesh's axes, mirrored for a left hand."""

    angles: np.ndarray
    joints: np.ndarray
    rotation: np.ndarray
    handedness: Handedness


def rendered_hands(mesh: str, count: int, *, shaped: bool = True, seed: int = 0) -> list[Rendered]:
    """Left and right hands in turn, each in a random pose, shape and place."""
    rng, model = np.random.default_rng(seed), HandMesh.load(mesh)
    hands = []
    for number in range(count):
        angles = sample_angles(rng)
        shape = rng.normal(size=model.shape_count) if shaped and model.shape_count else None
        handedness = Handedness.LEFT if number % 2 else Handedness.RIGHT
        rotation = euler(rng.uniform(-np.pi, np.pi, 3))
        joints = model.pose(angles, shape=shape, left=handedness is Handedness.LEFT).joints.astype(np.float64)
        hands.append(Rendered(angles, joints @ rotation.T + [0.1, 0.0, 0.6], rotation, handedness))
    return hands


def gesture(name: str, handedness: Handedness = Handedness.RIGHT, mesh: str = "soma") -> np.ndarray:
    """(21, 3) metres of a gesture, in the mesh's axes, at half a metre along z."""
    return _gesture(name, handedness, mesh).copy()


@cache
def _gesture(name: str, handedness: Handedness, mesh: str) -> np.ndarray:
    left = handedness is Handedness.LEFT
    joints = HandMesh.load(mesh).pose(pose_space().gestures[name], left=left).joints
    return joints.astype(np.float64) + np.array([0.0, 0.0, 0.5])


def hand_pose(joints: np.ndarray, handedness: Handedness = Handedness.RIGHT, score: float = 0.8) -> HandPose:
    """A HandPose with the same score for all joints."""
    return HandPose(joints.astype(np.float32), np.full(21, score, np.float32), 0.9, handedness)
