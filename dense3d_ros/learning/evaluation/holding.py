"""How one hand is followed that picks a thing up, carries, turns and shakes it: each grasp of the bank once."""

from __future__ import annotations

from tqdm import tqdm

from dense3d_ros.learning.evaluation.synthetic import SEED
from dense3d_ros.learning.evaluation.two_hands import (
    CAMERA,
    FollowedSequence,
    FollowedSummary,
    follow,
    followed_summary,
)
from dense3d_ros.learning.synthetic.grasps import grasp_types
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH, HandMesh
from dense3d_ros.learning.synthetic.holding import HoldingAnimation
from dense3d_ros.learning.synthetic.scenes import TRAINED_MESHES
from dense3d_ros.learning.synthetic.sensors import SENSORS
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel

_SERIES = 100
"""Tells these sequences' seeds from those of `two_hands`."""


def evaluate_on_holding(model: HandModel, seconds: float | None = None) -> FollowedSummary:
    """Figures as of `evaluate_on_two_hands`, over a sequence for each grasp; the scenes are the kinds of motion.

    Meshes and kinds of sensor take turns. seconds: the most of each sequence.
    """
    meshes = {name: HandMesh.load(name) for name in (*TRAINED_MESHES, UNSEEN_MESH)}
    names, sensors = list(meshes), list(SENSORS)
    groups: dict[str, list[FollowedSequence]] = {"trained on": [], "never trained on": []}
    for number, grasp in enumerate(tqdm(grasp_types(), unit="sequence")):
        mesh, sensor = names[number % len(names)], sensors[number % len(sensors)]
        seed = SEED + _SERIES + number
        animation = HoldingAnimation(CAMERA, meshes[mesh], grasp.name, seed=seed, sensor=sensor)
        estimator = HandPoseEstimator(model)
        sequence = follow(animation, lambda *frame, to=estimator: to.estimate(*frame).hands, seconds)
        groups["never trained on" if mesh == UNSEEN_MESH else "trained on"].append(sequence)
    return followed_summary(groups)
