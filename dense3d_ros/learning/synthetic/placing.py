"""Where things are put in a scene: rotations and places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.primitives import Mesh


def random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3) rotation, uniform over all rotations (a random unit quaternion)."""
    return rotation_of(rng.normal(size=4))


def rotation_of(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) w, x, y, z of any length -> (3, 3) rotation."""
    w, x, y, z = unit(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def turn_about(axis: int, angle: float) -> NDArray[np.float64]:
    """(3, 3) right-handed rotation by `angle` radians about x, y or z, axis 0, 1 or 2."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = np.cos(angle)
    rotation[second, first] = np.sin(angle)
    rotation[first, second] = -rotation[second, first]
    return rotation


def moved(mesh: Mesh, rotation: NDArray[np.float64], place: NDArray[np.float64]) -> Mesh:
    """The mesh turned by `rotation` (3, 3) and shifted by `place` (3,)."""
    vertices, faces = mesh
    return (vertices @ rotation.T + place).astype(np.float32), faces


def rotation_to(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) a rotation that takes y to the unit vector `axis`."""
    helper = np.array([1.0, 0.0, 0.0]) if abs(axis[0]) < 0.7 else np.array([0.0, 0.0, 1.0])
    x = unit(cross(axis, helper))
    return np.stack([x, axis, cross(x, axis)], axis=1)


def cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """one × other of two (3,) vectors, in a tenth of the time of `numpy.cross`, which is made for many."""
    (a, b, c), (x, y, z) = one.tolist(), other.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector at length 1."""
    return np.divide(vector, np.linalg.norm(vector))
