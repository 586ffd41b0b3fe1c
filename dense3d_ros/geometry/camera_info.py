"""sensor_msgs/CameraInfo -> the camera that took the image it belongs to, or a sentence that says why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.camera import Camera


class CameraInfoError(ValueError):
    """A camera info that does not describe the image. The message names field, value and what is accepted."""


def camera_of(info: Any, width: int, height: int, frame_id: str) -> Camera:
    """The intrinsics of an image of `width` x `height` pixels in frame `frame_id`.

    K must be calibrated. The projection matrix P is used where it is filled in, because depth topics are
    rectified; else K. Both are given for the full sensor: the region of interest is cut out, then the binning
    applied. A binned pixel is the top left one of those it stands for: image_proc's CropDecimate takes that one, and
    image_geometry computes so.

    Raises CameraInfoError.
    """
    if not (info.k[0] > 0.0 and info.k[4] > 0.0):
        raise CameraInfoError(
            f"K has focal lengths {info.k[0]:g} and {info.k[4]:g}, the camera is not calibrated; "
            "accepted: positive ones"
        )
    if info.header.frame_id.lstrip("/") != frame_id.lstrip("/"):
        raise CameraInfoError(
            f"frame_id is '{excerpt(info.header.frame_id)}', the depth image's is '{excerpt(frame_id)}'; "
            "accepted: the same"
        )
    if info.p[0] > 0.0 and info.p[5] > 0.0:
        given = info.p[0], info.p[5], info.p[2], info.p[6]
    else:
        given = info.k[0], info.k[4], info.k[2], info.k[5]
    # rclpy's are NumPy's, which would make whatever they are multiplied with double.
    fx, fy, cx, cy = map(float, given)
    region = info.roi
    if region.width == 0 and region.height == 0:
        left, top, full_width, full_height = 0, 0, info.width, info.height
    else:
        left, top, full_width, full_height = region.x_offset, region.y_offset, region.width, region.height
    # 0 means 1, says the message.
    binning_x, binning_y = max(info.binning_x, 1), max(info.binning_y, 1)
    expected = (full_width // binning_x, full_height // binning_y)
    if expected != (width, height):
        raise CameraInfoError(
            f"it describes {expected[0]}x{expected[1]} pixels (width {info.width}, height {info.height}, "
            f"region of interest {region.width}x{region.height}, binning {info.binning_x}x{info.binning_y}), "
            f"the depth image has {width}x{height}; accepted: the same size"
        )
    try:
        sensor = Camera(fx, fy, cx, cy, info.width, info.height).checked()
    except ValueError as error:
        raise CameraInfoError(str(error)) from error
    window = sensor.cropped(left, top, width, height)
    return replace(window, fx=fx / binning_x, fy=fy / binning_y, cx=window.cx / binning_x, cy=window.cy / binning_y)


def is_distorted(info: Any) -> bool:
    """Whether the info has distortion coefficients, so that an image that is not rectified would be bent."""
    return any(value != 0.0 for value in info.d)
