"""The areas of the campaign: what is sent to which process, and how much of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from builtin_interfaces.msg import Time
from node_processes import NodeProcess
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import HandAnimation

from .camera_infos import random_info
from .frames import CAMERA, SentFrame, changed, frame_of, good_hand
from .images import Make, random_content, random_image
from .judging import Expected, Limits
from .packed import packed_hand, packed_room, random_packed
from .peers import some_cameras, some_pauses, some_peers, some_stalls
from .requests import some_requests, some_transitions
from .stamps import path, random_stamps
from .subject import PROCESS, Subject, start_nodes

Run: TypeAlias = Callable[[Subject, np.random.Generator, int, Path], None]

SHIPPED_CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
SHIPPED = ("-c", "import sys; from dense3d_ros.nodes.main import main; sys.exit(main())")


@dataclass(frozen=True)
class Area:
    """`run` sends a batch. share: of all inputs. batch: inputs between two checks."""

    name: str
    process: str
    share: float
    batch: int
    run: Run


def _frames(make: Make) -> Run:
    """Each frame is given the time that the node needs for it; one batch in four comes as fast as it goes."""

    def run(subject: Subject, rng: np.random.Generator, count: int, _: Path) -> None:
        wait = 0.0 if rng.random() < 0.25 else 0.03
        for _index in range(count):
            subject.send(make(rng, subject.now()), wait)

    return run


def _paths(subject: Subject, rng: np.random.Generator, count: int, _: Path) -> None:
    for _index in range(0, count, 10):
        for frame in path(rng, subject.now(), subject.limits):
            subject.send(frame, 0.1)


def _beside(subject: Subject, rng: np.random.Generator, count: int, _: Path) -> None:
    """The left camera sends what is wrong, the right one a hand. What the left one does must not matter."""
    right = Subject(subject.process, subject.limits, namespace="/right")
    try:
        right.wait_until_ready()
        for _index in range(count):
            make = random_image if rng.random() < 0.5 else random_info
            subject.send(make(rng, subject.now()), 0.0)
            right.send(good_hand(right.now()), 0.03)
        right.check()
    finally:
        right.close()
        # Log and exceptions are those of the process, and told by the other one.
        subject.faults += [fault for fault in right.faults if fault.kind == "wrong answer"]


def _packed(subject: Subject, rng: np.random.Generator, count: int, _: Path) -> None:
    """The third camera of the process sends compressed depth."""
    third = Subject(
        subject.process,
        subject.limits,
        namespace="/packed",
        known_hand=packed_hand,
        no_hand=packed_room,
        is_compressed=True,
    )
    try:
        for _index in range(count):
            third.send(random_packed(rng, third.now()), 0.03)
        third.check()
    finally:
        third.close()
        subject.faults += third.faults
        subject.inputs += third.inputs


@cache
def _animation_frame() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    animation = HandAnimation(SHIPPED_CAMERA, seed=3)
    return animation.frame(0.2)[0], animation.hand(0.2).joints


def _rendered_hand(stamp: Time) -> SentFrame:
    """A hand before a table and a wall, which the shipped model finds. Any joint may be 60 mm off, not more."""
    depth, joints = _animation_frame()
    return frame_of(
        depth, stamp, Expected.EXACT_HAND, kind="rendered hand", camera=SHIPPED_CAMERA, joints=joints, within=0.06
    )


def _nothing_there(rng: np.random.Generator, stamp: Time) -> SentFrame:
    """Images that hold no hand, of hostile numbers, for the shipped model."""
    name, metres = random_content(rng, (CAMERA.height, CAMERA.width))
    kind = f"content: {name.split()[0]}"
    if rng.random() < 0.5:
        metres = np.clip(np.nan_to_num(metres), 0, 65.0)
        return frame_of(metres, stamp, Expected.NO_HAND, kind=kind)
    return frame_of(metres, stamp, Expected.NO_HAND, kind=kind, encoding="32FC1")


def _malformed(rng: np.random.Generator, stamp: Time) -> SentFrame:
    if rng.random() < 0.5:
        return _nothing_there(rng, stamp)
    frame = (random_image if rng.random() < 0.5 else random_info)(rng, stamp)
    # The stiff model's image is a hand's, but not one that this model has to know.
    exact = frame.expected is Expected.EXACT_HAND
    return changed(frame, frame.kind, Expected.SANE, joints=None) if exact else frame


def start(name: str, log: Path) -> tuple[NodeProcess, Subject]:
    """One of the processes under test."""
    limits = Limits()
    if name == "stalling":
        limits = Limits(max_age=0.5)
        process = start_nodes(log, ["model:=stall_1.5", "max_age:=0.5"])
        return process, Subject(process, limits)
    if name == "two cameras":
        third = log.with_name("packed.yaml")
        third.write_text("/packed/hand_pose:\n  ros__parameters: {transport: compressedDepth}\n")
        cameras = ["model:=rigid", "max_age:=5.0", "cameras:=[left,right,packed]"]
        process = start_nodes(log, cameras, (PROCESS, "--ros-args", "--params-file", str(third)))
        return process, Subject(process, limits, namespace="/left")
    if name == "shipped":
        process = start_nodes(log, ["model:=hand", "device:=cpu", "max_age:=5.0"], SHIPPED)
        return process, Subject(process, limits, known_hand=_rendered_hand)
    process = start_nodes(log, ["model:=rigid", "max_age:=5.0"])
    return process, Subject(process, limits)


AREAS = (
    Area("images", "stiff", 0.28, 200, _frames(random_image)),
    Area("camera infos", "stiff", 0.20, 200, _frames(random_info)),
    Area("stamps", "stiff", 0.15, 200, _frames(random_stamps)),
    Area("moving hands", "stiff", 0.05, 100, _paths),
    Area("requests", "stiff", 0.12, 100, lambda subject, rng, count, _: some_requests(subject, rng, count)),
    Area("transitions", "stiff", 0.03, 50, some_transitions),
    Area("peers", "stiff", 0.02, 50, lambda subject, rng, count, _: some_peers(subject, rng, count)),
    Area("killed cameras", "stiff", 0.001, 3, some_cameras),
    Area("pauses", "stiff", 0.001, 3, lambda subject, rng, count, _: some_pauses(subject, rng, count)),
    Area("stalls", "stalling", 0.02, 100, lambda subject, rng, count, _: some_stalls(subject, rng, count)),
    Area("two cameras", "two cameras", 0.05, 200, _beside),
    Area("shipped model", "shipped", 0.058, 50, _frames(_malformed)),
    Area("compressed depth", "two cameras", 0.02, 200, _packed),
)
ENDINGS_SHARE, FILES_SHARE = 0.0015, 0.1
"""Of all inputs: processes that are started and interrupted, and model files that are damaged."""
