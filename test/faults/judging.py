"""What may come out for what went in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from node_processes import points
from numpy.typing import NDArray

RIGHT_WITHIN_M = 0.06
"""Mean joint error up to which a hand is the one in the image, however much of it the image shows."""
EXACT_WITHIN_M = 0.004
"""Largest joint error of the stiff model on a good frame: the rounding to millimetres and a little more."""
OUTSIDE_LIMITS_M = 0.06
"""A hand's joints reach farther than its centre, to which min_depth and max_depth apply."""
PUBLISHING_S = 0.3
"""From the last check of the age to the message's way out, on a machine that is busy."""


class Expected(Enum):
    """What an input may be answered with. Every answer may be missing: frames may be lost or overtaken."""

    NOTHING = "no message at all"
    NO_HAND = "messages without a hand"
    RIGHT_HAND = "the hand that is there, or none"
    EXACT_HAND = "the hand that is there, every joint of it"
    SANE = "finite numbers within the depth limits"


@dataclass(frozen=True)
class Limits:
    """The parameters of the node that bound what it may publish: metres, seconds."""

    min_depth: float = 0.15
    max_depth: float = 1.5
    max_age: float = 5.0


@dataclass(frozen=True)
class Sent:
    """An input that was sent: `time.time_ns()` then, its frame, and what may come out. joints: (21, 3) metres."""

    kind: str
    expected: Expected
    frame: str
    at_ns: int
    limits: Limits
    joints: NDArray[np.float32] | None = None
    within: float = EXACT_WITHIN_M


def fault(message: Any, published_ns: int, sent: Sent) -> str:
    """What is wrong with a HandPoseArray that answers `sent`; "" if nothing is."""
    if sent.expected is Expected.NOTHING:
        return "an answer to what cannot be used"
    if message.header.frame_id != sent.frame:
        return f"in frame '{message.header.frame_id[:40]}' instead of '{sent.frame[:40]}'"
    age = (published_ns - sent.at_ns) * 1e-9
    if message.hands and age > sent.limits.max_age + PUBLISHING_S:
        return f"a hand that is {age:.1f} s old, max_age is {sent.limits.max_age:g} s"
    if message.hands and sent.expected is Expected.NO_HAND:
        return f"a hand where there is none, score {message.hands[0].score:.2f}"
    if not message.hands and sent.expected is Expected.EXACT_HAND:
        return "no hand where there is one"
    return next((text for hand in message.hands if (text := _fault_of_hand(hand, sent))), "")


def _fault_of_hand(hand: Any, sent: Sent) -> str:
    joints = points(hand.joints)
    wrist = hand.wrist
    numbers = [hand.score, *hand.joint_scores, *points([wrist.position])[0]]
    numbers += [wrist.orientation.x, wrist.orientation.y, wrist.orientation.z, wrist.orientation.w]
    if not (np.isfinite(joints).all() and np.isfinite(numbers).all()):
        return "numbers that are not finite"
    middle = float(np.median(joints[:, 2]))
    if not sent.limits.min_depth - OUTSIDE_LIMITS_M <= middle <= sent.limits.max_depth + OUTSIDE_LIMITS_M:
        return f"a hand {middle:.2f} m away, the limits are {sent.limits.min_depth:g} and {sent.limits.max_depth:g} m"
    if sent.joints is None:
        return ""
    errors = np.linalg.norm(joints - sent.joints, axis=1)
    if sent.expected is Expected.EXACT_HAND and errors.max() > sent.within:
        return f"a joint {errors.max() * 1000:.0f} mm off"
    if sent.expected is Expected.RIGHT_HAND and errors.mean() > RIGHT_WITHIN_M:
        return f"a hand {errors.mean() * 1000:.0f} mm off"
    return ""
