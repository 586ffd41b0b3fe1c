"""The benchmark's figures as tables (Markdown) and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.learning.evaluation.tables import table


def tables(result: dict[str, Any]) -> str:
    """All figures of a result as Markdown."""
    parts = [f"Machine: {_machine(result['machine'])}.", f"Command: `{result['command']}`"]
    parts += _arithmetic(result)
    if "networks" in result:
        parts.append(
            "Crops in, joints out (network, votes and fusion), milliseconds a batch; the largest differences from the "
            "first runtime of any joint, and of a hand's joints on average:"
        )
        parts.append(_networks(result["networks"]))
    if result.get("layers"):
        parts.append("Within the network, one crop in OpenVINO by its own counters, milliseconds:")
        parts.append(_times("layers", result["layers"]))
    if "frames" in result:
        first = result["frames"][0]
        parts.append(
            f"A tracked frame of 640x480 in its stages, milliseconds; runtime {first['runtime']}, "
            f"{first['with_hand']} of {first['frames']} frames with a hand:"
        )
        parts.append(_times("stage", first["stages"]))
        parts.append("The whole frame in each runtime, in turns, milliseconds:")
        parts.append(_times("runtime", {row["runtime"]: row["stages"]["frame"] for row in result["frames"]}))
        parts.append(
            "Rooms without a hand beside a followed hand, by the image's size, milliseconds a frame; each image has "
            "its own noise, and shares are those of the followed hand's p50 and mean:"
        )
        parts.append(_rooms(result["rooms"]))
        parts.append("Alone, milliseconds; votes in torch, operation by operation:")
        parts.append(_times("part", result["parts"]))
    if "device" in result:
        parts.append("On the device, one crop in the runtime cuda_graph, milliseconds:")
        parts.append(_times("stage", result["device"]))
    if "cameras" in result:
        parts.append("Cameras that share the model, each a thread with a hand in every frame:")
        parts.append(_cameras(result["cameras"]))
    if "end_to_end" in result:
        run = result["end_to_end"]
        parts.append(
            f"Camera process -> nodes -> subscriber process over DDS, stamp to receipt; runtime {run['runtime']}, "
            f"{run['start_to_first_pose_seconds']:.1f} s from the start of the process to the first pose:"
        )
        parts.append(_end_to_end(run["rates"]))
        parts.append("Stages within the perception process, median milliseconds:")
        parts.append(_stages(run["rates"]))
        parts.append(
            "Callbacks on the executor thread of that process, milliseconds, over its whole life; hand_model's timer "
            "is the start, which loads the model:"
        )
        parts.append(_callbacks(run["callbacks"]))
    return "\n\n".join(parts) + "\n"


def write_plot(result: dict[str, Any], path: Path) -> None:
    """Networks by runtime on the left, latency by rate on the right; what was not measured stays out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    rows = [row for row in result.get("networks", []) if row["batch"] == 1]
    names = [f"{row['network']} {row['runtime']}" for row in rows]
    left.barh(names, [row["p50"] for row in rows], color="#4477aa")
    for position, row in enumerate(rows):
        left.plot([row["p50"], row["p99"]], [position, position], color="#222222")
        left.text(row["p50"], position, f"{row['p50']:.1f} ", ha="right", va="center", color="white")
        left.text(row["p99"], position, f" {row['p99']:.1f}", va="center")
    left.invert_yaxis()
    left.set_xscale("log")
    left.xaxis.set_major_formatter("{x:g}")
    if rows:
        # Room for the numbers in the shortest bar and beside the longest line.
        left.set_xlim(0.4 * min(row["p50"] for row in rows), 2.5 * max(row["p99"] for row in rows))
    left.set_title("One crop to joints: p50 (bar) to p99 (line)")
    left.set_xlabel("milliseconds")
    rates = result.get("end_to_end", {}).get("rates", [])
    places = np.arange(len(rates))
    for offset, (name, colour) in enumerate((("p50", "#4477aa"), ("p95", "#ccbb44"), ("p99", "#ee6677"))):
        values = [row["latency_ms"][name] for row in rates]
        right.bar(places + 0.27 * (offset - 1), values, 0.25, label=name, color=colour)
    right.set_xticks(places, [f"{_played(row)}\n{row['lost']} of {row['frames']}\nlost" for row in rates])
    right.set_title("Stamp to receipt over DDS")
    right.set_ylabel("milliseconds")
    if rates:
        right.legend()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _machine(machine: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    parts = [f"{machine['processor']} ({', '.join(machine['features'])})", f"{machine['cores']} cores"]
    parts += [f"{machine['memory_gib']} GiB", machine["gpu"] or "no GPU", f"Python {machine['python']}", packages]
    return "; ".join([*parts, f"load before the start {machine['load_before']}"])


def _table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return table(titles, [[_text(value) for value in row] for row in rows])


def _columns(rows: Sequence[dict[str, Any]], keys: dict[str, str]) -> str:
    """A table of rows. keys: title of a column -> what it is called in a row."""
    return _table(tuple(keys), [[row[key] for key in keys.values()] for row in rows])


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _arithmetic(result: dict[str, Any]) -> list[str]:
    if "arithmetic" not in result:
        return []
    keys = {
        "network": "network",
        "crop, pixels": "resolution",
        "G multiply-adds": "gmacs",
        "M weights": "million_weights",
        "floor, ms": "floor_ms",
    }
    return [
        f"One crop's arithmetic, and the least it takes in float32 at {result['matrix_gflops']:.0f} GFLOP/s, "
        "the speed of large matrix products here:",
        _columns(result["arithmetic"], keys),
    ]


def _networks(rows: Sequence[dict[str, Any]]) -> str:
    keys = {
        **{name: name for name in ("network", "runtime", "batch", "p50", "p95", "p99")},
        "hands/s": "hands_per_second",
        "of a joint, mm": "difference_mm",
        "of a hand, mm": "mean_difference_mm",
        "build, s": "build_seconds",
    }
    return _columns(rows, keys)


def _times(title: str, rows: dict[str, dict[str, Any]]) -> str:
    return _table(
        (title, "p50", "p95", "p99"), [(name, row["p50"], row["p95"], row["p99"]) for name, row in rows.items()]
    )


def _rooms(rows: Sequence[dict[str, Any]]) -> str:
    keys = {
        **{name: name for name in ("size", "scene", "p50", "mean", "p95", "p99")},
        "share of p50": "p50_to_hand",
        "of mean": "mean_to_hand",
        "frames": "calls",
        "with hand": "with_hand",
    }
    return _columns(rows, keys)


def _cameras(rows: Sequence[dict[str, Any]]) -> str:
    keys = {"cameras": "cameras", "frames/s, all": "frames_per_second", "frame p50, ms": "p50", "p99, ms": "p99"}
    return _columns(rows, keys)


def _stages(rows: Sequence[dict[str, Any]]) -> str:
    stages = list(dict.fromkeys(stage for row in rows for stage in row["node_stages_p50_ms"]))
    titles = ("stage", *(_played(row) for row in rows))
    return _table(titles, [(stage, *(row["node_stages_p50_ms"].get(stage) for row in rows)) for stage in stages])


def _played(row: dict[str, Any]) -> str:
    return f"{row['rate']:g} Hz" if row["hands"] == 1 else f"{row['rate']:g} Hz, {row['hands']} hands"


def _callbacks(times: dict[str, dict[str, Any]]) -> str:
    keys = ("calls", "p50", "p95", "p99", "most")
    return _table(("callback", *keys), [(name, *(row[key] for key in keys)) for name, row in sorted(times.items())])


def _end_to_end(rows: Sequence[dict[str, Any]]) -> str:
    titles = (
        "hands",
        "Hz",
        "frames",
        "lost",
        "with all hands",
        "p50, ms",
        "p95",
        "p99",
        "CPU, % of a core",
        "resident, MiB",
    )
    return _table(
        titles,
        [
            (
                row["hands"],
                row["rate"],
                row["frames"],
                row["lost"],
                row["with_all_hands"],
                *(row["latency_ms"][name] for name in ("p50", "p95", "p99")),
                row["cpu_percent"],
                row["largest_resident_mib"],
            )
            for row in rows
        ],
    )
