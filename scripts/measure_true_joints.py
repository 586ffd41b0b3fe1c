#!/usr/bin/env python3
"""Measure on true joints what hand_state tells of angles, and how near the shipped robots come to a hand.

    python scripts/measure_true_joints.py

Prints the figures of docs/robots.md under Angles and Retargeting. Those of the robot hand need the extra `retargeting`.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.hand_state.angles import hand_angles
from dense3d_ros.hand_state.conventions import dex_retargeting_joints
from dense3d_ros.learning.synthetic.animation import euler
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space, sample_angles
from dense3d_ros.retargeting.robot import Retargeting, load_robot

KINDS = (("soma", False), ("soma", True), ("makehuman", True), ("webxr", False))
"""Meshes, and whether their shapes are random."""
NOISE = 0.004
GESTURES = ("open", "relaxed", "pinch_i", "fist", "cylinder")
TIPS = {"thumb_tip": 4, "index_tip": 8, "middle_tip": 12, "ring_tip": 16}
SCALE = 1.2
"""scaling_factor of the shipped robot hand."""
Array = NDArray[np.float64]


def angle_errors(mesh: str, count: int, *, shaped: bool, noise: float = 0.0) -> Array:
    """(count, 23) degrees between true angles and those told from the joints, the wrist's left out.

    Left and right hands in turn, each in a random pose, shape and turn. noise: metres of error, the standard deviation
    over the three axes together.
    """
    rng, model = np.random.default_rng(0), HandMesh.load(mesh)
    errors = []
    for number in range(count):
        handedness = Handedness.LEFT if number % 2 else Handedness.RIGHT
        angles = sample_angles(rng)
        shape = rng.normal(size=model.shape_count) if shaped and model.shape_count else None
        joints = model.pose(angles, shape=shape, left=handedness is Handedness.LEFT).joints.astype(np.float64)
        joints = joints @ euler(rng.uniform(-np.pi, np.pi, 3)).T + rng.normal(0.0, noise / np.sqrt(3.0), (21, 3))
        errors.append(hand_angles(joints, handedness) - angles)
    return np.asarray(np.degrees(np.abs(errors))[:, 2:])


def gesture(name: str) -> Array:
    """(21, 3) metres of a right hand."""
    return HandMesh.load("soma").pose(pose_space().gestures[name]).joints.astype(np.float64)


def tip_distances(robot: Retargeting) -> Array:
    """Millimetres between the robot's fingertips and SCALE times the person's, over GESTURES."""
    distances = []
    for name in GESTURES:
        joints = gesture(name)
        for _ in range(5):
            positions = robot.positions(joints)
        places = robot.robot.link_places(dict(zip(robot.joint_names, positions, strict=True)))
        wanted = SCALE * dex_retargeting_joints(joints, Handedness.RIGHT)
        distances += [np.linalg.norm(places[tip][:3, 3] - wanted[index]) * 1e3 for tip, index in TIPS.items()]
    return np.array(distances)


def costs(robot: Retargeting, count: int) -> Array:
    """Milliseconds of CPU for each command to a hand that goes from gesture to gesture, 30 frames for each way."""
    ways = [(gesture(one), gesture(other)) for one, other in zip(GESTURES, GESTURES[1:] + GESTURES[:1], strict=True)]
    taken = []
    for number in range(count):
        start, end = ways[number // 30 % len(ways)]
        joints = start + number % 30 / 30.0 * (end - start)
        started = time.process_time()
        robot.positions(joints)
        taken.append((time.process_time() - started) * 1e3)
    return np.array(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=int, default=150, help="random poses a mesh")
    arguments = parser.parse_args()
    print("| mesh | median error | 95th percentile |\n|---|---|---|")
    for mesh, shaped in KINDS:
        found = angle_errors(mesh, arguments.poses, shaped=shaped)
        shapes = ", random shapes" if shaped else ""
        print(f"| {mesh}{shapes} | {np.median(found):.2g}° | {np.percentile(found, 95):.2g}° |")
    found = angle_errors("soma", arguments.poses, shaped=False, noise=NOISE)
    print(f"with joints wrong by {NOISE * 1e3:g} mm: median {np.median(found):.1f}°")
    for name in ("parallel_gripper", "four_fingered_hand"):
        robot = load_robot(name)
        taken = costs(robot, 600)
        print(f"{name}: p50 {np.median(taken):.2f} ms, p99 {np.percentile(taken, 99):.2f} ms of CPU a command")
    distances = tip_distances(load_robot("four_fingered_hand"))
    print(f"its fingertips: median {np.median(distances):.0f} mm, largest {distances.max():.0f} mm from the person's")


if __name__ == "__main__":
    main()
