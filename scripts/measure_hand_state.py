#!/usr/bin/env python3
"""Measure hand_state on rendered hands: its cost, and what its filter does to a resting and to a moving hand.

    python scripts/measure_hand_state.py --model hand

Prints the tables of docs/robots.md.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.commands import add_views
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.hand_state.grasp import PINCH_JOINTS
from dense3d_ros.hand_state.state import HandState, StateEstimate, StateSettings
from dense3d_ros.learning.synthetic.animation import HAND_LENGTH, PALM_TO_CAMERA, HandAnimation
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand
from dense3d_ros.learning.synthetic.poses import pose_space
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import load_model

CAMERA = Camera(476.0, 476.0, 319.5, 239.5, 640, 480)
SENSOR = "structured_light"
SPEED = 0.5
SETTLED_S = 0.3
"""Seconds after which the filter's speed has followed the hand's."""
MOVE, MOVE_S, NEAR = 0.006, 0.1, 0.001
"""A move of a resting hand, metres and seconds, and the metres within which it has been followed."""
MESHES = ("soma", "makehuman", "webxr")
Array = NDArray[np.float64]


class Glide(HandAnimation):
    """One gesture in front of the same room, moving along the image's rows at a constant speed."""

    def __init__(self, mesh: str, gesture: str, start: float, speed: float, *, seed: int) -> None:
        super().__init__(CAMERA, sensor=SENSOR, seed=seed)
        self._posed = HandMesh.load(mesh).pose(pose_space().gestures[gesture], length=HAND_LENGTH, forearm=0.8)
        self._start, self._speed = start, speed

    def hand(self, seconds: float) -> PosedHand:
        """The right hand at that time, in the camera frame, metres."""
        place = np.array([self._start + self._speed * seconds, 0.05, 0.52])
        vertices, joints = (
            (points @ PALM_TO_CAMERA.T + place).astype(np.float32)
            for points in (self._posed.vertices, self._posed.joints)
        )
        return PosedHand(vertices, self._posed.faces, joints)


def estimates(
    estimator: HandPoseEstimator, scene: HandAnimation, rate: float, seconds: float
) -> list[tuple[float, HandPose]]:
    """Stamps and the right hand that the estimator saw in each frame that showed one."""
    estimator.reset()
    found = []
    for frame in range(int(seconds * rate)):
        stamp = frame / rate
        depth, _ = scene.frame(stamp)
        hands = estimator.estimate(DepthImage(depth), CAMERA, stamp).hands
        found.extend((stamp, hand) for hand in hands[:1] if hand.handedness is Handedness.RIGHT)
    return found


def followed(frames: list[tuple[float, HandPose]], settings: StateSettings) -> list[StateEstimate]:
    state = HandState(Handedness.RIGHT, settings)
    found = [state.update(stamp, hand) for stamp, hand in frames]
    return [estimate for estimate in found if estimate is not None and estimate.age == 0.0]


def points(found: list[StateEstimate], kind: str, *, raw: bool) -> Array:
    """(T, 3) metres: the wrist, or the point between the tips of thumb and index."""
    joints = np.array([estimate.raw if raw else estimate.joints for estimate in found])
    return np.asarray(joints[:, 0] if kind == "wrist" else 0.5 * (joints[:, 4] + joints[:, 8]))


def jitter(track: Array) -> float:
    """Standard deviation in millimetres, the root of the sum over the axes."""
    return float(np.sqrt(track.var(axis=0).sum()) * 1e3)


def lag(found: list[StateEstimate], kind: str) -> float:
    """Median milliseconds by which the filtered point is behind the raw one, which moves along x."""
    late = [k for k, estimate in enumerate(found) if estimate.stamp > SETTLED_S]
    behind = (points(found, kind, raw=True) - points(found, kind, raw=False))[late, 0]
    return float(np.median(behind) / SPEED * 1e3)


def settling(frames: list[tuple[float, HandPose]], kind: str) -> float:
    """Milliseconds from the end of a move, after which the point of a hand that else rests stays near its place."""
    middle = frames[len(frames) // 2][0]

    def way(stamp: float) -> float:
        return float(np.clip((stamp - middle) / MOVE_S, 0.0, 1.0)) * MOVE

    moved = [(stamp, replace(hand, joints=hand.joints + np.float32([way(stamp), 0.0, 0.0]))) for stamp, hand in frames]
    rested, found = (followed(hands, StateSettings()) for hands in (frames, moved))
    off = points(found, kind, raw=False) - points(rested, kind, raw=False)
    off[:, 0] -= [way(one.stamp) for one in found]
    late = np.flatnonzero(np.linalg.norm(off, axis=1) > NEAR)
    if not len(late):
        return 0.0
    # Not before the recording ends: never, as far as it tells.
    first = found[late[-1] + 1].stamp if late[-1] + 1 < len(found) else np.inf
    return max(0.0, first - middle - MOVE_S) * 1e3


def print_grasp(mesh: str, scene: HandAnimation, frames: list[tuple[float, HandPose]]) -> None:
    """What is told of aperture, pinch and wrist against what the same code makes of the true joints."""
    found = followed(frames, StateSettings())
    shown = [
        (estimate.stamp, HandPose(scene.hand(estimate.stamp).joints, estimate.scores, 1.0, Handedness.RIGHT))
        for estimate in found
    ]
    # So high a cutoff that nothing is smoothed.
    truth = followed(shown, StateSettings(min_cutoff=1e6, max_speed=100.0))
    gaps = [abs(one.grasp.aperture - other.grasp.aperture) * 1e3 for one, other in zip(found, truth, strict=True)]
    right = [one.grasp.pinch == other.grasp.pinch for one, other in zip(found, truth, strict=True)]
    changes = [b.stamp for a, b in pairwise(found) if a.grasp.pinch != b.grasp.pinch]
    shortest = float(np.diff(changes).min(initial=np.inf))
    wrists = (np.array([estimate.frames["wrist"].rotation for estimate in estimates]) for estimates in (found, truth))
    # The trace of the turn between two rotations is 1 + 2 cos of its angle.
    cosines = (np.multiply(*wrists).sum(axis=(1, 2)) - 1.0) / 2.0
    turns = np.degrees(np.arccos(cosines.clip(-1.0, 1.0)))
    print(
        f"| {mesh} | {len(found)} | {np.median(gaps):.1f} | {100 * np.mean(right):.1f} | {shortest:.2f} "
        f"| {np.median(turns):.1f} |",
        flush=True,
    )


def scores_of_used_joints(mesh: str, frames: list[tuple[float, HandPose]]) -> str:
    """How certain the joints are that move the gripper and the robot hand of config/robots."""
    scores = np.array([hand.joint_scores for _, hand in frames])
    parts = []
    for robot, used in (("gripper", PINCH_JOINTS), ("hand", (4, 8, 12, 16))):
        least, median = np.percentile(scores[:, used].mean(axis=1), (0, 50))
        parts.append(f"{robot} {least:.2f}, {median:.2f}")
    return f"{mesh}, mean score of the joints that move a robot, least and median: {'; '.join(parts)}"


def print_cost(frames: list[tuple[float, HandPose]]) -> None:
    both = [HandState(handedness) for handedness in (Handedness.LEFT, Handedness.RIGHT)]
    times = []
    for number in range(600):
        _, hand = frames[number % len(frames)]
        stamp = number / 30.0
        started = time.process_time()
        for state in both:
            hand.handedness = state.handedness
            state.update(stamp, hand)
        times.append((time.process_time() - started) * 1e3)
    hand.handedness = Handedness.RIGHT
    print(f"cost of a frame, two hands: p50 {np.median(times):.2f} ms, p99 {np.percentile(times, 99):.2f} ms of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="hand", help="model that estimates the joints")
    add_views(parser)
    parser.add_argument("--rate", type=float, default=30.0, help="frames a second")
    parser.add_argument("--lead", type=float, default=0.010, help="seconds of prediction in the columns with lead")
    parser.add_argument("--seconds", type=float, default=36.0, help="length of the demo's animation")
    parser.add_argument("--seed", type=int, default=0, help="of the animation, the room and the sensor's noise")
    arguments = parser.parse_args()
    estimator = HandPoseEstimator(load_model(arguments.model, "cpu", views=arguments.views))
    print(
        "| mesh | gesture | point | jitter raw, mm | smoothed | with lead | lag at 0.5 m/s, ms | with lead "
        f"| {MOVE * 1e3:.0f} mm followed, ms |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for mesh, gesture in ((mesh, gesture) for mesh in MESHES for gesture in ("open", "pinch_i")):
        resting = estimates(estimator, Glide(mesh, gesture, 0.0, 0.0, seed=arguments.seed), arguments.rate, 4.0)
        moving = estimates(estimator, Glide(mesh, gesture, -0.2, SPEED, seed=arguments.seed), arguments.rate, 0.8)
        plain, ahead = StateSettings(), StateSettings(lead=arguments.lead)
        for kind in ("wrist", "pinch"):
            still = [found[15:] for found in (followed(resting, plain), followed(resting, ahead))]
            figures = [
                jitter(points(still[0], kind, raw=True)),
                *(jitter(points(found, kind, raw=False)) for found in still),
                *(lag(followed(moving, settings), kind) for settings in (plain, ahead)),
            ]
            print(
                f"| {mesh} | {gesture} | {kind} | {' | '.join(f'{figure:.1f}' for figure in figures)} "
                f"| {settling(resting, kind):.0f} |",
                flush=True,
            )
    print("| mesh | frames | aperture error, mm | pinch right, % | shortest pinch state, s | wrist error, degrees |")
    print("|---|---|---|---|---|---|")
    certain = []
    for mesh in MESHES:
        scene = HandAnimation(CAMERA, sensor=SENSOR, mesh=mesh, seed=arguments.seed)
        frames = estimates(estimator, scene, arguments.rate, arguments.seconds)
        print_grasp(mesh, scene, frames)
        certain.append(scores_of_used_joints(mesh, frames))
    print(*certain, sep="\n")
    print_cost(resting)


if __name__ == "__main__":
    main()
