"""Check a downloaded benchmark: NYU, ICVL or MSRA15.

`dense3d data check DIR` reports which data set DIR holds and whether its labels can be read and no image is missing.
It draws the joints of a dozen frames, spread over the whole set, into an image to look at. The exit status is 0 for a
complete data set, 1 for an incomplete one.

example:
  dense3d data check ~/data/nyu_hand_dataset_v2 --sheet nyu.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dense3d_ros.commands import debug_option

SUMMARY = "check a downloaded benchmark"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d data`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    text = "tell whether a download is complete and show samples"
    check = actions.add_parser("check", help=text, parents=[debug_option()])
    check.add_argument("folder", metavar="DIR", type=Path, help="folder of the data set")
    check.add_argument("--dataset", choices=("nyu", "icvl", "msra"), help="data set (default: by the layout of DIR)")
    check.add_argument(
        "--sheet",
        metavar="FILE",
        type=Path,
        default=Path("samples.png"),
        help="image of samples to write (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what is there and what is wrong, and write the sheet."""
    from dense3d_ros.geometry.benchmarks import BENCHMARKS
    from dense3d_ros.learning.datasets.check import check_dataset, recognise
    from dense3d_ros.learning.datasets.sheet import sample_sheet
    from dense3d_ros.recordings.drawing import write_image

    dataset = arguments.dataset or recognise(arguments.folder)
    benchmark = BENCHMARKS[dataset]
    result = check_dataset(arguments.folder, dataset)
    print(f"{benchmark.title} in {arguments.folder}")
    for fact in result.facts:
        print(f"  {fact}")
    for problem in result.problems:
        print(f"  problem: {problem}")
    if result.samples:
        write_image(arguments.sheet, sample_sheet(result.samples, benchmark.chains))
        print(f"  samples: {arguments.sheet}")
    print("incomplete" if result.problems else "complete")
    return 1 if result.problems else 0
