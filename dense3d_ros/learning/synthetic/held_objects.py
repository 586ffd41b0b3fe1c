"""What a hand of the pose bank has closed on: the sphere or cylinder, and what of the object is outside the hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.placing import moved, random_rotation, rotation_to, unit
from dense3d_ros.learning.synthetic.pose_bank import SPHERE, HeldObject
from dense3d_ros.learning.synthetic.primitives import Mesh, box, cylinder, joined, sphere, turned

_FREE = 0.05
"""Metres from the middle of the grip along a cylinder that the hand itself takes."""


def held_mesh(rng: np.random.Generator, held: HeldObject, length: float, *, larger: float) -> Mesh:
    """The object of a pose for a right hand of `length` metres, in its canonical frame.

    larger: the share of objects that are more than what the hand has closed on.
    """
    # A little thinner than what the mean hand closed on, since other hands are thicker.
    radius = max(held.radius * length - 0.0015, 0.002)
    is_larger = bool(larger and rng.random() < larger)
    if held.kind == SPHERE:
        mesh = moved(sphere(radius, 8), np.eye(3), held.centre * length)
        if is_larger:
            # Away from the palm, which looks along -z.
            out = unit(np.array([*rng.normal(0.0, 0.5, 2), -1.0]))
            size = np.exp(rng.uniform(np.log(0.02), np.log(0.22), 3))
            place = held.centre * length + out * (radius + size[1] / 2)
            mesh = joined([mesh, moved(box(*size), rotation_to(out), place)])
    else:
        reach = float(np.exp(rng.uniform(np.log(0.07), np.log(0.35))))
        axis = unit(held.axis)
        place = held.centre * length + held.axis * rng.uniform(-0.25, 0.25) * reach
        mesh = moved(cylinder(radius, reach, 12), rotation_to(axis), place)
        if is_larger:
            end = max(reach / 2 + float((place - held.centre * length) @ axis), _FREE)
            mesh = joined([mesh, _at_the_end(rng, axis, held.centre * length, end)])
    return mesh


def _at_the_end(rng: np.random.Generator, axis: NDArray[np.float64], grip: NDArray[np.float64], end: float) -> Mesh:
    """What a stick is the handle of: a ball, a bottle or shade, a hammer's or racket's head, a box."""
    kind = rng.integers(4)
    if kind == 0:
        size = rng.uniform(0.015, 0.06)
        return moved(sphere(size, 8), np.eye(3), grip + axis * (end + size))
    if kind == 1:
        size = rng.uniform(0.05, 0.2)
        radii = rng.uniform(0.015, 0.05, 3)
        profile = np.array([[0.0, -0.5], [radii[0], -0.5], [radii[1], 0.1], [radii[2], 0.5], [0.0, 0.5]])
        return moved(turned(profile * [1.0, size], 14), rotation_to(axis), grip + axis * (end + size / 2))
    if kind == 2:
        across = unit(np.cross(axis, rng.normal(size=3)))
        size = rng.uniform(0.012, 0.07)
        return moved(cylinder(size, rng.uniform(0.01, 0.15), 14), rotation_to(across), grip + axis * (end + size))
    sides = np.exp(rng.uniform(np.log(0.01), np.log(0.2), 3))
    turn = rotation_to(axis) if rng.random() < 0.7 else random_rotation(rng)
    return moved(box(*sides), turn, grip + axis * (end + sides[1] / 2))
