"""Writes compressed depth as compressed_depth_image_transport does, pixel by pixel as its paper and source say."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray


def compress(values: NDArray[np.uint16] | NDArray[np.float32], coding: str, depth_max: float = 10.0) -> bytes:
    """The data of the message: of uint16 as they are, of float32 metres quantised by the transport's 100."""
    a, b = 0.0, 0.0
    if values.dtype == np.float32:
        a = 100.0 * 101.0
        b = 1.0 - a / depth_max
        with np.errstate(divide="ignore", invalid="ignore"):
            quantised = a / values + b
        values = np.where((values > 0) & (values < depth_max), quantised, 0).astype(np.uint16)
    header = struct.pack("<iff", 0, a, b)
    if coding == "png":
        return header + cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    height, width = values.shape
    return header + struct.pack("<II", width, height) + encode_rvl(values.astype(np.uint16))


def encode_rvl(values: NDArray[np.uint16]) -> bytes:
    pixels = [int(value) for value in values.ravel()]
    nibbles: list[int] = []

    def write(number: int) -> None:
        while number >= 8:
            nibbles.append(8 | number & 7)
            number >>= 3
        nibbles.append(number)

    at, last = 0, 0
    while at < len(pixels):
        measured = next((i for i in range(at, len(pixels)) if pixels[i]), len(pixels))
        end = next((i for i in range(measured, len(pixels)) if not pixels[i]), len(pixels))
        write(measured - at)
        write(end - measured)
        for value in pixels[measured:end]:
            change = value - last
            write(2 * change if change >= 0 else -2 * change - 1)
            last = value
        at = end
    nibbles += [0] * (-len(nibbles) % 8)
    words = (nibbles[i : i + 8] for i in range(0, len(nibbles), 8))
    return b"".join(struct.pack("<I", int("".join(f"{nibble:x}" for nibble in word), 16)) for word in words)
