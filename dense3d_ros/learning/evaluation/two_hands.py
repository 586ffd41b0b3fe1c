"""How two hands are followed that enter, leave, cross, touch and hold one thing, as each kind of sensor sees them.

`holding` does the same with one hand and the thing that it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose, hand_centre
from dense3d_ros.learning.evaluation.metrics import joint_errors
from dense3d_ros.learning.evaluation.synthetic import SEED
from dense3d_ros.learning.evaluation.tracking_metrics import (
    FrameScore,
    SeenHand,
    SequenceScore,
    TrackingRates,
    idf1,
    numbers_per_hand,
    tracking_summary,
)
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH, HandMesh
from dense3d_ros.learning.synthetic.labelled import LabelledHand
from dense3d_ros.learning.synthetic.scenes import TRAINED_MESHES
from dense3d_ros.learning.synthetic.sensors import SENSORS
from dense3d_ros.learning.synthetic.two_hands import TwoHandsAnimation
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel

RATE = 30.0
GONE = 0.3
"""A hand that cannot be found for longer than this, seconds, comes back as a new one, whose number may differ."""
CAMERA = Camera(475, 475, 319.5, 239.5, 640, 480)


class Animation(Protocol):
    """A story before a camera."""

    camera: Camera

    @property
    def seconds(self) -> float:
        """How long it is."""
        ...

    def scene(self, seconds: float) -> str:
        """What goes on at that time."""
        ...

    def frame(self, seconds: float) -> tuple[NDArray[np.float32], list[LabelledHand]]:
        """Depth (H, W) in metres and the hands in it, always as many and in the same order."""
        ...


class _OfWholeSequences(TypedDict, total=False):
    idf1: float | None
    numbers_per_hand: float | None


class FollowedRates(TrackingRates, _OfWholeSequences):
    """Also the mean error of the joints of found hands; without `idf1` and `numbers_per_hand` where of one scene."""

    mean_joint_error_mm: float | None


class FollowedSummary(FollowedRates):
    """The figures of all sequences, and the same by kind of mesh and by scene."""

    sequences: int
    by_mesh: dict[str, FollowedRates]
    by_scene: dict[str, FollowedRates]


Estimator = Callable[[DepthImage, Camera, float], list[HandPose]]
"""Depth, camera and stamp in seconds -> hands; of one sequence's frames in order."""


@dataclass
class FollowedSequence:
    """What an estimator made of a sequence: scores of its frames, the scene of each, and errors of found joints, mm."""

    score: SequenceScore = field(default_factory=SequenceScore)
    scenes: list[str] = field(default_factory=list)
    errors: list[NDArray[np.float64]] = field(default_factory=list)

    @property
    def frames(self) -> list[FrameScore]:
        """The scores of the frames."""
        return self.score.frames


def evaluate_on_two_hands(model: HandModel, seconds: float | None = None) -> FollowedSummary:
    """Figures over a sequence for each mesh and kind of sensor, of all of it or the first `seconds`.

    Those of `tracking_summary`, with IDF1 and the mean error of the joints that were found; then the same for meshes
    that are trained on and for the other ("by_mesh"), and what happened in which scene ("by_scene").
    """
    groups: dict[str, list[FollowedSequence]] = {"trained on": [], "never trained on": []}
    cases = [(mesh, sensor) for mesh in (*TRAINED_MESHES, UNSEEN_MESH) for sensor in SENSORS]
    for number, (mesh, sensor) in enumerate(tqdm(cases, unit="sequence")):
        animation = TwoHandsAnimation(CAMERA, HandMesh.load(mesh), seed=SEED + number, sensor=sensor)
        estimator = HandPoseEstimator(model, max_hands=2)
        sequence = follow(animation, lambda *frame, to=estimator: to.estimate(*frame).hands, seconds)
        groups["never trained on" if mesh == UNSEEN_MESH else "trained on"].append(sequence)
    return followed_summary(groups)


def followed_summary(groups: dict[str, list[FollowedSequence]]) -> FollowedSummary:
    """Figures over the sequences of each kind of mesh: of all, by that kind ("by_mesh") and by scene ("by_scene")."""
    sequences = [sequence for group in groups.values() for sequence in group]
    scenes = sorted({scene for sequence in sequences for scene in sequence.scenes})
    return {
        "sequences": len(sequences),
        **_summary(sequences),
        "by_mesh": {mesh: _summary(group) for mesh, group in groups.items()},
        "by_scene": {scene: _summary_of(scene, sequences) for scene in scenes},
    }


def follow(animation: Animation, estimator: Estimator, seconds: float | None = None) -> FollowedSequence:
    """Show the animation, or its first `seconds`, to an estimator."""
    sequence = FollowedSequence()
    numbers, gone = [0, 1], [0, 0]
    for frame in range(int(min(seconds or np.inf, animation.seconds) * RATE)):
        stamp = frame / RATE
        depth, hands = animation.frame(stamp)
        truths, ignored, joints = [], [], []
        for index, hand in enumerate(hands):
            centre = hand_centre(hand.joints)
            if not hand.to_be_found:
                gone[index] += 1
                ignored.append(centre)
                continue
            if gone[index] > GONE * RATE:
                numbers[index] += 2
            gone[index] = 0
            truths.append(SeenHand(numbers[index], centre, hand.handedness))
            joints.append(hand.joints)
        found = estimator(DepthImage(depth), animation.camera, stamp)
        estimates = [SeenHand(hand.track_id, hand.centre, hand.handedness) for hand in found]
        score = sequence.score.add(truths, ignored, estimates)
        sequence.scenes.append(animation.scene(stamp))
        sequence.errors += [joint_errors(found[column].joints, joints[row]) for row, column in score.matches.pairs]
    return sequence


def _summary(sequences: list[FollowedSequence]) -> FollowedRates:
    return {
        **tracking_summary([frame for sequence in sequences for frame in sequence.frames]),
        "idf1": idf1([sequence.score for sequence in sequences]),
        "numbers_per_hand": numbers_per_hand([sequence.score for sequence in sequences]),
        "mean_joint_error_mm": _mean([error for sequence in sequences for error in sequence.errors]),
    }


def _summary_of(scene: str, sequences: list[FollowedSequence]) -> FollowedRates:
    frames: list[FrameScore] = []
    errors: list[NDArray[np.float64]] = []
    for sequence in sequences:
        rest = iter(sequence.errors)
        for frame, name in zip(sequence.frames, sequence.scenes, strict=True):
            of_frame = list(islice(rest, len(frame.matches.pairs)))
            if name == scene:
                frames.append(frame)
                errors += of_frame
    # What a scene does not have is optional, which mypy does not see.
    return {**tracking_summary(frames), "mean_joint_error_mm": _mean(errors)}  # type: ignore[typeddict-item]


def _mean(errors: Sequence[NDArray[np.float64]]) -> float | None:
    return float(np.mean(errors)) if errors else None
