#!/usr/bin/env python3
"""Build `bodies.npz`, coarse upper bodies for clutter, offline. It needs torch, anny 0.6.2 and fast-simplification.

python scripts/build_bodies.py dense3d_ros/learning/synthetic/assets/bodies.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from hand_mesh_file import close_holes, keep_largest

TRIANGLES = 2500
UNIT = 1 / 10000
TO_CAMERA = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""From Anny, z up and facing -y, to x right, y down, facing -z."""

PEOPLE = (
    {"gender": 0.9, "age": 0.67, "muscle": 0.6, "weight": 0.5, "height": 0.6},
    {"gender": 0.1, "age": 0.67, "muscle": 0.4, "weight": 0.45, "height": 0.45},
    {"gender": 0.8, "age": 0.85, "muscle": 0.4, "weight": 0.9, "height": 0.55},
    {"gender": 0.2, "age": 0.95, "muscle": 0.3, "weight": 0.7, "height": 0.4},
    {"gender": 0.95, "age": 0.6, "muscle": 0.85, "weight": 0.6, "height": 0.75},
    {"gender": 0.4, "age": 0.45, "muscle": 0.4, "weight": 0.3, "height": 0.5},
)

DOWN = ((-0.25, 1, 0), (-0.1, 1, -0.25))
FORWARD = ((-0.3, 0.9, -0.2), (0.2, -0.1, -1))
RAISED = ((-0.8, 0.1, -0.5), (0.1, -1, -0.3))
FOLDED = ((-0.3, 0.9, -0.45), (0.8, -0.2, -0.6))
REACHING = ((-0.15, 0.3, -1), (0.1, 0.1, -1))
TO_CHIN = ((-0.2, 0.8, -0.55), (0.35, -0.9, -0.35))
ARMS = ((FORWARD, DOWN), (DOWN, RAISED), (FOLDED, FOLDED), (REACHING, TO_CHIN), (DOWN, DOWN), (RAISED, FORWARD))
"""Directions of upper arm and forearm of the right and the left arm, both as if they were right arms."""


def rotation_between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotation that turns one direction into another."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis, cosine = np.cross(start, end), start @ end
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + cosine)


def raise_arm(
    vertices: np.ndarray, heads: dict[str, np.ndarray], weights: dict[str, np.ndarray], side: str, arm: tuple
) -> np.ndarray:
    """Bend one arm at shoulder and elbow by linear blend skinning."""
    mirror = np.array([1 if side == "Right" else -1, 1, 1])
    shoulder, elbow, wrist = (heads[side + name] for name in ("Arm", "ForeArm", "Hand"))
    upper = rotation_between(elbow - shoulder, arm[0] * mirror)
    lower = rotation_between(wrist - elbow, arm[1] * mirror)
    new_elbow = shoulder + upper @ (elbow - shoulder)
    upper_weight, lower_weight = weights[side + "Arm"][:, None], weights[side + "ForeArm"][:, None]
    by_upper = (vertices - shoulder) @ upper.T + shoulder
    by_lower = (vertices - elbow) @ lower.T + new_elbow
    return vertices * (1 - upper_weight - lower_weight) + by_upper * upper_weight + by_lower * lower_weight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="file to write")
    output = parser.parse_args().output

    import anny
    import fast_simplification
    import torch

    model = anny.Anny(rig="soma", topology="soma", phenotypes="all")
    labels = model.bone_labels
    dense = torch.zeros(len(model.template_vertices), len(labels), dtype=torch.float64)
    dense = dense.scatter_add_(1, model.vertex_bone_indices, model.vertex_bone_weights).numpy()
    hands = dense[:, ["Hand" in label for label in labels]].sum(axis=1)
    legs = dense[:, [any(part in label for part in ("Leg", "Foot", "Shin", "Toe")) for label in labels]].sum(axis=1)
    weights = {name: dense[:, labels.index(name)] for name in labels if name.endswith("Arm")}
    for side in ("Right", "Left"):
        members = [label.startswith(side) and "Hand" in label for label in labels]
        weights[side + "ForeArm"] = weights[side + "ForeArm"] + dense[:, members].sum(axis=1)

    parts: dict[str, list[np.ndarray]] = {"vertices": [], "faces": []}
    for person, (right, left) in zip(PEOPLE, ARMS, strict=True):
        with torch.no_grad():
            out = model(phenotype_kwargs={key: torch.tensor([value]) for key, value in person.items()})
        vertices = out["rest_vertices"][0].numpy() @ TO_CAMERA.T
        heads = dict(zip(labels, out["rest_bone_heads"].reshape(-1, 3).numpy() @ TO_CAMERA.T, strict=True))
        for side, arm in (("Right", right), ("Left", left)):
            vertices = raise_arm(vertices, heads, weights, side, arm)
        keep = (hands < 0.5) & (legs < 0.5) & (vertices[:, 1] < heads["Hips"][1] + 0.05)
        kept, faces = keep_largest(model.faces.numpy(), keep)
        vertices = vertices[kept] - heads["Chest"]
        faces, rims = close_holes(faces, len(vertices))
        vertices = np.concatenate([vertices, *(vertices[rim].mean(axis=0, keepdims=True) for rim in rims)])
        vertices, faces = fast_simplification.simplify(
            vertices.astype(np.float32), faces.astype(np.int32), target_count=TRIANGLES
        )
        parts["vertices"].append(np.round(vertices / UNIT).astype(np.int16))
        parts["faces"].append(faces.astype(np.uint16))

    temporary = output.with_suffix(".tmp.npz")
    np.savez_compressed(
        temporary,
        unit=np.float32(UNIT),
        vertices=np.concatenate(parts["vertices"]),
        faces=np.concatenate(parts["faces"]),
        vertex_counts=np.array([len(part) for part in parts["vertices"]]),
        face_counts=np.array([len(part) for part in parts["faces"]]),
    )
    temporary.replace(output)


if __name__ == "__main__":
    main()
