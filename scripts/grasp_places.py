"""Where a hand about to close holds a thing. What lies in the palm is pushed against it afterwards."""

from __future__ import annotations

import numpy as np
from grasp_closing import HAND, Pose, Skin
from scipy.spatial.transform import Rotation

from dense3d_ros.learning.synthetic.grasps import GraspType
from dense3d_ros.learning.synthetic.held_things import ThingKind
from dense3d_ros.learning.synthetic.placing import unit

Rng = np.random.Generator


def frame(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(3, 3) rotation whose first column is x, the second as near to y as may be."""
    x = unit(x)
    y = unit(y - x * (x @ y))
    return np.stack([x, y, np.cross(x, y)], axis=1)


def across_the_palm(rng: Rng, oblique: float, x: float) -> Pose:
    """A long thing across the palm, its far end at the thumb's side or, seldom, at the other."""
    axis = np.array([oblique + rng.normal(0.0, 0.15), 1.0, rng.normal(0.0, 0.12)])
    if rng.random() < 0.25:
        axis = -axis
    return frame(np.cross(axis, [0.0, 0.0, 1.0]), axis), np.array([x + rng.normal(0.0, 0.006), 0.0, -0.06]) / HAND


def pads(skin: Skin, kind: GraspType, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The thumb's and the other digits' pads: middles of the skin that looks at the other side."""
    vertices = skin.at(angles)
    tips = [vertices[skin.segments[3 * digit + 2]] for digit in range(5)]
    fingers = [digit for digit in kind.touching if digit]
    finger = np.mean([tips[digit].mean(axis=0) for digit in fingers], axis=0)
    thumb = tips[0].mean(axis=0)
    way = unit(finger - thumb)
    reach = (tips[0] - thumb) @ way
    return thumb + way * np.quantile(reach, 0.9), finger - way * 0.04


def between_pads(rng: Rng, skin: Skin, kind: GraspType, angles: np.ndarray, sizes: list[float], *, flat: bool) -> Pose:
    """Pinched: x from the thumb to the fingers, y along the row of fingertips, z away from the hand."""
    thumb, finger = pads(skin, kind, angles)
    middle = (thumb + finger) / 2 + rng.normal(0.0, 0.002 / HAND, 3)
    across = unit(finger - thumb) + rng.normal(0.0, 0.06, 3)
    palm = np.array([0.45, 0.0, -0.05])
    out = unit(middle - palm + rng.normal(0.0, 0.08, 3))
    row = np.cross(out, across)
    rotation = frame(across, row if row[1] > 0 else -row)
    if rng.random() < 0.5 and not flat:
        # Turned about the way between the pads.
        rotation = rotation @ Rotation.from_euler("x", rng.uniform(-0.6, 0.6)).as_matrix()
    away = rotation[:, 2] if rotation[:, 2] @ out > 0 else -rotation[:, 2]
    depth = sizes[2] if flat else 0.0
    held_at = min(depth, rng.uniform(0.006, 0.018))
    side = rotation[:, 1] * rng.uniform(-0.5, 0.5) * (sizes[1] if flat else 0.0) / HAND
    return rotation, middle + away * (depth - held_at) / HAND + side


def along_the_web(rng: Rng, skin: Skin, kind: GraspType, angles: np.ndarray, sizes: list[float]) -> Pose:
    """A pen between the pads, its end over the web of the thumb."""
    middle = np.mean(pads(skin, kind, angles), axis=0) + rng.normal(0.0, 0.0015 / HAND, 3)
    web = np.array([0.084, 0.042, 0.016]) / HAND + rng.normal(0.0, 0.006 / HAND, 3)
    axis = unit(web - middle)
    grip = rng.uniform(0.02, 0.045)
    return frame(np.cross(axis, [0.3, 1.0, 0.2]), axis), middle + axis * (sizes[1] - grip) / HAND


def between_fingers(rng: Rng, skin: Skin, angles: np.ndarray, sizes: list[float]) -> Pose:
    """A thin thing between index and middle finger."""
    vertices = skin.at(angles)
    index, other = (vertices[skin.segments[bone]] for bone in (4, 7))
    middle = (index.mean(axis=0) + other.mean(axis=0)) / 2
    across = unit(index.mean(axis=0) - other.mean(axis=0))
    axis = np.array([rng.normal(0.2, 0.3), rng.normal(0.0, 0.1), 1.0]) * rng.choice([-1, 1])
    rotation = frame(across, axis)
    return rotation, middle + rotation[:, 1] * rng.uniform(-0.6, 0.6) * sizes[1] / HAND


def beside_the_index(rng: Rng, skin: Skin, angles: np.ndarray, sizes: list[float]) -> Pose:
    """Something flat that the thumb presses on the side of the index finger, most of it beyond the fingers."""
    middle = skin.at(angles)[skin.segments[4]].mean(axis=0)
    out = np.array([1.0, 0.0, rng.normal(-0.2, 0.4)])
    rotation = frame(np.array([rng.normal(0.0, 0.08), 1.0, rng.normal(0.0, 0.08)]), np.cross(out, [0.0, 1.0, 0.0]))
    away = rotation[:, 2] * np.sign(rotation[0, 2])
    side = rotation[:, 1] * rng.uniform(-0.6, 0.6) * sizes[1] / HAND
    return rotation, middle + away * max(sizes[2] - rng.uniform(0.01, 0.025), 0.0) / HAND + side


def hooked(rng: Rng, thing: ThingKind) -> Pose:
    """A bar under the fingers, what hangs on it towards their tips."""
    if thing == ThingKind.MUG:
        lean = Rotation.from_euler("yz", [rng.uniform(-0.6, 0.3), rng.normal(0.0, 0.1)]).as_matrix()
        return lean, np.array([rng.uniform(0.102, 0.116), rng.normal(-0.004, 0.008), -0.06]) / HAND
    lean = Rotation.from_euler("yz", [rng.uniform(0.1, 0.6), rng.normal(0.0, 0.1)]).as_matrix()
    return lean, np.array([rng.uniform(0.104, 0.122), rng.normal(-0.008, 0.006), -0.06]) / HAND


def shifted(rng: Rng, pose: Pose, half: float) -> Pose:
    """Held anywhere along its gripped part."""
    rotation, place = pose
    return rotation, place + rotation[:, 1] * rng.uniform(-0.8, 0.8) * max(half - 0.035, 0.0) / HAND
