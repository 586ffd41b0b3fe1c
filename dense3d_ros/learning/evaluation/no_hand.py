"""Real frames without a hand: in how many of them one is seen all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dense3d_ros.learning.evaluation.scores import wilson_interval
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel
from dense3d_ros.recordings.offline import Intrinsics, estimate_recording, find_frames


def evaluate_on_no_hand(model: HandModel, folder: Path, intrinsics: Intrinsics) -> dict[str, Any]:
    """The frames of a folder and its subfolders, each by itself, and what is seen in them.

    seen: name, scores, sides and centres (metres) of the hands of each frame with one. Raises ValueError for a folder
    without frames and for a file that is no depth PNG.
    """
    # The first frame of a recording each: nothing is followed from one to the next.
    frames = [replace(frame, index=0) for frame in find_frames(folder)]
    seen = []
    estimator = HandPoseEstimator(model)
    for result in tqdm(estimate_recording(frames, intrinsics, estimator), total=len(frames), unit="frame"):
        if not result.readable:
            raise ValueError(result.estimate.reason)
        if hands := result.estimate.hands:
            described = [
                {
                    "score": float(hand.score),
                    "side": hand.handedness.name.lower(),
                    "centre": [float(value) for value in hand.centre],
                }
                for hand in hands
            ]
            seen.append({"file": result.file.name, "hands": described})
    return {
        "model": model.description.name,
        "folder": folder.resolve().name,
        "min_score": model.description.confidence.min_score,
        "frames": len(frames),
        "frames_with_a_hand": len(seen),
        "false_hand_rate": len(seen) / len(frames),
        "false_hand_rate_95": wilson_interval(len(seen), len(frames)),
        "seen": seen,
    }
