"""Frames that move against each other, and where one is in another at a moment: what tf2 does, in NumPy.

The Python wheels of ROS 2 lack tf2; on a robot this runs just the same.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.hand_state.frames import Pose

Array = NDArray[np.float64]

KEPT_S = 10.0
"""Seconds of transforms that are kept, as by tf2."""
UNIT = 0.01
"""By how much the length of a quaternion may differ from 1, as in tf2."""
MOST_FRAMES = 10_000
_OPTICAL = np.array([-0.5, 0.5, -0.5, 0.5])
"""Quaternion x, y, z, w by which REP 103 turns the optical frame of a camera against its body, x forward."""
_SAME = 1e-3
"""Metres, and radians about, within which two frames are one."""
MOST_SAMPLES = 20_000


class TransformError(ValueError):
    """No transform at that moment, and why. `may_come`: whether waiting can help."""

    def __init__(self, text: str, *, may_come: bool = False) -> None:
        super().__init__(text)
        self.may_come = may_come


@dataclass
class _Child:
    """Where a frame was in its parents. stamps: ascending nanoseconds; none where the frame does not move.

    places: parent, (3,) metres and (4,) unit quaternion x, y, z, w for each stamp. fault: what was wrong with the
    newest transform, "" if nothing was.
    """

    stamps: list[int] = field(default_factory=list)
    places: list[tuple[str, Array, Array]] = field(default_factory=list)
    fault: str = ""


class TransformBuffer:
    """Remembers transforms for KEPT_S."""

    def __init__(self) -> None:
        self._children: dict[str, _Child] = {}

    def add(self, parent: str, child: str, stamp: int | None, position: Array, quaternion: Array) -> None:
        """`child` is at (3,) metres, turned by (4,) x, y, z, w in `parent`, at nanoseconds `stamp`; None: always.

        A transform that is more than KEPT_S older than the newest one of its child replaces all of them: the time has
        been set back. ValueError for one that is none; until a better one comes, lookups that need it repeat that.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        if child not in self._children and len(self._children) >= MOST_FRAMES:
            raise ValueError(f"the transform of '{child}' is one too many; accepted: {MOST_FRAMES} frames")
        entry = self._children.setdefault(child, _Child())
        fault = _fault(parent, child, position, quaternion)
        # Static ones are sent once: a bad one after a good one must not take that away.
        is_static = stamp is None and entry.places and not entry.stamps
        if not (fault and is_static):
            entry.fault = fault
        if fault:
            raise ValueError(fault)
        place = (parent, position, quaternion / np.linalg.norm(quaternion))
        if stamp is None:
            entry.stamps, entry.places = [], [place]
            return
        kept_ns = int(KEPT_S * 1e9)
        if not entry.stamps or stamp < entry.stamps[-1] - kept_ns:
            entry.stamps, entry.places = [], []
        index = bisect_right(entry.stamps, stamp)
        if index and entry.stamps[index - 1] == stamp:
            entry.places[index - 1] = place
            return
        entry.stamps.insert(index, stamp)
        entry.places.insert(index, place)
        old = max(bisect_right(entry.stamps, entry.stamps[-1] - kept_ns - 1), len(entry.stamps) - MOST_SAMPLES)
        if old > 0:
            del entry.stamps[:old], entry.places[:old]

    def forget_moving(self) -> None:
        """The time was set back: what moved belongs to another recording. What holds always stays."""
        self._children = {name: child for name, child in self._children.items() if not child.stamps}

    def optical_frame_of(self, body: str) -> str:
        """The frame that is where `body` is and turned as the optical frame of a camera is against its body, or ""."""
        body = body.lstrip("/")
        for name, child in self._children.items():
            for parent, position, turn in child.places[-1:]:
                is_there = parent == body and np.linalg.norm(position) < _SAME
                if is_there and abs(turn @ _OPTICAL) > 1.0 - _SAME**2:
                    return name
        return ""

    def lookup(self, target: str, source: str, stamp: int) -> Pose:
        """Where the frame `source` is in the frame `target` at nanoseconds `stamp`; TransformError where unknown."""
        target, source = target.lstrip("/"), source.lstrip("/")
        up, down = self._walk(source, stamp), self._walk(target, stamp)
        for index, frame in enumerate(up.frames):
            if frame in down.frames:
                return _against(down.poses[down.frames.index(frame)], up.poses[index])
        for walk in (up, down):
            if walk.error is not None:
                raise walk.error
        raise TransformError(self._no_way(target, source, up.frames[-1], down.frames[-1]), may_come=True)

    def _no_way(self, target: str, source: str, top: str, other_top: str) -> str:
        # Of the newest transforms alone: this is asked again for every one that comes while a message waits.
        known = {*self._children, *(child.places[-1][0] for child in self._children.values() if child.places)}
        for frame in (source, target):
            if frame not in known:
                return f"there is no transform of the frame '{frame}'"
        return f"'{source}' leads up to '{top}' and '{target}' to '{other_top}', and nothing joins these"

    def _walk(self, frame: str, stamp: int) -> _Walk:
        """From a frame up through its parents, as far as they are known."""
        walk = _Walk([frame], [Pose(np.zeros(3), np.eye(3))])
        while True:
            try:
                step = self._in_parent(walk.frames[-1], stamp)
            except TransformError as error:
                walk.error = error
                return walk
            if step is None:
                return walk
            parent, place = step
            if parent in walk.frames:
                circle = " in ".join(f"'{name}'" for name in [*walk.frames[walk.frames.index(parent) :], parent])
                walk.error = TransformError(f"the transforms go in a circle: {circle}")
                return walk
            walk.frames.append(parent)
            walk.poses.append(_after(place, walk.poses[-1]))

    def _in_parent(self, name: str, stamp: int) -> tuple[str, Pose] | None:
        child = self._children.get(name)
        if child is None:
            return None
        if child.fault:
            raise TransformError(child.fault)
        if not child.stamps:
            parent, position, quaternion = child.places[0]
            return parent, Pose(position, rotation_matrix(quaternion))
        if stamp < child.stamps[0]:
            late = (child.stamps[0] - stamp) * 1e-9
            raise TransformError(f"the image is {late:.3f} s older than the oldest transform of '{name}'")
        if stamp > child.stamps[-1]:
            early = (stamp - child.stamps[-1]) * 1e-9
            text = f"the newest transform of '{name}' is {early:.3f} s older than the image"
            raise TransformError(text, may_come=True)
        index = bisect_right(child.stamps, stamp) - 1
        parent, position, quaternion = child.places[index]
        if child.stamps[index] < stamp:
            next_parent, next_position, next_quaternion = child.places[index + 1]
            # Between two parents there is nothing to interpolate: the frame changes hands at the later stamp.
            if next_parent == parent:
                share = (stamp - child.stamps[index]) / (child.stamps[index + 1] - child.stamps[index])
                position = position + share * (next_position - position)
                quaternion = slerp(quaternion, next_quaternion, share)
        return parent, Pose(position, rotation_matrix(quaternion))


@dataclass
class _Walk:
    """frames: from the first to the last that is known. poses: of the first in each. error: why it ends early."""

    frames: list[str]
    poses: list[Pose]
    error: TransformError | None = None


def transform_points(pose: Pose, points: NDArray[np.floating]) -> Array:
    """(N, 3) metres in the frame at `pose` -> (N, 3) metres in the frame that the pose is told in."""
    return np.asarray(points @ pose.rotation.T + pose.position)


def rotation_matrix(quaternion: Array) -> Array:
    """(4,) unit quaternion x, y, z, w -> (3, 3)."""
    x, y, z, w = quaternion.tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def slerp(one: Array, other: Array, share: float) -> Array:
    """(4,) unit quaternion at `share` of the shorter way from one to the other (Shoemake 1985)."""
    cosine = float(one @ other)
    if cosine < 0.0:
        other, cosine = -other, -cosine
    angle = np.arccos(min(cosine, 1.0))
    if angle < 1e-6:
        mixed = one + share * (other - one)
    else:
        mixed = np.sin((1.0 - share) * angle) * one + np.sin(share * angle) * other
    return np.asarray(mixed / np.linalg.norm(mixed))


def _fault(parent: str, child: str, position: Array, quaternion: Array) -> str:
    name = f"the transform of '{child}' in '{parent}'"
    if not parent or not child or parent == child:
        return f"{name} does not join two frames; accepted: two names that differ"
    if not np.isfinite(position).all():
        return f"{name} has the translation {position.tolist()}; accepted: finite metres"
    length = float(np.linalg.norm(quaternion))
    if not abs(length - 1.0) <= UNIT:
        return f"{name} has a quaternion of length {length:.3g}; accepted: 1"
    return ""


def _after(outer: Pose, inner: Pose) -> Pose:
    return Pose(outer.rotation @ inner.position + outer.position, outer.rotation @ inner.rotation)


def _against(base: Pose, pose: Pose) -> Pose:
    """`pose` seen from `base`, both told in the same frame."""
    return Pose(base.rotation.T @ (pose.position - base.position), base.rotation.T @ pose.rotation)
