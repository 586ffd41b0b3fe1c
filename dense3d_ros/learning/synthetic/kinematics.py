"""From 25 anatomical angles to the frames of a hand's bones, compiled: it runs for every sample.

The canonical frame is that of `hand_mesh`: x along the hand, y towards a right hand's thumb, z out of its back.
A bone's frame has x along the bone, y along the flexion axis, and -z on the palmar side.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dense3d_ros.geometry.hand import JOINT_COUNT
from dense3d_ros.geometry.hand_angles import PALMAR_AXIS, THUMB_AZIMUTH, THUMB_ELEVATION, ZERO_ROLL

ELBOW, RING_CMC, LITTLE_CMC = range(JOINT_COUNT, JOINT_COUNT + 3)
METACARPALS = (RING_CMC, LITTLE_CMC)


@njit(cache=True, nogil=True)
def rotation(angle, axis):  # type: ignore[no-untyped-def]
    """(3, 3) right-handed rotation by `angle` radians about axis 0, 1 or 2."""
    cosine, sine = np.cos(angle), np.sin(angle)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    result = np.zeros((3, 3))
    result[axis, axis] = 1.0
    result[first, first] = result[second, second] = cosine
    result[second, first] = sine
    result[first, second] = -sine
    return result


@njit(cache=True, nogil=True)
def product(a, b):  # type: ignore[no-untyped-def]
    """a @ b of two (3, 3) matrices, faster than a library call at this size."""
    result = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            result[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]
    return result


@njit(cache=True, nogil=True)
def bone_frames(joints, angles, frames, posed):  # type: ignore[no-untyped-def]
    """Fills frames (5, 3, 3, 3) of the finger bones, thumb first, and posed joints (21, 3).

    joints: (24, 3) at rest. angles: (25,) radians.
    """
    posed[0] = joints[0]
    for finger in range(5):
        root = 1 + 4 * finger
        arch = rotation(angles[20 + finger] if finger >= 3 else 0.0, 1)
        pivot = joints[RING_CMC if finger == 3 else LITTLE_CMC if finger == 4 else 0]
        for i in range(3):
            posed[root, i] = pivot[i]
            for j in range(3):
                posed[root, i] += arch[i, j] * (joints[root, j] - pivot[j])
        if finger == 0:
            base = product(rotation(PALMAR_AXIS + THUMB_AZIMUTH - angles[3], 2), rotation(THUMB_ELEVATION, 1))
            base = product(rotation(-angles[2], 0), product(base, rotation(ZERO_ROLL[0] - angles[4], 0)))
            base = product(rotation(-PALMAR_AXIS, 2), base)
        else:
            base = product(rotation(angles[3 + 4 * finger], 2), rotation(ZERO_ROLL[finger], 0))
            base = product(arch, base)
        flexion = 0.0
        for segment in range(3):
            if finger > 0:
                flexion += angles[4 + 4 * finger + segment]
            elif segment > 0:
                flexion += angles[4 + segment]
            frame = product(base, rotation(flexion, 1))
            frames[finger, segment] = frame
            here = root + segment
            length = np.sqrt(((joints[here + 1] - joints[here]) ** 2).sum())
            posed[here + 1] = posed[here] + frame[:, 0] * length


@njit(cache=True, nogil=True)
def bend(joints, grown, rest_roll, palm, fingers, angles, matrices, offsets, posed):  # type: ignore[no-untyped-def]
    """Fills what takes skin from rest to the pose: matrices (19, 3, 3), offsets (19, 3) and joints (21, 3).

    joints, grown: (24, 3) at rest, before and after the palm was stretched by `palm` (3,) along x, y, z, and each
    finger bone by fingers (5, 3, 2): along itself, and across. rest_roll: (5,) radians, roll of the flexion axes at
    rest.
    """
    frames = np.empty((5, 3, 3, 3))
    bone_frames(grown, angles, frames, posed)
    stretch = np.diag(palm)
    matrices[0] = stretch
    _turn_about(matrices[0], joints[0], grown[0], offsets[0])
    forearm = _frame(joints[0] - joints[ELBOW], np.array([0.0, 1.0, 0.0]))
    matrices[1] = product(forearm, product(rotation(-angles[1], 2), rotation(angles[0], 1))).T
    _turn_about(matrices[1], joints[0], joints[0], offsets[1])
    for metacarpal in range(2):
        matrices[2 + metacarpal] = product(rotation(angles[23 + metacarpal], 1), stretch)
        pivot = RING_CMC + metacarpal
        _turn_about(matrices[2 + metacarpal], joints[pivot], grown[pivot], offsets[2 + metacarpal])
    for finger in range(5):
        root = 1 + 4 * finger
        chord = joints[root + 3] - joints[root]
        azimuth = np.arctan2(chord[1], chord[0])
        elevation = np.arctan2(-chord[2], np.hypot(chord[0], chord[1]))
        turned = product(product(rotation(azimuth, 2), rotation(elevation, 1)), rotation(rest_roll[finger], 0))
        for segment in range(3):
            here, bone = root + segment, 4 + 3 * finger + segment
            rest = _frame(joints[here + 1] - joints[here], turned[:, 1].copy())
            along, across = fingers[finger, segment]
            frame = frames[finger, segment].copy()
            frame[:, 0] *= along
            frame[:, 1:] *= across
            matrices[bone] = product(frame, rest.T)
            _turn_about(matrices[bone], joints[here], posed[here], offsets[bone])


@njit(cache=True, nogil=True)
def skin(  # type: ignore[no-untyped-def]
    vertices, joints, normals, bones, weights, thickness, transforms, forearm, taper, unit, posed
):
    """Fills posed (V, 3): vertices, with the forearm cut at `forearm`, through their bones' transforms (19, 3, 4).

    bones, weights: (V, 4). thickness: (19,) how far each bone moves its skin along normals (V, 3). What lies beyond
    `forearm` up the arm is drawn together within `taper` into a flat cap. Lengths are in hand lengths, of `unit`
    metres; the result is in metres.
    """
    axis = joints[ELBOW] - joints[0]
    axis = axis / np.sqrt((axis**2).sum())
    ax, ay, az = axis
    jx, jy, jz = joints[0]
    for vertex in range(len(vertices)):
        out = 0.0
        for influence in range(bones.shape[1]):
            out += weights[vertex, influence] * thickness[bones[vertex, influence]]
        x = vertices[vertex, 0] + normals[vertex, 0] * out
        y = vertices[vertex, 1] + normals[vertex, 1] * out
        z = vertices[vertex, 2] + normals[vertex, 2] * out
        along = (x - jx) * ax + (y - jy) * ay + (z - jz) * az
        if along > forearm:
            excess = along - forearm
            kept = max(1.0 - excess / taper, 0.0)
            cx, cy, cz = jx + ax * forearm, jy + ay * forearm, jz + az * forearm
            x = cx + (x - ax * excess - cx) * kept
            y = cy + (y - ay * excess - cy) * kept
            z = cz + (z - az * excess - cz) * kept
        px = py = pz = 0.0
        for influence in range(bones.shape[1]):
            weight = weights[vertex, influence]
            if weight > 0.0:
                t = transforms[bones[vertex, influence]]
                px += weight * (t[0, 0] * x + t[0, 1] * y + t[0, 2] * z + t[0, 3])
                py += weight * (t[1, 0] * x + t[1, 1] * y + t[1, 2] * z + t[1, 3])
                pz += weight * (t[2, 0] * x + t[2, 1] * y + t[2, 2] * z + t[2, 3])
        posed[vertex, 0], posed[vertex, 1], posed[vertex, 2] = px * unit, py * unit, pz * unit


@njit(cache=True, nogil=True)
def _turn_about(turn, rest_origin, posed_origin, offset):  # type: ignore[no-untyped-def]
    for i in range(3):
        offset[i] = posed_origin[i]
        for j in range(3):
            offset[i] -= turn[i, j] * rest_origin[j]


@njit(cache=True, nogil=True)
def _frame(x, y):  # type: ignore[no-untyped-def]
    """(3, 3) rotation with columns along x, y made perpendicular to x, and x cross y."""
    x = x / np.sqrt((x**2).sum())
    y = y - x * (x * y).sum()
    y = y / np.sqrt((y**2).sum())
    result = np.empty((3, 3))
    result[:, 0], result[:, 1] = x, y
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        result[i, 2] = x[j] * y[k] - x[k] * y[j]
    return result
