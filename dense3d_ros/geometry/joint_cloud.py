"""The joints of hands as the points of a PointCloud2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import JOINT_COLOURS, JOINT_COUNT, HandPose

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4"), ("score", "<f4")])
"""x, y, z in metres, the colour as 0xRRGGBB, and the score of the joint."""
_PACKED = np.array([[round(255 * value) for value in colour] for colour in JOINT_COLOURS], np.uint32) @ np.array(
    [1 << 16, 1 << 8, 1], np.uint32
)


def joint_cloud(hands: Sequence[HandPose]) -> NDArray[np.void]:
    """(N, 21) of POINT, the joints of each hand in the order of JOINT_NAMES."""
    points = np.zeros((len(hands), JOINT_COUNT), POINT)
    for row, hand in zip(points, hands, strict=True):
        row["x"], row["y"], row["z"] = hand.joints.T
        row["rgb"], row["score"] = _PACKED, hand.joint_scores
    return points
