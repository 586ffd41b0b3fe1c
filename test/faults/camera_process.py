"""A camera for campaign and soak: camera_process.py NAMESPACE RATE stiff|rendered [PERIOD], until it is killed.

stiff: one image of the stiff model's hand. rendered: a moving hand before a table and a wall, for a real model.
The hand is there for two thirds of each PERIOD of seconds; 0: always.
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
from numpy.typing import NDArray
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import HandAnimation

RENDERED_CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
FRAMES, RENDERED_RATE = 90, 30.0


def depth_images(kind: str) -> tuple[Camera, list[NDArray[np.float32]]]:
    """The camera, and depth (H, W) in metres of one image after the other."""
    if kind == "stiff":
        return CAMERA, [scene((0.0, 0.0, 0.5))[0]]
    animation = HandAnimation(RENDERED_CAMERA, seed=3, sensor="structured_light")
    forth = [animation.frame(index / RENDERED_RATE)[0] for index in range(FRAMES)]
    return RENDERED_CAMERA, forth + forth[::-1]


def main(namespace: str, rate: float, kind: str, period: float = 0.0) -> None:
    """Publish until interrupted."""
    camera, hands = depth_images(kind)
    nothing = np.full((camera.height, camera.width), 2.0, np.float32)
    rclpy.init()
    node = rclpy.create_node(f"camera_{time.monotonic_ns()}")
    images = node.create_publisher(Image, f"{namespace}/depth", qos_profile_sensor_data)
    infos = node.create_publisher(CameraInfo, f"{namespace}/camera_info", qos_profile_sensor_data)
    due, index = time.monotonic(), 0
    while rclpy.ok():
        there = not period or time.monotonic() % period < period * 2 / 3
        image = depth_message(hands[index % len(hands)] if there else nothing, node.get_clock().now().to_msg())
        infos.publish(info_message(image, camera))
        images.publish(image)
        # As a camera does: what could not be sent in time is not sent later.
        due, index = max(due + 1 / rate, time.monotonic()), index + 1
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3], *map(float, sys.argv[4:]))
