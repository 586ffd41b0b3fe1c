#!/usr/bin/env python3
"""Whether two hand meshes put the joints at the same places under the same skin: else their labels are at odds.

    python scripts/compare_hand_meshes.py soma makehuman

For random shapes and poses of the first mesh, the second's shape is fitted to the first's skin at rest, with the joints
unknown to the fit; then both are bent alike. It prints millimetres of a hand of 183 mm.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from dense3d_ros.geometry.hand import JOINT_NAMES
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import sample_angles

SHAPES = 100
NEIGHBOURS = 6
MILLIMETRES = 183


def nearest_weights(points: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, K) nearest vertices of each point and their shares, by inverse squared distance."""
    distance = np.linalg.norm(points[:, None] - vertices, axis=2)
    nearest = np.argpartition(distance, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    shares = 1 / (np.take_along_axis(distance, nearest, 1) + 1e-4) ** 2
    return nearest, shares / shares.sum(axis=1, keepdims=True)


def skin_distance(points: np.ndarray, mesh_vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(P,) from each point to the nearest of ten samples on every face."""
    corners = mesh_vertices[faces]
    shares = np.random.default_rng(0).dirichlet((1, 1, 1), 6)
    samples = np.concatenate([mesh_vertices, np.einsum("sc,fcx->sfx", shares, corners).reshape(-1, 3)])
    return np.array([np.linalg.norm(samples - point, axis=1).min() for point in points])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meshes", nargs=2, metavar="MESH", help="names, such as soma and makehuman")
    first, second = (HandMesh.load(name) for name in parser.parse_args().meshes)
    rng = np.random.default_rng(0)
    # The forearm is cut at random anyway.
    hand = np.flatnonzero(second.vertices[:, 0] > -0.1)
    nearest, shares = nearest_weights(second.vertices[hand], first.vertices)
    directions = second.shape_vertices[:, hand].reshape(second.shape_count, -1).T.astype(np.float64)
    offset = np.einsum("pk,pkx->px", shares, first.vertices[nearest]) - second.vertices[hand]
    fitted, bent, skin = [], [], []
    for number in range(SHAPES):
        shape = rng.normal(size=first.shape_count).clip(-2.5, 2.5)
        vertices = first.vertices + np.tensordot(shape, first.shape_vertices, 1)
        target = np.einsum("pk,pkx->px", shares, vertices[nearest]) - offset - second.vertices[hand]
        found = np.linalg.lstsq(directions, target.ravel(), rcond=None)[0]
        joints = first.joints + np.tensordot(shape, first.shape_joints, 1)
        others = second.joints + np.tensordot(found, second.shape_joints, 1)
        fitted.append(np.linalg.norm(joints - others, axis=1)[:21])
        angles = sample_angles(rng)
        one, other = first.pose(angles, shape=shape), second.pose(angles, shape=found)
        bent.append(np.linalg.norm(one.joints - other.joints, axis=1) / 0.183)
        if number < 10:
            some = other.vertices[hand[:: max(1, len(hand) // 200)]]
            skin.append(skin_distance(some, one.vertices, one.faces) / 0.183)
    rest, posed = MILLIMETRES * np.array(fitted), MILLIMETRES * np.array(bent)
    distances = MILLIMETRES * np.concatenate(skin)
    lines = [
        f"{name}: mean {errors.mean():.2f}, 95 % {np.percentile(errors, 95):.2f}, most {errors.max():.2f}"
        for name, errors in (("joints at rest, fitted by the skin", rest), ("joints bent", posed))
    ]
    lines += [
        f"skin bent, to the nearest sample of the other: median {np.median(distances):.2f}, "
        f"95 % {np.percentile(distances, 95):.2f}",
    ]
    lines += [f"  {name:11} {value:.2f}" for name, value in zip(JOINT_NAMES, posed.mean(axis=0), strict=True)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
