"""Where a robot takes hold: the frames of wrist, palm, pinch and power grasp.

All are right-handed for both hands. Wrist and palm have the axes of msg/HandPose.msg. Pinch and power grasp are
frames of a parallel gripper: z is the approach, y the direction in which it closes, x = y × z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import FINGERS, JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, Handedness, wrist_rotation

Array = NDArray[np.float64]

FRAME_NAMES = ("wrist", "palm", "pinch", "grasp")

_MIDDLE_BONES = [JOINT_INDEX[f"{finger}_{joint}"] for finger in FINGERS[1:] for joint in ("pip", "dip")]
_THUMB_IP, _THUMB_TIP, _THUMB_MCP = (JOINT_INDEX[f"thumb_{joint}"] for joint in ("ip", "tip", "mcp"))
_INDEX_DIP, _INDEX_TIP, _INDEX_MCP = (JOINT_INDEX[f"index_{joint}"] for joint in ("dip", "tip", "mcp"))
_MIDDLE_MCP = JOINT_INDEX["middle_mcp"]
_SHORTEST = 1e-6


@dataclass(frozen=True)
class Pose:
    """position: (3,) metres. rotation: (3, 3), columns x, y, z in the frame of the joints."""

    position: Array
    rotation: Array


def check_joints(joints: NDArray[np.floating]) -> Array:
    """(21, 3) metres as float64. ValueError for another shape and for values that are not finite."""
    checked: Array = np.asarray(joints, np.float64)
    if checked.shape != (JOINT_COUNT, 3):
        raise ValueError(f"joints have shape {checked.shape}; accepted: ({JOINT_COUNT}, 3)")
    if not np.isfinite(checked).all():
        broken = int(np.flatnonzero(~np.isfinite(checked).all(axis=1))[0])
        raise ValueError(f"{JOINT_NAMES[broken]} is {checked[broken].tolist()}; accepted: finite metres")
    return checked


def check_bones(joints: NDArray[np.floating]) -> Array:
    """(21, 3) metres as float64. ValueError as `check_joints`, and for a palm or a bone of a finger without length."""
    checked = check_joints(joints)
    bones = np.diff(checked[1:].reshape(5, 4, 3), axis=1).reshape(-1, 3)
    shortest = float(np.linalg.norm([checked[_MIDDLE_MCP] - checked[0], *bones], axis=1).min())
    if shortest < _SHORTEST:
        raise ValueError(f"the shortest bone has {shortest:.1e} m; accepted: more than {_SHORTEST:.0e} m")
    return checked


def check_handedness(handedness: Handedness) -> None:
    """ValueError unless it is LEFT or RIGHT."""
    if handedness not in (Handedness.LEFT, Handedness.RIGHT):
        raise ValueError(f"handedness is {Handedness(handedness).name}; accepted: LEFT, RIGHT")


def hand_frames(joints: NDArray[np.floating], handedness: Handedness) -> dict[str, Pose]:
    """(21, 3) metres -> the poses of FRAME_NAMES in the frame of the joints.

    wrist: at the wrist; x to the middle knuckle, z out of the back of the hand, y = z × x.
    palm: axes of the wrist, halfway from the wrist to the middle knuckle.
    pinch: between the tips of thumb and index; y from the thumb's end bone to the index's,
    z from the knuckles of both to the tips as far as it is square to y.
    grasp: halfway from the palm to the middle bones of the fingers; z out of the palm, y along the fingers, so that x
    is the axis of a bar in the fist.
    Directions that cannot be told fall back to the wrist's. Raises ValueError for joints that are not finite and for
    unknown handedness.
    """
    joints = check_joints(joints)
    check_handedness(handedness)
    wrist = wrist_rotation(joints, handedness)
    palm = 0.5 * (joints[0] + joints[_MIDDLE_MCP])
    grip = np.stack([wrist[:, 1], wrist[:, 0], -wrist[:, 2]], axis=1)
    return {
        "wrist": Pose(joints[0], wrist),
        "palm": Pose(palm, wrist),
        "pinch": _pinch(joints, grip),
        "grasp": Pose(0.5 * (palm + joints[_MIDDLE_BONES].mean(axis=0)), grip),
    }


def _pinch(joints: Array, fallback: Array) -> Pose:
    between = 0.5 * (joints[_THUMB_TIP] + joints[_INDEX_TIP])
    # The tips alone would turn at random when they touch; the joints behind them do not.
    closing = joints[_INDEX_TIP] - joints[_THUMB_TIP] + joints[_INDEX_DIP] - joints[_THUMB_IP]
    approach = between - 0.5 * (joints[_THUMB_MCP] + joints[_INDEX_MCP])
    side = np.cross(closing, approach)
    if np.linalg.norm(closing) < _SHORTEST or np.linalg.norm(side) < _SHORTEST**2:
        return Pose(between, fallback)
    y = closing / np.linalg.norm(closing)
    x = side / np.linalg.norm(side)
    return Pose(between, np.stack([x, y, np.cross(x, y)], axis=1))
