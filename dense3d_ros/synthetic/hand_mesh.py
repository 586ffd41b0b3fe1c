"""A rigged hand: 25 anatomical angles and a shape in, a closed triangle mesh and 21 joints out.

Canonical frame, in metres: the wrist joint is the origin, x runs along the hand towards the middle finger's
MCP joint, z out of the back of the hand, y towards the thumb of a right hand. It is the frame of
`dense3d_ros.hand.wrist_rotation`. Bending the wrist moves the forearm; the palm stays.

Each finger bone turns rigidly about its joint and the skin follows by linear blend skinning. The bones'
rest directions are measured from the skeleton and taken out: zero angles give straight fingers on any mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dense3d_ros.hand import JOINT_COUNT, JOINT_INDEX

Array = NDArray[np.float32]
Double = NDArray[np.float64]

ANGLE_NAMES: tuple[str, ...] = (
    "wr_flex",
    "wr_dev",
    "th_pabd",
    "th_add",
    "th_twist",
    "th_mcp",
    "th_ip",
    *(
        f"{finger}_{angle}"
        for finger in ("index", "middle", "ring", "pinky")
        for angle in ("abd", "mcp", "pip", "dip")
    ),
    "met_ring",
    "met_pinky",
)
"""Wrist flexion and ulnar deviation; thumb palmar abduction, adduction, opposing twist, MCP and IP flexion;
for each finger abduction towards the thumb, then flexions; flexion of the ring and little metacarpals."""

FOREARM_RANGE = (0.05, 0.9)
"""Forearm lengths that can be asked for, in hand lengths."""

BONE_COUNT = 19
"""Hand, forearm, ring and little metacarpal, then three bones a finger, thumb first."""

_ELBOW, _RING_CMC, _LITTLE_CMC = range(JOINT_COUNT, JOINT_COUNT + 3)
_MIDDLE_CHAIN = [0, *(JOINT_INDEX[f"middle_{segment}"] for segment in ("mcp", "pip", "dip", "tip"))]

_THUMB_AZIMUTH, _THUMB_ELEVATION = np.radians((29.0, 17.0))
"""Where the thumb's metacarpal points at zero angles: out of the hand's axis, and out of the palm."""

_PALMAR_AXIS = np.radians(24.0)
"""Palmar abduction turns about an axis in the palm, this far from x towards the little finger."""

_ZERO_ROLL = np.radians((-40.0, -5.0, 0.0, 4.0, 8.0))
"""Turn of each finger's flexion axis out of y about the finger: bent fingers close on the thumb's root."""

_CAP_TAPER = 0.1
"""Length of forearm, in hand lengths, that is drawn together into the flat cap."""


@dataclass(frozen=True)
class PosedHand:
    """A closed mesh and its joints in the canonical frame.

    vertices: (V, 3) metres. faces: (F, 3) vertex indices, counter-clockwise seen from outside.
    joints: (21, 3) metres in the order of JOINT_NAMES.
    """

    vertices: Array
    faces: NDArray[np.int32]
    joints: Array


@dataclass(frozen=True)
class HandMesh:
    """A right hand at rest, in hand lengths: what `scripts/build_hand_mesh.py` distilled.

    vertices: (V, 3). faces: (F, 3). joints: (24, 3), the 21 of JOINT_NAMES, elbow, ring and little CMC.
    weights: (V, 19) skinning weights over the bones. shape_vertices: (K, V, 3) and shape_joints: (K, 24, 3)
    move both by a standard deviation of a population. rest_roll: (5,) radians, roll of the flexion axes.
    """

    vertices: Array
    faces: NDArray[np.int32]
    joints: Array
    weights: Array
    shape_vertices: Array
    shape_joints: Array
    rest_roll: Array

    @classmethod
    def load(cls, name: str = "soma") -> HandMesh:
        """Read a mesh shipped with the package: "soma" has 12 shape directions."""
        path = Path(__file__).parent / "assets" / f"hand_{name}.npz"
        if not path.is_file():
            known = sorted(file.stem[5:] for file in path.parent.glob("hand_*.npz"))
            raise ValueError(f"no hand mesh is named {name!r}; there are {', '.join(known)}")
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in file.files}
        unit = np.float32(data["unit"])
        weights = np.zeros((len(data["vertices"]), BONE_COUNT), np.float32)
        np.put_along_axis(weights, data["bones"].astype(np.intp), data["weights"] / np.float32(255), axis=1)
        scale = data["shape_unit"].astype(np.float32)[:, None, None]
        return cls(
            vertices=data["vertices"] * unit,
            faces=data["faces"].astype(np.int32),
            joints=data["joints"],
            weights=weights,
            shape_vertices=data["shape_vertices"] * scale,
            shape_joints=data["shape_joints"],
            rest_roll=data["rest_roll"],
        )

    @property
    def shape_count(self) -> int:
        """Number of shape directions; 0 if the mesh has one shape only."""
        return len(self.shape_vertices)

    def pose(
        self,
        angles: ArrayLike,
        *,
        shape: ArrayLike | None = None,
        length: float = 0.183,
        forearm: float = 0.5,
        finger_scale: ArrayLike | None = None,
        left: bool = False,
    ) -> PosedHand:
        """Bend the hand.

        angles: (25,) radians in the order of ANGLE_NAMES, 0 = straight. shape: (K,) standard deviations.
        length: metres from the wrist joint along the middle finger to its tip. forearm: length of forearm
        that is kept, in hand lengths, within FOREARM_RANGE. finger_scale: (5,) size of each finger, thumb
        first. left: mirror the hand. Raises ValueError for wrong sizes or a forearm out of range.
        """
        angles = _vector("angles", angles, len(ANGLE_NAMES))
        if not FOREARM_RANGE[0] <= forearm <= FOREARM_RANGE[1]:
            raise ValueError(f"forearm must lie in {FOREARM_RANGE} hand lengths, got {forearm}")
        if not length > 0:
            raise ValueError(f"length must be above 0 m, got {length}")
        vertices, joints = self.vertices, self.joints
        if shape is not None:
            shape = _vector("shape", shape, self.shape_count)
            vertices = vertices + np.tensordot(shape, self.shape_vertices, 1)
            joints = joints + np.tensordot(shape, self.shape_joints, 1)
        if finger_scale is not None:
            vertices, joints = self._scale_fingers(vertices, joints, _vector("finger_scale", finger_scale, 5))
        unit = length / np.linalg.norm(np.diff(joints[_MIDDLE_CHAIN], axis=0), axis=1).sum()
        vertices = _cut_forearm(vertices, joints, forearm * length / unit)
        rotations, origins, posed_joints = _bend(joints, self.rest_roll, angles)
        offsets = origins[1] - np.einsum("bij,bj->bi", rotations, origins[0])
        transforms = np.concatenate([rotations, offsets[:, :, None]], axis=2) * unit
        blended = (self.weights @ transforms.reshape(BONE_COUNT, 12).astype(np.float32)).reshape(-1, 3, 4)
        posed = np.einsum("vij,vj->vi", blended[:, :, :3], vertices) + blended[:, :, 3]
        posed_joints = (posed_joints * unit).astype(np.float32)
        if not left:
            return PosedHand(posed, self.faces, posed_joints)
        mirror = np.array([1, -1, 1], np.float32)
        return PosedHand(posed * mirror, np.ascontiguousarray(self.faces[:, ::-1]), posed_joints * mirror)

    def _scale_fingers(self, vertices: Array, joints: Array, scale: Array) -> tuple[Array, Array]:
        """Grow each finger about its first joint; the skin around that joint follows in part."""
        joints = joints.copy()
        chains = joints[1:JOINT_COUNT].reshape(5, 4, 3)
        roots = chains[:, 0].copy()
        growth = np.concatenate([np.ones((5, 1), np.float32), -roots], axis=1) * (scale - 1)[:, None]
        moved = self.weights[:, 4:] @ np.repeat(growth, 3, axis=0)
        vertices = vertices * (1 + moved[:, :1]) + moved[:, 1:]
        chains[:] = roots[:, None] + (chains - roots[:, None]) * scale[:, None, None]
        return vertices, joints


def _vector(name: str, values: ArrayLike, size: int) -> Array:
    array = np.asarray(values, np.float32)
    if array.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), got {array.shape}")
    return array


def _cut_forearm(vertices: Array, joints: Array, length: float) -> Array:
    """Draw everything further than `length` up the forearm together into a flat cap at `length`."""
    axis = joints[_ELBOW] - joints[0]
    axis = axis / np.linalg.norm(axis)
    along = (vertices - joints[0]) @ axis
    beyond = np.flatnonzero(along > length)
    cut = vertices[beyond]
    excess = along[beyond, None] - length
    centre = joints[0] + axis * length
    radial = cut - axis * excess - centre
    vertices = vertices.copy()
    vertices[beyond] = centre + radial * np.maximum(1 - excess / _CAP_TAPER, 0)
    return vertices


def _bend(joints: Array, rest_roll: Array, angles: Array) -> tuple[Double, tuple[Array, Array], Array]:
    """Rotations (19, 3, 3) of the bones from rest, their rest and posed origins (19, 3), joints (21, 3)."""
    chains = joints[1:JOINT_COUNT].reshape(5, 4, 3).astype(np.float64)
    wrist_flexion, deviation = angles[0], angles[1]
    thumb, fingers, palm = angles[2:7], angles[7:23].reshape(4, 4), angles[23:25]

    base = _rotation_z(fingers[:, 0]) @ _rotation_x(_ZERO_ROLL[1:])
    base = np.concatenate([_thumb_base(*thumb[:3])[None], base])
    flexion = np.cumsum(np.concatenate([[[0, thumb[3], thumb[4]]], fingers[:, 1:]]), axis=1)
    arch = _rotation_y(np.array([0, 0, 0, palm[0], palm[1]]))
    frames = (arch @ base)[:, None] @ _rotation_y(flexion)

    bones = np.diff(chains, axis=1)
    lengths = np.linalg.norm(bones, axis=2, keepdims=True)
    pivots = joints[[0, 0, 0, _RING_CMC, _LITTLE_CMC]]
    roots = pivots + np.einsum("fij,fj->fi", arch, chains[:, 0] - pivots)
    steps = np.cumsum(frames[..., 0] * lengths, axis=1)
    posed = np.concatenate([roots[:, None], roots[:, None] + steps], axis=1)

    rest_frames = _rest_frames(chains, bones / lengths, rest_roll)
    forearm = joints[0] - joints[_ELBOW]
    forearm_frame = _frame(forearm / np.linalg.norm(forearm), np.array([0.0, 1.0, 0.0]))
    hand_in_forearm = _rotation_z(-deviation) @ _rotation_y(wrist_flexion)
    rotations = np.empty((BONE_COUNT, 3, 3))
    rotations[0] = np.eye(3)
    rotations[1] = (forearm_frame @ hand_in_forearm).T
    rotations[2:4] = arch[3:]
    rotations[4:] = (frames @ rest_frames.swapaxes(-1, -2)).reshape(-1, 3, 3)
    root_origins = joints[[0, 0, _RING_CMC, _LITTLE_CMC]]
    rest_origins = np.concatenate([root_origins, chains[:, :3].reshape(-1, 3)])
    posed_origins = np.concatenate([root_origins, posed[:, :3].reshape(-1, 3)])
    return rotations, (rest_origins, posed_origins), np.concatenate([joints[:1], posed.reshape(-1, 3)])


def _thumb_base(palmar: float, adduction: float, twist: float) -> Double:
    """(3, 3) frame of the thumb's metacarpal: x along it, y its flexion axis."""
    in_palm = _rotation_z(_PALMAR_AXIS + _THUMB_AZIMUTH - adduction) @ _rotation_y(_THUMB_ELEVATION)
    return _rotation_z(-_PALMAR_AXIS) @ _rotation_x(-palmar) @ in_palm @ _rotation_x(_ZERO_ROLL[0] - twist)


def _rest_frames(chains: Double, directions: Double, roll: Array) -> Double:
    """(5, 3, 3, 3) frames of the finger bones at rest: x along the bone, y the finger's flexion axis."""
    chord = chains[:, 3] - chains[:, 0]
    azimuth = np.arctan2(chord[:, 1], chord[:, 0])
    elevation = np.arctan2(-chord[:, 2], np.hypot(chord[:, 0], chord[:, 1]))
    axes = (_rotation_z(azimuth) @ _rotation_y(elevation) @ _rotation_x(roll))[:, :, 1]
    return _frame(directions, axes[:, None])


def _frame(x: Double, y: Double) -> Double:
    """(..., 3, 3) rotation with columns x, y made perpendicular to x, and x × y."""
    y = y - x * (x * y).sum(axis=-1, keepdims=True)
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _rotation_x(angle: ArrayLike) -> Double:
    return _rotation(angle, 1, 2)


def _rotation_y(angle: ArrayLike) -> Double:
    return _rotation(angle, 2, 0)


def _rotation_z(angle: ArrayLike) -> Double:
    return _rotation(angle, 0, 1)


def _rotation(angle: ArrayLike, first: int, second: int) -> Double:
    """(...) radians -> (..., 3, 3) rotation that turns axis `first` towards axis `second`."""
    angle = np.asarray(angle, np.float64)
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., 3 - first - second, 3 - first - second] = 1
    rotation[..., first, first] = rotation[..., second, second] = np.cos(angle)
    rotation[..., second, first] = np.sin(angle)
    rotation[..., first, second] = -np.sin(angle)
    return rotation
