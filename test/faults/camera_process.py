"""A camera for the campaign: publishes a known hand, or what the arguments say, until it is killed.

camera_process.py NAMESPACE RATE [hands that come and go: SECONDS of a period]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import rclpy
from node_processes import depth_message, info_message
from node_rigid_model import CAMERA, scene
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image


def main(namespace: str, rate: float, period: float = 0.0) -> None:
    """The hand is there for two thirds of the period; 0: always."""
    rclpy.init()
    node = rclpy.create_node(f"camera_{time.monotonic_ns()}")
    images = node.create_publisher(Image, f"{namespace}/depth", qos_profile_sensor_data)
    infos = node.create_publisher(CameraInfo, f"{namespace}/camera_info", qos_profile_sensor_data)
    hand = scene((0.0, 0.0, 0.5))[0]
    nothing = np.full_like(hand, 2.0)
    following = time.monotonic()
    while rclpy.ok():
        there = not period or time.monotonic() % period < period * 2 / 3
        image = depth_message(hand if there else nothing, node.get_clock().now().to_msg())
        infos.publish(info_message(image, CAMERA))
        images.publish(image)
        following = max(following + 1 / rate, time.monotonic() - 1.0)
        time.sleep(max(0.0, following - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
