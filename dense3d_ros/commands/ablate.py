"""Ask the paper's questions: train variants of the network under equal conditions and compare their joint errors.

Every variant learns from the same crops, in the same order for the same seed, with the same budget. The crops are
64 pixels, made once (synthetic hands, or frames of NYU) and kept in DIR. Each run's result is written to DIR/runs as
soon as it is finished; the same command continues a stopped run. DIR gets ablation.json, ablation.md and
ablation.png. With the defaults the command takes about 45 minutes of one CPU core.

examples:
  dense3d ablate --output runs/ablation
  dense3d ablate --output runs/nyu --dataset nyu --root ~/data/nyu --device cuda
  dense3d ablate --output runs/two --variants decomposed direct --seeds 5
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "compare variants of the network, as the paper does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d ablate`."""
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of results")
    parser.add_argument(
        "--samples", metavar="N", type=int, default=24000, help="crops that each run learns from (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds",
        metavar="R",
        type=int,
        default=1,
        help="how often each crop is learned, each time turned by another 90 degrees (default: 1); more than 1 teaches "
        "rotations that the mostly upright synthetic test crops do not have",
    )
    parser.add_argument("--seeds", metavar="K", type=int, default=3, help="runs of a variant (default: %(default)s)")
    parser.add_argument("--test", metavar="N", type=int, default=1000, help="held-out crops (default: %(default)s)")
    parser.add_argument("--variants", metavar="NAME", nargs="+", help="only these (default: all)")
    parser.add_argument("--dataset", choices=("synthetic", "nyu"), default="synthetic", help="default: %(default)s")
    parser.add_argument("--root", metavar="DIR", type=Path, help="folder of the data set, with --dataset nyu")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:N (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Train and score what is not finished yet, write the report and print its tables."""
    from dense3d_ros.benchmark.machine import describe_machine
    from dense3d_ros.learning.ablation.report import markdown, write_report
    from dense3d_ros.learning.ablation.run import Settings, run_ablation
    from dense3d_ros.learning.ablation.variants import find_variants
    from dense3d_ros.runtime.selection import choose_device

    for name, least in (("samples", 32), ("rounds", 1), ("seeds", 1), ("test", 2)):
        if getattr(arguments, name) < least:
            raise ValueError(f"--{name} must be at least {least}, got {getattr(arguments, name)}")
    if (arguments.dataset == "nyu") != (arguments.root is not None):
        raise ValueError("--dataset nyu needs --root DIR, the folder of the data set; synthetic crops need none")
    settings = Settings(arguments.samples, arguments.test, arguments.dataset, arguments.rounds)
    variants = find_variants(arguments.variants)
    machine = describe_machine()
    device = choose_device(arguments.device)
    runs = run_ablation(arguments.output, settings, variants, arguments.seeds, nyu=arguments.root, device=device)
    print(markdown(write_report(arguments.output, settings, machine, runs)))
    print(arguments.output / "ablation.json")
    return 0
