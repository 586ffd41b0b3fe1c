#!/usr/bin/env python3
"""Search poses in which a hand touches itself or holds something, and write them as `poses.npz`, offline.

    python scripts/build_pose_bank.py dense3d_ros/learning/synthetic/assets/poses.npz

Random angles almost never bring a fingertip to the thumb. Here each pose starts at a random one and is pulled by
Levenberg-Marquardt steps to the contacts that were drawn for it, while spheres along the bones stay out of each other
and out of the object. What ends without its contacts or with a collision is dropped. Lengths are in hand lengths.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from dense3d_ros.learning.synthetic.collision import FINGER_SPHERES, hand_spheres, place_spheres
from dense3d_ros.learning.synthetic.kinematics import bone_frames
from dense3d_ros.learning.synthetic.pose_bank import CYLINDER, KINDS, NO_OBJECT, SPHERE, PoseBank
from dense3d_ros.learning.synthetic.poses import pose_space, sample_angles

CONTACT = 0.011
"""Length that counts as one unit of a missed contact: 2 mm of a hand of 183 mm."""
PRIOR = np.radians(22.0)
"""Angle that counts as one unit of distance from the random start."""
STEPS = 25
MISSED = 0.016
"""A contact further open than this is none."""
COUNTS = {"pinch": 2600, "side": 900, "chuck": 1200, "precision": 2400, "power": 2400}
OPPOSED = np.radians([25.0, 5.0, 12.0, 22.0, 30.0])


@dataclass
class Task:
    """Contacts to reach: thumb to finger points, and finger points to an object.

    pads: (C, 4) finger, share of the distal (or, negative, middle) bone, direction round the bone (0 palmar, 1 thumb
    side), and the index of its partner, -1 for the object, -2 for the pad that another one names.
    shape: kind, radius, centre (3), axis (3) of the object.
    """

    start: np.ndarray
    pads: np.ndarray
    shape: np.ndarray


@njit(cache=True)
def distance_to(shape, point):  # type: ignore[no-untyped-def]
    """From a point to the object's surface, negative inside."""
    offset = point - shape[2:5]
    if shape[0] == CYLINDER:
        offset = offset - shape[5:8] * (offset * shape[5:8]).sum()
    return np.sqrt((offset**2).sum()) - shape[1]


@njit(cache=True)
def pad_point(pad, frames, posed, radii, towards):  # type: ignore[no-untyped-def]
    """The skin point of a pad; fills `towards` with its outward direction."""
    finger, share = int(pad[0]), pad[1]
    segment = 2 if share >= 0 else 1
    here = 1 + 4 * finger + segment
    frame = frames[finger, segment]
    for i in range(3):
        towards[i] = -frame[i, 2] if pad[2] == 0 else frame[i, 1]
    thickness = radii[FINGER_SPHERES * finger + (6 if segment == 2 else 4)]
    return posed[here] + (posed[here + 1] - posed[here]) * abs(share) + towards * thickness


@njit(cache=True)
def residuals(angles, start, joints, radii, pairs, pads, shape, out):  # type: ignore[no-untyped-def]
    """Fills out: prior (25), contacts (5 each), collisions and penetrations (52)."""
    frames, posed, centres = np.empty((5, 3, 3, 3)), np.empty((21, 3)), np.empty((len(radii), 3))
    bone_frames(joints, angles, frames, posed)
    place_spheres(posed, centres)
    out[:] = 0.0
    for i in range(25):
        out[i] = (angles[i] - start[i]) / PRIOR * 0.3
    first, second = np.empty(3), np.empty(3)
    for c in range(len(pads)):
        at = 25 + 5 * c
        point = pad_point(pads[c], frames, posed, radii, first)
        partner = int(pads[c, 3])
        if partner >= 0:
            other = pad_point(pads[partner], frames, posed, radii, second)
            for i in range(3):
                out[at + i] = (point[i] - other[i]) / CONTACT
            # Pads that face each other have opposite normals.
            out[at + 3] = max((first * second).sum() + 0.5, 0.0)
        elif partner == -1:
            out[at] = distance_to(shape, point) / CONTACT
            step = 0.005
            out[at + 1] = max((distance_to(shape, point + first * step) - distance_to(shape, point)) / step + 0.6, 0.0)
    base = 25 + 5 * len(pads)
    for p in range(len(pairs)):
        i, j = pairs[p]
        apart = np.sqrt(((centres[i] - centres[j]) ** 2).sum())
        overlap = (0.95 * (radii[i] + radii[j]) - apart) / CONTACT
        if overlap > out[base + i]:
            out[base + i] = overlap
    if shape[0] != NO_OBJECT:
        for i in range(len(radii)):
            overlap = (0.92 * radii[i] - distance_to(shape, centres[i])) / CONTACT
            out[base + i] = max(out[base + i], overlap)


@njit(cache=True)
def solve(start, low, high, joints, radii, pairs, pads, shape, steps):  # type: ignore[no-untyped-def]
    """Angles (25,) near `start` that fulfil the task as well as they can within the limits."""
    count = 25 + 5 * len(pads) + len(radii)
    here, there, jacobian = np.empty(count), np.empty(count), np.empty((count, 25))
    jacobian[:] = 0.0
    angles, damping = np.minimum(np.maximum(start, low), high), 0.1
    residuals(angles, start, joints, radii, pairs, pads, shape, here)
    cost = (here**2).sum()
    for _ in range(steps):
        for a in range(2, 25):
            moved = angles.copy()
            step = 1e-3 if angles[a] + 1e-3 <= high[a] else -1e-3
            moved[a] += step
            residuals(moved, start, joints, radii, pairs, pads, shape, there)
            jacobian[:, a] = (there - here) / step
        normal, gradient, before = jacobian.T @ jacobian, jacobian.T @ here, cost
        for _attempt in range(4):
            damped = normal.copy()
            for a in range(25):
                damped[a, a] += damping * (normal[a, a] + 0.1)
            moved = np.minimum(np.maximum(angles - np.linalg.solve(damped, gradient), low), high)
            residuals(moved, start, joints, radii, pairs, pads, shape, there)
            if (there**2).sum() < cost:
                cost, angles, damping = (there**2).sum(), moved, max(damping * 0.4, 1e-4)
                here[:] = there
                break
            damping *= 4.0
        if cost > 0.98 * before:
            break
    return angles, here


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def nothing() -> np.ndarray:
    return np.array([NO_OBJECT, 0, 0, 0, 0, 1, 0, 0], float)


def random_start(rng: np.random.Generator, fingers: list[int]) -> np.ndarray:
    """A random pose whose thumb is opposed and whose `fingers` (1 index .. 4 little) are half bent."""
    angles = sample_angles(rng)
    angles[:2] = 0
    angles[2:7] = OPPOSED + np.radians(rng.normal(0, 8, 5))
    for finger in fingers:
        bend = rng.uniform(0.35, 1.1)
        angles[3 + 4 * finger : 7 + 4 * finger] = np.radians(
            [rng.normal(0, 4), 45 * bend + rng.normal(0, 8), 50 * bend + rng.normal(0, 8), 28 * bend + rng.normal(0, 8)]
        )
    return angles


def pinch_task(rng: np.random.Generator) -> Task:
    """Thumb pad or tip to the pad, tip of one finger, or to its neighbour as well."""
    finger = int(rng.choice([1, 2, 3, 4], p=[0.45, 0.27, 0.15, 0.13]))
    pads = [[0, rng.uniform(0.35, 0.95), 0, 1], [finger, rng.uniform(0.35, 0.98), 0, -2]]
    return Task(random_start(rng, [finger]), np.array(pads, float), nothing())


def side_task(rng: np.random.Generator) -> Task:
    """Thumb pad to the thumb side of a bent finger, as one holds a key."""
    finger = int(rng.choice([1, 1, 1, 2]))
    share = rng.uniform(0.1, 0.9) * rng.choice([-1, 1])
    start = random_start(rng, [1, 2, 3, 4])
    start[2:7] = np.radians([0, 25, 0, 20, 20]) + np.radians(rng.normal(0, 8, 5))
    return Task(start, np.array([[0, rng.uniform(0.3, 0.9), 0, 1], [finger, share, 1, -2]], float), nothing())


def object_task(rng: np.random.Generator, kind: str) -> Task:
    """Fingertips on an object in front of the palm ("precision", "chuck"), or the hand closed around it ("power")."""
    fingers = {"chuck": [1, 2], "power": [1, 2, 3, 4]}.get(kind) or list(range(1, int(rng.integers(2, 6))))
    shape = CYLINDER if rng.random() < (0.65 if kind == "power" else 0.5) else SPHERE
    low, high = {"chuck": (0.012, 0.1), "precision": (0.03, 0.22), "power": (0.06, 0.24)}[kind]
    radius = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    spheres = hand_spheres()
    start = random_start(rng, fingers)
    frames, posed = np.empty((5, 3, 3, 3)), np.empty((21, 3))
    bone_frames(spheres.joints, start, frames, posed)
    if kind == "power":
        palm = posed[[5, 9, 13, 17]].mean(axis=0)
        centre = palm + np.array([rng.uniform(-0.1, 0.06), rng.normal(0, 0.03), -radius - rng.uniform(0.07, 0.11)])
        axis = unit(np.array([rng.normal(0, 0.25), 1.0, rng.normal(0, 0.15)]))
    else:
        tips = np.array([posed[4], posed[4 + 4 * np.array(fingers)].mean(axis=0)])
        centre = tips.mean(axis=0) + rng.normal(0, 0.02, 3)
        axis = unit(rng.normal(size=3))
    pads = [[finger, rng.uniform(0.4, 0.8), 0, -1] for finger in (0, *fingers)]
    return Task(start, np.array(pads, float), np.array([shape, radius, *centre, *axis], float))


def succeeded(kind: str, found: np.ndarray, pads: np.ndarray) -> bool:
    """Whether the contacts are there; the hand around an object may miss some."""
    gaps = []
    for number, pad in enumerate(pads):
        at = 25 + 5 * number
        if pad[3] >= 0:
            gaps.append(np.linalg.norm(found[at : at + 3]) * CONTACT)
        elif pad[3] == -1:
            gaps.append(abs(found[at]) * CONTACT)
    closed = np.array(gaps) < MISSED
    enough = closed.all() if kind in ("pinch", "side", "chuck") else closed[0] and closed[1:].sum() >= len(closed) - 2
    return bool(enough and found[25 + 5 * len(pads) :].max() * CONTACT < 0.02)


def search(kind: str, wanted: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """`wanted` pairs of angles (25,) and object (8,) of a kind."""
    spheres, space = hand_spheres(), pose_space()
    found, tries = [], 0
    while len(found) < wanted:
        tries += 1
        task = {"pinch": pinch_task, "side": side_task}.get(kind, lambda rng: object_task(rng, kind))(rng)
        angles, left = solve(
            task.start,
            space.low,
            space.high,
            spheres.joints,
            spheres.radii,
            spheres.pairs,
            task.pads,
            task.shape,
            STEPS,
        )
        if succeeded(kind, left, task.pads) and not spheres.collide(angles):
            found.append((angles, task.shape))
    sys.stderr.write(f"{kind}: {wanted} poses of {tries} tries\n")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="file to write")
    output = parser.parse_args().output
    rng = np.random.default_rng(0)
    angles, kinds, objects = [], [], []
    for kind, wanted in COUNTS.items():
        for pose, shape in search(kind, wanted, rng):
            angles.append(pose)
            kinds.append(KINDS.index(kind))
            objects.append(shape)
    PoseBank(np.array(angles), np.array(kinds, np.uint8), np.array(objects)).save(output)


if __name__ == "__main__":
    main()
