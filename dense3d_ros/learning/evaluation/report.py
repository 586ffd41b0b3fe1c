"""Results as JSON and as images, each file written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dense3d_ros.atomic_write import atomic_write, make_folder, write_text
from dense3d_ros.learning.evaluation.evidence_curves import ALL_TERMS
from dense3d_ros.learning.evaluation.metrics import ProtocolErrors, groups_of
from dense3d_ros.learning.evaluation.predictions import ScoredPredictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dense3d_ros.learning.evaluation.benchmark import BenchmarkResult
    from dense3d_ros.learning.evaluation.candidates import CandidateRates
    from dense3d_ros.learning.evaluation.evidence_curves import EvidenceCurves
    from dense3d_ros.learning.evaluation.model import SyntheticResult
    from dense3d_ros.learning.evaluation.scores import PresencePoint, Reliability

_DECIMALS = 4
_GROUPS = ("mesh", "sensor", "distance", "visible_share", "image", "in_view", "pose", "fingers", "view", "handedness")
_PANELS = {
    "curves": "Frames by their worst joint",
    "joints": "Error of each joint",
    "groups": "Error in each kind of image",
    "reliability": "Joint scores: expected and measured error",
    "presence": "Presence score: hands missed, other crops taken for hands",
    "fingers": "Error of each finger",
    "evidence": "Is it a hand? Hands found over false ones",
    "detector": "Detector: hands named over false candidates",
}
"""Titles of the panels of `plot_model`."""


def write_json(path: Path, result: Mapping[str, Any]) -> None:
    """Write the result, numbers rounded to four decimals."""
    make_folder(path.parent)
    write_text(path, json.dumps(_rounded(result), indent=2) + "\n")


def plot_predictions(path: Path, result: ScoredPredictions) -> None:
    """The curve of frames within D and the error of each joint of `score_predictions`."""
    figure = _figure(11, 4.2)
    left, right = figure.subplots(1, 2)
    _curves(left, {f"{result['mean_joint_error_mm']:.2f} mm": result})
    _bars(right, result["per_joint_mm"], "joint error (mm)")
    figure.suptitle(f"{Path(result['predictions']).name} on {result['dataset'].upper()}")
    _save(figure, path)


def plot_model(path: Path, result: SyntheticResult) -> None:
    """Curves, joints, groups, reliability, and recall over false hands of `evaluate_on_synthetic`."""
    figure = _figure(18, 13)
    axes = figure.subplot_mosaic(
        [["curves", "joints", "groups"], ["reliability", "presence", "groups"], ["fingers", "evidence", "detector"]]
    )
    oracle = result["oracle_crop"]
    modes: dict[str, ProtocolErrors] = {
        "true place, turn and handedness": oracle,
        "jittered, handedness unknown": result["jittered_crop"],
        "own detector": result["own_detector"],
    }
    titles = {f"{title}: {mode['mean_joint_error_mm']:.1f} mm": mode for title, mode in modes.items() if mode["frames"]}
    _curves(axes["curves"], titles)
    _bars(axes["joints"], oracle["per_joint_mm"], "joint error, true centre (mm)")
    _bars(axes["fingers"], oracle["per_finger_mm"], "joint error, true centre (mm)")
    groups = {
        f"{kind.replace('_', ' ')}: {name}": error
        for kind in _GROUPS
        for name, group in groups_of(oracle, kind).items()
        if (error := group["mean_joint_error_mm"]) is not None
    }
    _bars(axes["groups"], groups, "joint error, true centre (mm)")
    _reliability(axes["reliability"], result["reliability"])
    _presence(axes["presence"], result["presence"])
    _evidence(axes["evidence"], result["evidence"])
    _detector(axes["detector"], result["detector"])
    for name, title in _PANELS.items():
        axes[name].set_title(title, fontsize="medium")
    figure.suptitle(f"{result['model']} on {result['data']['name']}, {result['data']['frames']} frames")
    _save(figure, path)


def plot_benchmark(path: Path, result: BenchmarkResult) -> None:
    """The curves of frames within D and the joint errors of both crops of `evaluate_on_benchmark`."""
    figure = _figure(15, 4.2)
    crops = (("crop from the labels", result.oracle_crop), ("own detector", result.detected_crop))
    modes = {title: mode for title, mode in crops if mode["frames"]}
    left, *others = figure.subplots(1, 1 + len(crops))
    _curves(left, {f"{title}: {mode['mean_joint_error_mm']:.2f} mm": mode for title, mode in modes.items()})
    for axes, (title, mode) in zip(others, modes.items(), strict=False):
        _bars(axes, mode["per_joint_mm"], f"joint error, {title} (mm)")
    figure.suptitle(f"{result.model} on {result.dataset.upper()}, {result.frames} test frames")
    _save(figure, path)


def _curves(axes: Axes, results: Mapping[str, ProtocolErrors]) -> None:
    for label, result in results.items():
        axes.plot(result["thresholds_mm"], [100 * share for share in result["frames_within"]], label=label)
    axes.set(xlabel="D (mm)", ylabel="frames whose worst joint is within D (%)", xlim=(0, 80), ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower right")


def _bars(axes: Axes, values: dict[str, float], label: str) -> None:
    names = list(values)
    axes.barh(names, [values[name] for name in names], color="tab:blue")
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)


def plot_reliability(path: Path, results: Mapping[str, SyntheticResult]) -> None:
    """Expected against measured joint errors of `evaluate_on_synthetic`, one panel for each model's name."""
    figure = _figure(5.5 * len(results), 4.5)
    for axes, (name, result) in zip(figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True):
        _reliability(axes, result["reliability"])
        axes.set_title(name)
    _save(figure, path)


def _reliability(axes: Axes, result: Reliability) -> None:
    bins = result["bins"]
    expected = [group["expected_error_mm"] for group in bins]
    for label, errors in (
        ("mean", [group["mean_error_mm"] for group in bins]),
        ("median", [group["median_error_mm"] for group in bins]),
        ("90th percentile", [group["p90_error_mm"] for group in bins]),
    ):
        axes.plot(expected, errors, marker="o", markersize=3, label=label)
    if expected:
        axes.plot([0, expected[-1]], [0, expected[-1]], "k--", linewidth=1, label="mean as expected")
    axes.set(xlabel="expected joint error, from its score (mm)", ylabel="measured joint error (mm)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()


def _presence(axes: Axes, curve: list[PresencePoint]) -> None:
    for label, shares in (
        ("hands below it", [(point["threshold"], point["hands_missed"]) for point in curve]),
        ("other crops above it", [(point["threshold"], point["false_hands"]) for point in curve]),
    ):
        points = [(threshold, 100 * share) for threshold, share in shares if share is not None]
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=3, label=label)
    axes.set(xlabel="threshold of the presence score", ylabel="crops (%)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()


def _evidence(axes: Axes, result: EvidenceCurves) -> None:
    """The free-response ROC curves of the evidence and of each term alone, in the order of the middle of the curves."""
    rates = [point["false_per_image"] for point in result["curve"]]
    middle = result["curve"][len(rates) // 2]["recall"]
    for index, name in enumerate(sorted(middle, key=lambda name: -middle[name])):
        is_all = name == ALL_TERMS
        axes.plot(
            rates,
            [100 * point["recall"][name] for point in result["curve"]],
            "k-" if is_all else ("-", "--")[index // 10],
            linewidth=2.5 if is_all else 1,
            label="all terms" if is_all else f"{name.replace('_', ' ')} alone",
        )
    axes.set(xlabel="false hands an image", ylabel="hands found (%)", xscale="log", ylim=(0, 100))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    # Beside the panel: the curves of the terms fill it.
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _detector(axes: Axes, result: CandidateRates) -> None:
    """The free-response ROC curves, and what holds at the threshold in use."""
    rates = [point["false_per_image"] for point in result["curve"]]
    for name, group in result["groups"].items():
        recall = [100 * point["recall"][name] for point in result["curve"]]
        (line,) = axes.plot(rates, recall, label=f"{name}, {group['hands']} hands")
        axes.plot(result["false_per_image"], 100 * group["recall"], "o", color=line.get_color())
    axes.plot([], [], "ko", label=f"threshold in use, log-odds {result['least_log_odds']:g}")
    axes.set(xlabel="detector's false candidates an image", ylabel="hands named (%)", xscale="log", ylim=(0, 100))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("a plot needs the Python package matplotlib, which is not installed") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110, format=path.suffix.lstrip(".") or "png")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value
