"""Compressed depth that is damaged, hostile or good. The camera infos are those of the good frames."""

from __future__ import annotations

import array
import struct
from functools import cache

import numpy as np
from builtin_interfaces.msg import Time
from compressed_depth import compress
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from .frames import PLACES, SentFrame, changed, good_hand, image, pick
from .images import FLOATS, NUMBERS, TEXTS
from .judging import Expected

CODINGS = ("png", "rvl")
FORMATS = (
    "jpeg",
    "16UC1; jpeg compressed",
    "; compressedDepth png",
    "32FC3; compressedDepth png",
    "16UC1; compressedDepth x",
)


@cache
def _data(place: tuple[float, float, float], coding: str, is_float: bool) -> bytes:
    metres = image(place)[0]
    return compress(metres if is_float else np.rint(metres * 1000).astype(np.uint16), coding)


def packed(frame: SentFrame, data: bytes, image_format: str) -> SentFrame:
    """`frame` with its image in this form."""
    assert isinstance(frame.image, Image)
    image = CompressedImage(header=frame.image.header, format=image_format, data=array.array("B", data))
    return changed(frame, frame.kind, frame.expected, image=image)


def packed_hand(stamp: Time) -> SentFrame:
    """The known hand as a PNG."""
    return packed(good_hand(stamp), _data(PLACES[0], "png", False), "16UC1; compressedDepth png")


def packed_room(stamp: Time) -> SentFrame:
    """An image in which nothing was measured."""
    frame = changed(good_hand(stamp), "nothing measured", Expected.NO_HAND, joints=None)
    return packed(frame, compress(np.zeros((240, 320), np.uint16), "png"), "16UC1; compressedDepth png")


def random_packed(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """One of the kinds, each as often as the others."""
    frame = good_hand(stamp, place := pick(rng, PLACES))
    coding, is_float = pick(rng, CODINGS), bool(rng.random() < 0.4)
    encoding = "32FC1" if is_float else "16UC1"
    data, name = _data(place, coding, is_float), f"{encoding}; compressedDepth {coding}"
    kind = int(rng.integers(7))
    if kind == 0:
        return changed(packed(frame, data, name), f"good {coding}", Expected.EXACT_HAND)
    if kind == 1:
        cut = packed(frame, data[: int(rng.integers(len(data) - 8))], name)
        return changed(cut, f"cut {coding}", Expected.NOTHING)
    if kind == 2:
        other = packed(frame, data, pick(rng, (*FORMATS, *(text for text in TEXTS if not text.startswith("16UC1")))))
        return changed(other, "another format", Expected.NOTHING)
    turned = bytearray(data)
    if kind == 3:
        for position in rng.integers(len(turned), size=int(rng.integers(1, 9))):
            turned[position] ^= 1 << int(rng.integers(8))
        return changed(packed(frame, bytes(turned), name), f"bits turned in {coding}", Expected.SANE, joints=None)
    if kind == 4:
        struct.pack_into("<ff", turned, 4, float(rng.choice(FLOATS)), float(rng.choice(FLOATS)))
        hostile = packed(frame, bytes(turned), name)
        return changed(hostile, "quantisation", Expected.SANE if is_float else Expected.EXACT_HAND)
    if kind == 5:
        size = struct.pack("<II", int(rng.choice(NUMBERS)), int(rng.choice(NUMBERS)))
        claimed = packed(frame, bytes(turned[:12]) + size + bytes(turned[20:]), f"{encoding}; compressedDepth rvl")
        return changed(claimed, "claimed size", Expected.NOTHING)
    raw = serialize_message(packed(frame, data, name).image)
    return changed(frame, "raw bytes: cut", Expected.NOTHING, image=raw[: int(rng.integers(4, len(raw) - 1))])
