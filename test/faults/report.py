"""The campaign's result: report.json and report.md."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dense3d_ros.atomic_write import write_text

from .campaign import Result


def figures(result: Result) -> dict[str, Any]:
    """All figures, as report.json holds them."""
    faults: dict[str, list[dict[str, str]]] = {}
    for batch, fault in result.faults:
        faults.setdefault(fault.kind, []).append({"batch": batch, "text": fault.text})
    return {
        "seed": result.seed,
        "seconds": round(result.seconds),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "inputs": result.total,
        "batches": result.batches,
        "faults": len(result.faults),
        "faults_by_kind": faults,
        "inputs_by_area": {area: dict(sorted(kinds.items())) for area, kinds in sorted(result.inputs.items())},
        "counted_by_the_nodes": {name: dict(sorted(counted.items())) for name, counted in result.counted.items()},
        "processes": {
            name: [{"ready": asdict(before), "end": asdict(after)} for before, after in pairs]
            for name, pairs in result.processes.items()
        },
    }


def text(result: Result) -> str:
    """Markdown."""
    faulty = Counter(batch.split(":")[0] for batch, _ in result.faults)
    lines = [
        f"# {result.total} inputs, {len(result.faults)} faults",
        "",
        f"Seed {result.seed}, {result.batches} batches, {result.seconds / 60:.0f} minutes. After every batch the "
        "services answered, a hand-free image gave no hand and a known hand was found, or it is a fault.",
        "",
        "| area | inputs | kinds | faults |",
        "|---|---|---|---|",
    ]
    for area, kinds in result.inputs.items():
        lines.append(f"| {area} | {kinds.total()} | {len(kinds)} | {faulty[area]} |")
    lines += [
        "",
        "| process | pairs that came | answered | refused | memory MiB, ready and end | threads | descriptors |",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for name, counted in result.counted.items():
        refused = sum(value for key, value in counted.items() if key.startswith("refused"))
        pairs = result.processes.get(name, [])
        memory, threads, descriptors = (
            ", ".join(f"{getattr(before, what):.0f} → {getattr(after, what):.0f}" for before, after in pairs)
            for what in ("mebibytes", "threads", "descriptors")
        )
        cells = (name, counted["pairs"], counted["published"], refused, memory, threads, descriptors)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if result.faults:
        lines += ["", "| batch | fault | |", "|---|---|---|"]
        lines += [f"| {batch} | {fault.kind} | {_cell(fault.text)} |" for batch, fault in result.faults[:200]]
    return "\n".join(lines) + "\n"


def write_report(result: Result, folder: Path) -> None:
    """Write report.json and report.md."""
    write_text(folder / "report.json", json.dumps(figures(result), indent=2, allow_nan=False) + "\n")
    write_text(folder / "report.md", text(result))


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")[:300]
