"""A short campaign on the nodes, and that the campaign sees what it has to see."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from std_msgs.msg import Header

from dense3d_ros.msg import HandPose, HandPoseArray
from faults.campaign import Campaign, plan
from faults.frames import image
from faults.images import random_image, readable
from faults.judging import Expected, Limits, Sent, fault
from faults.resources import Resources
from faults.soak_report import Sample, Soak
from faults.soak_report import faults as faults_of_soak

JOINTS = image((0.0, 0.0, 0.5))[1]
STAMP = Time(sec=1_000_000)
SENT = Sent("known hand", Expected.EXACT_HAND, "camera", 0, Limits(max_age=0.5), JOINTS)


def answer(joints: Any = JOINTS, frame: str = "camera") -> Any:
    hand = HandPose(score=0.9, joints=[Point(x=float(x), y=float(y), z=float(z)) for x, y, z in joints])
    return HandPoseArray(header=Header(frame_id=frame), hands=[hand])


def test_a_short_campaign_finds_nothing(tmp_path: Path) -> None:
    """`make faults` is the long one."""
    campaign = Campaign(1, tmp_path, print)
    campaign.run(400)
    assert campaign.result.total >= 400
    assert [f"{batch}: {fault.kind}: {fault.text}" for batch, fault in campaign.result.faults] == []


def test_a_right_answer_is_no_fault() -> None:
    assert fault(answer(), 100_000_000, SENT) == ""
    assert fault(HandPoseArray(header=Header(frame_id="camera")), 0, replace(SENT, expected=Expected.NO_HAND)) == ""


@pytest.mark.parametrize(
    ("message", "age", "expected", "text"),
    [
        (answer(), 0, Expected.NOTHING, "an answer to what cannot be used"),
        (answer(), 0, Expected.NO_HAND, "a hand where there is none"),
        (answer(), 2, Expected.EXACT_HAND, "a hand that is 2.0 s old"),
        (answer(frame="colour"), 0, Expected.EXACT_HAND, "in frame 'colour'"),
        (answer(JOINTS + np.float32([0, 0.01, 0])), 0, Expected.EXACT_HAND, "a joint 10 mm off"),
        (answer(JOINTS * [-1, 1, 1] + [0.1, 0, 0]), 0, Expected.RIGHT_HAND, "mm off"),
        (answer(JOINTS + np.float32([0, 0, 1.2])), 0, Expected.SANE, "a hand 1.7"),
        (answer(JOINTS * np.nan), 0, Expected.SANE, "not finite"),
        (HandPoseArray(header=Header(frame_id="camera")), 0, Expected.EXACT_HAND, "no hand where there is one"),
    ],
)
def test_a_wrong_answer_is_a_fault(message: Any, age: int, expected: Expected, text: str) -> None:
    joints = JOINTS if expected in (Expected.EXACT_HAND, Expected.RIGHT_HAND) else None
    assert text in fault(message, age * 10**9, replace(SENT, expected=expected, joints=joints))


def test_the_same_seed_gives_the_same_inputs() -> None:
    def some() -> list[Any]:
        rng = np.random.default_rng(5)
        frames = [random_image(rng, STAMP) for _ in range(50)]
        # A serialised message has padding of any value.
        images = [len(frame.image) if isinstance(frame.image, bytes) else frame.image for frame in frames]
        return [(frame.kind, frame.expected, image) for frame, image in zip(frames, images, strict=True)]

    assert some() == some()


def test_what_must_not_be_answered_is_not_readable() -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        frame = random_image(rng, STAMP)
        if not isinstance(frame.image, bytes) and frame.expected is Expected.NOTHING:
            assert not readable(frame.image), frame.kind


def test_every_area_is_in_the_plan_and_no_batch_twice() -> None:
    numbers: Counter[str] = Counter()
    names = [batch.name for _ in range(2) for batch in plan(5000, numbers)]
    assert len(set(names)) == len(names)
    assert sum(batch.count for batch in plan(20000, Counter())) == pytest.approx(20000, rel=0.01)


def soak(growth: float = 0.0, threads: int = 0) -> Soak:
    """An hour with a sample a minute, in the first eight of which the nodes grow to their size."""
    done = Soak(60.0, [1, 3], "auto")
    for minute in range(60):
        size = 500.0 + 200.0 * (minute % 2) + min(minute, 8) * 20 + growth * minute / 60
        held = Resources(size, 20 + threads * (minute > 50), 40)
        done.samples.append(Sample(60.0 * minute, (1, 3)[minute % 2], held, 100, 50))
    return done


def test_a_soak_that_grows_is_a_fault_and_one_that_settles_is_none() -> None:
    assert faults_of_soak(soak()) == []
    assert "memory grew by" in faults_of_soak(soak(growth=70.0))[0]
    assert "threads more" in faults_of_soak(soak(threads=1))[0]
