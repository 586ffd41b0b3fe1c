"""The hand as this package sees it: 21 joints, 20 bones, and the pose of one hand in one frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

FINGERS = ("thumb", "index", "middle", "ring", "little")
_SEGMENTS = {"thumb": ("cmc", "mcp", "ip", "tip")}
JOINT_NAMES: tuple[str, ...] = (
    "wrist",
    *(f"{finger}_{segment}" for finger in FINGERS for segment in _SEGMENTS.get(finger, ("mcp", "pip", "dip", "tip"))),
)
JOINT_COUNT = len(JOINT_NAMES)
JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}

KNUCKLES = tuple(JOINT_INDEX[f"{finger}_mcp"] for finger in FINGERS[1:])
"""Where the four fingers begin, index finger first."""

SKELETON = "hand21"
"""Name of this joint order; MediaPipe Hands uses the same one."""

BONES: tuple[tuple[int, int], ...] = tuple(
    (0 if segment == 0 else 4 * finger + segment, 4 * finger + segment + 1)
    for finger in range(5)
    for segment in range(4)
)
"""(parent, child) joint indices, finger by finger from the wrist outwards."""

FINGER_COLOURS: tuple[tuple[float, float, float], ...] = (
    (0.90, 0.30, 0.24),
    (0.95, 0.61, 0.07),
    (0.18, 0.80, 0.44),
    (0.20, 0.60, 0.86),
    (0.61, 0.35, 0.71),
)
"""RGB in 0..1 for thumb to little finger."""

WRIST_COLOUR = (0.95, 0.95, 0.95)

JOINT_COLOURS: tuple[tuple[float, float, float], ...] = (
    WRIST_COLOUR,
    *(colour for colour in FINGER_COLOURS for _ in range(4)),
)
"""The same for each joint."""

HALF_SCORE_ERROR = 0.02
"""Expected error of a joint, metres, at which its score is 0.5."""


class Handedness(IntEnum):
    """Which hand it is; the values are those of msg/HandPose.msg."""

    UNKNOWN = 0
    LEFT = 1
    RIGHT = 2


@dataclass
class HandPose:
    """One hand in one depth frame.

    joints: (21, 3) metres in the camera's optical frame, in the order of JOINT_NAMES.
    joint_scores: (21,) confidence of each joint, 0..1; the expected error in other units, see `joint_scores`.
    score: confidence that this is a hand, 0..1.
    track_id: the same number as long as the hand is followed from frame to frame.
    """

    joints: NDArray[np.float32]
    joint_scores: NDArray[np.float32]
    score: float
    handedness: Handedness = Handedness.UNKNOWN
    track_id: int = 0

    def __post_init__(self) -> None:
        if self.joints.shape != (JOINT_COUNT, 3):
            raise ValueError(f"joints must have shape ({JOINT_COUNT}, 3), got {self.joints.shape}")

    @property
    def centre(self) -> NDArray[np.float32]:
        """(3,) metres: the mean of the joints, see `hand_centre`."""
        return hand_centre(self.joints)

    @property
    def expected_errors(self) -> NDArray[np.float64]:
        """(21,) metres by which each joint is expected to be wrong, as its score says."""
        return expected_errors(self.joint_scores)

    @property
    def wrist_axes(self) -> NDArray[np.float64]:
        """(3, 3) rotation of the wrist, see `wrist_rotation`."""
        return wrist_rotation(self.joints, self.handedness)


def joint_scores(expected_errors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Expected errors in metres -> scores 20 mm / (20 mm + error): 0.8 is 5 mm, 0.67 is 10 mm, 0.5 is 20 mm."""
    return np.asarray(HALF_SCORE_ERROR / (HALF_SCORE_ERROR + expected_errors), np.float32)


def expected_errors(joint_scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores of joints -> expected errors in metres; the inverse of `joint_scores`."""
    scores = np.asarray(joint_scores, np.float64).clip(1e-6, 1.0)
    return np.asarray(HALF_SCORE_ERROR * (1.0 / scores - 1.0))


def hand_centre(joints: NDArray[np.floating]) -> NDArray[np.float32]:
    """(..., 21, 3) joints -> (..., 3) the point around which the hand is cropped: the mean of all joints."""
    return np.asarray(joints.mean(axis=-2), np.float32)


def hand_length(joints: NDArray[np.floating]) -> float:
    """(21, 3) joints -> metres from the wrist along the bones to the tip of the middle finger, however it is bent."""
    chain = joints[[0, *range(JOINT_INDEX["middle_mcp"], JOINT_INDEX["middle_tip"] + 1)]].astype(np.float64)
    return float(np.linalg.norm(np.diff(chain, axis=0), axis=1).sum())


def palm_direction(joints: NDArray[np.floating]) -> NDArray[np.float64]:
    """(21, 3) joints -> (2,) metres right and down in the image, at the wrist's depth: wrist to middle knuckle."""
    wrist, knuckle = joints[0].astype(np.float64), joints[JOINT_INDEX["middle_mcp"]].astype(np.float64)
    direction: NDArray[np.float64] = knuckle[:2] * (wrist[2] / max(knuckle[2], 1e-6)) - wrist[:2]
    return direction


def upright_roll(joints: NDArray[np.floating]) -> float:
    """Radians by which a camera must turn clockwise to see the hand (21, 3) upright, the knuckle above the wrist.

    0 for joints that are not finite.
    """
    right, down = palm_direction(joints)
    roll = float(np.arctan2(right, 0.0 - down))
    return roll if np.isfinite(roll) else 0.0


def angle_between(one: float, other: float) -> float:
    """Radians from 0 to pi between two directions."""
    return float(abs(np.angle(np.exp(1j * (one - other)))))


def wrist_rotation(joints: NDArray[np.floating], handedness: Handedness) -> NDArray[np.float64]:
    """(21, 3) joints -> (3, 3) rotation, columns x, y, z of the wrist frame in the camera frame.

    x points from the wrist to the middle finger's MCP joint, z out of the back of the hand,
    y = z × x (towards the thumb on a right hand, towards the little finger on a left hand).
    An unknown hand is taken for a right one. A degenerate palm gives the identity.
    """
    wrist, index, middle, little = (
        joints[JOINT_INDEX[name]].astype(np.float64) for name in ("wrist", "index_mcp", "middle_mcp", "little_mcp")
    )
    forward = middle - wrist
    across = index - little
    if handedness == Handedness.LEFT:
        across = -across
    back = np.cross(forward, across)
    if np.linalg.norm(forward) < 1e-6 or np.linalg.norm(back) < 1e-9:
        return np.eye(3)
    x = forward / np.linalg.norm(forward)
    z = back / np.linalg.norm(back)
    return np.stack([x, np.cross(z, x), z], axis=1)
