from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.perception.estimator import Estimate
from dense3d_ros.recordings.offline import FrameFile, FrameResult
from dense3d_ros.recordings.tally import Reasons, Tally, nearest, unit_doubt


def test_reasons_that_differ_in_numbers_are_one() -> None:
    reasons = Reasons()
    assert reasons.most_frequent() == ""
    for reason in ("nothing there", "score 0.12 at -0.1 0.2 0.5 m", "score 0.3 at 0 0 1.5 m"):
        reasons.add(reason)
    assert reasons.most_frequent() == "score 0.12 at -0.1 0.2 0.5 m (2 of 3)"


def test_nearest_leaves_out_what_is_not_measured() -> None:
    values = np.full((40, 40), 2000, np.uint16)
    values[:8] = 0
    values[8:16] = 500
    assert nearest(DepthImage(values, 0.001)) == pytest.approx(0.5)
    assert math.isnan(nearest(DepthImage(np.zeros((40, 40), np.uint16), 0.001)))


@pytest.mark.parametrize(
    ("distance", "unit", "sentence"),
    [
        (0.5, 0.001, ""),
        (math.nan, 0.001, ""),
        (0.5 * 0.125, 0.000125, "0.062 m away when a value .*, such as 0.001 \\(then they are 0.5 m away\\)"),
        (0.5 * 8, 0.001, "4 m away .* 0.001 m: .*, such as 0.0001 or 0.000125 \\(then they are 0.4 or 0.5 m away; .*"),
        (440.0, 0.001, "the nearest things are 440 m away .*'s values count, unless nothing is before the camera"),
        (500.0, 1.0, ", such as 0.001 \\(then they are 0.5 m away\\), unless nothing is before the camera"),
        (1e-9, 0.001, "1e-09 m away when a value counts 0.001 m: set the depth unit to what the camera's values count"),
    ],
)
def test_units_are_doubted_where_no_hand_could_be(distance: float, unit: float, sentence: str) -> None:
    assert re.fullmatch(f".*{sentence}" if sentence else "", unit_doubt([distance, math.nan, distance], unit))


def test_hands_that_are_too_small_speak_for_another_unit() -> None:
    joints = np.zeros((21, 3), np.float32)
    joints[9:13, 1] = 0.08, 0.11, 0.13, 0.15
    estimate = Estimate([HandPose(joints, np.ones(21, np.float32), 1.0)], "")
    depth = DepthImage(np.full((40, 40), 5000, np.uint16), 0.0001)
    camera = Camera(40.0, 40.0, 19.5, 19.5, 40, 40)
    tally = Tally()
    for index in range(8):
        file = FrameFile(Path("a.png"), Path("a.png"), index)
        assert tally.size_doubt(0.0001) == ""
        tally.add(FrameResult(file, index, depth, camera, estimate=estimate))
    assert tally.size_doubt(0.0001) == (
        "hands are 150 mm long from the wrist to the tip of the middle finger, when a value counts 0.0001 m; with "
        "0.000125 they are 188 mm, as most people's are"
    )
    assert tally.size_doubt(0.001) == ""
