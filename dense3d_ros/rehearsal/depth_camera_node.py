"""`depth_camera`: publishes depth and camera info like a driver, from files or from a rendered hand."""

from __future__ import annotations

import array
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseArray
from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage
from dense3d_ros.nodes.endpoints import create_publisher
from dense3d_ros.nodes.guard import FatalError
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.process import run_nodes, steady_clock
from dense3d_ros.nodes.settings import DepthCameraSettings
from dense3d_ros.rehearsal.depth_source import (
    FolderImages,
    ReadAhead,
    SourceImage,
    encoded,
    played_back,
    rendered_images,
)

GRACE_S, MATCHING_S = 3.0, 1.0
"""Seconds that subscribers may come after the first, and that those who are known have to know this node, too."""
BEHIND_S = 10.0
"""Seconds that a reliable subscriber has at a folder's end to get what it lacks: Fast DDS asks for it every 3 s."""
KEPT, FOLDER_KEPT = 5, 30
"""Images that reliable subscribers may be behind, and those of a folder that is published once."""
SAY_AFTER_S, SAY_AGAIN_S = 2.0, 10.0
"""Seconds without a first image after which the log says what it waits for, and how long until it says so again."""


class DepthCameraNode(Node):  # type: ignore[misc]
    """A camera whose intrinsics are parameters. The rendered hand comes with its true joints."""

    def __init__(self, **options: Any) -> None:
        super().__init__("depth_camera", **options)
        settings = NodeParameters(self, DepthCameraSettings()).settings
        self._settings = settings
        if settings.folder:
            images: Iterator[SourceImage] = FolderImages(Path(settings.folder), settings.depth_unit, settings.loop)
            self.get_logger().info(
                f"The images of {printable(Path(settings.folder))} are taken for those of a camera with fx "
                f"{settings.fx:g}, fy {settings.fy:g}, cx {settings.cx:g}, cy {settings.cy:g} and depth_unit "
                f"{settings.depth_unit:g}"
            )
        else:
            camera = Camera(settings.fx, settings.fy, settings.cx, settings.cy, settings.width, settings.height)
            images = rendered_images(
                camera, settings.rate, settings.seed, settings.sensor, settings.mesh, settings.motion
            )
            if count := round(settings.rendered_before * settings.rate):
                images = played_back(images, count, settings.encoding)
        self._images = ReadAhead(images)
        self._started = time.monotonic()
        self._say_at = SAY_AFTER_S
        self._waiting_for_first = not settings.folder
        self._start_at: float | None = None
        reliability = ReliabilityPolicy[settings.reliability.upper()]
        self._image = self._publisher(Image, "~/depth/image_rect_raw", reliability)
        self._info = self._publisher(CameraInfo, "~/depth/camera_info", reliability)
        self._joints = self._publisher(PoseArray, "~/true_joints", ReliabilityPolicy.RELIABLE)
        self._timer = self.create_timer(1.0 / settings.rate, self._publish, clock=steady_clock())

    def _publisher(self, message: Any, topic: str, reliability: ReliabilityPolicy) -> Any:
        depth = KEPT if self._settings.loop else FOLDER_KEPT
        return create_publisher(self, message, topic, QoSProfile(depth=depth, reliability=reliability))

    def destroy_node(self) -> None:
        """End the reading, then the node."""
        self._images.stop()
        super().destroy_node()

    def _publish(self) -> None:
        if self._must_wait():
            return
        try:
            image = self._images.take()
        except DepthFormatError as error:
            self.get_logger().error(str(error))
        except StopIteration:
            # What a reliable reader lacks ends with this process.
            self._image.wait_for_all_acked(Duration(seconds=BEHIND_S))
            self.get_logger().info("All files are published")
            self.context.try_shutdown()
        except Exception as error:
            raise FatalError(f"Cannot {'start' if self._waiting_for_first else 'go on'}: {error}") from error
        else:
            if image is not None:
                self._publish_image(*image)
            if self._waiting_for_first:
                self._tell_of_preparation(ready=image is not None)

    def _tell_of_preparation(self, ready: bool) -> None:
        """Say what keeps the first image so long, and when it is there."""
        self._waiting_for_first = not ready
        waited = time.monotonic() - self._started
        if ready and waited > SAY_AFTER_S:
            self.get_logger().info(f"The first image is ready after {waited:.0f} s")
        elif not ready:
            self._say_now_and_then(
                "Preparing the renderer", "the first time on a machine it is compiled, which takes about a minute"
            )

    def _must_wait(self) -> bool:
        """Whether a folder that is published once has to wait for subscribers."""
        settings = self._settings
        if settings.loop:
            return False
        if self._start_at is None:
            images, infos = self._image.get_subscription_count(), self._info.get_subscription_count()
            wanted = max(settings.subscribers, 1)
            if images >= wanted and infos:
                self._start_at = time.monotonic() + (MATCHING_S if settings.subscribers else GRACE_S)
            else:
                self._say_now_and_then(
                    "Waiting for subscribers",
                    f"the depth image has {images} of {wanted}, the camera info {infos} of 1",
                )
            return True
        return time.monotonic() < self._start_at

    def _say_now_and_then(self, cause: str, detail: str) -> None:
        """Say what the first image waits for, unless it was just said."""
        waited = time.monotonic() - self._started
        if waited > self._say_at:
            self._say_at = waited + SAY_AGAIN_S
            self.get_logger().info(f"{cause}, {waited:.0f} s so far: {detail}")

    def _publish_image(self, depth: DepthImage, joints: NDArray[np.float32] | None) -> None:
        image = image_message(depth, self._settings.encoding)
        image.header.frame_id = self._settings.frame_id
        image.header.stamp = self.get_clock().now().to_msg()
        info = self._info_message(image)
        self._info.publish(info)
        self._image.publish(image)
        if joints is not None:
            poses = [Pose(position=Point(x=x, y=y, z=z)) for x, y, z in joints.tolist()]
            self._joints.publish(PoseArray(header=image.header, poses=poses))

    def _info_message(self, image: Image) -> CameraInfo:
        fx, fy, cx, cy = (float(getattr(self._settings, name)) for name in ("fx", "fy", "cx", "cy"))
        return CameraInfo(
            header=image.header,
            width=image.width,
            height=image.height,
            distortion_model="plumb_bob",
            d=[0.0] * 5,
            k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
            r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        )


def image_message(depth: DepthImage, encoding: str) -> Image:
    """sensor_msgs/Image of a depth image as 16UC1 or 32FC1; the header is left empty."""
    values = encoded(depth, encoding)
    height, width = values.shape
    little_endian = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return Image(
        height=height,
        width=width,
        encoding=encoding,
        step=width * values.itemsize,
        # An array.array is taken over as it is; a NumPy array would be copied value by value.
        data=array.array("B", little_endian.tobytes()),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted, or until all files are published; returns the exit status."""
    return run_nodes(lambda: [DepthCameraNode()], arguments)
