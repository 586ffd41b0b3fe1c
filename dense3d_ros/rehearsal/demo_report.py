"""The demo's result for people: a table, report.json, and images of what was seen."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.atomic_write import write_text
from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH
from dense3d_ros.nodes.statistics import stage_times
from dense3d_ros.recordings.drawing import contact_sheet, overlay, write_image
from dense3d_ros.recordings.offline import Intrinsics
from dense3d_ros.recordings.result_folder import OVERLAYS, SHEET
from dense3d_ros.recordings.tally import nearest, unit_doubt

if TYPE_CHECKING:
    from dense3d_ros.rehearsal.demo_observer import DemoObservation

LEAST_ANSWERED = {"rendered": 0.5, "folder": 0.95}
"""Share of the frames that must be answered. The rest may be dropped for newer ones on a busy machine; a folder is
played slowly and loses nothing on its way."""
LEAST_WITH_HAND = {"rendered": 0.8, "folder": 0.5}
"""Share of the answers that must hold a hand. A recording may begin before the hand comes."""
SMOOTH = 0.9
"""Share of answered frames below which it is said that the machine did not keep up."""
LARGEST_ERROR_MM = 30.0


class StageTimes(TypedDict):
    """Milliseconds of a stage."""

    p50: float
    p95: float


class DemoFigures(TypedDict):
    """What report.json holds.

    failures: why it was not done; remarks: what may be behind that. images: of the folder that can be read, None for
    the rendered hand. Figures that there are not, such as errors of a folder, are None.
    """

    done: bool
    failures: list[str]
    remarks: list[str]
    input: str
    images: int | None
    frames_before_first_answer: int
    frames_in: int
    frames_out: int
    frames_dropped: int
    frames_with_hand: int
    frames_per_second: float
    mean_joint_error_mm: float | None
    median_joint_error_mm: float | None
    stages_ms: dict[str, StageTimes]
    seconds_to_active: float
    model: str
    views: str
    device: str
    runtime: str
    memory_mib: float | None
    machine: str


def failures(seen: DemoObservation) -> list[str]:
    """Why the demo did not do its job; empty if it did."""
    faults = []
    kind = "rendered" if seen.folder is None else "folder"
    if not seen.survived:
        faults.append("the perception process did not live to the end")
    if seen.images is not None and seen.frames_in < seen.images:
        faults.append(f"only {seen.frames_in} of the folder's {seen.images} images were seen")
    if seen.frames_out < LEAST_ANSWERED[kind] * max(seen.frames_in, 1):
        faults.append(f"only {seen.frames_out} of {seen.frames_in} depth images were answered")
    if seen.wrong_frames:
        faults.append(f"{seen.wrong_frames} messages were not in the depth image's frame")
    if seen.frames_with_hand == 0:
        faults.append("no hand was found")
    elif seen.frames_with_hand < LEAST_WITH_HAND[kind] * seen.frames_out:
        faults.append(f"the hand was found in {seen.frames_with_hand} of {seen.frames_out} frames only")
    if seen.frames_with_hand and not seen.marker_messages:
        faults.append("hands came without markers")
    if seen.folder is None and (seen.errors_mm.size == 0 or seen.errors_mm.mean() > LARGEST_ERROR_MM):
        faults.append(f"the mean joint error is over {LARGEST_ERROR_MM:g} mm or unknown")
    return faults


def remarks(seen: DemoObservation, unit: float) -> list[str]:
    """What may be behind many dropped images, or a hand that was seldom found.

    unit: metres that a folder's values count.
    """
    return [*_slowness(seen), *_reasons_for_no_hand(seen, unit)]


def _slowness(seen: DemoObservation) -> list[str]:
    if seen.frames_out >= SMOOTH * seen.frames_in or not seen.latency_ms.size:
        return []
    return [
        f"{seen.frames_in - seen.frames_out} of {seen.frames_in} images were dropped for newer ones, because this "
        f"machine was busy or is too slow: {seen.rate:.1f} frames a second were answered, after "
        f"{np.median(seen.latency_ms):.0f} ms (median); its load is {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    ]


def _reasons_for_no_hand(seen: DemoObservation, unit: float) -> list[str]:
    if seen.folder is None or seen.frames_with_hand >= LEAST_WITH_HAND["folder"] * seen.frames_out:
        return []
    reason = f"most frequent reason for no hand: {seen.reason}" if seen.reason else ""
    return [text for text in (reason, unit_doubt([nearest(shot.depth) for shot in seen.shots], unit)) if text]


def report(seen: DemoObservation, unit: float) -> DemoFigures:
    """All figures. unit: a folder's metres per value."""
    stages: dict[str, StageTimes] = {
        stage: {"p50": p50, "p95": p95} for stage, (p50, p95) in stage_times(seen.diagnostics).items()
    }
    if seen.latency_ms.size:
        p50, p95 = np.percentile(seen.latency_ms, (50, 95))
        stages["stamp to receipt"] = {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}
    return {
        "done": not failures(seen),
        "failures": failures(seen),
        "remarks": remarks(seen, unit),
        "input": printable(seen.folder) if seen.folder else f"rendered hand, {_mesh(seen.mesh)}",
        "images": seen.images,
        "frames_before_first_answer": seen.frames_before,
        "frames_in": seen.frames_in,
        "frames_out": seen.frames_out,
        "frames_dropped": seen.frames_in - seen.frames_out,
        "frames_with_hand": seen.frames_with_hand,
        "frames_per_second": round(seen.rate, 2),
        "mean_joint_error_mm": round(float(seen.errors_mm.mean()), 2) if seen.errors_mm.size else None,
        "median_joint_error_mm": round(float(np.median(seen.errors_mm)), 2) if seen.errors_mm.size else None,
        "stages_ms": stages,
        "seconds_to_active": round(seen.seconds_to_active, 2),
        "model": seen.diagnostics.get("model", ""),
        "views": seen.diagnostics.get("views", ""),
        "device": seen.diagnostics.get("device", ""),
        "runtime": seen.diagnostics.get("runtime", ""),
        "memory_mib": float(seen.diagnostics["memory MiB"]) if "memory MiB" in seen.diagnostics else None,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _mesh(name: str) -> str:
    return f"a mesh never trained on ({name})" if name == UNSEEN_MESH else f"mesh {name}"


def table(figures: DemoFigures) -> str:
    """The figures as text for a terminal."""
    rows: list[tuple[str, str]] = [
        ("input", figures["input"]),
        ("model", f"{figures['model']}, views {figures['views']}, on {figures['device']}, {figures['runtime']}"),
        (
            "frames in / out / dropped",
            f"{figures['frames_in']} / {figures['frames_out']} / {figures['frames_dropped']}",
        ),
        ("frames before, not counted", str(figures["frames_before_first_answer"])),
        ("frames with a hand", str(figures["frames_with_hand"])),
        ("frames a second", f"{figures['frames_per_second']:.1f}"),
    ]
    if figures["mean_joint_error_mm"] is not None:
        error = f"{figures['mean_joint_error_mm']:.1f} mm (median of frames {figures['median_joint_error_mm']:.1f})"
        rows.append(("mean joint error", error))
    rows.append(("start to active model", f"{figures['seconds_to_active']:.1f} s"))
    if figures["memory_mib"] is not None:
        rows.append(("memory of the nodes", f"{figures['memory_mib']:.0f} MiB"))
    lines = [f"  {name:<28}{value}" for name, value in rows]
    lines.append(f"  {'stage':<28}{'p50 ms':>8}{'p95 ms':>8}")
    lines += [f"  {name:<28}{value['p50']:8.1f}{value['p95']:8.1f}" for name, value in figures["stages_ms"].items()]
    return "\n".join(lines)


def write_report(seen: DemoObservation, intrinsics: Intrinsics, output: Path) -> DemoFigures:
    """Write report.json, overlays/*.png and contact_sheet.png into a folder that `prepare_results` made.

    Returns the figures.
    """
    figures = report(seen, intrinsics.depth_unit)
    write_text(output / "report.json", json.dumps(figures, indent=2, allow_nan=False) + "\n")
    images = []
    for index, shot in enumerate(seen.shots):
        height, width = shot.depth.shape
        camera = intrinsics.camera(width, height)
        images.append(overlay(shot.depth, camera, shot.hands, _caption(index, shot.hands, shot.true_joints)))
        write_image(output / OVERLAYS / f"{index:03d}.png", images[-1])
    if images:
        write_image(output / SHEET, contact_sheet(images))
    return figures


def _caption(index: int, hands: list[HandPose], true_joints: NDArray[np.float32] | None) -> str:
    if not hands:
        return f"{index}: no hand"
    if true_joints is None:
        return f"{index}"
    error = np.linalg.norm(hands[0].joints - true_joints, axis=1).mean() * 1000
    return f"{index}: {error:.1f} mm from the true joints"
