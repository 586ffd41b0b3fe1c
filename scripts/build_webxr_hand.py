#!/usr/bin/env python3
"""Turn the generic hand of the WebXR input profiles into `hand_webxr.npz`, offline.

    npm pack @webxr-input-profiles/assets@1.0.20   # holds dist/profiles/generic-hand/right.glb
    python scripts/build_webxr_hand.py right.glb dense3d_ros/learning/synthetic/assets/hand_webxr.npz

The mesh ends just behind the wrist: its stub is cut and drawn out into a forearm of the other hand's girth.
"""

from __future__ import annotations

import argparse
import json
import struct
from pathlib import Path

import numpy as np
from hand_mesh_file import (
    FINGERS,
    HandRig,
    canonical,
    close_holes,
    fingertip_vertices,
    keep_largest,
    save_rig,
)

CUT = 0.06
"""Behind the wrist joint, in hand lengths: where the forearm is attached."""

FOREARM = np.linspace(0.08, 0.97, 20)
ELBOW = 1.33
THUMB_CMC = (0.135, 0.13, -0.075)
"""The profile's thumb starts 15 mm further out than the other mesh's; this is the anatomy's place for it."""

REST_ROLL_DEGREES = (-68, 0, 3, 6, 10)
TYPES = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def read_accessors(path: Path) -> tuple[dict, list[np.ndarray]]:
    """The JSON half of a binary glTF and its accessors as arrays."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    scene, binary = json.loads(data[20 : 20 + size]), data[28 + size :]
    arrays = []
    for accessor in scene["accessors"]:
        start = scene["bufferViews"][accessor["bufferView"]].get("byteOffset", 0) + accessor.get("byteOffset", 0)
        width = WIDTHS[accessor["type"]]
        values = np.frombuffer(binary, TYPES[accessor["componentType"]], accessor["count"] * width, start)
        arrays.append(values.reshape(-1, width))
    return scene, arrays


def joint_names() -> tuple[list[str], list[list[str]]]:
    """The joints in our order, without the elbow, and the joints merged into each of our bones."""
    heads, fingers = ["wrist"], []
    for name in FINGERS:
        label = {"thumb": "thumb", "little": "pinky-finger"}.get(name, f"{name}-finger")
        parts = ["phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip"]
        if name == "thumb":
            parts = ["metacarpal", "phalanx-proximal", "phalanx-distal", "tip"]
        chain = [f"{label}-{part}" for part in parts]
        heads += chain
        fingers += [[chain[0]], [chain[1]], chain[2:]]
    arch = ["ring-finger-metacarpal", "pinky-finger-metacarpal"]
    palm = ["wrist", "index-finger-metacarpal", "middle-finger-metacarpal"]
    return [*heads, *arch], [palm, [], *([name] for name in arch), *fingers]


def draw_out_forearm(
    vertices: np.ndarray, weights: np.ndarray, faces: np.ndarray, rim: list[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attach rings to the rim, flattened to planes x = const and growing as a forearm does, and a cap."""
    ring = vertices[rim]
    centre = ring.mean(axis=0)
    rings, ring_faces = [], []
    size, last = len(rim), np.array(rim)
    for step, position in enumerate(FOREARM):
        girth = np.interp(position, [0.08, 0.3, 0.97], [1.0, 1.06, 1.55])
        moved = centre + (ring - centre) * girth
        moved[:, 0] = -position
        rings.append(moved)
        new = len(vertices) + step * size + np.arange(size)
        after, new_after = np.roll(last, -1), np.roll(new, -1)
        ring_faces += [np.stack([last, after, new_after], 1), np.stack([last, new_after, new], 1)]
        last = new
    vertices = np.concatenate([vertices, *rings])
    along_arm = np.zeros((len(vertices) - len(weights), weights.shape[1]))
    along_arm[:, 1] = 1
    return vertices, np.concatenate([weights, along_arm]), np.concatenate([faces, *ring_faces])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hand", type=Path, help="right.glb of the generic hand")
    parser.add_argument("output", type=Path, help="file to write")
    arguments = parser.parse_args()
    scene, arrays = read_accessors(arguments.hand)
    attributes = scene["meshes"][0]["primitives"][0]["attributes"]
    positions = arrays[attributes["POSITION"]].astype(np.float64)
    faces = arrays[scene["meshes"][0]["primitives"][0]["indices"]].reshape(-1, 3).astype(int)
    names = [scene["nodes"][node]["name"] for node in scene["skins"][0]["joints"]]
    bind = arrays[scene["skins"][0]["inverseBindMatrices"]].reshape(-1, 4, 4).swapaxes(1, 2).astype(np.float64)
    heads, groups = joint_names()
    joints = np.linalg.inv(bind)[[names.index(name) for name in heads], :3, 3]

    dense = np.zeros((len(positions), len(names)))
    for column in range(4):
        influence = arrays[attributes["WEIGHTS_0"]][:, column]
        np.add.at(dense, (np.arange(len(dense)), arrays[attributes["JOINTS_0"]][:, column]), influence)
    weights = np.stack([dense[:, [names.index(name) for name in group]].sum(axis=1) for group in groups], axis=1)
    weights /= weights.sum(axis=1, keepdims=True)

    _, first, welded = np.unique(np.round(positions, 6), axis=0, return_index=True, return_inverse=True)
    positions, weights, faces = positions[first], weights[first], welded.reshape(-1)[faces]
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]

    for finger in range(5):
        tip = fingertip_vertices(positions, weights, joints[1 + 4 * finger : 5 + 4 * finger], finger, 0.004)
        joints[4 + 4 * finger] = positions[tip].mean(axis=0)
    vertices, joints = canonical(positions[None], joints[None])[0], canonical(joints[None], joints[None])[0]
    joints[1] = THUMB_CMC

    kept, faces = keep_largest(faces, vertices[:, 0] > -CUT)
    vertices, weights = vertices[kept], weights[kept]
    _, rims = close_holes(faces, len(kept))
    if len(rims) != 1:
        raise SystemExit(f"the mesh must have one hole at the wrist, it has {len(rims)}")
    vertices, weights, faces = draw_out_forearm(vertices, weights, faces, rims[0])
    share = np.clip(0.5 - vertices[:, :1] / 0.12, 0, 1)
    arm = np.eye(weights.shape[1])[1]
    weights = np.where(vertices[:, :1] < 0.06, weights * (1 - share) + share * arm, weights)
    faces, (rim,) = close_holes(faces, len(vertices))
    vertices = np.concatenate([vertices, vertices[rim].mean(axis=0, keepdims=True)])
    weights = np.concatenate([weights, arm[None]])
    joints = np.insert(joints, 21, [-ELBOW, 0, 0], axis=0)

    nothing = np.zeros((0, len(vertices), 3))
    rig = HandRig(vertices, faces, joints, weights, nothing, np.zeros((0, 24, 3)), np.radians(REST_ROLL_DEGREES))
    save_rig(arguments.output, rig)


if __name__ == "__main__":
    main()
