"""From 21 joints back to the anatomical angles of the generator's kinematics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.geometry.hand_angles import (
    ANGLE_COUNT,
    ARCH_ANGLES,
    FINGER_ANGLES,
    PALMAR_AXIS,
    THUMB_ANGLES,
    THUMB_AZIMUTH,
    THUMB_ELEVATION,
    ZERO_ROLL,
)
from dense3d_ros.hand_state.frames import check_bones, check_handedness

Array = NDArray[np.float64]

PALM_JOINTS = (1, 5, 9)
"""Thumb CMC, index and middle MCP: with the wrist, they do not move against each other."""

REST_PALM: Array = np.array([[0.1162, 0.1765, -0.0424], [0.4952, 0.1255, -0.0342], [0.4941, 0.0, 0.0]])
"""(3, 3) where they are in an average right hand, wrist at the origin, in hand lengths; axes of the wrist frame."""

REST_ARCH: Array = np.array([[0.3062, -0.0744, -0.0088], [0.2506, -0.0970, -0.0337]])
"""(2, 3) from the CMC to the MCP joint of ring and little finger in that hand."""

REST_CMC: Array = np.array([[0.1541, -0.0263, 0.0121], [0.1459, -0.0983, -0.0005]])
"""(2, 3) the CMC joints of ring and little finger in that hand."""

_PALM_WEIGHTS: Array = np.array([[0.1], [1.0], [1.0]])
"""Where the thumb's root lies differs most from hand to hand, and its turn of the palm would be in every angle."""

LIMIT_DEGREES: tuple[tuple[float, float], ...] = (
    *((-60, 65), (-18, 28)),
    *((-25, 60), (-20, 40), (-30, 40), (-12, 55), (-20, 80)),
    *((-8, 18), (-25, 92), (-5, 108), (-8, 82)),
    *((-10, 10), (-25, 92), (-5, 110), (-8, 85)),
    *((-14, 10), (-25, 92), (-5, 112), (-8, 85)),
    *((-22, 8), (-25, 95), (-5, 108), (-8, 82)),
    *((0, 8), (0, 15)),
)
ANGLE_LIMITS: Array = np.radians(np.array(LIMIT_DEGREES))
"""(25, 2) radians: how far each angle of ANGLE_NAMES goes in a healthy hand."""

_STRAIGHT = 1e-4
"""Squared sine of a bend below which its axis counts for less than the resting axis."""
_STEPS = 4


def palm_alignment(joints: Array) -> tuple[Array, float]:
    """Right hand's (21, 3) joints -> (3, 3) rotation of the palm, and metres a hand length.

    The closest weighted fit of REST_PALM to the joints that do not move (Kabsch 1976).
    """
    seen = joints[list(PALM_JOINTS)] - joints[0]
    left, _, right = np.linalg.svd((_PALM_WEIGHTS * seen).T @ REST_PALM)
    turn = left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right
    unit = np.linalg.norm(seen[2]) / np.linalg.norm(REST_PALM[2])
    return turn, float(unit)


def hand_angles(joints: NDArray[np.floating], handedness: Handedness) -> Array:
    """(21, 3) metres -> (25,) radians in the order of ANGLE_NAMES.

    The two angles of the wrist are NaN: the forearm is not among the joints. What a straight thumb does not show, its
    twist, comes out as 0. The palm is taken for an average one. Raises ValueError for joints that are not finite, a
    palm without size and unknown handedness.
    """
    joints = check_bones(joints)
    check_handedness(handedness)
    if handedness is Handedness.LEFT:
        joints = joints * [1.0, -1.0, 1.0]
    turn, unit = palm_alignment(joints)
    bones = np.diff(joints[1:].reshape(5, 4, 3), axis=1)
    lengths = np.linalg.norm(bones, axis=2, keepdims=True)
    directions = (bones / lengths) @ turn
    roots = (joints[[13, 17]] - joints[0]) @ turn / unit
    angles = np.full(ANGLE_COUNT, np.nan)
    angles[THUMB_ANGLES] = _thumb(directions[0])
    angles[ARCH_ANGLES] = arch = _arch(roots)
    for finger in (0, 1):
        directions[3 + finger] = directions[3 + finger] @ _about_y(arch[finger])
    angles[FINGER_ANGLES] = _fingers(directions[1:]).ravel()
    return angles


def _arch(roots: Array) -> Array:
    """(2, 3) MCP joints of ring and little finger in hand lengths -> (2,) flexion of their metacarpals."""
    seen = roots - REST_CMC
    lift = np.arctan2(-seen[:, 2], seen[:, 0]) - np.arctan2(-REST_ARCH[:, 2], REST_ARCH[:, 0])
    return _wrapped(lift)


def _fingers(bones: Array) -> Array:
    """(4, 3, 3) unit vectors of three bones a finger -> (4, 4) abduction and three flexions."""
    roll = ZERO_ROLL[1:, None]
    x, y, z = bones[..., 0], bones[..., 1], bones[..., 2]
    # The flexion axis is the normal of the plane of the bones, as far as a turn about z lets it. The first bone alone
    # tells it where the finger is straight; where that points out of the palm the resting axis does.
    spread = np.zeros((4, 1))
    for _ in range(_STEPS):
        cosine, sine = np.cos(spread), np.sin(spread)
        off = np.cos(roll) * (y * cosine - x * sine) + np.sin(roll) * z
        slope = -np.cos(roll) * (x * cosine + y * sine)
        change = (off * slope).sum(axis=1, keepdims=True) + _STRAIGHT * spread
        spread = spread - change / ((slope**2).sum(axis=1, keepdims=True) + _STRAIGHT)
    cosine, sine = np.cos(spread), np.sin(spread)
    along = x * cosine + y * sine
    palmar = np.sin(roll) * (y * cosine - x * sine) - np.cos(roll) * z
    return np.concatenate([_wrapped(spread), _bends(along, palmar)], axis=1)


def _thumb(bones: Array) -> Array:
    """(3, 3) unit vectors of the thumb's bones -> (5,) palmar abduction, adduction, twist, MCP and IP flexion."""
    bones = bones @ _about_z(-PALMAR_AXIS)
    flat = np.cos(THUMB_ELEVATION)
    azimuth = np.arccos(np.clip(bones[0, 0] / flat, -1.0, 1.0))
    lifted = np.arctan2(bones[0, 2], bones[0, 1])
    abduction = np.arctan2(-np.sin(THUMB_ELEVATION), np.sin(azimuth) * flat) - lifted
    base = _about_x(-abduction) @ _about_z(azimuth) @ _about_y(THUMB_ELEVATION)
    x, y, z = (bones[1:] @ base).T
    across = np.array([-np.sin(ZERO_ROLL[0]), np.cos(ZERO_ROLL[0])])
    # Where the thumb is straight its bones tell no axis, and a weak pull to the resting one decides.
    seen = np.stack([y, z])
    normal = np.linalg.eigh(seen @ seen.T + _STRAIGHT * np.outer(across, across))[1][:, 0]
    resting = np.array([across[1], -across[0]])
    normal = normal if normal @ resting >= 0.0 else -normal
    roll = np.arctan2(normal[1], normal[0])
    bends = _bends(np.append(1.0, x)[None], np.append(0.0, np.sin(roll) * y - np.cos(roll) * z)[None])[0, 1:]
    turns = np.array([abduction, PALMAR_AXIS + THUMB_AZIMUTH - azimuth, ZERO_ROLL[0] - roll])
    return np.concatenate([_wrapped(turns), bends])


def _bends(along: Array, palmar: Array) -> Array:
    """(..., N) coordinates of bones in the plane of flexion -> (..., N) angle of each against the one before."""
    headings = np.arctan2(palmar, along)
    steps = np.diff(headings, axis=-1, prepend=0.0)
    # From -120 to 240 degrees: joints bend much further to the palm than to the back.
    return np.asarray((steps + np.radians(120.0)) % (2.0 * np.pi) - np.radians(120.0))


def _wrapped(angles: Array) -> Array:
    """Radians from -pi to pi."""
    return np.asarray((angles + np.pi) % (2.0 * np.pi) - np.pi)


def _about_x(angle: Any) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def _about_y(angle: Any) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def _about_z(angle: Any) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
