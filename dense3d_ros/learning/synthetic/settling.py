"""A grasp of the bank on a hand of another shape: its digits follow the surface of what they hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.grasps import Grasp, grasp_bank, grasp_types
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand, ShapedHand
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.poses import Angles, pose_space, sample_wrist
from dense3d_ros.learning.synthetic.solids import Placed

Double = NDArray[np.float64]

_ROUNDS = 2
_LEVER = 0.22
"""Hand lengths that a tip moves towards the thing for each radian that its digit bends."""
_MOST = 0.22
"""Most radians of a correction."""
_PRESSED, _DEEP = 0.002, 0.008
"""Hand lengths that skin is pressed in, and from which on a digit gives way although another part of it is off."""
_SHARES = np.zeros((5, 25))
_SHARES[0, 5:7] = 0.6, 0.6
for _finger in range(4):
    _SHARES[1 + _finger, 8 + 4 * _finger : 11 + 4 * _finger] = 0.5, 0.4, 0.2
_EVERY = 3
"""One of so many points of palm and forearm is checked."""


def sample_grasp(rng: np.random.Generator, options: SceneOptions, kind: str | None = None) -> Grasp:
    """A grasp of the bank, all types or those of a kind or name as often, angles moved a little, the wrist bent.

    ValueError if no type is of that kind or name.
    """
    bank, space = grasp_bank(), pose_space()
    types = [number for number, one in enumerate(grasp_types()) if kind in (None, one.kind, one.name)]
    if not types:
        raise ValueError(f"no grasp is '{kind}'; accepted: {', '.join(one.name for one in grasp_types())}")
    of_type = bank.of_type[types[rng.integers(len(types))]]
    grasp = bank.grasp(int(of_type[rng.integers(len(of_type))]))
    jitter = np.radians(options.contact_jitter)
    angles = grasp.angles + rng.uniform(-jitter, jitter, len(space.low))
    angles[:2] = sample_wrist(rng)
    return replace(grasp, angles=np.clip(angles, space.low, space.high))


def settled(shaped: ShapedHand, length: float, grasp: Grasp) -> tuple[PosedHand, Angles]:
    """The right hand of `length` metres, holding the thing, and its angles (25,).

    The thing is moved out of the palm, and each digit bent until what is to touch does and nothing is deep inside.
    """
    space, angles, thing, mesh = pose_space(), grasp.angles.copy(), grasp.held, shaped.mesh
    hand = shaped.pose(angles)
    if _depth(thing, hand, mesh.skin[1][::_EVERY], length) > 0:
        # A large thing leaves no room for a bent wrist.
        angles[:2] = 0.0
        hand = shaped.pose(angles)
    if grasp.kind.opposition == "palm":
        palm = np.concatenate([mesh.skin[bone] for bone in (0, 2, 3)])
        out = np.array([0.0, 0.0, max(_depth(thing, hand, palm[::_EVERY], length) - _PRESSED, 0.0)])
        thing = replace(thing, place=thing.place - out)
    for _ in range(_ROUNDS if grasp.kind.name != "adduction_grip" else 0):
        of_bones = _gaps(thing, mesh, hand, length)
        gaps = np.where(grasp.touching, of_bones[:, 2] + _PRESSED, 0.0)
        deepest = of_bones.min(axis=1)
        gaps = np.where(deepest < -_DEEP, np.minimum(gaps, deepest + _PRESSED), gaps)
        turns = (gaps / _LEVER).clip(-_MOST, _MOST)
        angles = np.clip(angles + turns @ _SHARES, space.low, space.high)
        hand = shaped.pose(angles)
    vertices, faces = thing.mesh()
    return replace(hand, held=((vertices * length).astype(np.float32), faces)), angles


def _gaps(thing: Placed, mesh: HandMesh, hand: PosedHand, length: float) -> Double:
    """(5, 3) least distance from points of each bone of each digit, hand lengths."""
    points, starts = mesh.digit_points
    distances = thing.distance(hand.vertices[points].astype(np.float64) / length)
    return np.asarray(np.minimum.reduceat(distances, starts)).reshape(5, 3)


def _depth(thing: Placed, hand: PosedHand, points: NDArray[np.int64], length: float) -> float:
    """How deep the deepest of some points is inside, hand lengths."""
    return -float(thing.distance(hand.vertices[points].astype(np.float64) / length).min())
