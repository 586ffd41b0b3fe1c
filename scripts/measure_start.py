#!/usr/bin/env python3
"""Measure what a fresh process needs for its first pose: seconds, and MiB of resident memory after it.

    python scripts/measure_start.py --model hand --repeats 3

Prints a row for each run. The frame is a rendered hand, 640x480, made before the time starts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from dense3d_ros.commands import add_views
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import HandAnimation

CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
FIRST_POSE = """
import time
started = time.perf_counter()
import sys
from pathlib import Path
import numpy as np
from dense3d_ros import Camera, DepthImage, HandPoseEstimator, load_model
frame = DepthImage(np.load(sys.argv[1]))
estimator = HandPoseEstimator(load_model(sys.argv[2], "cpu", sys.argv[3], int(sys.argv[4])))
hands = estimator.estimate(frame, Camera(475.0, 475.0, 319.5, 239.5, 640, 480)).hands
seconds = time.perf_counter() - started
status = Path("/proc/self/status").read_text()
resident = int(status.partition("VmRSS:")[2].split()[0]) / 1024
print(f"{seconds:.2f} s, {resident:.0f} MiB, {len(hands)} hand, torch {'torch' in sys.modules}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="hand", help="shipped model's name or a model file (default: %(default)s)")
    add_views(parser)
    parser.add_argument("--runtime", default="auto", help="what the network runs in (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="fresh processes (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.npy"
        np.save(frame, HandAnimation(CAMERA, seed=3, sensor="structured_light").frame(0.7)[0])
        for _ in range(arguments.repeats):
            words = [str(frame), arguments.model, arguments.runtime, str(arguments.views)]
            command = [sys.executable, "-c", FIRST_POSE, *words]
            print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
