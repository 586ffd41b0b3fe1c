"""What the soak measured: faults, soak.json and the curve soak.png."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dense3d_ros.atomic_write import write_text

from .resources import Resources

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SETTLED_MINUTES = 10.0
"""From here on memory has to be flat. A shorter soak has a third of its time to settle."""
GROWTH_MIB = 30.0


@dataclass(frozen=True)
class Sample:
    """seconds since the first hand; messages and hands since the last sample."""

    seconds: float
    views: int
    held: Resources
    messages: int
    hands: int


@dataclass
class Soak:
    """Seconds count from the first hand."""

    minutes: float
    views: list[int]
    runtime: str
    samples: list[Sample] = field(default_factory=list)
    camera_restarts: list[float] = field(default_factory=list)
    model_changes: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def growth(soak: Soak) -> dict[int, dict[str, float]]:
    """Views of the model -> what is held -> the last quarter's median less that of the first quarter after settling.

    Batches are of different size, so each number of views is compared with itself.
    """
    settled = 60 * min(SETTLED_MINUTES, soak.minutes / 3)
    grown = {}
    for views in soak.views:
        held = [sample.held for sample in soak.samples if sample.views == views and sample.seconds >= settled]
        if len(held) >= 4:
            quarter = len(held) // 4
            grown[views] = {
                what: float(
                    np.median([getattr(one, what) for one in held[-quarter:]])
                    - np.median([getattr(one, what) for one in held[:quarter]])
                )
                for what in ("mebibytes", "threads", "descriptors")
            }
    return grown


def faults(soak: Soak) -> list[str]:
    """One sentence each; empty if the nodes held."""
    found = list(soak.broken)
    for views, grown in growth(soak).items():
        if grown["mebibytes"] > GROWTH_MIB:
            found.append(f"views {views}: memory grew by {grown['mebibytes']:.0f} MiB, allowed are {GROWTH_MIB:.0f}")
        found += [
            f"views {views}: there are {grown[what]:.0f} {what} more at the end"
            for what in ("threads", "descriptors")
            if grown[what] > 0
        ]
    if not any(sample.hands for sample in soak.samples):
        found.append("no hand was published")
    return found


def write_report(soak: Soak, folder: Path) -> None:
    """Write soak.json and soak.png."""
    figures = {
        **{key: value for key, value in asdict(soak).items() if key != "samples"},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "messages": sum(sample.messages for sample in soak.samples),
        "hands": sum(sample.hands for sample in soak.samples),
        "growth_after_settling": growth(soak),
        "faults": faults(soak),
        "samples": [asdict(sample) for sample in soak.samples],
    }
    write_text(folder / "soak.json", json.dumps(figures, allow_nan=False) + "\n")
    _draw(soak, folder / "soak.png")


def _draw(soak: Soak, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes: list[Axes] = list(figure.subplots(3, 1, sharex=True))
    minutes = np.array([sample.seconds for sample in soak.samples]) / 60
    for views in soak.views:
        mine = np.array([sample.views == views for sample in soak.samples], bool)
        memory = [sample.held.mebibytes if own else np.nan for sample, own in zip(soak.samples, mine, strict=True)]
        axes[0].plot(minutes, memory, ".", markersize=3, label=f"views {views}")
    axes[0].set_ylabel("memory, MiB")
    axes[0].legend(loc="lower right")
    axes[1].plot(minutes, [sample.held.threads for sample in soak.samples], label="threads")
    axes[1].plot(minutes, [sample.held.descriptors for sample in soak.samples], label="descriptors")
    axes[1].legend(loc="lower right")
    axes[2].plot(minutes, [sample.hands for sample in soak.samples], label="hands a sample")
    axes[2].legend(loc="lower right")
    axes[2].set_xlabel("minutes")
    restarts, changes = len(soak.camera_restarts), len(soak.model_changes)
    figure.suptitle(f"60 Hz, {restarts} restarts of the camera, {changes} changes of the model")
    figure.savefig(path, dpi=100)
