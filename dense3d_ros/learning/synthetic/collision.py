"""Spheres along the bones of a hand: whether a pose would push one finger into another or into the palm.

Lengths are in hand lengths, places in the canonical frame of `hand_mesh`. The hand is the mean one of a mesh; other
shapes of it are thicker or thinner, which the tolerance covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import JOINT_COUNT, KNUCKLES
from dense3d_ros.geometry.hand_angles import ANGLE_NAMES
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.kinematics import bone_frames

Double = NDArray[np.float64]

TOLERANCE = 0.15
"""Spheres, which reach the skin at its nearest, collide when they overlap by more than this share of their radii."""

_ALONG_BONES = ((0.0, 0.33, 0.67), (0.0, 0.5), (0.0, 0.4, 0.75))
"""Where the spheres of a finger's three bones are, in shares of the bone; the last ends under the tip."""
_ALONG_PALM = (0.35, 0.6, 0.85)
FINGER_SPHERES = 8
_SPHERES = [
    (1 + 4 * finger + bone, 2 + 4 * finger + bone, share)
    for finger in range(5)
    for bone, shares in enumerate(_ALONG_BONES)
    for share in shares
] + [(0, mcp, share) for mcp in KNUCKLES for share in _ALONG_PALM]
_FROM, _TO = (np.array([sphere[end] for sphere in _SPHERES]) for end in (0, 1))
_SHARE = np.array([sphere[2] for sphere in _SPHERES])


@dataclass(frozen=True)
class HandSpheres:
    """The mean hand of a mesh as spheres: 8 a finger, thumb first, then 3 for each of the four metacarpals.

    joints: (24, 3) at rest. radii: (52,). pairs: (P, 2) spheres that must stay apart.
    """

    joints: Double
    radii: Double
    pairs: NDArray[np.int64]

    def centres(self, angles: Double) -> Double:
        """(52, 3) centres of the spheres at angles (25,) radians."""
        frames, posed = np.empty((5, 3, 3, 3)), np.empty((JOINT_COUNT, 3))
        bone_frames(self.joints, angles, frames, posed)
        centres = np.empty((len(self.radii), 3))
        place_spheres(posed, centres)
        return centres

    def collide(self, angles: Double, tolerance: float = TOLERANCE) -> bool:
        """Whether any two spheres that must stay apart overlap too much at angles (25,) radians."""
        return bool(_collide(self.joints, self.radii, self.pairs, angles, tolerance))


@cache
def hand_spheres(name: str = "soma") -> HandSpheres:
    """The spheres of a mesh shipped with the package; a radius is the distance to the skin of the open hand."""
    mesh = HandMesh.load(name)
    joints = mesh.joints.astype(np.float64)
    straight = mesh.pose(np.zeros(len(ANGLE_NAMES)), length=1.0)
    centres = np.empty((len(_SPHERES), 3))
    place_spheres(straight.joints.astype(np.float64), centres)
    radii = np.linalg.norm(straight.vertices[:, None] - centres, axis=2).min(axis=0).astype(np.float64)
    finger = np.repeat([0, 1, 2, 3, 4, 5], [FINGER_SPHERES] * 5 + [4 * len(_ALONG_PALM)])
    along = np.concatenate([np.tile(np.arange(FINGER_SPHERES), 5), np.full(4 * len(_ALONG_PALM), FINGER_SPHERES)])
    first, second = np.triu_indices(len(centres), 1)
    apart = np.linalg.norm(centres[first] - centres[second], axis=1) > radii[first] + radii[second]
    # The first bone of a finger is grown together with the palm.
    free = (finger[first] != finger[second]) & ~((finger[second] == 5) & (along[first] < 4)) & apart
    return HandSpheres(joints, radii, np.stack([first[free], second[free]], axis=1))


@njit(cache=True, nogil=True)
def place_spheres(posed, centres):  # type: ignore[no-untyped-def]
    """Fills centres (52, 3) of the spheres from posed joints (21, 3)."""
    for sphere in range(len(_SHARE)):
        start, end = posed[_FROM[sphere]], posed[_TO[sphere]]
        centres[sphere] = start + (end - start) * _SHARE[sphere]


@njit(cache=True, nogil=True)
def _collide(joints, radii, pairs, angles, tolerance):  # type: ignore[no-untyped-def]
    frames, posed, centres = np.empty((5, 3, 3, 3)), np.empty((21, 3)), np.empty((len(radii), 3))
    bone_frames(joints, angles, frames, posed)
    place_spheres(posed, centres)
    for pair in range(len(pairs)):
        i, j = pairs[pair]
        least = (1.0 - tolerance) * (radii[i] + radii[j])
        dx, dy, dz = centres[i, 0] - centres[j, 0], centres[i, 1] - centres[j, 1], centres[i, 2] - centres[j, 2]
        if dx * dx + dy * dy + dz * dz < least * least:
            return True
    return False
