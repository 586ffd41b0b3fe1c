"""Poses for training: contacts from the bank, and sampled ones that do not push fingers into each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dense3d_ros.learning.synthetic.collision import hand_spheres
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.pose_bank import HeldObject, pose_bank
from dense3d_ros.learning.synthetic.poses import Angles, pose_space, sample_angles, sample_stacked, sample_wrist


def sample_pose(rng: np.random.Generator, options: SceneOptions) -> tuple[Angles, HeldObject | None]:
    """(25,) radians within the limits, and what the hand was closed on if it was closed on something."""
    # Not drawn where the share is 0: the fixed test sets are older than it.
    if options.stacked_poses and rng.random() < options.stacked_poses:
        return _apart(rng, sample_stacked), None
    if rng.random() >= options.contact_poses:
        return _apart(rng, sample_angles), None
    bank, space = pose_bank(), pose_space()
    index = int(rng.integers(len(bank.angles)))
    jitter = np.radians(options.contact_jitter)
    angles = bank.angles[index] + rng.uniform(-jitter, jitter, len(space.low))
    angles[:2] = sample_wrist(rng)
    return np.clip(angles, space.low, space.high), bank.held(index)


def _apart(rng: np.random.Generator, sample: Callable[[np.random.Generator], Angles]) -> Angles:
    """A sampled pose in which no finger is pushed into another."""
    spheres = hand_spheres()
    while True:
        angles = sample(rng)
        if not spheres.collide(angles):
            return angles
