"""Whether 21 joints can be a hand, and one that is where the depth image shows a surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import BONES, JOINT_NAMES

_PALM = (0.035, 0.150)
_SHORTEST = {"cmc": 0.012, "mcp": 0.012, "pip": 0.009, "dip": 0.006, "ip": 0.009, "tip": 0.005}
_LONGEST = {"cmc": 0.080, "mcp": 0.085, "pip": 0.080, "dip": 0.065, "ip": 0.070, "tip": 0.060}
"""Bone lengths in metres by the name of the outer joint: of all people, and as wrong again as a network may be."""

ODD_BONES = 4
"""So many bones may be wrong: hidden fingers are uncertain."""
EXTENT = (0.06, 0.28)
"""Largest distance between two joints of a fist of a small hand, and of a large spread hand, metres."""
IN_FRONT = 0.035
"""A joint this far in front of the measured surface hangs in the air, metres."""
NEAR_SURFACE = 0.05
"""A joint this close to the surface that hides it may be right under it, metres."""

_PARENTS, _CHILDREN = np.array(BONES).T


def _limits(of_palm: float, of_segment: dict[str, float]) -> NDArray[np.float64]:
    names = [JOINT_NAMES[child] for _, child in BONES]
    in_palm = [parent == 0 and not JOINT_NAMES[child].startswith("thumb") for parent, child in BONES]
    return np.array(
        [of_palm if palm else of_segment[name.rpartition("_")[2]] for name, palm in zip(names, in_palm, strict=True)]
    )


_LOW, _HIGH = _limits(_PALM[0], _SHORTEST), _limits(_PALM[1], _LONGEST)


def implausibility(joints: NDArray[np.floating], depth: DepthImage, camera: Camera) -> str:
    """What speaks against (21, 3) joints, metres in the camera frame; empty if nothing does."""
    if not np.isfinite(joints).all() or joints[:, 2].min() <= 0:
        return "joints that are not numbers or not in front of the camera"
    return _against_anatomy(joints) or _against_surface(joints, depth, camera)


def _against_anatomy(joints: NDArray[np.floating]) -> str:
    extent = np.linalg.norm(joints[:, None] - joints, axis=2).max()
    if not EXTENT[0] <= extent <= EXTENT[1]:
        return f"{1000 * extent:.0f} mm across, hands are {1000 * EXTENT[0]:.0f}-{1000 * EXTENT[1]:.0f} mm"
    lengths = np.linalg.norm(joints[_CHILDREN] - joints[_PARENTS], axis=1)
    odd = np.flatnonzero((lengths < _LOW) | (lengths > _HIGH))
    if len(odd) <= ODD_BONES:
        return ""
    worst = odd[np.abs(np.log(np.maximum(lengths[odd], 1e-6) / np.sqrt(_LOW[odd] * _HIGH[odd]))).argmax()]
    return (
        f"{len(odd)} bones are too long or too short, the one to {JOINT_NAMES[_CHILDREN[worst]]} is "
        f"{1000 * lengths[worst]:.0f} mm"
    )


def _against_surface(joints: NDArray[np.floating], depth: DepthImage, camera: Camera) -> str:
    height, width = depth.shape
    cols, rows = np.rint(camera.project(joints)).astype(np.intp).T
    inside = (cols >= 0) & (cols < width) & (rows >= 0) & (rows < height)
    if np.count_nonzero(inside) < len(joints) // 2:
        return f"only {np.count_nonzero(inside)} of {len(joints)} joints are in the image"
    surface = depth.metres_at(rows[inside], cols[inside])
    behind = joints[inside, 2] - surface
    measured = surface > 0
    in_front = np.count_nonzero(measured & (behind < -IN_FRONT))
    if in_front > len(joints) // 3:
        return f"{in_front} joints are more than {1000 * IN_FRONT:.0f} mm in front of the surface"
    near = np.count_nonzero(measured & (np.abs(behind) < NEAR_SURFACE))
    if near < len(joints) // 4:
        return f"only {near} joints are near a measured surface"
    return ""
