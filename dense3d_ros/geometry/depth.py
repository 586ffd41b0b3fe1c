"""Depth images: ROS encodings and PNG files as one type. The only place that knows depth formats."""

from __future__ import annotations

import math
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt, printable
from dense3d_ros.geometry.png_chunks import SIGNATURE, PngError, chunks

ENCODINGS = {"16UC1": (np.uint16, 0.001), "mono16": (np.uint16, 0.001), "32FC1": (np.float32, 1.0)}
"""Encoding -> (type, metres per value), REP-118. mono16 is what some drivers call 16UC1."""
NOTHING = np.uint16(65535)
"""What some drivers write where nothing was measured; so do others with the largest float32."""
FARTHEST = 1e4
"""Metres; no depth camera sees as far. Larger float32 mean nothing measured."""
_NOT_DEPTH = (
    (("rgb", "bgr", "bayer", "yuv", "uyvy", "yuyv", "nv", "8UC3", "8UC4"), "a colour image"),
    (("mono8", "8UC1", "8SC1"), "infrared, or depth that is only for display"),
    (("16SC1",), "disparity, which has a sign"),
)
"""How encodings begin that come where depth was expected, and what they are."""
LARGEST_PNG = 2**26
"""Pixels; a depth camera has far fewer, and a file's header can claim any number."""
_ALL = slice(None)
_PNG_HEADER = struct.Struct(">8s4x4sII")


class DepthFormatError(ValueError):
    """A depth image that cannot be read as one."""


@dataclass(frozen=True, init=False)
class DepthImage:
    """A depth image as the sensor delivered it; nothing is converted before it is needed.

    values: (H, W) uint16 or float32, a view where possible. 0, negative, NaN, Inf and the largest of the type mean
    nothing measured.
    unit: metres per value, 0.001 for millimetres. uint16 values need it; float32 values are metres without it.
    """

    values: NDArray[np.uint16] | NDArray[np.float32]
    unit: float

    def __init__(self, values: NDArray[np.uint16] | NDArray[np.float32], unit: float | None = None) -> None:
        """Raises DepthFormatError, one sentence that says what to pass instead."""
        if not isinstance(values, np.ndarray):
            raise DepthFormatError(
                f"depth values must be a NumPy array of uint16 or float32, got a {type(values).__name__}; "
                "numpy.asarray(values, numpy.uint16) makes one"
            )
        if values.ndim != 2 or values.size == 0:
            raise DepthFormatError(f"a depth image must be (H, W) and not empty, not {values.shape}")
        if values.dtype not in (np.uint16, np.float32):
            raise DepthFormatError(f"depth values must be uint16 or float32, got {values.dtype}{_converted(values)}")
        if unit is None:
            if values.dtype == np.uint16:
                raise DepthFormatError("uint16 depth values need their unit, metres per value: 0.001 for millimetres")
            unit = 1.0
        if not is_finite_number(unit) or unit <= 0:
            raise DepthFormatError(f"the depth unit must be a positive number of metres, got {excerpt(repr(unit))}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "unit", unit)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.values.shape[0], self.values.shape[1]

    def metres(
        self, rows: NDArray[np.intp] | slice = _ALL, cols: NDArray[np.intp] | slice = _ALL
    ) -> NDArray[np.float32]:
        """The pixels at rows x cols, by default all, as float32 metres, 0 where nothing was measured.

        Index arrays select the outer product of rows and columns, as `numpy.ix_` does.
        """
        if isinstance(rows, np.ndarray) and isinstance(cols, np.ndarray):
            # Rows, then columns: a third of the time of both at once.
            return self._in_metres(self.values[rows][:, cols])
        return self._in_metres(self.values[rows, cols])

    def metres_at(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[np.float32]:
        """As `metres`, of the pixels (rows[i], cols[i]): two arrays of one shape."""
        if self.values.flags.c_contiguous:
            # By one index: a seventh of the time of two.
            return self._in_metres(self.values.ravel().take(rows * self.values.shape[1] + cols))
        return self._in_metres(self.values[rows, cols])

    def _in_metres(self, part: NDArray[np.uint16] | NDArray[np.float32]) -> NDArray[np.float32]:
        metres = part.astype(np.float32)
        metres *= np.float32(self.unit)
        if part.dtype == np.float32:
            metres[~((metres > 0) & (metres < FARTHEST))] = 0
        else:
            metres[part == NOTHING] = 0
        return metres

    @classmethod
    def from_buffer(
        cls,
        data: bytes | bytearray | memoryview,
        *,
        width: int,
        height: int,
        encoding: str,
        step: int,
        is_bigendian: bool,
    ) -> DepthImage:
        """View the data of a sensor_msgs/Image without a copy (a foreign byte order costs one).

        Raises DepthFormatError, which names the field, its value and what is accepted.
        """
        if encoding not in ENCODINGS:
            accepted = ", ".join(ENCODINGS)
            what = next((f"; it is {what}" for starts, what in _NOT_DEPTH if encoding.startswith(starts)), "")
            raise DepthFormatError(f"encoding '{excerpt(encoding)}' is no depth encoding; accepted: {accepted}{what}")
        if width < 1 or height < 1:
            raise DepthFormatError(f"the image is empty ({width}x{height})")
        dtype, unit = ENCODINGS[encoding]
        size = np.dtype(dtype).itemsize
        if step < width * size or step % size:
            raise DepthFormatError(
                f"step {step} does not fit {width} pixels of {encoding}; accepted: a multiple of {size}, "
                f"at least {width * size}"
            )
        # The last row may lack its padding.
        needed = step * (height - 1) + width * size
        if len(data) < needed:
            raise DepthFormatError(f"the image holds {len(data)} bytes, {width}x{height} {encoding} needs {needed}")
        as_sent = np.dtype(dtype).newbyteorder(">" if is_bigendian else "<")
        flat = np.frombuffer(data, dtype=as_sent, count=needed // size)
        values = np.lib.stride_tricks.as_strided(flat, (height, width), (step, size), writeable=False)
        if is_bigendian != (sys.byteorder == "big"):
            values = values.astype(dtype)
        return cls(values, unit)

    @classmethod
    def from_png(cls, path: str | Path, unit: float) -> DepthImage:
        """Read a 16-bit single-channel PNG whose values count `unit` metres; DepthFormatError says what is wrong."""
        path = Path(path)
        name = printable(path)
        try:
            with path.open("rb") as file:
                data = file.read(_PNG_HEADER.size)
                magic, chunk, width, height = _PNG_HEADER.unpack(data.ljust(_PNG_HEADER.size, b"\0"))
                if (magic, chunk) == (SIGNATURE, b"IHDR") and width * height > LARGEST_PNG:
                    raise DepthFormatError(f"{name} claims {width}x{height} pixels; accepted: up to {LARGEST_PNG}")
                # No PNG of that size needs more: eight bytes a pixel is the widest there is.
                data += file.read(8 * LARGEST_PNG)
        except OSError as error:
            raise DepthFormatError(f"{name} cannot be read: {error.strerror}") from error
        try:
            if magic == SIGNATURE:
                for _ in chunks(data):
                    pass
            # Not imread, which crashes at names that are not UTF-8.
            values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except PngError as error:
            raise DepthFormatError(f"{name} cannot be read: it {error}") from error
        except cv2.error:
            values = None
        if values is None:
            raise DepthFormatError(f"{name} cannot be read as an image; expected a 16-bit depth PNG")
        if values.dtype != np.uint16 or values.ndim != 2:
            channels = 1 if values.ndim == 2 else values.shape[2]
            raise DepthFormatError(
                f"{name} holds {channels} channel(s) of {values.dtype}; expected one channel of 16 bits"
            )
        return cls(values.astype(np.uint16, copy=False), unit)


def is_finite_number(value: object) -> bool:
    """Whether something, of whatever type, is a finite number."""
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        return False


def _converted(values: NDArray[np.generic]) -> str:
    """How values of another type become depth values, as the end of a sentence; "" where they are none."""
    if values.dtype.kind == "f":
        return "; values.astype(numpy.float32) converts them"
    is_integer = values.dtype.kind in "iu" and values.dtype.itemsize > 1
    return "; values.astype(numpy.uint16) converts them, where they are 0 to 65535" if is_integer else ""
