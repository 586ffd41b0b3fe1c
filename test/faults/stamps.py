"""Stamps that jump, lie or find no partner, and hands that move as no hand should."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
from builtin_interfaces.msg import Time
from node_rigid_model import scene

from .frames import SentFrame, changed, frame_of, good_hand
from .judging import Expected, Limits

SECOND = 1_000_000_000


def at(nanoseconds: int) -> Time:
    """Nanoseconds since 1970 as a message."""
    return Time(sec=nanoseconds // SECOND, nanosec=nanoseconds % SECOND)


def nanoseconds(stamp: Time) -> int:
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def random_stamps(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """One frame whose stamps are not what they should be. `stamp` is now."""
    draw, now = rng.random(), nanoseconds(stamp)
    if draw < 0.2:
        return changed(good_hand(stamp), "no camera info", Expected.NOTHING, info=None)
    if draw < 0.4:
        return changed(good_hand(stamp), "no image", Expected.NOTHING, image=None)
    if draw < 0.55:
        frame = good_hand(stamp)
        other = now + int(rng.choice([-1, 1, 1000, -SECOND, SECOND, 3600 * SECOND]))
        frame.info.header = copy.deepcopy(frame.info.header)
        frame.info.header.stamp = at(other)
        return changed(frame, "unequal stamps", Expected.NOTHING)
    if draw < 0.7:
        return changed(good_hand(at(now - int(rng.integers(2 * SECOND)))), "back, within max_age", Expected.EXACT_HAND)
    if draw < 0.8:
        ago = int(rng.choice([6, 60, 3600, 86400 * 365])) * SECOND + int(rng.integers(SECOND))
        return changed(good_hand(at(now - ago)), "too old", Expected.NOTHING)
    if draw < 0.9:
        ahead = int(rng.choice([1, 2, 60, 3600, 86400 * 365])) * SECOND + int(rng.integers(SECOND))
        return changed(good_hand(at(now + ahead)), "in the future", Expected.SANE)
    seconds = int(rng.choice([-(2**31), -1, 0, 1, 2**31 - 1]))
    fraction = int(rng.choice([int(rng.integers(SECOND)), int(rng.integers(SECOND, 2**32)), 2**32 - 1]))
    extreme = Time(sec=seconds, nanosec=fraction)
    return changed(good_hand(extreme), "extreme", Expected.SANE if seconds > 1 else Expected.NOTHING)


def path(rng: np.random.Generator, now: Time, limits: Limits) -> Iterator[SentFrame]:
    """A hand that moves fast, comes too near, goes too far, or whose frames come late. 10 frames.

    A hand that is published must be the one that is there, and within the limits.
    """
    place = np.array([rng.uniform(-0.1, 0.1), rng.uniform(-0.05, 0.05), rng.uniform(0.2, 0.6)])
    # Metres a second: a fast hand's, most of it towards the camera or away from it.
    speed = rng.uniform(-0.3, 0.3, 3)
    speed[2] += float(rng.choice([-3.0, -1.5, 1.5, 3.0]))
    stamp = nanoseconds(now) - 2 * SECOND
    for _ in range(10):
        seconds = float(rng.choice([0.016, 0.033, 0.033, 0.1, 0.15]))
        stamp += int(seconds * SECOND)
        place = place + speed * seconds
        if place[2] < 0.07 or place[2] > limits.max_depth + 0.3:
            # It stays there, and the frames go on: what follows it has to end.
            place[2], speed = np.clip(place[2], 0.07, limits.max_depth + 0.3), np.zeros(3)
        depth, joints = scene(place)
        yield frame_of(depth, at(stamp), Expected.RIGHT_HAND, kind="moving hand", joints=joints)
