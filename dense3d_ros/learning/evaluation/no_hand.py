"""Real frames without a hand: in how many of them one is seen all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from dense3d_ros.learning.evaluation.scores import wilson_interval
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel
from dense3d_ros.recordings.offline import FrameFile, Intrinsics, estimate_frames
from dense3d_ros.recordings.png_folder import folder_frames


def evaluate_on_no_hand(model: HandModel, frames: Sequence[FrameFile], intrinsics: Intrinsics) -> dict[str, Any]:
    """What is seen in frames without a hand, each by itself.

    seen: name, scores, handedness and centres (metres) of the hands of a frame with one. Raises ValueError for a file
    that is no depth PNG.
    """
    # The first frame of a recording each: nothing is followed from one to the next.
    single = [replace(frame, index=0) for frame in frames]
    seen = []
    results = estimate_frames(folder_frames(single, intrinsics), HandPoseEstimator(model))
    for result in tqdm(results, total=len(frames), unit="frame"):
        if not result.readable:
            raise ValueError(result.estimate.reason)
        if hands := result.estimate.hands:
            described = [
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
