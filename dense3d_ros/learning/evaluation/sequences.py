"""How hands are followed: moving rendered hands before a wall and over a table, as each kind of sensor sees them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_COUNT, Handedness, HandPose, hand_centre
from dense3d_ros.learning.evaluation.detection import MATCH
from dense3d_ros.learning.evaluation.metrics import ErrorSummary, joint_errors, summary
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH
from dense3d_ros.learning.synthetic.scenes import TRAINED_MESHES
from dense3d_ros.learning.synthetic.sensors import SENSORS
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel

SEED = 7_654_321
SECONDS, RATE = 5.0, 15.0
_CAMERA = Camera(475, 475, 319.5, 239.5, 640, 480)


class SequenceErrors(ErrorSummary):
    """Errors of a followed hand, and rates over the frames.

    missed, false: shares of frames without the hand, and with one that is not where the hand is. correct_handedness:
    share of the found hands. changes: times that a followed hand got another number.
    """

    sequences: int
    missed: float
    false: float
    correct_handedness: float | None
    changes: int


def evaluate_on_free_motion(model: HandModel, seconds: float = SECONDS) -> dict[str, SequenceErrors]:
    """The same as `evaluate_on_sequences` of fingers that move each by itself, for a trained and the unseen mesh."""
    meshes = {"trained on": TRAINED_MESHES[0], "never trained on": UNSEEN_MESH}
    return {name: evaluate_on_sequences(model, seconds, mesh, "fingers") for name, mesh in meshes.items()}


def evaluate_on_sequences(
    model: HandModel, seconds: float = SECONDS, mesh: str = TRAINED_MESHES[0], motion: str = "gestures"
) -> SequenceErrors:
    """Errors and rates over the frames of a sequence of a right hand for each kind of sensor, with tracking."""
    errors, false, right, changes = [], 0, 0, 0
    count = int(seconds * RATE)
    for index, sensor in enumerate(tqdm(SENSORS, unit="sequence")):
        animation = HandAnimation(_CAMERA, seed=SEED + index, sensor=sensor, mesh=mesh, motion=motion)
        estimator = HandPoseEstimator(model)
        track: int | None = None
        for frame in range(count):
            depth, joints = animation.frame(frame / RATE)
            hands = estimator.estimate(DepthImage(depth), _CAMERA, frame / RATE).hands
            own = [hand for hand in hands if _is_at(hand, joints)]
            false += len(hands) > len(own)
            errors.append(joint_errors(own[0].joints, joints) if own else np.full(JOINT_COUNT, np.nan))
            if own:
                right += own[0].handedness == Handedness.RIGHT
                changes += track is not None and track != own[0].track_id
                track = own[0].track_id
    all_errors = np.stack(errors)
    found = ~np.isnan(all_errors).any(axis=1)
    return {
        **summary(all_errors),
        "sequences": len(SENSORS),
        "missed": float(1 - found.mean()),
        "false": false / len(errors),
        "correct_handedness": right / int(found.sum()) if found.any() else None,
        "changes": int(changes),
    }


def _is_at(hand: HandPose, joints: NDArray[np.float32]) -> bool:
    return bool(np.linalg.norm(hand.centre - hand_centre(joints)) <= MATCH)
