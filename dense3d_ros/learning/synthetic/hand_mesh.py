"""A rigged hand: 25 anatomical angles and a shape in, a closed triangle mesh and 21 joints out.

Canonical frame, in metres: the wrist joint is the origin, x runs along the hand towards the middle finger's
MCP joint, z out of the back of the hand, y towards the thumb of a right hand. It is the frame of
`dense3d_ros.geometry.hand.wrist_rotation`. Bending the wrist moves the forearm; the palm stays.

Each finger bone turns rigidly about its joint and the skin follows by linear blend skinning. The bones'
rest directions are measured from the skeleton and taken out: zero angles give straight fingers on any mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dense3d_ros.geometry.hand import JOINT_COUNT, JOINT_INDEX, Handedness, wrist_rotation
from dense3d_ros.geometry.hand_angles import ANGLE_NAMES
from dense3d_ros.learning.synthetic import kinematics
from dense3d_ros.learning.synthetic.placing import moved
from dense3d_ros.learning.synthetic.primitives import Mesh
from dense3d_ros.learning.synthetic.warp import Warp

Array = NDArray[np.float32]

FOREARM_RANGE = (0.05, 0.9)
"""Forearm lengths that can be asked for, in hand lengths."""

BONE_COUNT = 19
"""Hand, forearm, ring and little metacarpal, then three bones a finger, thumb first."""

MIRROR_Y = np.array([1, -1, 1], np.float32)

_MIDDLE_CHAIN = [0, *(JOINT_INDEX[f"middle_{segment}"] for segment in ("mcp", "pip", "dip", "tip"))]

_CAP_TAPER = 0.1
"""Length of forearm, in hand lengths, that is drawn together into the flat cap."""


@dataclass(frozen=True)
class PosedHand:
    """A closed mesh and its joints in the canonical frame.

    vertices: (V, 3) metres. faces: (F, 3) vertex indices, counter-clockwise seen from outside.
    joints: (21, 3) metres in the order of JOINT_NAMES. held: the surface of what the hand holds, if anything.
    worn: that of rings, nails, a watch or a sleeve.
    """

    vertices: Array
    faces: NDArray[np.int32]
    joints: Array
    held: Mesh | None = None
    worn: Mesh | None = None

    def mirrored(self) -> PosedHand:
        """The hand as a mirror in y = 0 shows it."""
        held, worn = (None if mesh is None else (mesh[0] * MIRROR_Y, mesh[1]) for mesh in (self.held, self.worn))
        faces = np.ascontiguousarray(self.faces[:, ::-1])
        return PosedHand(self.vertices * MIRROR_Y, faces, self.joints * MIRROR_Y, held, worn)

    def placed(self, rotation: NDArray[np.float64], shift: NDArray[np.float64]) -> PosedHand:
        """The hand turned by `rotation` (3, 3), then shifted by `shift` (3,), with what it holds and wears."""
        held, worn = (None if mesh is None else moved(mesh, rotation, shift) for mesh in (self.held, self.worn))
        vertices = self.vertices @ rotation.T.astype(np.float32) + shift.astype(np.float32)
        return PosedHand(vertices, self.faces, (self.joints @ rotation.T + shift).astype(np.float32), held, worn)

    def shifted(self, shift: Array) -> PosedHand:
        """The hand shifted by `shift` (3,), with what it holds and wears."""
        held, worn = (None if mesh is None else (mesh[0] + shift, mesh[1]) for mesh in (self.held, self.worn))
        return PosedHand(self.vertices + shift, self.faces, self.joints + shift, held, worn)


UNSEEN_MESH = "webxr"
"""The one that no model is trained on."""


@dataclass(frozen=True)
class HandMesh:
    """A right hand at rest, in hand lengths: what `scripts/build_hand_mesh.py` distilled.

    vertices: (V, 3). faces: (F, 3). joints: (24, 3), the 21 of JOINT_NAMES, elbow, ring and little CMC.
    bones, weights: (V, 4) the bones that move a vertex and their shares. shape_vertices: (K, V, 3) and
    shape_joints: (K, 24, 3) move both by a standard deviation of a
    population. rest_roll: (5,) radians, roll of the flexion axes.
    """

    vertices: Array
    faces: NDArray[np.int32]
    joints: Array
    bones: NDArray[np.uint8]
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
        scale = data["shape_unit"].astype(np.float32)[:, None, None]
        return cls(
            vertices=data["vertices"] * unit,
            faces=data["faces"].astype(np.int32),
            joints=data["joints"],
            bones=data["bones"],
            weights=data["weights"] / np.float32(255),
            shape_vertices=data["shape_vertices"] * scale,
            shape_joints=data["shape_joints"],
            rest_roll=data["rest_roll"],
        )

    @cached_property
    def normals(self) -> Array:
        """(V, 3) unit normals of the resting skin, out of the hand."""
        corners = self.vertices[self.faces]
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros_like(self.vertices)
        for corner in range(3):
            np.add.at(normals, self.faces[:, corner], facing)
        return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12), np.float32)

    @cached_property
    def main_bones(self) -> NDArray[np.int64]:
        """(V,) the bone that moves each vertex most."""
        return np.asarray(self.bones[np.arange(len(self.bones)), self.weights.argmax(axis=1)], np.int64)

    @cached_property
    def skin(self) -> tuple[NDArray[np.intp], ...]:
        """The vertices of each of the BONE_COUNT bones, as in `main_bones`."""
        return tuple(np.flatnonzero(self.main_bones == bone) for bone in range(BONE_COUNT))

    @cached_property
    def digit_points(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Every third vertex of the 15 finger bones, every other at the tips, and where each bone's begin."""
        bones = [self.skin[4 + bone][:: 2 if bone % 3 == 2 else 3] for bone in range(15)]
        return np.concatenate(bones), np.cumsum([0, *(len(bone) for bone in bones[:-1])])

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
        left: bool = False,
    ) -> PosedHand:
        """Bend a hand of ordinary proportions once.

        angles: (25,) radians in the order of ANGLE_NAMES, 0 = straight. left: mirror the hand. All else, and the
        errors, as in `shaped`.
        """
        hand = self.shaped(shape=shape, length=length, forearm=forearm).pose(angles)
        return hand.mirrored() if left else hand

    def shaped(
        self,
        *,
        shape: ArrayLike | None = None,
        warp: Warp | None = None,
        length: float = 0.183,
        forearm: float = 0.5,
        finger_scale: ArrayLike | None = None,
        bone_scale: ArrayLike | None = None,
        palm_scale: ArrayLike | None = None,
        thickness: ArrayLike | None = None,
    ) -> ShapedHand:
        """A right hand of any shape and proportions, to be bent once or more often.

        shape: (K,) standard deviations. warp: moves skin and joints. length: metres from the wrist joint along the
        middle finger to its tip. forearm: length of forearm that is kept, in hand lengths, within FOREARM_RANGE.
        finger_scale: (5,) size of each finger, thumb first. bone_scale: (15,) length of each finger bone. palm_scale:
        (2,) length and width of the palm. thickness: (19,) metres by which the skin about each bone lies further out.
        Raises ValueError for wrong sizes or a forearm out of range.
        """
        if not FOREARM_RANGE[0] <= forearm <= FOREARM_RANGE[1]:
            raise ValueError(f"forearm must lie in {FOREARM_RANGE} hand lengths, got {forearm}")
        if not length > 0:
            raise ValueError(f"length must be above 0 m, got {length}")
        vertices, joints = self.vertices, self.joints
        if shape is not None:
            shape = _vector("shape", shape, self.shape_count)
            vertices = vertices + (shape @ self.shape_vertices.reshape(self.shape_count, 3 * len(vertices))).reshape(
                -1, 3
            )
            joints = joints + (shape @ self.shape_joints.reshape(self.shape_count, 3 * len(joints))).reshape(-1, 3)
        if warp is not None:
            vertices, joints = _warped(warp, vertices, joints)
        size = _vector("finger_scale", np.ones(5) if finger_scale is None else finger_scale, 5)
        bone = _vector("bone_scale", np.ones(15) if bone_scale is None else bone_scale, 15)
        palm = np.array([*_vector("palm_scale", np.ones(2) if palm_scale is None else palm_scale, 2), 1.0])
        fingers = np.stack([size[:, None] * bone.reshape(5, 3), np.repeat(size[:, None], 3, axis=1)], axis=2)
        rest = joints.astype(np.float64)
        grown = _grown(rest, palm, fingers[..., 0])
        unit = length / np.linalg.norm(np.diff(grown[_MIDDLE_CHAIN], axis=0), axis=1).sum()
        extra = np.zeros(BONE_COUNT) if thickness is None else _vector("thickness", thickness, BONE_COUNT) / unit
        cut = forearm * length / unit
        return ShapedHand(
            self, vertices, rest, grown, palm, fingers.astype(np.float64), extra.astype(np.float64), cut, unit
        )


@dataclass(frozen=True)
class ShapedHand:
    """A right hand of a shape at rest: see `HandMesh.shaped`.

    vertices: (V, 3) and joints: (24, 3), of the shape alone, grown: (24, 3) with palm (3,) and fingers (5, 3, 2) at
    their sizes. thickness: (19,). forearm: where it is cut. All in hand lengths of the mesh, of `unit` metres.
    """

    mesh: HandMesh
    vertices: Array
    joints: NDArray[np.float64]
    grown: NDArray[np.float64]
    palm: NDArray[np.float64]
    fingers: NDArray[np.float64]
    thickness: NDArray[np.float64]
    forearm: float
    unit: float

    def pose(self, angles: ArrayLike) -> PosedHand:
        """Bend the hand by angles (25,), radians in the order of ANGLE_NAMES; ValueError for another size."""
        turns = _vector("angles", angles, len(ANGLE_NAMES)).astype(np.float64)
        mesh, rest = self.mesh, self.joints
        transforms = np.empty((BONE_COUNT, 3, 4))
        matrices, offsets = np.empty((BONE_COUNT, 3, 3)), np.empty((BONE_COUNT, 3))
        posed_joints = np.empty((JOINT_COUNT, 3))
        roll = mesh.rest_roll.astype(np.float64)
        kinematics.bend(rest, self.grown, roll, self.palm, self.fingers, turns, matrices, offsets, posed_joints)
        transforms[:, :, :3], transforms[:, :, 3] = matrices, offsets
        posed = np.empty_like(self.vertices)
        skinning = (mesh.normals, mesh.bones, mesh.weights, self.thickness, transforms)
        kinematics.skin(self.vertices, rest, *skinning, self.forearm, _CAP_TAPER, self.unit, posed)
        return PosedHand(posed, mesh.faces, (posed_joints * self.unit).astype(np.float32))


def _warped(warp: Warp, vertices: Array, joints: Array) -> tuple[Array, Array]:
    """Skin and joints where `warp` takes them, brought back into the canonical frame."""
    vertices, joints = warp.moved(vertices), warp.moved(joints)
    turn = wrist_rotation(joints[:JOINT_COUNT], Handedness.RIGHT).astype(np.float32)
    return (vertices - joints[0]) @ turn, (joints - joints[0]) @ turn


def _grown(joints: NDArray[np.float64], palm: NDArray[np.float64], along: Array) -> NDArray[np.float64]:
    """(24, 3) joints with the palm stretched by (3,) along the axes, and finger bones by (5, 3) along themselves."""
    grown: NDArray[np.float64] = joints.copy()
    steps = np.diff(joints[1:JOINT_COUNT].reshape(5, 4, 3), axis=1) * along[..., None]
    grown[[*range(1, JOINT_COUNT, 4), *kinematics.METACARPALS]] *= palm
    for bone in range(3):
        grown[2 + bone : JOINT_COUNT : 4] = grown[1 + bone : JOINT_COUNT : 4] + steps[:, bone]
    return grown


def _vector(name: str, values: ArrayLike, size: int) -> Array:
    array = np.asarray(values, np.float32)
    if array.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), got {array.shape}")
    return array
