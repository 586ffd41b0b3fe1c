"""Real frames without a hand: in how many of them one is seen all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

from tqdm import tqdm

from dense3d_ros.learning.evaluation.scores import wilson_interval
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel
from dense3d_ros.recordings.offline import FrameFile, Intrinsics, estimate_frames
from dense3d_ros.recordings.png_folder import folder_frames


class FalseHand(TypedDict):
    """A hand that is seen; centre: (3,) metres."""

    score: float
    handedness: str
    centre: list[float]


class FalseFrame(TypedDict):
    """A file's name, and the hands that are seen in it."""

    file: str
    hands: list[FalseHand]


class NoHandResult(TypedDict):
    """In how many frames a hand is seen, with the share's 95 % confidence interval, and what is seen there."""

    model: str
    views: int
    min_score: float
    frames: int
    frames_with_a_hand: int
    false_hand_rate: float
    false_hand_rate_95: list[float]
    seen: list[FalseFrame]


def evaluate_on_no_hand(model: HandModel, frames: Sequence[FrameFile], intrinsics: Intrinsics) -> NoHandResult:
    """What is seen in frames without a hand, each by itself; ValueError for a file that is no depth PNG."""
    # The first frame of a recording each: nothing is followed from one to the next.
    single = [replace(frame, index=0) for frame in frames]
    seen: list[FalseFrame] = []
    results = estimate_frames(folder_frames(single, intrinsics), HandPoseEstimator(model))
    for result in tqdm(results, total=len(frames), unit="frame"):
        if not result.readable:
            raise ValueError(result.estimate.reason)
        if hands := result.estimate.hands:
            described: list[FalseHand] = [
                {
                    "score": float(hand.score),
                    "handedness": hand.handedness.name.lower(),
                    "centre": [float(value) for value in hand.centre],
                }
                for hand in hands
            ]
            seen.append({"file": result.file.name, "hands": described})
    return {
        "model": model.description.name,
        "views": model.views,
        "min_score": model.for_new_hands.confidence.min_score,
        "frames": len(frames),
        "frames_with_a_hand": len(seen),
        "false_hand_rate": len(seen) / len(frames),
        "false_hand_rate_95": wilson_interval(len(seen), len(frames)),
        "seen": seen,
    }
