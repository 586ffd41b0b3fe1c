"""The benchmark's figures as tables (Markdown) and as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.benchmark.figures import Machine, NetworkTimes, RateFigures, Result
from dense3d_ros.learning.evaluation.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Columns = Mapping[str, str]
"""Title of a column -> what it is called in a row."""
_PERCENTILES = {name: name for name in ("p50", "p95", "p99")}
_CALLBACKS = {name: name for name in ("calls", "p50", "p95", "p99", "most")}
_ARITHMETIC = {
    "network": "network",
    "crop, pixels": "resolution",
    "G multiply-adds": "gmacs",
    "M weights": "million_weights",
    "floor, ms": "floor_ms",
}
_NETWORKS = {
    **{name: name for name in ("network", "runtime", "batch")},
    **_PERCENTILES,
    "hands/s": "hands_per_second",
    "of a joint, mm": "difference_mm",
    "of a hand, mm": "mean_difference_mm",
    "build, s": "build_seconds",
}
_ROOMS = {
    **{name: name for name in ("size", "scene", "p50", "mean", "p95", "p99")},
    "share of p50": "p50_to_hand",
    "of mean": "mean_to_hand",
    "frames": "calls",
    "with hand": "with_hand",
}
_CAMERAS = {"cameras": "cameras", "frames/s, all": "frames_per_second", "frame p50, ms": "p50", "p99, ms": "p99"}
_RATES = {
    "hands": "hands",
    "Hz": "rate",
    "frames": "frames",
    "lost": "lost",
    "with all hands": "with_all_hands",
    "p50, ms": "p50",
    "p95": "p95",
    "p99": "p99",
    "CPU, % of a core": "cpu_percent",
    "resident, MiB": "largest_resident_mib",
}


def tables(result: Result) -> str:
    """All figures of a result as Markdown."""
    parts = [
        f"Machine: {_machine(result['machine'])}.",
        f"Command: `{result['command']}`",
        *_networks(result),
        *_frames(result),
        *_end_to_end(result),
    ]
    return "\n\n".join(parts) + "\n"


def write_plot(result: Result, path: Path) -> None:
    """Networks by runtime on the left, latency by rate on the right; what was not measured stays out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _plot_networks(left, [row for row in result.get("networks", []) if row["batch"] == 1])
    _plot_latency(right, result["end_to_end"]["rates"] if "end_to_end" in result else [])
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _plot_networks(axes: Axes, rows: Sequence[NetworkTimes]) -> None:
    axes.barh([f"{row['network']} {row['runtime']}" for row in rows], [row["p50"] for row in rows], color="#4477aa")
    for position, row in enumerate(rows):
        axes.plot([row["p50"], row["p99"]], [position, position], color="#222222")
        axes.text(row["p50"], position, f"{row['p50']:.1f} ", ha="right", va="center", color="white")
        axes.text(row["p99"], position, f" {row['p99']:.1f}", va="center")
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    if rows:
        # Room for the numbers in the shortest bar and beside the longest line.
        axes.set_xlim(0.4 * min(row["p50"] for row in rows), 2.5 * max(row["p99"] for row in rows))
    axes.set_title("One crop to joints: p50 (bar) to p99 (line)")
    axes.set_xlabel("milliseconds")


def _plot_latency(axes: Axes, rates: Sequence[RateFigures]) -> None:
    places = np.arange(len(rates))
    latencies = [row["latency_ms"] for row in rates]
    for offset, name, values, colour in (
        (-0.27, "p50", [times["p50"] for times in latencies], "#4477aa"),
        (0.0, "p95", [times["p95"] for times in latencies], "#ccbb44"),
        (0.27, "p99", [times["p99"] for times in latencies], "#ee6677"),
    ):
        axes.bar(places + offset, values, 0.25, label=name, color=colour)
    axes.set_xticks(places, [f"{_played(row)}\n{row['lost']} of {row['frames']}\nlost" for row in rates])
    axes.set_title("Stamp to receipt over DDS")
    axes.set_ylabel("milliseconds")
    if rates:
        axes.legend()


def _machine(machine: Machine) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    parts = [f"{machine['processor']} ({', '.join(machine['features'])})", f"{machine['cores']} cores"]
    parts += [f"{machine['memory_gib']} GiB", machine["gpu"] or "no GPU", f"Python {machine['python']}", packages]
    return "; ".join([*parts, f"load before the start {machine['load_before']}"])


def _networks(result: Result) -> list[str]:
    parts = []
    if "arithmetic" in result:
        parts += [
            f"One crop's arithmetic, and the least it takes in float32 at {result['matrix_gflops']:.0f} GFLOP/s, "
            "the speed of large matrix products here:",
            _table(_ARITHMETIC, result["arithmetic"]),
        ]
    if "networks" in result:
        parts += [
            "Crops in, joints out (network, votes and fusion), milliseconds a batch; the largest differences from the "
            "first runtime of any joint, and of a hand's joints on average:",
            _table(_NETWORKS, result["networks"]),
        ]
    if result.get("layers"):
        parts += [
            "Within the network, one crop in OpenVINO by its own counters, milliseconds:",
            _named_table("layers", _PERCENTILES, result["layers"]),
        ]
    return parts


def _frames(result: Result) -> list[str]:
    parts = []
    if "frames" in result:
        first = result["frames"][0]
        parts += [
            f"A tracked frame of 640x480 in its stages, milliseconds; runtime {first['runtime']}, "
            f"{first['with_hand']} of {first['frames']} frames with a hand:",
            _named_table("stage", _PERCENTILES, first["stages"]),
            "The whole frame in each runtime, in turns, milliseconds:",
            _named_table("runtime", _PERCENTILES, {row["runtime"]: row["stages"]["frame"] for row in result["frames"]}),
            "Rooms without a hand beside a followed hand, by the image's size, milliseconds a frame; each image has "
            "its own noise, and shares are those of the followed hand's p50 and mean:",
            _table(_ROOMS, result["rooms"]),
            "Alone, milliseconds; votes in torch, operation by operation:",
            _named_table("part", _PERCENTILES, result["parts"]),
        ]
    if "device" in result:
        parts += [
            "On the device, one crop in the runtime cuda_graph, milliseconds:",
            _named_table("stage", _PERCENTILES, result["device"]),
        ]
    if "cameras" in result:
        parts += [
            "Cameras that share the model, each a thread with a hand in every frame:",
            _table(_CAMERAS, result["cameras"]),
        ]
    return parts


def _end_to_end(result: Result) -> list[str]:
    if "end_to_end" not in result:
        return []
    run = result["end_to_end"]
    stages = {stage: None for row in run["rates"] for stage in row["node_stages_p50_ms"]}
    by_stage = {stage: {_played(row): row["node_stages_p50_ms"].get(stage) for row in run["rates"]} for stage in stages}
    return [
        f"Camera process -> nodes -> subscriber process over DDS, stamp to receipt; runtime {run['runtime']}, "
        f"{run['start_to_first_pose_seconds']:.1f} s from the start of the process to the first pose:",
        _table(_RATES, [{**row, **row["latency_ms"]} for row in run["rates"]]),
        "Stages within the perception process, median milliseconds:",
        _named_table("stage", {_played(row): _played(row) for row in run["rates"]}, by_stage),
        "Callbacks on the executor thread of that process, milliseconds, over its whole life; hand_model's timer "
        "is the start, which loads the model:",
        _named_table("callback", _CALLBACKS, dict(sorted(run["callbacks"].items()))),
    ]


def _played(row: RateFigures) -> str:
    return f"{row['rate']:g} Hz" if row["hands"] == 1 else f"{row['rate']:g} Hz, {row['hands']} hands"


def _table(columns: Columns, rows: Sequence[Mapping[str, object]]) -> str:
    return table(tuple(columns), [[_text(row[key]) for key in columns.values()] for row in rows])


def _named_table(title: str, columns: Columns, rows: Mapping[str, Mapping[str, object]]) -> str:
    """As `_table`, with the rows' names in a first column of this title."""
    return table(
        (title, *columns), [[name, *(_text(row[key]) for key in columns.values())] for name, row in rows.items()]
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
