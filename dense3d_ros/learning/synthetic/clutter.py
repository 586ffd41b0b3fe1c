"""What surrounds a hand: sleeves, held objects, bodies, things near by and in front, tables and walls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import JOINT_INDEX, KNUCKLES, hand_centre
from dense3d_ros.learning.synthetic import negatives
from dense3d_ros.learning.synthetic.bodies import random_body
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import moved, random_rotation, rotation_to, unit
from dense3d_ros.learning.synthetic.primitives import Mesh, box, cylinder, sphere, turned
from dense3d_ros.learning.synthetic.render import NEAR

PLANE_ID = 3
_TIPS = [JOINT_INDEX[f"{finger}_tip"] for finger in ("thumb", "index", "middle", "ring", "little")]


def beside(rng: np.random.Generator, hand: PosedHand, low: float, high: float) -> NDArray[np.float64]:
    """(3,) a point low..high metres from the hand's centre, in any direction."""
    return hand_centre(hand.joints) + unit(rng.normal(size=3)) * rng.uniform(low, high)


def surroundings(
    rng: np.random.Generator,
    hand: PosedHand,
    bodies: tuple[Mesh, ...],
    *,
    at_least_one: bool,
    options: SceneOptions,
) -> Iterator[Mesh]:
    """Random meshes around the hand in the camera frame; with `at_least_one`, those of a scene without the hand."""
    if rng.random() < options.sleeves:
        yield sleeve(rng, hand)
    if at_least_one:
        yield from negatives.empty_scene(rng, hand, bodies, options)
    else:
        if hand.worn is not None:
            yield hand.worn
        if hand.held is not None:
            yield hand.held
        elif rng.random() < options.things_in_palm:
            yield _held(rng, hand)
        if rng.random() < options.bodies:
            yield random_body(rng, hand_centre(hand.joints), bodies, options)
    if rng.random() < options.things:
        for _ in range(rng.integers(1, 4)):
            yield moved(thing(rng), random_rotation(rng), beside(rng, hand, 0.1, 0.28))
    if rng.random() < options.bars_in_front:
        yield _bar_in_front(rng, hand)


def random_plane(rng: np.random.Generator, hand: PosedHand) -> tuple[NDArray[np.float64], float]:
    """Unit normal n and level d of a table or wall n @ x = d behind the whole hand, that touches it or not."""
    normal = unit(np.array([*rng.normal(0.0, 0.6, 2), -1.0]))
    gap = rng.uniform(0.0, 0.02) if rng.random() < 0.5 else rng.uniform(0.02, 0.5)
    return normal, float((hand.vertices @ normal).min()) - gap


def draw_plane(
    rng: np.random.Generator,
    hand: PosedHand,
    options: SceneOptions,
    camera: Camera,
    depth: NDArray[np.float32],
    ids: NDArray[np.uint8],
) -> None:
    """In some scenes draws a table or wall behind the whole hand into depth and ids, both (H, W)."""
    if rng.random() < options.planes:
        fill_plane(*random_plane(rng, hand), camera, depth, ids)


def fill_plane(
    normal: NDArray[np.float64],
    level: float,
    camera: Camera,
    depth: NDArray[np.float32],
    ids: NDArray[np.uint8] | None = None,
) -> None:
    """Draws the plane normal @ x = level into depth and ids, both (H, W)."""
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    _fill_plane(normal, level, intrinsics, depth, ids)


@njit(cache=True, nogil=True)
def _fill_plane(normal, level, intrinsics, depth, ids):  # type: ignore[no-untyped-def]
    fx, fy, cx, cy = intrinsics
    for row in range(depth.shape[0]):
        facing_row = normal[1] * (row - cy) / fy + normal[2]
        for column in range(depth.shape[1]):
            facing = normal[0] * (column - cx) / fx + facing_row
            if facing == 0.0:
                continue
            z = level / facing
            if NEAR < z < 8.0 and (z < depth[row, column] or depth[row, column] == 0.0):
                depth[row, column] = z
                if ids is not None:
                    ids[row, column] = PLANE_ID


def forearm_end(hand: PosedHand) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3,) the wrist and (3,) the end of the forearm that a hand has, metres."""
    wrist = hand.joints[0].astype(np.float64)
    back = wrist - hand.joints[list(KNUCKLES)].mean(0)
    reach = hand.vertices @ back
    end = hand.vertices[reach > reach.max() - 0.02 * np.linalg.norm(back)].mean(0)
    return wrist, end


def sleeve(rng: np.random.Generator, hand: PosedHand) -> Mesh:
    """A sleeve around the forearm: tight or loose, flat or round, wider or narrower towards the cuff, wrinkled."""
    wrist, end = forearm_end(hand)
    axis = end - wrist
    length = float(np.linalg.norm(axis))
    axis = unit(axis) if length > 0.01 else unit(wrist - hand.joints[list(KNUCKLES)].mean(0))
    start = rng.uniform(0.005, max(0.02, 0.7 * length))
    along = np.array([0.0, rng.uniform(0.01, 0.06), 0.15, 0.4])
    radii = rng.uniform(0.032, 0.06) * np.array([rng.uniform(0.8, 1.5), 1.0, rng.uniform(0.9, 1.3), 1.3])
    radii *= 1 + rng.normal(0.0, 0.04, 4)
    profile = np.array([[0.0, 0.004], *zip(radii, along, strict=True), [0.0, 0.4]])
    vertices, faces = turned(profile, 14)
    flatter = np.array([1.0, 1.0, rng.uniform(0.7, 1.0)], np.float32)
    wrinkles = 1 + rng.normal(0.0, 0.03, (len(vertices), 1)).astype(np.float32)
    return moved((vertices * flatter * wrinkles, faces), rotation_to(axis), wrist + axis * start)


def _held(rng: np.random.Generator, hand: PosedHand) -> Mesh:
    """Something in the palm, its surface about where the palm's is."""
    kind = rng.integers(3)
    radius = rng.uniform(0.01, 0.04)
    mcps, tips = hand.joints[list(KNUCKLES)].astype(np.float64), hand.joints[_TIPS].astype(np.float64)
    across = unit(mcps[0] - mcps[-1])
    palm = unit(tips.mean(0) - mcps.mean(0) + 1e-6)
    normal = unit(palm - across * (palm @ across) + 1e-6)
    centre = mcps.mean(0) + normal * (radius + rng.uniform(0.008, 0.03)) + rng.normal(0.0, 0.006, 3)
    if kind == 0:
        return moved(sphere(radius * 1.3, 8), np.eye(3), centre)
    if kind == 1:
        thing = cylinder(radius, rng.uniform(0.06, 0.3))
        return moved(thing, rotation_to(unit(across + rng.normal(0.0, 0.25, 3))), centre)
    return moved(box(*rng.uniform(0.02, 0.08, 3)), random_rotation(rng), centre)


def thing(rng: np.random.Generator) -> Mesh:
    kind = rng.integers(3)
    if kind == 0:
        return sphere(rng.uniform(0.015, 0.08), 8)
    if kind == 1:
        return cylinder(rng.uniform(0.01, 0.06), rng.uniform(0.05, 0.4), 12)
    return box(*rng.uniform(0.02, 0.25, 3))


def _bar_in_front(rng: np.random.Generator, hand: PosedHand) -> Mesh:
    """A thin bar between the camera and the hand."""
    centre = hand_centre(hand.joints).astype(np.float64)
    place = centre * (1 - rng.uniform(0.08, 0.2) / np.linalg.norm(centre)) + rng.normal(0.0, 0.03, 3)
    direction = unit(np.array([*rng.normal(size=2), 0.3 * rng.normal()]))
    return moved(cylinder(rng.uniform(0.004, 0.015), 0.5, 8), rotation_to(direction), place)
