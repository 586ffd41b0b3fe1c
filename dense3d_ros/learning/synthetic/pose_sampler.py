"""Poses for training: contacts from the bank, and sampled ones that do not push fingers into each other."""

from __future__ import annotations

import numpy as np

from dense3d_ros.learning.synthetic.collision import hand_spheres
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.pose_bank import HeldObject, pose_bank
from dense3d_ros.learning.synthetic.poses import Angles, pose_space, sample_angles, sample_wrist


def sample_pose(rng: np.random.Generator, options: SceneOptions) -> tuple[Angles, HeldObject | None]:
    """(25,) radians within the limits, and what the hand was closed on if it was closed on something."""
    if rng.random() >= options.contact_poses:
        spheres = hand_spheres()
        while True:
            angles = sample_angles(rng)
            if not spheres.collide(angles):
                return angles, None
    bank, space = pose_bank(), pose_space()
    index = int(rng.integers(len(bank.angles)))
    jitter = np.radians(options.contact_jitter)
    angles = bank.angles[index] + rng.uniform(-jitter, jitter, len(space.low))
    angles[:2] = sample_wrist(rng)
    return np.clip(angles, space.low, space.high), bank.held(index)
