"""Results of `dense3d evaluate` as a few lines of text: what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dense3d_ros.learning.evaluation.free_response import recall_by_rate
from dense3d_ros.learning.evaluation.tables import FALSE_CANDIDATES, percent

if TYPE_CHECKING:
    from dense3d_ros.learning.evaluation.benchmark import BenchmarkResult
    from dense3d_ros.learning.evaluation.metrics import ErrorSummary
    from dense3d_ros.learning.evaluation.no_hand import NoHandResult
    from dense3d_ros.learning.evaluation.results import EvaluationResult
    from dense3d_ros.learning.evaluation.two_hands import FollowedSummary


def error_line(title: str, errors: ErrorSummary) -> str:
    """The errors of some frames."""
    if not errors["frames"]:
        return f"{title}: no frames"
    return (
        f"{title}: mean {errors['mean_joint_error_mm']:.3f} mm, median {errors['median_joint_error_mm']:.3f} mm "
        f"over {errors['frames']} frames"
    )


def no_hand_lines(result: NoHandResult) -> list[str]:
    """Of `evaluate_on_no_hand`: in how many frames a hand is seen, and its scores in each of them."""
    lines = [f"a hand is seen in {result['frames_with_a_hand']} of {result['frames']} frames"]
    for frame in result["seen"]:
        scores = ", ".join(f"{hand['score']:.3f}" for hand in frame["hands"])
        lines.append(f"  {frame['file']}: score {scores}")
    return lines


def benchmark_lines(result: BenchmarkResult) -> list[str]:
    """Of `evaluate_on_benchmark`."""
    detected, scored, missing = result.detected_crop, result.scored_joints, result.joints_without_prediction
    lines = [error_line("crop from the labels", result.oracle_crop), error_line("own detector", detected)]
    lines.append(f"own detector: {percent(detected['found'])} of {result.frames} hands found")
    if missing:
        lines.append(f"scored: {len(scored)} of {len(scored) + len(missing)} joints, {', '.join(scored)}")
    return lines


def synthetic_lines(result: EvaluationResult) -> list[str]:
    """Of all that is measured on synthetic images, single ones and sequences."""
    lines = []
    oracle, own = result["oracle_crop"], result["own_detector"]
    for title, mode in (("true place, turn and handedness", oracle), ("own detector", own)):
        lines.append(error_line(title, mode))
        lines += [error_line(f"  {mesh}", errors) for mesh, errors in mode["by_mesh"].items()]
    # The command has measured on an image without a hand at least.
    assert own["false_hand_rate_95"] is not None
    low, high = own["false_hand_rate_95"]
    recall = recall_by_rate(result["detector"]["curve"])
    named = ", ".join(f"{percent(recall[rate]['all'])} at {rate:g}" for rate in FALSE_CANDIDATES)
    many, work = result["many_hands"], result["working_hands"]
    return [
        *lines,
        f"own detector, score from {result['min_score']:g} on: {percent(own['found'])} of hands found; one seen in "
        f"{percent(own['false_hand_rate'], digits=2)} of images without (95 %: {100 * low:.2f}-{100 * high:.2f} %)",
        f"hands named by the detector over its false candidates an image: {named}",
        f"none to four hands, own detector: {percent(many['missed'])} of {many['hands']} hands missed, "
        f"{many['false_hands']} false hands in {many['images']} images",
        error_line("hands at work, true place, turn and handedness", work),
        *(error_line(f"  holds {what}", errors) for what, errors in work["by_holds"].items()),
        error_line("one hand followed", result["sequences"]),
        *(error_line(f"  fingers moving freely, mesh {name}", part) for name, part in result["free_motion"].items()),
        *_followed_lines(result["two_hands"], result["holding"]),
    ]


def _followed_lines(two: FollowedSummary, holding: FollowedSummary) -> list[str]:
    return [
        f"two hands followed: both in {percent(two['both_followed'])} of {two['frames_with_both']} frames, "
        f"{two['number_switches']} number switches, {two['handedness_switches']} handedness switches and "
        f"{two['false_hands']} false hands in {two['frames']} frames",
        f"a hand that holds a thing: missed in {percent(holding['missed'])} of {holding['hands']} frames, "
        f"{holding['number_switches']} number switches, {holding['handedness_switches']} handedness switches and "
        f"{holding['false_hands']} false hands in {holding['sequences']} sequences",
    ]
