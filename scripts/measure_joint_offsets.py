#!/usr/bin/env python3
"""How far a model's joints are off on average, in the wrist's axes: where a mesh has its joints elsewhere than others.

    python scripts/measure_joint_offsets.py --model hand

A followed hand with freely moving fingers, 30 s for each mesh. What is left of the error without each joint's mean
offset is what the model gets wrong; the offsets themselves are mostly what the mesh calls that joint.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.commands import add_views
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_NAMES, Handedness, wrist_rotation
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH
from dense3d_ros.learning.synthetic.scenes import TRAINED_MESHES
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel, load_model

CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
SEEDS, SECONDS, RATE = (11, 12, 13), 10, 15


def errors(model: HandModel, mesh: str) -> NDArray[np.float64]:
    """(frames, 21, 3) millimetres from the true joints, in the axes of the true wrist."""
    found = []
    for seed in SEEDS:
        animation = HandAnimation(CAMERA, seed=seed, sensor="structured_light", mesh=mesh, motion="fingers")
        estimator = HandPoseEstimator(model)
        for frame in range(SECONDS * RATE):
            depth, joints = animation.frame(frame / RATE)
            for hand in estimator.estimate(DepthImage(depth), CAMERA, frame / RATE).hands[:1]:
                found.append(1000 * (hand.joints - joints) @ wrist_rotation(joints, Handedness.RIGHT))
    return np.array(found, np.float64)


def main() -> int:
    """Print a Markdown table for each mesh; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="NAME|FILE", default="hand", help="model (default: %(default)s)")
    add_views(parser)
    arguments = parser.parse_args()
    model = load_model(arguments.model, views=arguments.views)
    for mesh in (*TRAINED_MESHES, UNSEEN_MESH):
        of_mesh = errors(model, mesh)
        offsets = of_mesh.mean(axis=0)
        mean, rest = (np.linalg.norm(part, axis=-1).mean() for part in (of_mesh, of_mesh - offsets))
        print(f"{mesh}: mean error {mean:.1f} mm, without the offsets {rest:.1f} mm\n")
        print("| joint | x | y | z | length |\n|---|---|---|---|---|")
        for name, offset in zip(JOINT_NAMES, offsets, strict=True):
            x, y, z = offset
            print(f"| {name} | {x:.1f} | {y:.1f} | {z:.1f} | {np.linalg.norm(offset):.1f} |")
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
