"""What surrounds a hand: sleeves, held objects, bodies, things near by and in front, tables and walls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.camera import Camera
from dense3d_ros.hand import JOINT_INDEX, hand_centre
from dense3d_ros.synthetic.hand_mesh import PosedHand
from dense3d_ros.synthetic.primitives import Mesh, box, cylinder, sphere
from dense3d_ros.synthetic.render import NEAR

PLANE_ID = 3
_MCPS = [JOINT_INDEX[f"{finger}_mcp"] for finger in ("index", "middle", "ring", "little")]
_TIPS = [JOINT_INDEX[f"{finger}_tip"] for finger in ("thumb", "index", "middle", "ring", "little")]


def random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3) rotation, uniform over all rotations (a random unit quaternion)."""
    w, x, y, z = _unit(rng.normal(size=4))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def beside(rng: np.random.Generator, hand: PosedHand, low: float, high: float) -> NDArray[np.float64]:
    """(3,) a point low..high metres from the hand's centre, in any direction."""
    return hand_centre(hand.joints) + _unit(rng.normal(size=3)) * rng.uniform(low, high)


def surroundings(
    rng: np.random.Generator, hand: PosedHand, bodies: tuple[Mesh, ...], *, at_least_one: bool
) -> Iterator[Mesh]:
    """Random meshes around the hand in the camera frame."""
    if rng.random() < 0.45:
        yield _sleeve(rng, hand)
    if rng.random() < 0.22:
        yield _held(rng, hand)
    if at_least_one or rng.random() < 0.3:
        yield _body(rng, hand, bodies)
    if rng.random() < 0.3:
        for _ in range(rng.integers(1, 4)):
            yield _moved(_thing(rng), random_rotation(rng), beside(rng, hand, 0.1, 0.28))
    if rng.random() < 0.08:
        yield _bar_in_front(rng, hand)


def draw_plane(
    rng: np.random.Generator,
    hand: PosedHand,
    camera: Camera,
    depth: NDArray[np.float32],
    ids: NDArray[np.uint8],
) -> None:
    """Half of the time draws a table or wall behind the whole hand into depth and ids, both (H, W)."""
    if rng.random() < 0.5:
        return
    normal = _unit(np.array([*rng.normal(0.0, 0.6, 2), -1.0]))
    # Touching the hand, as on a table, or anywhere up to half a metre behind it.
    gap = rng.choice([rng.uniform(0.0, 0.02), rng.uniform(0.02, 0.5)])
    level = float((hand.vertices @ normal).min()) - gap
    rays_x = (np.arange(camera.width) - camera.cx) / camera.fx
    rays_y = (np.arange(camera.height) - camera.cy) / camera.fy
    facing = normal[0] * rays_x + (normal[1] * rays_y)[:, None] + normal[2]
    with np.errstate(divide="ignore"):
        plane = (level / facing).astype(np.float32)
    seen = (plane > NEAR) & (plane < 8.0) & ((plane < depth) | (depth == 0))
    depth[seen] = plane[seen]
    ids[seen] = PLANE_ID


def _sleeve(rng: np.random.Generator, hand: PosedHand) -> Mesh:
    """A cuff and sleeve around the forearm."""
    wrist = hand.joints[0].astype(np.float64)
    back = wrist - hand.joints[_MCPS].mean(0)
    reach = hand.vertices @ back
    end = hand.vertices[reach >= np.quantile(reach, 0.98)].mean(0)
    axis = end - wrist
    length = float(np.linalg.norm(axis))
    axis = _unit(axis) if length > 0.01 else _unit(back)
    start = rng.uniform(0.005, max(0.02, 0.7 * length))
    sleeve = cylinder(rng.uniform(0.032, 0.06), 0.4, 12)
    return _moved(sleeve, _rotation_to(axis), wrist + axis * (start + 0.2))


def _held(rng: np.random.Generator, hand: PosedHand) -> Mesh:
    """Something in the palm, its surface about where the palm's is."""
    kind = rng.integers(3)
    radius = rng.uniform(0.01, 0.04)
    mcps, tips = hand.joints[_MCPS].astype(np.float64), hand.joints[_TIPS].astype(np.float64)
    across = _unit(mcps[0] - mcps[-1])
    palm = _unit(tips.mean(0) - mcps.mean(0) + 1e-6)
    normal = _unit(palm - across * (palm @ across) + 1e-6)
    centre = mcps.mean(0) + normal * (radius + rng.uniform(0.008, 0.03)) + rng.normal(0.0, 0.006, 3)
    if kind == 0:
        return _moved(sphere(radius * 1.3, 8), np.eye(3), centre)
    if kind == 1:
        thing = cylinder(radius, rng.uniform(0.06, 0.3))
        return _moved(thing, _rotation_to(_unit(across + rng.normal(0.0, 0.25, 3))), centre)
    return _moved(box(*rng.uniform(0.02, 0.08, 3)), random_rotation(rng), centre)


def _body(rng: np.random.Generator, hand: PosedHand, bodies: tuple[Mesh, ...]) -> Mesh:
    """A person behind the hand: some point of the body 0.08-0.6 m behind it."""
    vertices, faces = bodies[rng.integers(len(bodies))]
    turn, lean = rng.uniform(-0.9, 0.9), rng.normal(0.0, 0.25)
    about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    about_z = np.array([[np.cos(lean), -np.sin(lean), 0], [np.sin(lean), np.cos(lean), 0], [0, 0, 1]])
    turned = vertices @ (about_z @ about_y).T
    point = turned[rng.integers(len(turned))]
    place = hand_centre(hand.joints) + np.array([*rng.normal(0.0, 0.08, 2), rng.uniform(0.08, 0.6)])
    return (turned - point + place).astype(np.float32), faces


def _thing(rng: np.random.Generator) -> Mesh:
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
    direction = _unit(np.array([*rng.normal(size=2), 0.3 * rng.normal()]))
    return _moved(cylinder(rng.uniform(0.004, 0.015), 0.5, 8), _rotation_to(direction), place)


def _moved(mesh: Mesh, rotation: NDArray[np.float64], place: NDArray[np.float64]) -> Mesh:
    vertices, faces = mesh
    return (vertices @ rotation.T + place).astype(np.float32), faces


def _rotation_to(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) a rotation that takes y to the unit vector `axis`."""
    helper = np.array([1.0, 0.0, 0.0]) if abs(axis[0]) < 0.7 else np.array([0.0, 0.0, 1.0])
    x = _unit(np.cross(axis, helper))
    return np.stack([x, axis, np.cross(x, axis)], axis=1)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(vector, np.linalg.norm(vector))
