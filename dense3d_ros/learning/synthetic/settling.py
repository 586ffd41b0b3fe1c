"""A grasp of the bank on a hand of another shape: its digits follow the surface of what they hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.grasps import Grasp, grasp_bank, grasp_types
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand
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
"""Of the skin's points is looked at, but at the tips."""


def sample_grasp(rng: np.random.Generator, options: SceneOptions, kind: str | None = None) -> Grasp:
    """A grasp of the bank, or of a kind of its types, all as often, its angles moved a little and the wrist bent."""
    bank, space = grasp_bank(), pose_space()
    types = [number for number, one in enumerate(grasp_types()) if kind in (None, one.kind)]
    of_type = bank.of_type[types[rng.integers(len(types))]]
    grasp = bank.grasp(int(of_type[rng.integers(len(of_type))]))
    jitter = np.radians(options.contact_jitter)
    angles = grasp.angles + rng.uniform(-jitter, jitter, len(space.low))
    angles[:2] = sample_wrist(rng)
    return replace(grasp, angles=np.clip(angles, space.low, space.high))


def settled(
    mesh: HandMesh, pose: Callable[[Angles], PosedHand], length: float, grasp: Grasp
) -> tuple[PosedHand, Angles]:
    """The right hand of `length` metres that `pose` makes of angles (25,), holding the thing, and its angles.

    The thing is moved out of the palm, and each digit bent until what is to touch does and nothing is deep inside.
    """
    space, angles, thing = pose_space(), grasp.angles.copy(), grasp.held
    tips, others, palm, forearm = _skin(mesh)
    hand = pose(angles)
    if _depth(thing, hand, forearm, length) > 0:
        # A large thing leaves no room for a bent wrist.
        angles[:2] = 0.0
        hand = pose(angles)
    if grasp.kind.opposition == "palm":
        out = np.array([0.0, 0.0, max(_depth(thing, hand, palm, length) - _PRESSED, 0.0)])
        thing = replace(thing, place=thing.place - out)
    for _ in range(_ROUNDS if grasp.kind.name != "adduction_grip" else 0):
        at_tips, elsewhere = (_gaps(thing, hand, digits, length) for digits in (tips, others))
        gaps = np.where(grasp.touching, at_tips + _PRESSED, 0.0)
        deepest = np.minimum(at_tips, elsewhere)
        gaps = np.where(deepest < -_DEEP, np.minimum(gaps, deepest + _PRESSED), gaps)
        turns = (gaps / _LEVER).clip(-_MOST, _MOST)
        angles = np.clip(angles + turns @ _SHARES, space.low, space.high)
        hand = pose(angles)
    vertices, faces = thing.mesh()
    return replace(hand, held=((vertices * length).astype(np.float32), faces)), angles


def _skin(
    mesh: HandMesh,
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], NDArray[np.int64], NDArray[np.int64]]:
    """Points of the five digits' last bones, of their other bones, of the palm and of the forearm."""
    bones = mesh.main_bones
    tips = [np.flatnonzero(bones == 6 + 3 * digit)[::2] for digit in range(5)]
    others = [np.flatnonzero((bones == 4 + 3 * digit) | (bones == 5 + 3 * digit))[::_EVERY] for digit in range(5)]
    return tips, others, np.flatnonzero(np.isin(bones, (0, 2, 3)))[::_EVERY], np.flatnonzero(bones == 1)[::_EVERY]


def _gaps(thing: Placed, hand: PosedHand, digits: list[NDArray[np.int64]], length: float) -> Double:
    """(5,) least distance from points of each digit, hand lengths."""
    distances = thing.distance(hand.vertices[np.concatenate(digits)].astype(np.float64) / length)
    return np.asarray(np.minimum.reduceat(distances, np.cumsum([0, *(len(digit) for digit in digits[:-1])])))


def _depth(thing: Placed, hand: PosedHand, points: NDArray[np.int64], length: float) -> float:
    """How deep the deepest of some points is inside, hand lengths."""
    return -float(thing.distance(hand.vertices[points].astype(np.float64) / length).min())
