"""Measures of hand pose error, in millimetres. Joints come in metres, as everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

THRESHOLDS_MM = tuple(range(1, 81))


class ErrorSummary(TypedDict):
    """Errors over frames as they are written, None without frames."""

    frames: int
    mean_joint_error_mm: float | None
    median_joint_error_mm: float | None


class GroupErrors(ErrorSummary):
    """Of the frames of a group; missed: the share of them without a prediction."""

    missed: float


class ErrorsByLabel(TypedDict, total=False):
    """Group -> errors for kinds of labels, those that are read by name; `groups_of` reads any of a test set's kinds."""

    by_mesh: dict[str, GroupErrors]
    by_visible_share: dict[str, GroupErrors]
    by_in_view: dict[str, GroupErrors]
    by_pose: dict[str, GroupErrors]
    by_holds: dict[str, GroupErrors]


class ProtocolErrors(ErrorSummary):
    """Also the other measures of the benchmarks' protocol.

    frames_within: shares of the frames whose worst joint is within D, for D in thresholds_mm; joints_within: of joints.
    """

    per_joint_mm: dict[str, float]
    thresholds_mm: list[int]
    frames_within: list[float]
    joints_within: list[float]


def joint_errors(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> Array:
    """(..., J, 3) metres each -> (..., J) Euclidean distances in millimetres."""
    difference = np.asarray(predicted, np.float64) - np.asarray(truth, np.float64)
    distance: Array = np.linalg.norm(difference, axis=-1) * 1000.0
    return distance


def share_within(errors: NDArray[np.floating]) -> list[float]:
    """Share of `errors` (any shape, mm) that are at most D, for D in THRESHOLDS_MM; NaN counts as beyond."""
    values = np.sort(np.nan_to_num(errors, nan=np.inf).ravel())
    counts = np.searchsorted(values, THRESHOLDS_MM, side="right")
    return [float(count) / max(values.size, 1) for count in counts]


def summary(errors: Array) -> ErrorSummary:
    """Mean and median joint error of (N, J) errors, NaN rows left out, and the number of frames."""
    known = errors[~np.isnan(errors).any(axis=1)]
    return {
        "frames": len(known),
        "mean_joint_error_mm": float(known.mean()) if known.size else None,
        "median_joint_error_mm": float(np.median(known)) if known.size else None,
    }


def full_summary(errors: Array, names: Sequence[str]) -> ProtocolErrors:
    """The protocol's measures of (N, J) errors of the joints `names`.

    A row of NaN is a frame without a prediction: it is left out of means and medians and never within D.
    """
    known = errors[~np.isnan(errors).any(axis=1)]
    return {
        **summary(errors),
        "per_joint_mm": {name: float(error) for name, error in zip(names, known.mean(axis=0), strict=True)}
        if len(known)
        else {},
        "thresholds_mm": list(THRESHOLDS_MM),
        "frames_within": share_within(errors.max(axis=1)),
        "joints_within": share_within(errors),
    }


def grouped(errors: Array, labels: Sequence[str]) -> dict[str, GroupErrors]:
    """The errors of the frames of each label, by label in order."""
    names = np.asarray(labels)
    missed = np.asarray(np.isnan(errors).any(axis=1))
    return {
        str(name): {**summary(errors[names == name]), "missed": float(missed[names == name].mean())}
        for name in sorted(set(labels))
    }


def by_label(errors: Array, labels: Sequence[Mapping[str, str]]) -> ErrorsByLabel:
    """The errors of frames by each kind of their labels, kind -> group."""
    groups = {f"by_{kind}": grouped(errors, [one[kind] for one in labels]) for kind in labels[0]}
    return cast(ErrorsByLabel, groups)


def groups_of(errors: ErrorsByLabel, kind: str) -> dict[str, GroupErrors]:
    """Group -> errors of a kind of label; KeyError if the frames have no such labels."""
    return cast(Mapping[str, dict[str, GroupErrors]], errors)[f"by_{kind}"]
