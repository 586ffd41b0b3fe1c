"""Hands that hold things: grasps of a taxonomy, settled on things by `scripts/build_grasp_bank.py`, in a small file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.geometry.hand import FINGERS
from dense3d_ros.learning.synthetic.held_things import held_thing
from dense3d_ros.learning.synthetic.placing import rotation_of
from dense3d_ros.learning.synthetic.poses import Angles, pose_space, prototype
from dense3d_ros.learning.synthetic.solids import Placed

Double = NDArray[np.float64]


@dataclass(frozen=True)
class GraspType:
    """A grasp of Feix et al. 2016.

    number: its number there. kind: "power", "precision" or "intermediate". opposition: "palm", "pad" or "side". thumb:
    "abducted" or "adducted". angles: (25,) radians of a hand about to close. thumb_closes: (5,) radians, the thumb's
    way. touching: digits, 0 the thumb, that close on the object. needed: those that must touch it.
    """

    name: str
    number: int
    kind: str
    opposition: str
    thumb: str
    angles: Angles
    thumb_closes: Double
    touching: tuple[int, ...]
    needed: tuple[int, ...]


@cache
def grasp_types() -> tuple[GraspType, ...]:
    """The grasps of grasps.yaml, in the order in which the bank counts them."""
    text = files("dense3d_ros.learning.synthetic").joinpath("grasps.yaml").read_text(encoding="utf-8")
    return tuple(_grasp_type(name, data) for name, data in yaml.safe_load(text).items())


def _grasp_type(name: str, data: dict[str, Any]) -> GraspType:
    touching, needed = (tuple(FINGERS.index(digit) for digit in data[key]) for key in ("touching", "needed"))
    closes = np.radians(np.array(data["thumb_closes"], np.float64))
    kind, opposition, thumb = (data[key] for key in ("type", "opposition", "thumb_is"))
    return GraspType(name, data["number"], kind, opposition, thumb, prototype(data), closes, touching, needed)


@dataclass(frozen=True)
class Grasp:
    """A hand that holds something.

    angles: (25,) radians with a straight wrist. held: the object in the canonical frame, in hand lengths.
    touching: (5,) digits, thumb first, whose tips lie on it.
    """

    kind: GraspType
    angles: Angles
    held: Placed
    touching: NDArray[np.bool_]


@dataclass(frozen=True)
class GraspBank:
    """angles: (N, 25) radians. types: (N,) indices into `grasp_types`. touching: (N,) bits, thumb lowest. things: (N,)
    kinds, sizes (N, 6), turns (N, 4) unit quaternions w x y z, and places (N, 3): objects as in Grasp."""

    angles: Angles
    types: NDArray[np.uint8]
    touching: NDArray[np.uint8]
    things: NDArray[np.uint8]
    sizes: Double
    turns: Double
    places: Double

    def __len__(self) -> int:
        return len(self.types)

    @cached_property
    def of_type(self) -> list[NDArray[np.intp]]:
        """Indices of the grasps of each type."""
        return [np.flatnonzero(self.types == kind) for kind in range(len(grasp_types()))]

    @classmethod
    def load(cls, path: Path) -> GraspBank:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            angles = pose_space().unpacked(file["angles"])
            objects = (file[name].astype(np.float64) for name in ("sizes", "turns", "places"))
            return cls(angles, file["types"], file["touching"], file["things"], *objects)

    def save(self, path: Path) -> None:
        """Write the bank: packed angles, objects in half precision."""
        with atomic_write(path) as temporary:
            np.savez_compressed(
                temporary,
                angles=pose_space().packed(self.angles),
                **{name: getattr(self, name).astype(np.uint8) for name in ("types", "touching", "things")},
                **{name: getattr(self, name).astype(np.float16) for name in ("sizes", "turns", "places")},
            )

    def grasp(self, index: int) -> Grasp:
        """One of them."""
        thing = held_thing(int(self.things[index]), [float(size) for size in self.sizes[index]])
        held = Placed(thing, rotation_of(self.turns[index]), self.places[index])
        touching = (self.touching[index] >> np.arange(5)) & 1 == 1
        return Grasp(grasp_types()[self.types[index]], self.angles[index], held, touching)


@cache
def grasp_bank() -> GraspBank:
    """The grasps that come with the package."""
    return GraspBank.load(Path(__file__).parent / "assets" / "grasps.npz")
