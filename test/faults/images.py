"""Images that are malformed, hostile or merely odd."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from builtin_interfaces.msg import Time
from node_rigid_model import CAMERA
from numpy.typing import NDArray
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from .frames import PLACES, SentFrame, changed, frame_of, good_hand, image, pick
from .judging import Expected

BYTES = {"16UC1": 2, "mono16": 2, "32FC1": 4}
"""Bytes a pixel of the encodings that are promised to be read."""
TEXTS = (
    "",
    " ",
    "16uc1",
    "16UC1 ",
    "rgb8",
    "mono8",
    "8UC1",
    "16SC1",
    "32FC3",
    "64FC1",
    "🖐",
    "\n",
    "x" * 10**6,
)
NUMBERS = (0, 1, 2, 3, 7, 639, 641, 65535, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
FLOATS = (np.nan, np.inf, -np.inf, -0.0, -0.5, 0.5, 1e-45, 1e-30, 1e30, 3.4e38)

Make: TypeAlias = Callable[[np.random.Generator, Time], SentFrame]


def random_image(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """One of the kinds, each as often as the others."""
    return pick(rng, MAKERS)(rng, stamp)


def readable(image: Image) -> bool:
    """Whether README promises that this image is read: known encoding, rows that fit, no row missing."""
    size = BYTES.get(image.encoding, 0)
    if not size or not image.width or not image.height:
        return False
    if image.step < image.width * size or image.step % size:
        return False
    return len(image.data) >= image.step * (image.height - 1) + image.width * size


def random_content(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[str, NDArray[np.float32]]:
    """Name and (H, W) metres of an image that no camera takes of a hand."""
    if rng.random() < 0.5:
        value = float(rng.choice(FLOATS))
        return f"all {value:g}", np.full(shape, value, np.float32)
    if rng.random() < 0.5:
        metres = np.array(FLOATS, np.float32)[rng.integers(len(FLOATS), size=shape)]
        return "hostile numbers", metres
    if rng.random() < 0.5:
        return "noise", rng.uniform(0.0, 2.0, shape).astype(np.float32)
    coarse = rng.uniform(0.1, 1.6, (shape[0] // 8 + 1, shape[1] // 8 + 1)).astype(np.float32)
    return "blocks", np.kron(coarse, np.ones((8, 8), np.float32))[: shape[0], : shape[1]]


def _encoding(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    frame.image.encoding = pick(rng, TEXTS)
    return changed(frame, "encoding", Expected.NOTHING)


def _step(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    row = 2 * CAMERA.width
    frame.image.step = int(rng.choice([*NUMBERS, row - 2, row - 1, row + 1, row + 2, int(rng.integers(2**32))]))
    return changed(frame, "step", Expected.SANE if readable(frame.image) else Expected.NOTHING)


def _size(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """Image and info agree on a size that the data need not have."""
    frame = good_hand(stamp)
    image = frame.image
    image.width, image.height = (int(rng.choice([*NUMBERS, CAMERA.width, CAMERA.height])) for _ in range(2))
    if rng.random() < 0.5:
        image.step = image.width * 2 % 2**32
    frame.info.width, frame.info.height = image.width, image.height
    return changed(frame, "size", Expected.SANE if readable(image) else Expected.NOTHING)


def _data(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    data = frame.image.data
    length = int(rng.choice([0, 1, len(data) - 1, len(data) - 2, int(rng.integers(len(data))), len(data) + 1, 300000]))
    frame.image.data = data[:length] + array.array("B", bytes(max(0, length - len(data))))
    return changed(frame, "data length", Expected.SANE if readable(frame.image) else Expected.NOTHING)


def _byte_order(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    frame.image.is_bigendian = int(rng.integers(256))
    return changed(frame, "byte order", Expected.SANE)


def _content(rng: np.random.Generator, stamp: Time) -> SentFrame:
    name, metres = random_content(rng, (int(rng.integers(1, 400)), int(rng.integers(1, 500))))
    return _written(metres, rng, stamp, f"content: {name.split()[0]}")


def _spoiled_hand(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """A hand with hostile numbers strewn in."""
    metres = image(pick(rng, PLACES))[0].copy()
    where = rng.random(metres.shape) < rng.uniform(0, 0.5)
    metres[where] = rng.choice(np.array(FLOATS, np.float32), np.count_nonzero(where))
    return _written(metres, rng, stamp, "spoiled hand")


def _odd_shape(rng: np.random.Generator, stamp: Time) -> SentFrame:
    shapes = ((1, 1), (1, 640), (480, 1), (2, 2), (1080, 1920), (1536, 2048), (3000, 4000))
    # The large ones are rare: one of them costs what a hundred others cost.
    shape = shapes[int(rng.choice(len(shapes), p=[0.24, 0.24, 0.24, 0.24, 0.02, 0.01, 0.01]))]
    return frame_of(np.full(shape, 0.5, np.float32), stamp, Expected.SANE, kind=f"shape {shape[1]}x{shape[0]}")


def _frame_id(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """Both have it, so the hand is where it is, in that frame."""
    frame = good_hand(stamp)
    name = pick(rng, ("", "/", "//", " ", "\n", "🖐", "camera", "/camera", "x" * 10**6))
    frame.image.header.frame_id = frame.info.header.frame_id = name
    return changed(frame, "frame id", Expected.EXACT_HAND, frame_id=name)


def _raw(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """Bytes that are no message, or one with some bits turned."""
    frame = good_hand(stamp)
    raw = bytearray(serialize_message(frame.image))
    if rng.random() < 0.5:
        return changed(frame, "raw bytes: cut", Expected.NOTHING, image=bytes(raw[: rng.integers(4, len(raw) - 1)]))
    # The first hundred bytes hold all lengths; behind them are pixels only.
    for position in rng.integers(4, 100, int(rng.integers(1, 9))):
        raw[position] ^= 1 << int(rng.integers(8))
    return changed(frame, "raw bytes: bits turned", Expected.SANE, image=bytes(raw))


def _written(metres: NDArray[np.float32], rng: np.random.Generator, stamp: Time, kind: str) -> SentFrame:
    if rng.random() < 0.3:
        millimetres = np.clip(np.nan_to_num(metres), 0, 65.0)
        return frame_of(millimetres, stamp, Expected.SANE, kind=kind)
    frame = frame_of(metres, stamp, Expected.SANE, kind=kind, encoding="32FC1")
    # As it is: depth_message writes what is not positive as NaN.
    frame.image.data = array.array("B", metres.astype("<f4").tobytes())
    return frame


MAKERS: tuple[Make, ...] = (
    _encoding,
    _step,
    _size,
    _data,
    _byte_order,
    _content,
    _spoiled_hand,
    _odd_shape,
    _frame_id,
    _raw,
)
