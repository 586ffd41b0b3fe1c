"""Random things for each grasp, sizes in metres of a hand of 183 mm, and where the grasp holds them."""

from __future__ import annotations

import numpy as np
from grasp_closing import HAND, Pose, Skin
from grasp_places import (
    across_the_palm,
    along_the_web,
    beside_the_index,
    between_fingers,
    between_pads,
    hooked,
    shifted,
)
from scipy.spatial.transform import Rotation

from dense3d_ros.learning.synthetic.grasps import GraspType
from dense3d_ros.learning.synthetic.held_things import SIZES, ThingKind

Rng = np.random.Generator


def draw(rng: Rng, skin: Skin, kind: GraspType, angles: np.ndarray) -> tuple[ThingKind, list[float], Pose, str]:
    """A thing of a grasp, its pose, and what it is pushed against."""
    name = kind.name
    if name == "large_diameter":
        thing, sizes = upright(rng, 0.026, 0.048)
        return thing, sizes, shifted(rng, across_the_palm(rng, 0.15, 0.088), sizes[1]), "palm"
    if name == "medium_wrap":
        thing, sizes = (upright if rng.random() < 0.5 else handle)(rng, 0.008, 0.026)
        return thing, sizes, shifted(rng, across_the_palm(rng, 0.2, 0.078), sizes[1]), "palm"
    if name in ("adducted_thumb", "index_extension"):
        thing, sizes = handle(rng, 0.006, 0.018)
        return thing, sizes, shifted(rng, across_the_palm(rng, 0.45, 0.076), sizes[1]), "palm"
    if name == "power_sphere":
        thing, sizes = ball(rng, 0.024, 0.055)
        turn = Rotation.random(random_state=rng).as_matrix()
        return thing, sizes, (turn, np.array([0.09, rng.normal(0.0, 0.006), -0.08]) / HAND), "palm"
    if name == "power_disk":
        thing, sizes = disc(rng, 0.03, 0.055)
        turn = Rotation.from_euler("xy", [np.pi / 2 + rng.normal(0.0, 0.15), rng.normal(0.0, 0.15)]).as_matrix()
        return (
            thing,
            sizes,
            (turn, np.array([0.085 + rng.normal(0, 0.006), rng.normal(0, 0.006), -0.08]) / HAND),
            "palm",
        )
    if name == "fixed_hook":
        thing, sizes = bar(rng)
        return thing, sizes, hooked(rng, thing), "fingers"
    if name == "writing_tripod":
        thing, sizes = pen(rng)
        return thing, sizes, along_the_web(rng, skin, kind, angles, sizes), ""
    if name == "adduction_grip":
        thing, sizes = (ThingKind.CAN, [rng.uniform(0.002, 0.007), rng.uniform(0.03, 0.08)])
        if rng.random() < 0.4:
            thing, sizes = box(rng, (0.001, 0.01), (0.02, 0.09))
        return thing, sizes, between_fingers(rng, skin, angles, sizes), ""
    if name == "lateral":
        thing, sizes = box(rng, (0.001, 0.014), (0.02, 0.22))
        return thing, sizes, beside_the_index(rng, skin, angles, sizes), "index"
    if name in ("extension_type", "parallel_extension"):
        thick, rest = ((0.006, 0.06), (0.07, 0.32)) if name == "extension_type" else ((0.006, 0.045), (0.07, 0.22))
        thing, sizes = box(rng, thick, rest)
        return thing, sizes, between_pads(rng, skin, kind, angles, sizes, flat=True), ""
    if name in ("precision_disk", "precision_sphere"):
        thing, sizes = disc(rng, 0.018, 0.045) if name == "precision_disk" else ball(rng, 0.013, 0.035)
        rotation, place = between_pads(rng, skin, kind, angles, sizes, flat=False)
        if name == "precision_disk":
            # The axis of the disc points away from the hand.
            rotation = rotation[:, [0, 2, 1]] * np.array([1.0, 1.0, -1.0])
        return thing, sizes, (rotation, place), ""
    low, high = {"palmar_pinch": (0.0008, 0.014), "prismatic_fingers": (0.002, 0.022), "tripod": (0.004, 0.018)}[name]
    thing, sizes = small(rng, low, high)
    flat = thing == ThingKind.BOX
    return thing, sizes, between_pads(rng, skin, kind, angles, sizes, flat=flat), ""


def box(rng: Rng, thickness: tuple[float, float], rest: tuple[float, float]) -> tuple[ThingKind, list[float]]:
    """A box of a thickness along x, its other sides within `rest`, all halved."""
    sides = [log_uniform(rng, *thickness), log_uniform(rng, *rest), log_uniform(rng, *rest)]
    return ThingKind.BOX, [side / 2 for side in sides]


def log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def upright(rng: Rng, low: float, high: float) -> tuple[ThingKind, list[float]]:
    """Something round of a radius, along y: a can, a bottle held by its body or neck, a cup, a rounded block."""
    radius, kind = log_uniform(rng, low, high), rng.integers(7)
    if kind == 0:
        return ThingKind.CAN, [radius, rng.uniform(0.03, 0.14)]
    if kind == 1:
        return ThingKind.BOTTLE, [
            radius,
            rng.uniform(0.04, 0.1),
            rng.uniform(0.3, 0.6) * radius,
            rng.uniform(0.03, 0.1),
        ]
    if kind == 2:
        return ThingKind.CUP, [
            radius * rng.uniform(0.75, 1.0),
            radius * rng.uniform(1.0, 1.15),
            rng.uniform(0.035, 0.075),
        ]
    if kind == 3:
        return block(rng, radius, radius * rng.uniform(0.8, 1.6), rng.uniform(0.03, 0.11))
    return box(rng, (1.7 * radius, 2 * radius), (max(0.06, 2 * radius), 0.28))


def block(rng: Rng, x: float, z: float, y: float) -> tuple[ThingKind, list[float]]:
    """A superquadric between a ball and a box."""
    return ThingKind.SUPERQUADRIC, [x, y, z, rng.uniform(0.3, 1.0), rng.uniform(0.3, 1.0)]


def handle(rng: Rng, low: float, high: float) -> tuple[ThingKind, list[float]]:
    """A tool by its handle."""
    radius, kind = log_uniform(rng, low, high), rng.integers(5)
    half = rng.uniform(0.045, 0.08)
    if kind == 0:
        return ThingKind.TOOL, [radius, half, rng.uniform(0.25, 0.5) * radius, rng.uniform(0.05, 0.2)]
    if kind == 1:
        long = rng.uniform(0.08, 0.14)
        return ThingKind.HAMMER, [
            radius,
            long,
            rng.uniform(0.03, 0.06),
            rng.uniform(0.01, 0.025),
            rng.uniform(0.01, 0.02),
        ]
    if kind == 2:
        return ThingKind.KNIFE, [0.7 * radius, half, 1.2 * radius, rng.uniform(0.01, 0.025), rng.uniform(0.06, 0.2)]
    if kind == 3:
        return ThingKind.PAN, [radius, rng.uniform(0.06, 0.1), rng.uniform(0.05, 0.13), rng.uniform(0.012, 0.03)]
    return ThingKind.CAN, [radius, rng.uniform(0.06, 0.35)]


def ball(rng: Rng, low: float, high: float) -> tuple[ThingKind, list[float]]:
    radius = log_uniform(rng, low, high)
    if rng.random() < 0.5:
        return ThingKind.SUPERQUADRIC, [radius, radius, radius, 1.0, 1.0]
    return block(rng, radius, radius * rng.uniform(0.8, 1.2), radius * rng.uniform(0.8, 1.3))


def disc(rng: Rng, low: float, high: float) -> tuple[ThingKind, list[float]]:
    radius = log_uniform(rng, low, high)
    if rng.random() < 0.3:
        return ThingKind.CUP, [0.8 * radius, radius, rng.uniform(0.02, 0.05)]
    return ThingKind.CAN, [radius, rng.uniform(0.004, 0.025)]


def bar(rng: Rng) -> tuple[ThingKind, list[float]]:
    """What a hook carries: a bag or case by its handle, a rail, a mug."""
    kind = rng.random()
    if kind < 0.35:
        sides = [rng.uniform(0.07, 0.2), rng.uniform(0.07, 0.2), rng.uniform(0.01, 0.08)]
        return ThingKind.BAG, [rng.uniform(0.003, 0.014), rng.uniform(0.055, 0.08), rng.uniform(0.05, 0.15), *sides]
    if kind < 0.8:
        return mug(rng)
    return ThingKind.CAN, [rng.uniform(0.004, 0.016), rng.uniform(0.06, 0.35)]


def mug(rng: Rng) -> tuple[ThingKind, list[float]]:
    """A mug, or a jug, by its handle, which is wide enough for the fingers."""
    arc = rng.uniform(0.036, 0.052)
    return ThingKind.MUG, [rng.uniform(0.036, 0.06), rng.uniform(1.05, 1.5) * arc, arc, rng.uniform(0.004, 0.008)]


def small(rng: Rng, low: float, high: float) -> tuple[ThingKind, list[float]]:
    """Something to be picked up by fingertips, its thickness along x."""
    kind = rng.integers(4)
    if kind == 0:
        return box(rng, (2 * low, 2 * high), (0.012, 0.1))
    if kind == 1:
        return ThingKind.CAN, [log_uniform(rng, max(low, 0.002), high), rng.uniform(0.015, 0.15)]
    if kind == 2:
        return ThingKind.PEN, [log_uniform(rng, max(low, 0.003), max(high / 2, 0.005)), rng.uniform(0.05, 0.09), 0.015]
    return ball(rng, max(low, 0.004), high)


def pen(rng: Rng) -> tuple[ThingKind, list[float]]:
    radius = rng.uniform(0.0035, 0.008)
    if rng.random() < 0.7:
        return ThingKind.PEN, [radius, rng.uniform(0.06, 0.09), rng.uniform(0.01, 0.025)]
    return ThingKind.TOOL, [radius, rng.uniform(0.05, 0.07), 0.4 * radius, rng.uniform(0.03, 0.12)]


def scaled(kind: ThingKind, sizes: list[float]) -> np.ndarray:
    """(6,) sizes in hand lengths; exponents stay."""
    result = np.zeros(SIZES)
    result[: len(sizes)] = np.array(sizes) / HAND
    if kind == ThingKind.SUPERQUADRIC:
        result[3:5] = sizes[3:5]
    return result
