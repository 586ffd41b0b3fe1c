"""See what arrives on a live system, what is wrong with it, and what to set.

Use it when nothing shows in RViz. It finds depth images by type and name, their camera infos, and the nodes hand_pose,
hand_model, hand_state and hand_retarget. It listens, asks hand_pose for its parameters, publishes nothing and changes
nothing. It prints rates, encodings, sizes, frames, ages of the stamps, distances and focal lengths, then one sentence
for each problem: types or qualities of service that do not fit, missing or impossible camera infos, stamps that are
old or in the future, encodings that are not depth, a model that is not active, and what else the nodes' diagnostics
say. The exit status is 1 if something is wrong.

example:
  dense3d watch --seconds 5
"""

from __future__ import annotations

import argparse

SUMMARY = "see what arrives on a live system, and what is wrong with it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d watch`."""
    parser.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        default=5.0,
        help="listening time, a little longer if a publisher comes late (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Listen, print; 1 if anything is wrong."""
    if not 0.5 <= arguments.seconds <= 3600:
        raise ValueError(f"--seconds must be 0.5 to 3600, got {arguments.seconds:g}")
    from dense3d_ros.nodes.watch_findings import findings
    from dense3d_ros.nodes.watch_table import table
    from dense3d_ros.nodes.watcher import watch

    seen = watch(arguments.seconds)
    wrong = findings(seen)
    print(table(seen))
    print()
    for number, sentence in enumerate(wrong, 1):
        print(f"{number}. {sentence}")
    if not wrong:
        print("nothing is wrong")
    return 1 if wrong else 0
