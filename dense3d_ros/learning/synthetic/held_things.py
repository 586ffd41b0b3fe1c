"""What hands work with: boxes, bottles, cups, tools and bags, each from a kind and at most six sizes.

Sizes are in hand lengths. What has a long axis has it along y, its gripped part about the origin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

import numpy as np

from dense3d_ros.learning.synthetic.solids import Arc, Box, Placed, Solid, Superquadric, Turned, Union

SIZES = 6
_WALL = 0.016
"""Of a cup, hand lengths: 3 mm of a hand of 183 mm."""
_UPRIGHT = np.eye(3)
_LYING = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Takes y to z."""


class ThingKind(IntEnum):
    """Kinds of held things; the sizes of each are the arguments of the function that makes it."""

    BOX = 0
    SUPERQUADRIC = 1
    CAN = 2
    BOTTLE = 3
    CUP = 4
    MUG = 5
    PEN = 6
    TOOL = 7
    HAMMER = 8
    KNIFE = 9
    PAN = 10
    BAG = 11


def held_thing(kind: int, sizes: Sequence[float]) -> Solid:
    """A thing of a kind; of `sizes` (6,) as many are used as the kind has."""
    return _MAKERS[ThingKind(kind)](*(float(size) for size in sizes))


def _box(x: float, y: float, z: float, *_: float) -> Solid:
    return Box(np.array([x, y, z]))


def _superquadric(x: float, y: float, z: float, north: float, east: float, *_: float) -> Solid:
    return Superquadric(np.array([x, y, z]), north, east)


def _can(radius: float, half: float, *_: float) -> Solid:
    return _turned([[0, -half], [radius, -half], [radius, half], [0, half]])


def _bottle(radius: float, half: float, neck: float, neck_length: float, *_: float) -> Solid:
    """A body from -half to half, shoulders, a neck."""
    shoulder = half + 0.5 * neck_length
    top = half + neck_length
    return _turned([[0, -half], [radius, -half], [radius, half], [neck, shoulder], [neck, top], [0, top]])


def _cup(bottom: float, top: float, half: float, *_: float) -> Solid:
    outside = [[0, -half], [bottom, -half], [top, half]]
    inside = [[top - _WALL, half], [bottom - _WALL, _WALL - half], [0, _WALL - half]]
    return _turned([*outside, [0, half]], [*outside, *inside])


def _mug(radius: float, half: float, arc: float, tube: float, *_: float) -> Solid:
    """A cup whose body is at +x of its handle, which is about the origin."""
    outside = [[0, -half], [radius, -half], [radius, half]]
    inside = [[radius - _WALL, half], [radius - _WALL, _WALL - half], [0, _WALL - half]]
    body = _turned([*outside, [0, half]], [*outside, *inside])
    backwards = np.diag([-1.0, 1.0, -1.0])
    handle = Placed(Arc(arc, tube, 0.55 * np.pi), backwards, np.array([arc, 0.0, 0.0]))
    return Union((Placed(body, _UPRIGHT, np.array([1.1 * arc + radius, 0.0, 0.0])), handle))


def _pen(radius: float, half: float, tip: float, *_: float) -> Solid:
    return _turned([[0, -half], [0.2 * radius, -half], [radius, tip - half], [radius, half], [0, half]])


def _tool(radius: float, half: float, shaft: float, shaft_length: float, *_: float) -> Solid:
    """A bulged handle with a shaft: a screwdriver, a brush, a whisk."""
    end = half + shaft_length
    handle = [[0, -half], [0.7 * radius, -half], [radius, -0.4 * half], [0.85 * radius, 0.6 * half], [shaft, half]]
    return _turned([*handle, [shaft, end], [0, end]])


def _hammer(radius: float, half: float, x: float, y: float, z: float, *_: float) -> Solid:
    """A stick with a block across its end."""
    return Union((_can(radius, half), Placed(Box(np.array([x, y, z])), _UPRIGHT, np.array([0.0, half, 0.0]))))


def _knife(x: float, half: float, z: float, blade: float, blade_length: float, *_: float) -> Solid:
    """A flat handle with a blade as wide as twice `blade`."""
    sides = np.array([0.25 * x, blade_length / 2, blade])
    return Union((_box(x, half, z), Placed(Box(sides), _UPRIGHT, np.array([0.0, half + blade_length / 2, 0.0]))))


def _pan(radius: float, half: float, disc: float, height: float, *_: float) -> Solid:
    """A stick with a flat round end."""
    outside = [[0, -height], [0.85 * disc, -height], [disc, height]]
    inside = [[disc - _WALL, height], [0.85 * disc - _WALL, _WALL - height], [0, _WALL - height]]
    body = _turned([*outside, [0, height]], [*outside, *inside])
    return Union((_can(radius, half), Placed(body, _LYING, np.array([0.0, half + 0.98 * disc, 0.0]))))


def _bag(radius: float, half: float, drop: float, x: float, y: float, z: float) -> Solid:
    """A bar along y, a box of half the sides x, y, z that hangs from it towards +x, `drop` below."""
    straps = [
        Placed(Box(np.array([drop / 2 + x / 2, 0.02, 0.006])), _UPRIGHT, np.array([drop / 2 + x / 2, side, 0.0]))
        for side in (-half, half)
    ]
    return Union((_can(radius, half), Placed(Box(np.array([x, y, z])), _UPRIGHT, np.array([drop + x, 0, 0])), *straps))


def _turned(profile: list[list[float]], drawn: list[list[float]] | None = None) -> Turned:
    return Turned(np.array(profile, np.float64), None if drawn is None else np.array(drawn, np.float64))


_MAKERS: dict[ThingKind, Callable[..., Solid]] = {
    ThingKind.BOX: _box,
    ThingKind.SUPERQUADRIC: _superquadric,
    ThingKind.CAN: _can,
    ThingKind.BOTTLE: _bottle,
    ThingKind.CUP: _cup,
    ThingKind.MUG: _mug,
    ThingKind.PEN: _pen,
    ThingKind.TOOL: _tool,
    ThingKind.HAMMER: _hammer,
    ThingKind.KNIFE: _knife,
    ThingKind.PAN: _pan,
    ThingKind.BAG: _bag,
}
