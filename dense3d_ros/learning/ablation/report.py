"""Results of all runs -> figures with their spread, a Markdown table and a plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.atomic_write import atomic_write, write_text
from dense3d_ros.learning.ablation.field import FUSIONS, PAPER_FUSION, SOFTMAX
from dense3d_ros.learning.ablation.run import Run, Settings
from dense3d_ros.learning.ablation.variants import CLAIMS, REFERENCE, VARIANTS, Claim, Variant
from dense3d_ros.learning.evaluation.report import write_json
from dense3d_ros.learning.evaluation.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FUSED = ("decomposed", "joint_loss")
"""Variants whose fusions are compared."""
_KINDS = ("mean shift", "weighted average")


@dataclass(frozen=True)
class VariantErrors:
    """Errors of a variant in millimetres, means over its seeds.

    mean_mm, sd_mm: of the seeds' mean joint errors, seeds_mm, and their standard deviation. frame_standard_error_mm:
    of the mean over test crops, for a crop's error averaged over the seeds. fusions_mm, fusions_sd_mm: by fusion.
    """

    title: str
    mean_mm: float
    sd_mm: float
    seeds_mm: list[float]
    frame_standard_error_mm: float
    median_mm: float
    fusions_mm: dict[str, float]
    fusions_sd_mm: dict[str, float]
    parameters: int
    cpu_seconds: float


@dataclass(frozen=True)
class ClaimDifference:
    """By how many millimetres `worse` is worse than `better`: mean and standard deviation over the seeds of both.

    seeds_for: how many seeds say so.
    """

    claim: str
    better: str
    worse: str
    mean_mm: float
    sd_mm: float
    seeds_for: int
    seeds: int


@dataclass(frozen=True)
class Summary:
    """All of an ablation; seeds and runs are counts, machine is what `describe_machine` says."""

    settings: Settings
    machine: Mapping[str, Any]
    seeds: int
    runs: int
    cpu_seconds: float
    wall_seconds: float
    variants: dict[str, VariantErrors]
    claims: list[ClaimDifference]


def summarise(settings: Settings, machine: Mapping[str, Any], runs: list[Run]) -> Summary:
    """Mean joint error of each variant with its spread over seeds, the claims' differences, and the fusions."""
    seeds = sorted({run.seed for run in runs})
    runs_of = {(run.variant, run.seed): run for run in runs}
    variants = {}
    for variant in VARIANTS:
        own = [runs_of[variant.name, seed] for seed in seeds if (variant.name, seed) in runs_of]
        if own:
            variants[variant.name] = _variant(variant, own)
    return Summary(
        settings,
        machine,
        seeds=len(seeds),
        runs=len(runs),
        cpu_seconds=sum(run.cpu_seconds for run in runs),
        wall_seconds=sum(run.wall_seconds for run in runs),
        variants=variants,
        claims=[
            _difference(claim, pairs)
            for claim in CLAIMS
            if (pairs := _pairs(runs_of, claim.better, claim.worse, seeds)).size
        ],
    )


def write_report(folder: Path, settings: Settings, machine: Mapping[str, Any], runs: list[Run]) -> Summary:
    """Write ablation.json, ablation.md and ablation.png."""
    summary = summarise(settings, machine, runs)
    write_json(folder / "ablation.json", asdict(summary))
    write_text(folder / "ablation.md", markdown(summary))
    plot(folder / "ablation.png", summary)
    return summary


def markdown(summary: Summary) -> str:
    """The tables for people."""
    settings, variants = summary.settings, summary.variants
    titles = ("variant", "mean joint error, mm", "seeds", "± crops", "median", "softmax fusion", "M weights", "CPU s")
    rows = [
        (
            row.title,
            f"**{row.mean_mm:.2f}** ± {row.sd_mm:.2f}",
            ", ".join(f"{value:.2f}" for value in row.seeds_mm),
            f"{row.frame_standard_error_mm:.2f}",
            f"{row.median_mm:.2f}",
            f"{row.fusions_mm[SOFTMAX.name]:.2f}" if SOFTMAX.name in row.fusions_mm else "",
            f"{row.parameters / 1e6:.2f}",
            f"{row.cpu_seconds:.0f}",
        )
        for row in variants.values()
    ]
    lines = [
        f"{settings.samples} {settings.dataset} crops a run, learned {_times(settings.rounds)}, batches of "
        f"{settings.batch_size}, {summary.seeds} seeds, "
        f"{settings.test} test crops; {summary.runs} runs took {summary.cpu_seconds / 60:.0f} CPU minutes, "
        f"{summary.wall_seconds / 60:.0f} by the clock ({summary.machine['processor']}, one thread).",
        f"Decoded by {PAPER_FUSION.name} votes unless the column says otherwise; ± is the standard deviation over "
        "seeds, ± crops the standard error over test crops.",
        table(titles, rows),
        "Claims, as differences of the mean joint error seed by seed; above 0 the claim holds:",
        table(
            ("claim", "difference, mm", "± over seeds", "seeds for it"),
            [
                (row.claim, f"{row.mean_mm:+.2f}", f"{row.sd_mm:.2f}", f"{row.seeds_for}/{row.seeds}")
                for row in summary.claims
            ],
        ),
    ]
    for name in _FUSED:
        if name in variants:
            lines += [f"Fusion without retraining, {variants[name].title}, mm:", _fusions(variants[name])]
    return "\n\n".join(lines) + "\n"


def plot(path: Path, summary: Summary) -> None:
    """Variants with every seed and their spread; error over the number of candidates for each fusion."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    _plot_variants(left, summary.variants)
    _plot_fusions(right, summary.variants)
    settings = summary.settings
    figure.suptitle(
        f"{settings.samples} {settings.dataset} crops a run, learned {_times(settings.rounds)}, {summary.seeds} seeds"
    )
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _variant(variant: Variant, runs: list[Run]) -> VariantErrors:
    headline = np.array([_headline(run) for run in runs])
    frames = np.array([run.frame_errors_mm for run in runs]).mean(axis=0)
    fusions = {name: [run.mean_joint_error_mm[name] for run in runs] for name in runs[0].mean_joint_error_mm}
    return VariantErrors(
        title=variant.title,
        mean_mm=float(headline.mean()),
        sd_mm=_sd(headline),
        seeds_mm=headline.tolist(),
        frame_standard_error_mm=_sd(frames) / float(np.sqrt(frames.size)),
        median_mm=float(np.mean([run.median_joint_error_mm for run in runs])),
        fusions_mm={name: float(np.mean(values)) for name, values in fusions.items()},
        fusions_sd_mm={name: _sd(np.array(values)) for name, values in fusions.items()},
        parameters=runs[0].parameters,
        cpu_seconds=float(np.mean([run.cpu_seconds for run in runs])),
    )


def _headline(run: Run) -> float:
    errors = run.mean_joint_error_mm
    return errors[PAPER_FUSION.name if PAPER_FUSION.name in errors else "none"]


def _pairs(runs_of: dict[tuple[str, int], Run], better: str, worse: str, seeds: list[int]) -> NDArray[np.float64]:
    """How much smaller the error of `better` is, for each seed that both have."""
    both = [seed for seed in seeds if (better, seed) in runs_of and (worse, seed) in runs_of]
    return np.array([_headline(runs_of[worse, seed]) - _headline(runs_of[better, seed]) for seed in both])


def _difference(claim: Claim, differences: NDArray[np.float64]) -> ClaimDifference:
    return ClaimDifference(
        claim=claim.text,
        better=claim.better,
        worse=claim.worse,
        mean_mm=float(differences.mean()),
        sd_mm=_sd(differences),
        seeds_for=int((differences > 0).sum()),
        seeds=len(differences),
    )


def _sd(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _fusions(variant: VariantErrors) -> str:
    counts = [fusion.candidates for fusion in FUSIONS if fusion.kind == _KINDS[0]]
    rows = [(kind, *(f"{variant.fusions_mm[f'{kind} of {count}']:.2f}" for count in counts), "") for kind in _KINDS]
    rows.append((SOFTMAX.kind, *("" for _ in counts), f"{variant.fusions_mm[SOFTMAX.name]:.2f}"))
    return table(("candidates", *map(str, counts), "all"), rows)


def _times(rounds: int) -> str:
    return "once" if rounds == 1 else f"{rounds} times"


def _plot_variants(axes: Axes, variants: dict[str, VariantErrors]) -> None:
    for index, (name, row) in enumerate(variants.items()):
        colour = "tab:orange" if name == REFERENCE else "tab:blue"
        axes.errorbar(row.mean_mm, index, xerr=row.sd_mm, color=colour, marker="o", capsize=4, linewidth=2)
        axes.plot(row.seeds_mm, [index] * len(row.seeds_mm), "k.", markersize=4, zorder=3)
        axes.annotate(
            f"{row.mean_mm:.2f}",
            (row.mean_mm, index),
            (0, 7),
            textcoords="offset points",
            fontsize=8,
            ha="center",
        )
    axes.set_yticks(range(len(variants)), [row.title for row in variants.values()], fontsize=8)
    axes.set_ylim(len(variants) - 0.5, -0.8)
    axes.margins(x=0.1)
    axes.set_xlabel(f"mean joint error, {PAPER_FUSION.name} (mm); bars: sd over seeds, black: seeds")
    axes.grid(alpha=0.3)


def _plot_fusions(axes: Axes, variants: dict[str, VariantErrors]) -> None:
    counts = [fusion.candidates for fusion in FUSIONS if fusion.kind == _KINDS[0]]
    for name, colour in zip(_FUSED, ("tab:orange", "tab:green"), strict=True):
        if name not in variants:
            continue
        row = variants[name]
        for kind, style in zip(_KINDS, ("-", "--"), strict=True):
            keys = [f"{kind} of {count}" for count in counts]
            axes.errorbar(
                counts,
                [row.fusions_mm[key] for key in keys],
                yerr=[row.fusions_sd_mm[key] for key in keys],
                color=colour,
                linestyle=style,
                marker="o",
                markersize=3,
                capsize=2,
                label=f"{kind}, {name}",
            )
        axes.axhline(row.fusions_mm[SOFTMAX.name], color=colour, linestyle=":", label=f"{SOFTMAX.name}, {name}")
    axes.set_xscale("log")
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set(xlabel="candidates a joint", ylabel="mean joint error (mm)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
