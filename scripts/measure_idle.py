#!/usr/bin/env python3
"""Measure what the process of hand_pose, hand_model and hand_state costs while it sees no hand.

    python scripts/measure_idle.py --seconds 30

Prints the table of docs/performance.md: percent of a core, from /proc, with and without a camera and a subscriber.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import empty_room
from dense3d_ros.learning.synthetic.sensors import SENSORS
from dense3d_ros.rehearsal.children import (
    NAMESPACE,
    ModelChoice,
    camera_arguments,
    node_process,
    perception_arguments,
    spin,
    wait_until_active,
    watching,
)
from dense3d_ros.rehearsal.latency_observer import process_use

SETTLE_S = 3.0
IMAGES = 30
CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)


def write_room(folder: Path) -> None:
    """Images of a wall and a table, with a sensor's noise."""
    room, rng = empty_room(CAMERA), np.random.default_rng(0)
    for number in range(IMAGES):
        depth = SENSORS["structured_light"].apply(room, CAMERA, rng)
        cv2.imwrite(str(folder / f"{number:03d}.png"), np.round(depth * 1000.0).astype(np.uint16))


def percent_of_a_core(executor: SingleThreadedExecutor, process: subprocess.Popen[bytes], seconds: float) -> float:
    spin(executor, SETTLE_S)
    before = process_use(process.pid).seconds
    spin(executor, seconds)
    return 100.0 * (process_use(process.pid).seconds - before) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each case is measured")
    parser.add_argument("--rate", type=float, default=30.0, help="images a second")
    arguments = parser.parse_args()
    with watching(partial(Node, "idle_observer", namespace=NAMESPACE)) as (node, executor):
        print_figures(node, executor, arguments.rate, arguments.seconds)


def print_figures(node: Node, executor: SingleThreadedExecutor, rate: float, seconds: float) -> None:
    """A row of the table for each case, measured for `seconds`, with images at `rate` Hz."""

    def measure(process: subprocess.Popen[bytes], camera: str) -> None:
        subscription = None
        for subscriber in ("nobody", "hand_state/right/wrist"):
            if subscriber != "nobody":
                subscription = node.create_subscription(PoseStamped, f"{NAMESPACE}/{subscriber}", lambda _: None, 10)
            taken = percent_of_a_core(executor, process, seconds)
            print(f"| {camera} | {subscriber} | {taken:.1f} |", flush=True)
        node.destroy_subscription(subscription)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (room := folder / "room").mkdir()
        write_room(room)
        log = folder / "hand_pose.log"
        nodes = stack.enter_context(
            node_process("nodes.main", perception_arguments(ModelChoice("hand", 1, "cpu", "auto")), log)
        )
        wait_until_active(node, executor, nodes, log)
        print("| camera | who listens | CPU, % of a core |\n|---|---|---|")
        measure(nodes, "none")
        values = {"folder": str(room), "rate": rate}
        camera = node_process("rehearsal.depth_camera_node", camera_arguments(CAMERA, values), folder / "camera.log")
        stack.enter_context(camera)
        measure(nodes, f"an empty room at {rate:g} Hz")


if __name__ == "__main__":
    main()
