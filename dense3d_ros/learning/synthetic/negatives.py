"""Things without a hand that a detector takes for one: arms that end, heads, feet, corners and edges of furniture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dense3d_ros.geometry.hand import KNUCKLES, hand_centre
from dense3d_ros.learning.synthetic.bodies import random_body
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import moved, random_rotation, turn_about, unit
from dense3d_ros.learning.synthetic.primitives import Mesh, box, cylinder, sphere

_CUT_TAPER = 0.015
"""Length, metres, within which a stump closes."""


def empty_scene(
    rng: np.random.Generator, place: PosedHand, bodies: tuple[Mesh, ...], options: SceneOptions
) -> Iterator[Mesh]:
    """Random meshes about where a hand is, which is itself left out."""
    kind = rng.random()
    if kind < 0.3:
        yield stump(rng, place)
    elif kind < 0.7:
        parts = [furniture(rng)] if kind < 0.5 else foot(rng) if kind < 0.6 else rods(rng)
        rotation, centre = random_rotation(rng), hand_centre(place.joints) + rng.normal(0.0, 0.05, 3)
        yield from (moved(part, rotation, centre) for part in parts)
    if kind > 0.7 or rng.random() < 0.4:
        yield random_body(rng, hand_centre(place.joints), bodies, options)


def stump(rng: np.random.Generator, hand: PosedHand) -> Mesh:
    """The hand's forearm without the hand: it ends somewhere about the wrist."""
    knuckles = hand.joints[list(KNUCKLES)]
    back = unit((hand.joints[0] - knuckles.mean(axis=0)).astype(np.float64))
    along = (hand.vertices - hand.joints[0]) @ back
    cut = rng.uniform(-0.01, 0.5 * along.max())
    excess = np.maximum(cut - along, 0.0)[:, None]
    centre = hand.joints[0] + back * cut
    drawn = hand.vertices + back * excess
    kept = np.maximum(1.0 - excess / rng.uniform(_CUT_TAPER, 4 * _CUT_TAPER), 0.0)
    return (centre + (drawn - centre) * kept).astype(np.float32), hand.faces


def furniture(rng: np.random.Generator) -> Mesh:
    """A table top, a shelf, a box or a leg, with one of its corners or edges at the origin."""
    kind = rng.integers(3)
    if kind == 0:
        size = np.array([rng.uniform(0.3, 1.0), rng.uniform(0.015, 0.06), rng.uniform(0.25, 0.7)])
    elif kind == 1:
        size = rng.uniform(0.1, 0.4, 3)
    else:
        size = np.array([rng.uniform(0.02, 0.07), rng.uniform(0.3, 0.8), rng.uniform(0.02, 0.07)])
    vertices, faces = box(*size)
    return vertices - (size / 2 * rng.choice([-1.0, 0.0, 1.0], 3)).astype(np.float32), faces


def foot(rng: np.random.Generator) -> list[Mesh]:
    """A foot or shoe with its lower leg, the toes at the origin."""
    length = rng.uniform(0.2, 0.29)
    vertices, faces = sphere(0.5, 10)
    shoe = vertices * np.array([rng.uniform(0.08, 0.1), rng.uniform(0.06, 0.09), length]) + [0, 0, 0.45 * length]
    leg, leg_faces = cylinder(rng.uniform(0.035, 0.055), 0.35, 12)
    leg = leg + np.array([0.0, 0.17, 0.75 * length], np.float32)
    return [(shoe.astype(np.float32), faces), (leg, leg_faces)]


def rods(rng: np.random.Generator) -> list[Mesh]:
    """Two to five thin things side by side, such as cables, pens or the tines of a fork."""
    radius, length = rng.uniform(0.004, 0.012), rng.uniform(0.08, 0.3)
    parts = []
    for number in range(rng.integers(2, 6)):
        vertices, faces = cylinder(radius, length * rng.uniform(0.7, 1.0), 8)
        turn = turn_about(2, rng.normal(0.0, 0.12))
        shift = [number * radius * rng.uniform(2.0, 3.5), length / 2, 0]
        parts.append(((vertices @ turn.T + shift).astype(np.float32), faces))
    return parts


def gripper(rng: np.random.Generator) -> list[Mesh]:
    """The end of a robot's arm: two or three jaws on a palm at the origin, a wrist and one or two links behind."""
    width, depth = rng.uniform(0.05, 0.12), rng.uniform(0.03, 0.07)
    palm, faces = box(width, rng.uniform(0.02, 0.08), depth)
    parts = [(palm, faces)]
    length, opening = rng.uniform(0.03, 0.1), rng.uniform(0.2, 0.5) * width
    for shift in (-opening, opening) if rng.random() < 0.7 else (-opening, 0.0, opening):
        jaw, jaw_faces = box(rng.uniform(0.006, 0.02), length, rng.uniform(0.01, 0.03))
        parts.append(((jaw + np.array([shift, length / 2, rng.normal(0.0, 0.01)])).astype(np.float32), jaw_faces))
    end, radius = 0.0, rng.uniform(0.03, 0.06)
    for _ in range(rng.integers(1, 4)):
        link = rng.uniform(0.05, 0.3)
        tube, tube_faces = cylinder(radius, link, 12)
        parts.append(((tube + np.array([0.0, -end - link / 2, 0.0])).astype(np.float32), tube_faces))
        end, radius = end + link, radius * rng.uniform(1.0, 1.3)
    return parts
