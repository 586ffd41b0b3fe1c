#!/usr/bin/env python3
"""Say at which stage hands in single images are lost, as a Markdown table.

    python scripts/attribute_missed.py --model hand --count 1500

The images are of the synthetic test set's kind, but of a seed that nothing else uses. Each missed hand counts at the
first of these stages that loses it:

  not named        no candidate of the detector within 0.1 m of the hand's centre
  named too late   there is one, but more likely ones are tried instead
  place            the pose does not get there from it, the handedness known; from the true place and turn it does
  network          nor does it from there
  given up         it does, but the estimator stops before: it looks too little like a hand in the first passes
  handedness       a pose is judged, the mirrored one, so that it is no good
  score            the pose is good, the score too low
  neighbour        pose and score are good, another place is published instead
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dense3d_ros.commands import add_views
from dense3d_ros.geometry.hand import Handedness, hand_centre, upright_roll
from dense3d_ros.learning.evaluation.detection import MATCH, OwnDetector
from dense3d_ros.learning.evaluation.metrics import joint_errors
from dense3d_ros.learning.evaluation.synthetic import HandFrame, SyntheticTestSet, hand_frame
from dense3d_ros.learning.evaluation.tables import percent, table
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.frame import MOST_CANDIDATES, PASSES, SPARE_CANDIDATES
from dense3d_ros.perception.hypotheses import Place
from dense3d_ros.perception.model import HandModel, crops_of, load_model

SEED = 20_261_128
GOOD = 30.0
"""Mean joint error up to which a pose is the hand's, mm."""
KINDS = ("visible_share", "distance", "pose", "in_view", "mesh")
STAGES = ("not named", "named too late", "place", "network", "given up", "handedness", "score", "neighbour")
FOUND, OTHER_HAND = "found", "found, other hand"


class Attribution:
    """Looks at images by themselves, as users do, and again with what is known of the hand."""

    def __init__(self, model: HandModel) -> None:
        self.model = model
        self.detector = OwnDetector(model)
        self.estimator = HandPoseEstimator(model)

    def stage(self, frame: HandFrame) -> str:
        """FOUND, OTHER_HAND or the first of STAGES that loses the labelled hand."""
        sample, handedness = frame.sample, Handedness[frame.labels["handedness"].upper()]
        detection = self.detector.detect(frame)
        if np.isfinite(detection.centre_error):
            return FOUND if detection.handedness == handedness else OTHER_HAND
        centre = hand_centre(sample.joints)
        named = self.model.detect(sample.depth, sample.camera, MOST_CANDIDATES)
        distances = [_distance(candidate, centre) for candidate in named]
        near = [index for index, distance in enumerate(distances) if distance < MATCH]
        if not near:
            return "not named"
        if near[0] >= 1 + len(frame.others) + SPARE_CANDIDATES:
            return "named too late"
        best = named[min(near, key=lambda index: distances[index])]
        if min(self._error(frame, *start, handedness) for start in best.starts) > GOOD:
            reached = self._error(frame, centre, upright_roll(sample.joints), handedness) <= GOOD
            return "place" if reached else "network"
        places = [
            place
            for place in self.estimator.places(sample.depth, sample.camera, MOST_CANDIDATES)
            if np.linalg.norm(hand_centre(_joints(place)) - centre) < MATCH
        ]
        if not places:
            return "given up"
        judged = max(places, key=lambda place: place.score)
        if joint_errors(_joints(judged), sample.joints).mean() > GOOD:
            return "handedness"
        return "score" if judged.score < self.model.for_new_hands.confidence.min_score else "neighbour"

    def _error(self, frame: HandFrame, centre: NDArray[np.float32], roll: float, handedness: Handedness) -> float:
        """Mean joint error, mm, after all passes from a place (3,) and a turn, the handedness known."""
        sample = frame.sample
        for _ in range(PASSES):
            crops = crops_of(self.model, sample.depth, sample.camera, centre, roll)
            joints = self.model.predict(crops, [handedness])[0].joints
            centre, roll = hand_centre(joints), upright_roll(joints)
            if not centre[2] > 0:
                return float("inf")
        return float(joint_errors(joints, sample.joints).mean())


def _joints(place: Place) -> NDArray[np.float32]:
    prediction = place.best.prediction
    assert prediction is not None
    return prediction.joints


def _distance(candidate: Candidate, centre: NDArray[np.float32]) -> float:
    return min(float(np.linalg.norm(one - centre)) for one in candidate.centres)


def stage_table(labels: list[dict[str, str]], stages: list[str]) -> str:
    """Markdown: for all images and each group the images, and the shares of them that each stage loses."""
    groups = [("all", stages)]
    for kind in KINDS:
        for name in sorted({label[kind] for label in labels}):
            of_group = [stage for stage, label in zip(stages, labels, strict=True) if label[kind] == name]
            groups.append((f"{kind.replace('_', ' ')}: {name}", of_group))
    rows = []
    for name, of_group in groups:
        counts = Counter(of_group)
        missed = sum(counts[stage] for stage in STAGES)
        shares = [percent(count / len(of_group)) for count in (missed, *(counts[stage] for stage in STAGES))]
        other = percent(counts[OTHER_HAND] / max(len(of_group) - missed, 1))
        rows.append([name, str(len(of_group)), *shares, other])
    return table(["group", "images", "missed", *STAGES, "found as the other hand"], rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=600, metavar="N", help="images (default: %(default)s)")
    parser.add_argument("--model", default="hand", metavar="NAME|FILE", help="model (default: %(default)s)")
    add_views(parser)
    arguments = parser.parse_args()
    test_set = replace(SyntheticTestSet.load(), seed=SEED)
    attribution = Attribution(load_model(arguments.model, "cpu", views=arguments.views))
    frames = (hand_frame(number, test_set) for number in range(arguments.count))
    labels, stages = [], []
    for frame in tqdm(frames, total=arguments.count, unit="image"):
        labels.append(frame.labels)
        stages.append(attribution.stage(frame))
    sys.stdout.write(stage_table(labels, stages))


if __name__ == "__main__":
    main()
