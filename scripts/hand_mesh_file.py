"""What the builders of hand meshes share: closing a mesh, moving joints, writing the compact .npz."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FINGERS = ("thumb", "index", "middle", "ring", "little")
MAX_INFLUENCES = 4


@dataclass(frozen=True)
class HandRig:
    """A right hand in the canonical frame and in hand lengths, see `HandMesh` in the package."""

    vertices: np.ndarray
    faces: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    shape_vertices: np.ndarray
    shape_joints: np.ndarray
    rest_roll: np.ndarray


def hand_frames(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, J, 3) joints -> (N, 3, 3) rotations into the canonical frame and (N,) hand lengths."""
    forward = joints[:, 9] - joints[:, 0]
    back = np.cross(forward, joints[:, 5] - joints[:, 17])
    x = forward / np.linalg.norm(forward, axis=1, keepdims=True)
    z = back / np.linalg.norm(back, axis=1, keepdims=True)
    length = np.linalg.norm(np.diff(joints[:, [0, 9, 10, 11, 12]], axis=1), axis=2).sum(axis=1)
    return np.stack([x, np.cross(z, x), z], axis=1), length


def canonical(points: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(N, P, 3) points in the frames and hand lengths of (N, J, 3) joints."""
    rotation, length = hand_frames(joints)
    return np.einsum("nij,nkj->nki", rotation, points - joints[:, :1]) / length[:, None, None]


def fingertip_vertices(
    vertices: np.ndarray, weights: np.ndarray, chain: np.ndarray, finger: int, depth: float
) -> np.ndarray:
    """Indices of the vertices in the last `depth` of a finger; chain (4, 3) are its joints."""
    axis = chain[3] - chain[2]
    along = vertices @ (axis / np.linalg.norm(axis))
    distal = weights[:, 6 + 3 * finger] > 0.5
    return np.flatnonzero(distal & (along > along[distal].max() - depth))


def shift_weights(vertices: np.ndarray, weights: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Skinning weights of joints moved along their fingers from `old` to `new` (24, 3): each vertex takes the
    weights found where it would lie if the finger had been stretched back."""
    result = weights.copy()
    for finger in range(5):
        chain, target = old[1 + 4 * finger : 5 + 4 * finger], new[1 + 4 * finger : 5 + 4 * finger]
        axis = chain[3] - chain[0]
        axis = axis / np.linalg.norm(axis)
        members = np.flatnonzero(weights[:, 4 + 3 * finger : 7 + 3 * finger].sum(axis=1) > 0.02)
        points = vertices[members]
        along = points @ axis
        root = (target[0] @ axis) - 0.1
        stops = np.concatenate([[root], target[:3] @ axis])
        shift = np.interp(along, stops, np.concatenate([[root], chain[:3] @ axis]) - stops)
        source = points + np.outer(shift, axis)
        distance = np.linalg.norm(source[:, None] - points[None], axis=2)
        nearest = np.argsort(distance, axis=1)[:, :4]
        share = 1 / (np.take_along_axis(distance, nearest, 1) + 1e-4) ** 2
        share /= share.sum(axis=1, keepdims=True)
        result[members] = np.einsum("nk,nkb->nb", share, weights[members][nearest])
    return result


def keep_largest(faces: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (indices) and renumbered faces of the largest connected piece of the kept vertices."""
    faces = faces[keep[faces].all(axis=1)]
    label = np.arange(len(keep))
    while True:
        lowest = label.copy()
        for corner in range(3):
            np.minimum.at(lowest, faces[:, corner], label[faces].min(axis=1))
        if (lowest == label).all():
            break
        label = lowest
    counts = np.bincount(label[faces[:, 0]])
    faces = faces[label[faces[:, 0]] == counts.argmax()]
    used, renumbered = np.unique(faces, return_inverse=True)
    return used, renumbered.reshape(-1, 3)


def close_holes(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, list[list[int]]]:
    """Close every hole with a fan around a new vertex; returns the faces and the rim of each new vertex."""
    edges = {(int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    following = {b: a for a, b in edges if (b, a) not in edges}
    if len(following) != sum((b, a) not in edges for a, b in edges):
        raise ValueError("a hole's rim passes twice through one vertex")
    rims, fans = [], []
    while following:
        start = next(iter(following))
        rim = [start]
        while following[rim[-1]] != start:
            rim.append(following[rim[-1]])
        centre = vertex_count + len(rims)
        fans += [(a, b, centre) for a, b in zip(rim, [*rim[1:], start], strict=True)]
        for vertex in rim:
            del following[vertex]
        rims.append(rim)
    return np.concatenate([faces, np.array(fans, int).reshape(-1, 3)]), rims


def save_rig(path: Path, rig: HandRig) -> None:
    """Write the rig in fixed point: vertices in 1/20000 hand lengths, weights in 1/255, shapes in 1/127."""
    unit = 1 / 20000
    order = np.argsort(-rig.weights, axis=1)[:, :MAX_INFLUENCES]
    strongest = np.take_along_axis(rig.weights, order, 1)
    strongest = strongest / strongest.sum(axis=1, keepdims=True)
    weights = np.floor(strongest * 255).astype(int)
    weights[:, 0] += 255 - weights.sum(axis=1)
    shape_unit = np.abs(rig.shape_vertices).max(axis=(1, 2)) / 127
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(
        temporary,
        unit=np.float32(unit),
        vertices=np.round(rig.vertices / unit).astype(np.int16),
        faces=rig.faces.astype(np.uint16),
        joints=rig.joints.astype(np.float32),
        bones=order.astype(np.uint8),
        weights=weights.astype(np.uint8),
        shape_unit=shape_unit.astype(np.float32),
        shape_vertices=np.round(rig.shape_vertices / shape_unit[:, None, None]).astype(np.int8),
        shape_joints=rig.shape_joints.astype(np.float32),
        rest_roll=rig.rest_roll.astype(np.float32),
    )
    temporary.replace(path)
