#!/usr/bin/env python3
"""Plot the error against training samples and against model size, from the folders that `dense3d train` writes.

    python scripts/training_curves.py --run "hand=runs/hand" --run "wide=runs/wide" --output docs/images/scaling.png

Left: mean joint error of the training crops over the samples, smoothed over a twentieth of the run. Right: the same at
the end of each run over the number of weights of its model. A run may be a log.csv alone; then it is on the left only.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.perception.model_file import read_model


def read_log(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Samples and mean joint errors in mm of a log.csv; ValueError names the file if it is none."""
    log = path / "log.csv" if path.is_dir() else path
    try:
        with log.open(encoding="utf-8", newline="") as file:
            rows = [(float(row["samples"]), float(row["joint_mm"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{log} is no log of `dense3d train`: {error!r}") from error
    if not rows:
        raise ValueError(f"{log} holds no rows")
    samples, errors = np.array(rows).T
    return samples, errors


def smoothed(errors: np.ndarray) -> np.ndarray:
    """Each value is the mean of itself and of those before it, a twentieth of all at the most."""
    window = max(1, len(errors) // 20)
    sums = np.cumsum(np.concatenate([[0.0], errors]))
    ends = np.arange(1, len(errors) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def weight_count(path: Path) -> int | None:
    """Number of weights of the run's model, None if there is none."""
    model = path / "model.safetensors"
    if not model.is_file():
        return None
    _, network = read_model(str(model))
    return sum(parameter.numel() for parameter in network.parameters())


def plot(runs: dict[str, Path], output: Path) -> list[str]:
    """Draw both panels; returns a line of figures for each run."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    counts = {name: weight_count(path) for name, path in runs.items()}
    known = [name for name, count in counts.items() if count is not None]
    left, *others = figure.subplots(1, 2 if known else 1, squeeze=False)[0]
    lines = []
    ends = {}
    for name, path in runs.items():
        samples, errors = read_log(path)
        curve = smoothed(errors)
        left.plot(samples / 1e6, curve, label=name)
        ends[name] = curve[-1]
        count = counts[name]
        size = "size unknown" if count is None else f"{count / 1e6:.2f} M weights"
        lines.append(f"{name}: {curve[-1]:.2f} mm after {samples[-1]:.0f} samples, {size}")
    left.set(xlabel="training samples (millions)", ylabel="mean joint error, training crops (mm)", xscale="log")
    left.set_ylim(0, max(2.5 * min(ends.values()), 1.15 * max(ends.values())))
    left.legend(loc="lower left", ncols=2, fontsize="small")
    for right in others:
        for number, name in enumerate(runs):
            if name in known:
                right.plot(counts[name] / 1e6, ends[name], "o", color=f"C{number}", label=name)
        right.set(xlabel="weights (millions)", ylabel="at the end of the run (mm)", xscale="log")
        right.margins(0.15)
        right.set_ylim(0, 1.15 * right.dataLim.y1)
        right.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        right.xaxis.set_minor_formatter("")
        right.legend(loc="lower left", fontsize="small")
    for axes in (left, *others):
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.3)
    with atomic_write(output) as temporary:
        figure.savefig(temporary, dpi=110, format=output.suffix.lstrip(".") or "png")
    return lines


def main() -> int:
    """Run the command line."""
    description, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        description=description, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", metavar="NAME=DIR", action="append", required=True, help="a run and how to call it")
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="image to write")
    arguments = parser.parse_args()
    runs = {}
    for text in arguments.run:
        name, separator, path = text.partition("=")
        if not separator:
            parser.error(f"--run must be NAME=DIR, got {text!r}")
        runs[name] = Path(path).expanduser()
    try:
        print("\n".join(plot(runs, arguments.output)))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
