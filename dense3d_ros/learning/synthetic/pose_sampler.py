"""Poses for training: contacts from the bank, and sampled ones that do not push fingers into each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dense3d_ros.learning.synthetic.collision import hand_spheres
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.pose_bank import KINDS, HeldObject, pose_bank
from dense3d_ros.learning.synthetic.poses import Angles, pose_space, sample_angles, sample_stacked, sample_wrist


def sample_pose(rng: np.random.Generator, options: SceneOptions) -> tuple[Angles, HeldObject | None]:
    """(25,) radians within the limits, and what the hand was closed on if it was closed on something."""
    # Not drawn where the share is 0: the fixed test sets are older than these.
    if options.stacked_poses and rng.random() < options.stacked_poses:
        return _apart(rng, sample_stacked), None
    if options.pinches and rng.random() < options.pinches:
        return _apart(rng, lambda rng: _pinch(rng, options)), None
    if rng.random() >= options.contact_poses:
        return _apart(rng, sample_angles), None
    bank = pose_bank()
    index = int(rng.integers(len(bank.angles)))
    return _jittered(rng, bank.angles[index], options), bank.held(index)


def _pinch(rng: np.random.Generator, options: SceneOptions) -> Angles:
    """(25,) radians: the thumb at a fingertip, or half of the time on the way there."""
    bank = pose_bank()
    angles = bank.angles[rng.choice(np.flatnonzero(bank.kinds == KINDS.index("pinch")))]
    if rng.random() < 0.5:
        angles = angles + rng.uniform(0.0, 0.5) * (pose_space().gestures["relaxed"] - angles)
    return _jittered(rng, angles, options)


def _jittered(rng: np.random.Generator, angles: Angles, options: SceneOptions) -> Angles:
    """A pose of the bank, each angle moved a little, with any wrist."""
    space, jitter = pose_space(), np.radians(options.contact_jitter)
    angles = angles + rng.uniform(-jitter, jitter, len(space.low))
    angles[:2] = sample_wrist(rng)
    return np.clip(angles, space.low, space.high)


def _apart(rng: np.random.Generator, sample: Callable[[np.random.Generator], Angles]) -> Angles:
    """A sampled pose in which no finger is pushed into another."""
    spheres = hand_spheres()
    while True:
        angles = sample(rng)
        if not spheres.collide(angles):
            return angles
