"""Rotations as quaternions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quaternion(rotation: NDArray[np.floating]) -> tuple[float, float, float, float]:
    """(3, 3) rotation matrix -> unit quaternion x, y, z, w with w >= 0.

    Takes the largest of the four components from the diagonal and the rest from it (Shepperd 1978), which is
    stable for every rotation.
    """
    m = np.asarray(rotation, dtype=np.float64)
    diagonal = np.array([m[0, 0], m[1, 1], m[2, 2], np.trace(m)])
    largest = int(diagonal.argmax())
    if largest == 3:
        q = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1.0 + diagonal[3]])
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        q = np.empty(4)
        q[i] = 1.0 + m[i, i] - m[j, j] - m[k, k]
        q[j] = m[j, i] + m[i, j]
        q[k] = m[k, i] + m[i, k]
        q[3] = m[k, j] - m[j, k]
    q /= np.linalg.norm(q) if q[3] >= 0 else -np.linalg.norm(q)
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])
