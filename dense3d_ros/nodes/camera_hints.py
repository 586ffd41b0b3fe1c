"""What is worth saying once of a camera whose messages are used, but are not what most cameras send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.camera_info import doubt_of

_MOST = 20
"""Sentences that are remembered: a hostile camera may cause any number."""


class CameraHints:
    """Gives each hint to `say` once."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._said: set[str] = set()
        self.lens = ""
        """What is done about the last camera's distortion."""
        self.doubt = ""
        """Why the last camera's intrinsics may be wrong; "" where nothing speaks for that."""
        self._camera: Camera | None = None

    def check(self, image: Any, info: Any, camera: Camera, depth_topic: str, info_topic: str) -> None:
        """A frame that is used: its messages, and the camera that they were read as."""
        frame = image.header.frame_id
        if camera.distortion is not None:
            self.lens = f"{camera.distortion.model} is undone"
            self._hint(
                f"The lens of {depth_topic} is undone ({camera.distortion.model}). If that image is rectified, set the "
                "parameter distortion to ignore."
            )
        elif any(info.d):
            self.lens = "not undone: the image counts as rectified"
            self._hint(
                f"The camera info on {info_topic} has distortion coefficients. They are not applied: {depth_topic} "
                "counts as rectified. If it is not, set the parameter distortion to undo."
            )
        else:
            self.lens = "none"
        if camera != self._camera:
            self._camera, doubt = camera, doubt_of(info, camera)
            self.doubt = f"camera info on {info_topic}: {doubt}" if doubt else ""
            if doubt:
                self._hint(f"Camera info on {info_topic}: {doubt}")
        if frame and not info.header.frame_id:
            self._hint(f"The camera info on {info_topic} has no frame_id; the image's, '{excerpt(frame)}', is taken.")
        if info.width > camera.width and not (info.roi.width or info.binning_x > 1):
            self._hint(
                f"The camera info on {info_topic} is for {info.width}x{info.height} pixels; it is scaled to the "
                f"{camera.width}x{camera.height} of {depth_topic}."
            )
        if is_named_like_a_body(frame):
            self._hint(
                f"The frame '{excerpt(frame)}' is not named like an optical one. Joints are x right, y down, z forward "
                "in it. If they appear turned, have the driver name its optical frame."
            )

    def _hint(self, text: str) -> None:
        if text not in self._said and len(self._said) < _MOST:
            self._said.add(text)
            self._say(text)


def is_named_like_a_body(frame: str) -> bool:
    """Whether a frame has a name that REP-103 gives to bodies, x forward, and not to what a camera sees."""
    words = frame.rsplit("/", 1)[-1].split("_")
    return "optical" not in words and words[-1] in ("link", "base")
