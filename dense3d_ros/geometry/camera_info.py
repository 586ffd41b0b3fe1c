"""sensor_msgs/CameraInfo -> the camera that took the image it belongs to, or a sentence that says why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.distortion import Distortion

LENS_SETTINGS = ("auto", "undo", "ignore", "inverse")
"""What may be asked for a lens; of "auto" `lens_of` makes another one, as `camera_of` takes them."""


class CameraInfoError(ValueError):
    """A camera info that does not describe the image. The message names field, value and what is accepted."""


def camera_of(info: Any, width: int, height: int, frame_id: str, lens: str = "ignore") -> Camera:
    """The intrinsics of an image of `width` x `height` pixels in frame `frame_id`.

    lens: "ignore" for a rectified image, whose intrinsics are those of the projection matrix P where it is filled in,
    else those of K. "undo" for one that is not, which has those of K and the lens, if that has distortion; "inverse"
    where the lens's coefficients take what is seen to the ray.

    K and P are given for the full sensor: the region of interest is cut out, then the binning applied. A binned pixel
    is the top left one of those it stands for: image_proc's CropDecimate takes that one, and image_geometry computes
    so. The info may be that of an image larger by a whole factor, which is then taken for a binning. An empty frame is
    any frame.

    Raises CameraInfoError.
    """
    k, p = _matrices(info)
    # Some drivers fill in P alone.
    if not (k[0] > 0.0 and k[4] > 0.0) and (any(k) or not _is_filled_in(p)):
        raise CameraInfoError(
            f"K has focal lengths {k[0]:g} and {k[4]:g}, the camera is not calibrated; accepted: positive ones"
        )
    if info.header.frame_id and info.header.frame_id.lstrip("/") != frame_id.lstrip("/"):
        raise CameraInfoError(
            f"frame_id is '{excerpt(info.header.frame_id)}', the depth image's is '{excerpt(frame_id)}'; "
            "accepted: the same"
        )
    try:
        distortion = distortion_of(info, lens) if any(k) else None
        left, top, binning_x, binning_y = _window(info, width, height)
        sensor = _sensor(info, distortion).checked()
    except CameraInfoError:
        raise
    except ValueError as error:
        raise CameraInfoError(str(error)) from error
    window = sensor.cropped(left, top, width, height)
    return replace(
        window, fx=window.fx / binning_x, fy=window.fy / binning_y, cx=window.cx / binning_x, cy=window.cy / binning_y
    )


def doubt_of(info: Any, camera: Camera) -> str:
    """A sentence where hardly any camera has the intrinsics of an info that was read as `camera`; else "".

    Of the full sensor: a region of interest may be anywhere on it.
    """
    return _sensor(info, camera.distortion).doubt()


def focal_length_of(info: Any, lens: str) -> tuple[float, float]:
    """Focal lengths across and down that `camera_of` takes, pixels of the full sensor, right or not."""
    return _intrinsics(info, any(info.k) and _has_lens(info, lens))[:2]


def _sensor(info: Any, distortion: Distortion | None) -> Camera:
    """The camera of the full sensor; ValueError where there can be none."""
    return Camera(*_intrinsics(info, distortion is not None), info.width, info.height, distortion)


def _intrinsics(info: Any, has_lens: bool) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy of the full sensor."""
    k, p = _matrices(info)
    return (p[0], p[5], p[2], p[6]) if _is_filled_in(p) and not has_lens else (k[0], k[4], k[2], k[5])


def _matrices(info: Any) -> tuple[list[float], list[float]]:
    return [float(value) for value in info.k], [float(value) for value in info.p]


def _is_filled_in(p: list[float]) -> bool:
    return p[0] > 0.0 and p[5] > 0.0


def _window(info: Any, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, and binning across and down of the image on the sensor. CameraInfoError where it does not fit."""
    region = info.roi
    is_whole = region.width == 0 and region.height == 0
    if is_whole:
        left, top, full_width, full_height = 0, 0, info.width, info.height
    else:
        left, top, full_width, full_height = region.x_offset, region.y_offset, region.width, region.height
    # 0 means 1, says the message.
    binning_x, binning_y = max(info.binning_x, 1), max(info.binning_y, 1)
    expected = (full_width // binning_x, full_height // binning_y)
    factor = info.width // width
    is_multiple = factor > 0 and (info.width, info.height) == (factor * width, factor * height)
    if is_whole and binning_x == binning_y == 1 and is_multiple:
        return 0, 0, factor, factor
    if expected != (width, height):
        raise CameraInfoError(
            f"it describes {expected[0]}x{expected[1]} pixels (width {info.width}, height {info.height}, "
            f"region of interest {region.width}x{region.height}, binning {info.binning_x}x{info.binning_y}), "
            f"the depth image has {width}x{height}; accepted: the same size, or a multiple of it"
        )
    return left, top, binning_x, binning_y


def distortion_of(info: Any, lens: str) -> Distortion | None:
    """The lens of an info; None where it bends nothing or is ignored. ValueError says what is wrong with it."""
    if not _has_lens(info, lens):
        return None
    return Distortion(info.distortion_model, tuple(map(float, info.d)), lens == "inverse")


def _has_lens(info: Any, lens: str) -> bool:
    """Whether the lens bends anything and is not ignored."""
    return lens != "ignore" and any(info.d)


def lens_of(topic: str, setting: str = "auto") -> str:
    """What `camera_of` is to do with the lens of a topic's images; "auto" goes by the topic's name."""
    if setting != "auto":
        return setting
    return "ignore" if is_named_rectified(topic) else "undo"


def is_named_rectified(topic: str) -> bool:
    """Whether a topic has a name that image_proc and drivers give to rectified images, such as image_rect_raw."""
    return any({"rect", "rectified"} & set(part.split("_")) for part in topic.split("/"))
