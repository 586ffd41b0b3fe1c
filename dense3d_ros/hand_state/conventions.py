"""The same hand in the conventions of other projects, as arrays.

Joints come in the camera's optical frame: metres, x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import FINGERS, JOINT_COUNT, JOINT_INDEX, Handedness, hand_centre, wrist_rotation
from dense3d_ros.hand_state.angles import REST_CMC, palm_alignment
from dense3d_ros.hand_state.frames import Pose, check_handedness, check_joints

Array = NDArray[np.float64]

MANO_ORDER: tuple[int, ...] = (
    0,
    *(JOINT_INDEX[f"{finger}_{joint}"] for finger in ("index", "middle", "little", "ring")
      for joint in ("mcp", "pip", "dip")),
    *(JOINT_INDEX[f"thumb_{joint}"] for joint in ("cmc", "mcp", "ip")),
    *(JOINT_INDEX[f"{finger}_tip"] for finger in FINGERS),
)  # fmt: skip
"""Where each of MANO's 16 joints, and then the five tips, thumb first, is among ours."""

OPENXR_NAMES: tuple[str, ...] = (
    "palm",
    "wrist",
    *(f"thumb_{joint}" for joint in ("metacarpal", "proximal", "distal", "tip")),
    *(f"{finger}_{joint}" for finger in FINGERS[1:]
      for joint in ("metacarpal", "proximal", "intermediate", "distal", "tip")),
)  # fmt: skip
"""The 26 joints of XrHandJointEXT (extension XR_EXT_hand_tracking), in its order."""

JOINT_CONVENTIONS = ("mediapipe", "openxr", "mano", "dex_retargeting")

_OPTICAL_TO_OPENXR = np.diag([1.0, -1.0, -1.0])
"""OpenXR: x right, y up, z to the viewer."""

_REST_METACARPALS: Array = np.stack([[0.16, 0.055, 0.0], [0.16, 0.015, 0.01], *REST_CMC])
"""(4, 3) roots of the metacarpals, index first, in hand lengths and the axes of the wrist frame of a right hand."""


def mediapipe_image(joints: NDArray[np.floating], camera: Camera) -> Array:
    """(21, 3) metres -> (21, 3) MediaPipe's image landmarks.

    x and y are shares of the image's width and height; z is the depth behind the wrist at the scale of x, as if the
    whole hand were as far away as its wrist. Raises ValueError for joints that are not in front of the camera.
    """
    joints = check_joints(joints)
    if (nearest := float(joints[:, 2].min())) <= 0.0:
        raise ValueError(f"a joint has a depth of {nearest:g} m; accepted: above 0")
    # Its 0 and 1 are the borders of the image; our pixel 0 is the middle of the first one.
    pixels = np.asarray(camera.project(joints), np.float64) + 0.5
    depth = (joints[:, 2] - joints[0, 2]) * camera.fx / joints[0, 2]
    return np.column_stack([pixels / [camera.width, camera.height], depth / camera.width])


def mediapipe_world(joints: NDArray[np.floating]) -> Array:
    """(21, 3) metres -> (21, 3) MediaPipe's world landmarks: metres from the hand's centre, axes of the image."""
    joints = check_joints(joints)
    return joints - hand_centre(joints)


@dataclass(frozen=True)
class OpenXrHand:
    """positions: (26, 3) metres in the order of OPENXR_NAMES; x right, y up, z to the viewer.

    rotations: (26, 3, 3), columns x, y, z of a joint: -z along its bone to the tip, y out of the back of the finger.
    """

    positions: Array
    rotations: Array


def openxr_hand(joints: NDArray[np.floating], handedness: Handedness) -> OpenXrHand:
    """(21, 3) metres -> the 26 joints of OpenXR with their orientations.

    A tip has the orientation of the bone before it; the wrist that of the palm. The roots of the four metacarpals are
    not among our joints: they are where an average palm has them. Raises ValueError for joints that are not finite and
    for unknown handedness.
    """
    joints = check_joints(joints)
    check_handedness(handedness)
    mirror = np.array([1.0, -1.0 if handedness is Handedness.LEFT else 1.0, 1.0])
    turn, unit = palm_alignment(joints * mirror)
    roots = joints[0] + (_REST_METACARPALS @ turn.T) * unit * mirror
    wrist = wrist_rotation(joints, handedness)
    palm = np.stack([np.cross(wrist[:, 2], -wrist[:, 0]), wrist[:, 2], -wrist[:, 0]], axis=1)
    chains = [
        joints[1:5],
        *(np.vstack([root, joints[k : k + 4]]) for root, k in zip(roots, (5, 9, 13, 17), strict=True)),
    ]
    middle = 0.5 * (chains[2][0] + chains[2][1])
    positions = np.vstack([middle, joints[0], *chains])
    rotations = [palm, palm]
    for finger, chain in enumerate(chains):
        rotations.extend(_bone_rotations(chain, _thumb_back(chain, wrist, handedness) if finger == 0 else wrist[:, 2]))
    return OpenXrHand(positions @ _OPTICAL_TO_OPENXR, _OPTICAL_TO_OPENXR @ np.array(rotations))


def _thumb_back(chain: Array, wrist: Array, handedness: Handedness) -> Array:
    """(3,) out of the thumb's nail: away from the little finger's side, and half out of the back of the hand."""
    outwards = wrist[:, 1] if handedness is Handedness.RIGHT else -wrist[:, 1]
    return np.asarray(outwards + 0.5 * wrist[:, 2])


def _bone_rotations(chain: Array, back: Array) -> list[Array]:
    """(N, 3) joints of a finger and where its back points at its root -> N rotations with -z along the bones."""
    rotations = []
    # The axis about which it bends is carried along: by its back, a bone that is bent past 90 degrees would turn round.
    x = np.cross(back, chain[0] - chain[1])
    for bone in np.diff(chain, axis=0):
        z = -bone / max(float(np.linalg.norm(bone)), 1e-9)
        x = x - (x @ z) * z
        x = x / max(float(np.linalg.norm(x)), 1e-9)
        rotations.append(np.stack([x, np.cross(z, x), z], axis=1))
    return [*rotations, rotations[-1]]


def mano_rotation(joints: NDArray[np.floating], handedness: Handedness) -> Array:
    """(21, 3) metres -> (3, 3) MANO's axes at the wrist, as dex-retargeting takes them.

    x from the middle knuckle to the wrist, z from the middle to the index knuckle as far as it is square to x,
    y = z × x: out of the back of a right hand, out of the palm of a left one. Raises ValueError where wrist and
    knuckles lie in one line, and for unknown handedness.
    """
    joints = check_joints(joints)
    check_handedness(handedness)
    back = joints[0] - joints[JOINT_INDEX["middle_mcp"]]
    to_index = joints[JOINT_INDEX["index_mcp"]] - joints[JOINT_INDEX["middle_mcp"]]
    y = np.cross(to_index, back)
    if np.linalg.norm(y) < 1e-9:
        raise ValueError("wrist, index and middle knuckle lie in one line; accepted: a palm that spans a plane")
    x, y = back / np.linalg.norm(back), y / np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def mano_joints(joints: NDArray[np.floating], handedness: Handedness) -> Array:
    """(21, 3) metres -> (21, 3) metres from the wrist in MANO's order (MANO_ORDER) and axes (`mano_rotation`)."""
    return np.asarray((check_joints(joints) - joints[0]) @ mano_rotation(joints, handedness))[list(MANO_ORDER)]


def operator_rotation(joints: NDArray[np.floating], handedness: Handedness) -> Array:
    """(21, 3) metres -> (3, 3) dex-retargeting's operator frame at the wrist.

    x out of the palm, z along the fingers, y = z × x: to the thumb of a right hand, away from that of a left one.
    """
    mano = mano_rotation(joints, handedness)
    palm = -mano[:, 1] if handedness is Handedness.RIGHT else mano[:, 1]
    return np.stack([palm, np.cross(-mano[:, 0], palm), -mano[:, 0]], axis=1)


def dex_retargeting_joints(joints: NDArray[np.floating], handedness: Handedness) -> Array:
    """(21, 3) metres -> (21, 3) metres from the wrist in our order and in dex-retargeting's operator frame.

    Its axes are those of `operator_rotation`.
    """
    return np.asarray((check_joints(joints) - joints[0]) @ operator_rotation(joints, handedness))


def convention_poses(name: str, joints: NDArray[np.floating], handedness: Handedness) -> list[Pose]:
    """(21, 3) metres -> the joints of a convention (JOINT_CONVENTIONS), in its order and in the frame of `joints`.

    mediapipe and dex_retargeting: 21 in our order. openxr: 26 as in OPENXR_NAMES. mano: 21 as in MANO_ORDER.
    The rotations of openxr are those of its joints. Of mano and dex_retargeting the first one, the wrist, has the axes
    of `mano_rotation` or `operator_rotation`, in which they give the joints; all others are the identity. Raises
    ValueError where those functions do, and for another name.
    """
    joints = check_joints(joints)
    if name == "openxr":
        hand = openxr_hand(joints, handedness)
        turned = zip(hand.positions @ _OPTICAL_TO_OPENXR, _OPTICAL_TO_OPENXR @ hand.rotations, strict=True)
        return [Pose(position, rotation) for position, rotation in turned]
    if name == "mediapipe":
        order, wrist = list(range(JOINT_COUNT)), np.eye(3)
    elif name == "mano":
        order, wrist = list(MANO_ORDER), mano_rotation(joints, handedness)
    elif name == "dex_retargeting":
        order, wrist = list(range(JOINT_COUNT)), operator_rotation(joints, handedness)
    else:
        raise ValueError(f"convention is '{excerpt(name)}'; accepted: {', '.join(JOINT_CONVENTIONS)}")
    return [Pose(joints[index], np.eye(3) if index else wrist) for index in order]
