#!/usr/bin/env python3
"""Measure how far from the hand's centre the detector puts a crop, and how far from upright.

    python scripts/measure_detector.py --count 400

Place and turn are those before and after passes of the crop's network.

The images are of the synthetic test set's kind, but of numbers that the test set never uses. The mixture of crops
in `scenes.yaml` was set to what this printed for the search and the models before the detector.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from dense3d_ros.geometry.hand import Handedness, angle_between, hand_centre, upright_roll
from dense3d_ros.learning.evaluation.synthetic import HandFrame, SyntheticTestSet, hand_frame
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.perception.model import HandModel, crops_of, load_model

FIRST_NUMBER = 1_000_000
NEAR = 0.15
"""A candidate further away than this, metres, is not a try at the hand."""
PASSES = 3
CANDIDATES = 5
PERCENTILES = (10, 25, 50, 75, 90, 95, 99)


def nearest_candidate(frame: HandFrame, model: HandModel) -> Candidate | None:
    """Of the detector's likeliest the one that is nearest to the labelled hand; None if all are further than NEAR."""
    true = hand_centre(frame.sample.joints)
    candidates = model.detect(frame.sample.depth, frame.sample.camera, CANDIDATES)
    distances = [float(np.linalg.norm(candidate.centre - true)) for candidate in candidates]
    return candidates[int(np.argmin(distances))] if min(distances, default=NEAR) < NEAR else None


def errors_of(frame: HandFrame, nearest: Candidate, model: HandModel) -> np.ndarray | None:
    """(PASSES + 1, 4) from the true centre to the candidate and the centre after each pass, metres, and radians from
    upright.
    """
    depth, camera = frame.sample.depth, frame.sample.camera
    true = hand_centre(frame.sample.joints)
    handedness = Handedness[frame.labels["handedness"].upper()]
    centre, roll = nearest.centre, nearest.roll
    true_roll = upright_roll(frame.sample.joints)
    errors = [[*(centre - true), angle_between(roll, true_roll)]]
    for _ in range(PASSES):
        joints = model.predict(crops_of(model, depth, camera, centre, roll), [handedness])[0].joints
        centre, roll = hand_centre(joints), upright_roll(joints)
        if not centre[2] > 0:
            return None
        errors.append([*(centre - true), angle_between(roll, true_roll)])
    return np.array(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=400, metavar="N", help="images (default: %(default)s)")
    parser.add_argument("--model", default="hand", metavar="NAME", help="model that re-centres (default: %(default)s)")
    arguments = parser.parse_args()
    test_set, model = SyntheticTestSet.load(), load_model(arguments.model, "cpu")
    frames = (hand_frame(FIRST_NUMBER + number, test_set) for number in range(arguments.count))
    found = []
    for frame in frames:
        nearest = nearest_candidate(frame, model)
        if nearest is None:
            continue
        errors = errors_of(frame, nearest, model)
        if errors is not None:
            found.append(errors)
    vectors = np.array(found)[..., :3]
    turns = np.degrees(np.array(found)[..., 3])
    lengths = np.linalg.norm(vectors, axis=2)
    out = [f"a candidate within {NEAR} m of the hand: {len(found)} of {arguments.count}"]
    out.append(
        "mm from the hand's centre" + "".join(f"{f'p{p}':>7}" for p in PERCENTILES) + "   sd x    y    z  mean z"
    )
    for passes in range(PASSES + 1):
        name = "detector" if passes == 0 else f"after pass {passes}"
        values = "".join(f"{1000 * v:7.1f}" for v in np.percentile(lengths[:, passes], PERCENTILES))
        spread = "".join(f"{1000 * v:6.1f}" for v in vectors[:, passes].std(axis=0))
        out.append(f"{name:25}{values}{spread}{1000 * vectors[:, passes, 2].mean():8.1f}")
    out.append("degrees from upright")
    for passes in range(PASSES + 1):
        name = "camera" if passes == 0 else f"after pass {passes}"
        out.append(f"{name:25}" + "".join(f"{v:7.1f}" for v in np.percentile(turns[:, passes], PERCENTILES)))
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
