"""Poses in which fingers touch or hold something: found by `scripts/build_pose_bank.py`, shipped as a small file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.learning.synthetic.poses import Angles, pose_space

KINDS = ("pinch", "side", "chuck", "precision", "power")
NO_OBJECT, SPHERE, CYLINDER = range(3)


@dataclass(frozen=True)
class HeldObject:
    """A sphere or a cylinder in the hand's canonical frame, in hand lengths.

    kind: SPHERE or CYLINDER. centre: (3,). axis: (3,) unit vector along a cylinder, which may be of any length.
    """

    kind: int
    radius: float
    centre: NDArray[np.float64]
    axis: NDArray[np.float64]


@dataclass(frozen=True)
class PoseBank:
    """angles: (N, 25) radians with a straight wrist. kinds: (N,) indices into KINDS. objects: (N, 8) kind, radius,
    centre (3), axis (3) as in HeldObject."""

    angles: Angles
    kinds: NDArray[np.uint8]
    objects: NDArray[np.float64]

    @classmethod
    def load(cls, path: Path) -> PoseBank:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(pose_space().unpacked(file["angles"]), file["kinds"], file["objects"].astype(np.float64))

    def save(self, path: Path) -> None:
        """Write the bank: packed angles, objects in half precision."""
        with atomic_write(path) as temporary:
            np.savez_compressed(
                temporary,
                angles=pose_space().packed(self.angles),
                kinds=self.kinds,
                objects=self.objects.astype(np.float16),
            )

    def held(self, index: int) -> HeldObject | None:
        """What the hand of a pose holds."""
        kind, radius, *rest = self.objects[index]
        if kind == NO_OBJECT:
            return None
        return HeldObject(int(kind), float(radius), np.array(rest[:3]), np.array(rest[3:]))


@cache
def pose_bank() -> PoseBank:
    """The poses that come with the package."""
    return PoseBank.load(Path(__file__).parent / "assets" / "poses.npz")
