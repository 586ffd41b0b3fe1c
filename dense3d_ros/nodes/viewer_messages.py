"""Hands for viewers that know neither our messages nor markers: a colour image and a cloud of the joints."""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image, PointCloud2, PointField

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import NOTHING, DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.geometry.joint_cloud import POINT, joint_cloud
from dense3d_ros.skeleton_drawing import DEPTH_RGB, HAND_RGB, ColourImage, draw_skeleton


def _scale() -> NDArray[np.uint8]:
    """RGB (256, 1, 3): 0 is black for nothing measured, 1 is far, 255 is near."""
    scale = np.ascontiguousarray(DEPTH_RGB[::-1, None])
    scale[0] = 0
    return scale


_SCALE = _scale()
_FIELDS = [
    PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
    for index, name in enumerate(POINT.names or ())
]


def overlay(depth: DepthImage, camera: Camera, hands: Sequence[HandPose], near: float, far: float) -> ColourImage:
    """Depth in colour, bright and warm at `near`, dark and cold at `far` metres, with the skeletons: (H, W, 3) RGB."""
    image = _coloured(depth, near, far)
    width = max(1, round(max(image.shape[:2]) / 320))
    for hand in hands:
        if (hand.joints[:, 2] > 0).all():
            draw_skeleton(image, camera.project(hand.joints), HAND_RGB, width, 1.25 * width, 1.25 * width)
    return image


def _coloured(depth: DepthImage, near: float, far: float) -> ColourImage:
    values: Any = depth.values
    unit = depth.unit
    if values.dtype != np.uint16:
        values, unit = depth.metres(), 1.0
    # In OpenCV, which takes a tenth of NumPy's time; it saturates integers alone.
    farthest: Any = np.full(values.shape, min(far / unit, 65535), values.dtype)
    behind = cv2.subtract(farthest, cv2.min(values, farthest))
    level = cv2.convertScaleAbs(behind, alpha=255 * unit / (far - near)).clip(1, None)
    level = level * ((values > 0) & (values != NOTHING))
    return np.asarray(cv2.applyColorMap(level, _SCALE), np.uint8)


def overlay_message(header: Any, image: ColourImage) -> Any:
    """sensor_msgs/Image of an (H, W, 3) RGB image."""
    height, width = image.shape[:2]
    data = array.array("B", image.tobytes())
    return Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width, data=data)


def points_message(header: Any, hands: Sequence[HandPose]) -> Any:
    """sensor_msgs/PointCloud2 of all joints, 21 a hand in the order of JOINT_NAMES: x, y, z, rgb and score."""
    points = joint_cloud(hands)
    return PointCloud2(
        header=header,
        height=1,
        width=points.size,
        fields=_FIELDS,
        point_step=POINT.itemsize,
        row_step=POINT.itemsize * points.size,
        is_dense=True,
        data=array.array("B", points.tobytes()),
    )
