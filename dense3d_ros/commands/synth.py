"""Show what training samples look like: synthetic crops with the true joints drawn on them.

Each tile is one crop as the network gets it. A tile with a skeleton teaches joints; the others teach only whether
there is a hand, and whether it is left or right.

example:
  dense3d synth --show samples.png --count 48
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "show synthetic training samples"
COLUMNS = 8
TILE_WIDTH = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d synth`."""
    parser.add_argument("--show", metavar="FILE", type=Path, required=True, help="image to write")
    parser.add_argument("--count", metavar="N", type=int, default=40, help="number of samples (default: %(default)s)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="first seed (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Make the samples and write the sheet."""
    import numpy as np

    from dense3d_ros.atomic_write import check_writable
    from dense3d_ros.geometry.camera import Camera
    from dense3d_ros.learning.synthetic.compilation import announced
    from dense3d_ros.learning.synthetic.samples import make_sample
    from dense3d_ros.learning.synthetic.scenes import SceneAssets
    from dense3d_ros.recordings.drawing import contact_sheet, draw_crop, write_image

    if arguments.count < 1:
        raise ValueError(f"--count must be at least 1, got {arguments.count}")
    if arguments.seed < 0:
        raise ValueError(f"--seed must be at least 0, got {arguments.seed}")
    check_writable(arguments.show)
    assets = SceneAssets.load()
    with announced(print):
        samples = [
            make_sample(np.random.default_rng(arguments.seed + number), assets) for number in range(arguments.count)
        ]
    tiles = []
    for sample in samples:
        joints = sample.joints if sample.has_joints else None
        label = {0: "no hand", 1: "right" if sample.right else "left", -1: "off centre"}[sample.presence]
        size = len(sample.image)
        fx, fy, cx, cy = (float(value) for value in sample.camera)
        camera = Camera(fx, fy, cx, cy, size, size)
        tiles.append(draw_crop(sample.image, camera, joints, label, TILE_WIDTH))
    write_image(arguments.show, contact_sheet(tiles, COLUMNS, TILE_WIDTH))
    print(arguments.show)
    return 0
