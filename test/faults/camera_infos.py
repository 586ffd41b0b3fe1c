"""Camera infos that are wrong, hostile, or right in an unusual way; the image is a good one."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import RegionOfInterest

from .frames import SentFrame, changed, good_hand, pick
from .images import NUMBERS, Make
from .judging import Expected

MODELS = ("", "plumb_bob", "rational_polynomial", "equidistant", "fisheye", "🖐", "x" * 10**6)
COEFFICIENTS = {"plumb_bob": (4, 5, 8), "rational_polynomial": (8,), "equidistant": (4,)}
"""How many of them the promised models have."""
VALUES = (0.0, -0.0, -1.0, 1.0, 50.0, 1e-300, 5e-324, 1e5, 1e9, 1e38, 1e300, -1e300, np.nan, np.inf, -np.inf)


def random_info(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """One of the kinds, each as often as the others."""
    return pick(rng, MAKERS)(rng, stamp)


def _matrix(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """One or several entries of K or P."""
    frame = good_hand(stamp)
    name = str(rng.choice(["k", "p"]))
    values = np.array(getattr(frame.info, name))
    used = {"k": [0, 4, 2, 5], "p": [0, 5, 2, 6]}[name]
    entries = rng.choice(used, int(rng.integers(1, 5)), replace=False)
    values[entries] = rng.choice(VALUES, len(entries))
    setattr(frame.info, name, values)
    uncalibrated = name == "k" and not (values[0] > 0 and values[4] > 0)
    # P counts where its focal lengths are positive, so what K says besides is not used.
    return changed(frame, f"entries of {name.upper()}", Expected.NOTHING if uncalibrated else Expected.SANE)


def _only_k(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """P is not filled in; K is used, with one entry that is hostile."""
    frame = good_hand(stamp)
    frame.info.p = np.zeros(12)
    values = np.array(frame.info.k)
    entry, value = int(rng.choice([0, 4, 2, 5])), float(rng.choice(VALUES))
    values[entry] = value
    frame.info.k = values
    bad = not np.isfinite(value) or (entry in (0, 4) and not value > 0)
    return changed(frame, "entries of K alone", Expected.NOTHING if bad else Expected.SANE)


def _all(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    value = float(rng.choice(VALUES))
    frame.info.k, frame.info.p = np.full(9, value), np.full(12, value)
    bad = not (np.isfinite(value) and value > 0)
    return changed(frame, "all entries", Expected.NOTHING if bad else Expected.SANE)


def _size(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    width, height = (int(rng.choice(NUMBERS)) for _ in range(2))
    frame.info.width, frame.info.height = width, height
    return changed(frame, "size", Expected.NOTHING)


def _binning(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """The size stays as it was, so any binning over one does not fit."""
    frame = good_hand(stamp)
    x, y = (int(rng.choice(NUMBERS)) for _ in range(2))
    frame.info.binning_x, frame.info.binning_y = x, y
    return changed(frame, "binning", Expected.NOTHING if max(x, y) > 1 else Expected.EXACT_HAND)


def _region(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    x, y, width, height = (int(rng.choice([*NUMBERS, 320, 240])) for _ in range(4))
    frame.info.roi = RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)
    fits = (width, height) in ((0, 0), (320, 240))
    return changed(frame, "region of interest", Expected.SANE if fits else Expected.NOTHING)


def _frame_id(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """No frame is any frame."""
    frame = good_hand(stamp)
    frame.info.header.frame_id = pick(rng, ("", "colour", "🖐", "x" * 10**6))
    expected = Expected.NOTHING if frame.info.header.frame_id else Expected.EXACT_HAND
    return changed(frame, "another frame", expected)


def _unused(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """What is not used must not matter."""
    frame = good_hand(stamp)
    frame.info.d = [0.0] * int(rng.choice([0, 1, 5, 14, 10000]))
    frame.info.r = rng.choice(VALUES, 9)
    frame.info.distortion_model = pick(rng, MODELS)
    return changed(frame, "rotation and no distortion", Expected.EXACT_HAND)


def _lens(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """Coefficients that no lens has are refused; with others the hand is elsewhere."""
    frame = good_hand(stamp)
    frame.info.distortion_model = pick(rng, MODELS)
    values = rng.choice([*VALUES, 0.1, -0.1, 0.01], int(rng.choice([1, 4, 5, 8, 14, 10000])))
    if rng.random() < 0.5:
        values = rng.normal(0, 0.3, len(values))
    frame.info.d = values.tolist()
    counts = COEFFICIENTS.get(frame.info.distortion_model, ())
    known = any(len(values) == count or (len(values) > count and not values[count:].any()) for count in counts)
    readable = known and np.isfinite(values).all() and np.abs(values).max() < 1e4
    expected = Expected.SANE if readable else Expected.NOTHING
    return changed(frame, "lens", expected if values.any() else Expected.EXACT_HAND)


def _raw(rng: np.random.Generator, stamp: Time) -> SentFrame:
    frame = good_hand(stamp)
    raw = bytearray(serialize_message(frame.info))
    if rng.random() < 0.5:
        return changed(frame, "raw bytes: cut", Expected.NOTHING, info=bytes(raw[: rng.integers(4, len(raw) - 8)]))
    for position in rng.integers(4, len(raw), int(rng.integers(1, 9))):
        raw[position] ^= 1 << int(rng.integers(8))
    return changed(frame, "raw bytes: bits turned", Expected.SANE, info=bytes(raw))


MAKERS: tuple[Make, ...] = (_matrix, _only_k, _all, _size, _binning, _region, _frame_id, _unused, _lens, _raw)
