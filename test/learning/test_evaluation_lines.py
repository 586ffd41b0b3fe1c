"""What `dense3d evaluate` prints has the figures of the result that it writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dense3d_ros.learning.evaluation.benchmark import BenchmarkResult
from dense3d_ros.learning.evaluation.lines import benchmark_lines, error_line, synthetic_lines
from dense3d_ros.learning.evaluation.two_hands import followed_summary

RESULTS = sorted((Path(__file__).parents[2] / "docs" / "results").glob("views_*.json"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_the_stored_results_in_lines(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    lines = synthetic_lines(result)
    text = "\n".join(lines)
    for mode in ("oracle_crop", "own_detector", "working_hands", "sequences"):
        assert f"mean {result[mode]['mean_joint_error_mm']:.3f} mm" in text
    assert f"{result['own_detector']['found']:.1%} of hands found".replace("%", " %") in text
    curve = {point["false_per_image"]: point["recall"]["all"] for point in result["detector"]["curve"]}
    assert f"{curve[0.5]:.1%} at 0.5".replace("%", " %") in text
    two, holding = result["two_hands"], result["holding"]
    assert lines[-2].endswith(f"{two['false_hands']} false hands in {two['frames']} frames")
    assert lines[-1].endswith(f"{holding['false_hands']} false hands in {holding['sequences']} sequences")


def test_nothing_measured_in_lines() -> None:
    nothing = followed_summary({"trained on": [], "never trained on": []})
    result = json.loads(RESULTS[0].read_text(encoding="utf-8")) | {"two_hands": nothing, "holding": nothing}
    assert synthetic_lines(result)[-2].startswith("two hands followed: both in – of 0 frames, 0 number switches")
    assert error_line("none", {"frames": 0, "mean_joint_error_mm": None, "median_joint_error_mm": None}) == (
        "none: no frames"
    )


def test_joints_that_a_model_lacks_are_said() -> None:
    errors = {"frames": 4, "mean_joint_error_mm": 10.5, "median_joint_error_mm": 9.25, "found": 0.875}
    result = BenchmarkResult("model", "icvl", "test", 4, ["wrist", "palm"], ["tip"], errors, errors)
    assert benchmark_lines(result) == [
        "crop from the labels: mean 10.500 mm, median 9.250 mm over 4 frames",
        "own detector: mean 10.500 mm, median 9.250 mm over 4 frames",
        "own detector: 87.5 % of 4 hands found",
        "scored: 2 of 3 joints, wrist, palm",
    ]
    assert len(benchmark_lines(replace(result, joints_without_prediction=[]))) == 3
