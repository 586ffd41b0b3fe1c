"""Hands in the joint orders and axes of other projects, as JSON has them. See docs/robots.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.geometry.rotation import quaternion
from dense3d_ros.hand_state.conventions import (
    dex_retargeting_joints,
    mano_joints,
    mediapipe_image,
    mediapipe_world,
    openxr_hand,
)


def in_convention(name: str, hand: HandPose, camera: Camera) -> dict[str, Any] | None:
    """The entry of CONVERSIONS with that name, of a hand that `camera` saw.

    None for a hand that it cannot be told of: one of unknown handedness, or with a palm that spans no plane.
    """
    try:
        return CONVERSIONS[name](hand, camera)
    except ValueError:
        return None


def _mediapipe(hand: HandPose, camera: Camera) -> dict[str, Any]:
    return {
        "image_landmarks": _rounded(mediapipe_image(hand.joints, camera)),
        "world_landmarks": _rounded(mediapipe_world(hand.joints)),
    }


def _openxr(hand: HandPose, camera: Camera) -> dict[str, Any]:
    found = openxr_hand(hand.joints, hand.handedness)
    return {
        "positions": _rounded(found.positions),
        "orientations": _rounded(np.array([quaternion(rotation) for rotation in found.rotations])),
    }


def _mano(hand: HandPose, camera: Camera) -> dict[str, Any]:
    return {"joints": _rounded(mano_joints(hand.joints, hand.handedness))}


def _dex_retargeting(hand: HandPose, camera: Camera) -> dict[str, Any]:
    return {"joints": _rounded(dex_retargeting_joints(hand.joints, hand.handedness))}


CONVERSIONS: dict[str, Callable[[HandPose, Camera], dict[str, Any]]] = {
    "mediapipe": _mediapipe,
    "openxr": _openxr,
    "mano": _mano,
    "dex_retargeting": _dex_retargeting,
}
"""mediapipe: (21, 3) landmarks of the image and of the world. openxr: (26, 3) metres and (26, 4) quaternions x, y, z,
w. mano: (21, 3). dex_retargeting: (21, 3) in its operator frame."""


def _rounded(values: NDArray[np.floating]) -> list[list[float]]:
    """To a hundredth of a millimetre."""
    return [[round(float(value), 5) for value in row] for row in values]
