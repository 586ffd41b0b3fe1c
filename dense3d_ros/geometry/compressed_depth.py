"""Depth images as the ROS package compressed_depth_image_transport compresses them.

The data of a sensor_msgs/CompressedImage are a header of 12 bytes, then a PNG of 16-bit grey values, or width and
height and RVL. Header: an int32 that says nothing, and the float32 a and b of what 32FC1 is quantised to: a value v
stands for a / (v - b) metres, 0 for nothing measured. The format field reads "16UC1; compressedDepth png".
Source: ros-perception/image_transport_plugins, compressed_depth_image_transport/src/codec.cpp.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.depth import ENCODINGS, DepthFormatError, DepthImage
from dense3d_ros.geometry.png_chunks import SIGNATURE, PngError, chunks
from dense3d_ros.geometry.rvl import decode_rvl

LARGEST = 2**24
"""Pixels: sixteen million, several times a depth camera's. A few bytes can claim any number."""
_HEADER = struct.Struct("<iff")
_SIZE = struct.Struct("<II")
_IHDR = struct.Struct(">IIBB3x")
_GREY = 0


def decode_compressed_depth(data: bytes | bytearray | memoryview, image_format: str) -> DepthImage:
    """The depth image in the data of a CompressedImage with this format field.

    Raises DepthFormatError, one sentence on what is wrong and what is accepted.
    """
    encoding, coding = _parse(image_format)
    view = memoryview(data).cast("B")
    if len(view) <= _HEADER.size:
        raise DepthFormatError(f"the compressed depth holds {len(view)} bytes; its header alone has {_HEADER.size}")
    _, a, b = _HEADER.unpack_from(view)
    body = view[_HEADER.size :]
    values = _png(body) if coding == "png" else _rvl(body)
    dtype, unit = ENCODINGS[encoding]
    if dtype == np.uint16:
        return DepthImage(values, unit)
    if not (np.isfinite([a, b]).all() and a > 0):
        raise DepthFormatError(
            f"the header's quantisation is {a:g} and {b:g}; accepted: finite numbers, a positive first"
        )
    return DepthImage(_metres_of(a, b)[values], unit)


def _parse(image_format: str) -> tuple[str, str]:
    """Encoding and coding of a format field. Old publishers name no coding, which was PNG then."""
    encoding, _, rest = image_format.partition(";")
    words = rest.split() or ["compressedDepth"]
    coding = words[1] if len(words) > 1 else "png"
    if encoding.strip() not in ENCODINGS or words[0] != "compressedDepth" or coding not in ("png", "rvl"):
        raise DepthFormatError(
            f"format '{excerpt(image_format)}' is no compressed depth; accepted: one of {', '.join(ENCODINGS)}, then "
            "'; compressedDepth png' or '; compressedDepth rvl'"
        )
    return encoding.strip(), coding


def _png(body: memoryview) -> NDArray[np.uint16]:
    _check_png(body)
    try:
        values = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        values = None
    if values is None or values.ndim != 2 or values.dtype != np.uint16:
        raise DepthFormatError("the PNG of the compressed depth is damaged")
    return values.astype(np.uint16, copy=False)


def _check_png(body: memoryview) -> None:
    """Raise DepthFormatError unless it is a whole PNG of 16-bit grey values."""
    if body[: len(SIGNATURE)] != SIGNATURE:
        raise DepthFormatError(f"the compressed depth holds no PNG; it begins with {bytes(body[:8])!r}")
    try:
        for number, (kind, data) in enumerate(chunks(body)):
            if number == 0:
                _check_header(kind, data)
    except PngError as error:
        raise DepthFormatError(f"the PNG of the compressed depth {error}") from error


def _check_header(kind: bytes, data: memoryview) -> None:
    """Raise DepthFormatError unless the first chunk announces 16 bits of grey, and not too many pixels."""
    if (kind, len(data)) != (b"IHDR", _IHDR.size):
        raise DepthFormatError("the PNG of the compressed depth is damaged: its header does not come first")
    width, height, bits, colour = _IHDR.unpack(data)
    _check_size(width, height)
    if (bits, colour) != (16, _GREY):
        raise DepthFormatError(
            f"the PNG of the compressed depth has {bits} bits and colour type {colour}; accepted: 16 bits of grey"
        )


def _rvl(body: memoryview) -> NDArray[np.uint16]:
    if len(body) < _SIZE.size:
        raise DepthFormatError("the RVL of the compressed depth is cut off before its size")
    width, height = _SIZE.unpack_from(body)
    _check_size(width, height)
    try:
        return decode_rvl(body[_SIZE.size :], width * height).reshape(height, width)
    except ValueError as error:
        raise DepthFormatError(f"the RVL of the compressed depth ({width}x{height}) is damaged: {error}") from error


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= LARGEST:
        raise DepthFormatError(f"the compressed depth claims {width}x{height} pixels; accepted: 1 to {LARGEST}")


@lru_cache(maxsize=4)
def _metres_of(a: float, b: float) -> NDArray[np.float32]:
    """Metres of every 16-bit value; 0 where nothing was measured."""
    values = np.arange(2**16, dtype=np.float32)
    with np.errstate(divide="ignore", over="ignore"):
        metres: NDArray[np.float32] = np.float32(a) / (values - np.float32(b))
    metres[0] = 0
    metres.flags.writeable = False
    return metres
