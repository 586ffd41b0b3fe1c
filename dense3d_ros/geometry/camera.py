"""Pinhole camera. Pixel (0, 0) is the centre of the top-left pixel, as in ROS and OpenCV."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.distortion import Distortion

FloatArray = NDArray[np.floating]

NARROWEST, WIDEST = 10.0, 170.0
"""Degrees that a rectified depth camera sees across and down."""
_USUALLY_NARROWEST, _USUALLY_WIDEST = 20.0, 140.0
"""Degrees that depth cameras see across or down, whichever is more: some send but a low strip of their image."""
_USUALLY_OFF, _USUALLY_APART = 0.15, 1.25
"""Principal points are nearer to the middle than this share of the image's size, focal lengths more alike."""
_INTEGERS = (int, np.integer)


@dataclass(frozen=True)
class Camera:
    """Intrinsics of a pinhole camera, in pixels, and what its lens does to an image that is not rectified.

    Points are metres in the optical frame (REP-103): x right, y down, z forward.
    is_window: whether it sees a part of a whole image, as `cropped` makes it.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    distortion: Distortion | None = None
    is_window: bool = field(default=False, kw_only=True, compare=False)

    def __post_init__(self) -> None:
        try:
            are_numbers = np.isfinite([self.fx, self.fy, self.cx, self.cy]).all() and self.fx > 0 and self.fy > 0
        except (TypeError, ValueError):
            are_numbers = False
        if not are_numbers:
            raise ValueError(
                f"camera intrinsics must be finite with positive focal lengths, got fx={self.fx!r} fy={self.fy!r} "
                f"cx={self.cx!r} cy={self.cy!r}"
            )
        if not (isinstance(self.width, _INTEGERS) and isinstance(self.height, _INTEGERS)):
            raise ValueError(f"camera size must be whole numbers of pixels, got {self.width!r} x {self.height!r}")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"camera size must be at least 1x1, got {self.width}x{self.height}")

    def checked(self) -> Camera:
        """The camera itself; ValueError where it cannot be that of a whole depth image.

        Only a window of an image may see less, or have its principal point far outside.
        """
        if self.is_window:
            return self
        across, down = self._field_of_view()
        if min(across, down) < NARROWEST or max(across, down) > WIDEST:
            raise ValueError(
                f"focal lengths of {self.fx:g} and {self.fy:g} pixels give {self.width}x{self.height} pixels a field "
                f"of view of {across:.1f} x {down:.1f} degrees; accepted: {NARROWEST:g} to {WIDEST:g}"
            )
        if not (-self.width <= self.cx <= 2 * self.width and -self.height <= self.cy <= 2 * self.height):
            raise ValueError(
                f"the principal point ({self.cx:g}, {self.cy:g}) lies outside the image of "
                f"{self.width}x{self.height} pixels by more than its size; accepted: "
                f"({-self.width}, {-self.height}) to ({2 * self.width}, {2 * self.height})"
            )
        return self

    def doubt(self) -> str:
        """A sentence where hardly any camera has such intrinsics for a whole image, so they may be wrong; else ""."""
        reasons = []
        off = max(abs(self.cx + 0.5 - self.width / 2) / self.width, abs(self.cy + 0.5 - self.height / 2) / self.height)
        if off > _USUALLY_OFF:
            place = f"({self.cx:g}, {self.cy:g})"
            reasons.append(f"the principal point {place} is {100 * off:.0f} % of the image's size from its middle")
        if max(self.fx, self.fy) > _USUALLY_APART * min(self.fx, self.fy):
            reasons.append(f"the focal lengths {self.fx:g} and {self.fy:g} are far apart")
        across, down = self._field_of_view()
        if not _USUALLY_NARROWEST <= max(across, down) <= _USUALLY_WIDEST:
            reasons.append(f"the field of view is {across:.0f} x {down:.0f} degrees")
        if not reasons:
            return ""
        return (
            f"these intrinsics are unusual for {self.width}x{self.height} pixels: {', '.join(reasons)}; "
            "are they right, and those of images of this size?"
        )

    def _field_of_view(self) -> tuple[float, float]:
        """Degrees across and down."""
        across, down = (
            math.degrees(2 * math.atan2(size / 2, focal))
            for size, focal in ((self.width, self.fx), (self.height, self.fy))
        )
        return across, down

    def project(self, points: FloatArray) -> FloatArray:
        """(..., 3) metres with z > 0 -> (..., 2) pixels."""
        z = points[..., 2]
        return np.stack(self.pixels(points[..., 0] / z, points[..., 1] / z), axis=-1)

    def pixels(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Columns and rows at which rays are seen, given by their x / z and y / z, which broadcast."""
        if self.distortion is not None:
            x, y = self.distortion.distort(x, y)
        return x * self.fx + self.cx, y * self.fy + self.cy

    def rays(self, cols: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """x / z and y / z of what is seen at pixels, which broadcast: the inverse of `pixels`."""
        x, y = (cols - self.cx) / self.fx, (rows - self.cy) / self.fy
        return (x, y) if self.distortion is None else self.distortion.undistort(x, y)

    def back_project(self, pixels: FloatArray, depth: FloatArray) -> FloatArray:
        """(..., 2) pixels and (...) depth in metres -> (..., 3) metres."""
        if self.distortion is not None:
            x, y = self.rays(pixels[..., 0], pixels[..., 1])
            return np.stack([x * depth, y * depth, depth], axis=-1)
        return np.stack(
            [
                (pixels[..., 0] - self.cx) * depth / self.fx,
                (pixels[..., 1] - self.cy) * depth / self.fy,
                depth,
            ],
            axis=-1,
        )

    @property
    def pinhole(self) -> tuple[float, float, float, float]:
        """fx, fy, cx, cy."""
        return self.fx, self.fy, self.cx, self.cy

    def mirrored(self) -> Camera:
        """The camera that sees what a mirror in the plane x = 0 shows; ValueError for one with distortion."""
        if self.distortion is not None:
            raise ValueError("a camera with distortion has no mirror image; accepted: one without")
        return replace(self, cx=self.width - 1 - self.cx)

    def cropped(self, left: float, top: float, width: int, height: int) -> Camera:
        """The camera of the window whose top-left pixel is (left, top)."""
        return replace(self, cx=self.cx - left, cy=self.cy - top, width=width, height=height, is_window=True)

    def resized(self, width: int, height: int) -> Camera:
        """The camera of the same image resampled to another size, pixel areas aligned."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
            width=width,
            height=height,
        )
