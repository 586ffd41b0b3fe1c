"""One hand over time: smoothed joints, frames, grasp and angles, and what to do when it is not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import JOINT_COUNT, Handedness, HandPose, expected_errors
from dense3d_ros.hand_state.angles import hand_angles
from dense3d_ros.hand_state.frames import Pose, check_bones, check_handedness, hand_frames
from dense3d_ros.hand_state.grasp import Grasp, GraspStates
from dense3d_ros.hand_state.one_euro import OneEuroFilter

Array = NDArray[np.float64]

LONGEST_GAP = 0.5
"""Seconds after which a hand that is seen again is a new one."""

JUMP = 0.01
"""Metres that a joint may move between two frames however short the time: the noise of the measurement."""


def check_hand(hand: HandPose) -> None:
    """ValueError for joints not finite or on each other, and for scores, of the joints or the hand, not in 0..1."""
    check_bones(hand.joints)
    scores = np.asarray(hand.joint_scores)
    if scores.shape != (JOINT_COUNT,) or not ((scores >= 0.0) & (scores <= 1.0)).all():
        raise ValueError(f"joint_scores are {scores.tolist()}; accepted: {JOINT_COUNT} numbers from 0 to 1")
    if not 0.0 <= hand.score <= 1.0:
        raise ValueError(f"score is {hand.score}; accepted: 0 to 1")


@dataclass(frozen=True)
class StateSettings:
    """How a hand is followed. Lengths are metres, times seconds.

    min_cutoff, beta: of the One Euro filter, Hz and Hz a metre a second. lead: how far ahead the joints are predicted.
    max_speed: metres a second of the wrist, and of a joint against the wrist; faster ones are glitches. max_hold: how
    long a hand that is not seen keeps its last state. pinch_on, pinch_off: apertures. fist_on, fist_off: closures.
    workspace_min, workspace_max: corners of a box; a hand with a frame outside is lost. Raises ValueError for values
    that make no sense together.
    """

    min_cutoff: float = 0.1
    beta: float = 25.0
    lead: float = 0.0
    max_speed: float = 4.0
    max_hold: float = 0.1
    pinch_on: float = 0.022
    pinch_off: float = 0.035
    fist_on: float = 0.75
    fist_off: float = 0.6
    workspace_min: Sequence[float] = (-100.0, -100.0, -100.0)
    workspace_max: Sequence[float] = (100.0, 100.0, 100.0)

    def __post_init__(self) -> None:
        for name, low in (("min_cutoff", 0.001), ("beta", 0.0), ("lead", 0.0), ("max_speed", 0.1), ("max_hold", 0.0)):
            if not low <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; accepted: {low:g} or more")
        if not 0.0 < self.pinch_on < self.pinch_off:
            raise ValueError(f"pinch_on ({self.pinch_on} m) must be above 0 and below pinch_off ({self.pinch_off} m)")
        if not 0.0 < self.fist_off < self.fist_on <= 1.0:
            raise ValueError(
                f"fist_off ({self.fist_off}) must be above 0 and below fist_on ({self.fist_on}), at most 1"
            )
        near, far = list(self.workspace_min or ()), list(self.workspace_max or ())
        if not len(near) == len(far) == 3 or not all(near[axis] < far[axis] for axis in range(3)):
            raise ValueError(f"workspace_min is {near} and workspace_max {far}; accepted: x, y, z, each min below max")


@dataclass(frozen=True)
class StateEstimate:
    """A hand as a robot needs it, measured at `stamp` seconds, `age` seconds before it was asked for.

    age is 0 where the hand was seen in this frame. raw: (21, 3) metres as measured. joints: (21, 3) metres filtered
    and predicted, which frames, grasp and angles are made from. scores: (21,). glitches: (21,) joints that moved faster
    than a hand can and were left where they were against the wrist. angles: (25,) radians, see `hand_angles`.
    """

    stamp: float
    age: float
    raw: Array
    joints: Array
    scores: NDArray[np.float32]
    glitches: NDArray[np.bool_]
    frames: dict[str, Pose]
    grasp: Grasp
    angles: Array


class HandState:
    """Follows the left or the right hand of a person from frame to frame. `settings` may be replaced at any time.

    `reason` says why the last update gave None, `is_glitch` whether its hand had jumped farther than a hand can.
    """

    def __init__(self, handedness: Handedness, settings: StateSettings | None = None) -> None:
        check_handedness(handedness)
        self.handedness = handedness
        self.settings = settings or StateSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the hand."""
        self.reason, self.is_glitch = "", False
        self._seen: tuple[float, Array] | None = None
        self._elsewhere: tuple[float, Array] | None = None
        self._start_over()

    def _start_over(self) -> None:
        self._filter = OneEuroFilter()
        self._states = GraspStates()
        self._last: StateEstimate | None = None
        self._offsets = np.zeros((JOINT_COUNT, 3))
        self._accepted = np.full(JOINT_COUNT, -np.inf)

    def update(self, stamp: float, hand: HandPose | None) -> StateEstimate | None:
        """The state at `stamp` seconds, with the hand in that frame or None where it was not seen.

        A hand that is not seen, or whose wrist is a glitch, keeps its last state with an age for `max_hold`; then it
        is lost and None. It starts over where it is seen again; where its wrist jumped to, only once a second frame
        shows it there. It starts over, too, LONGEST_GAP after it was seen last, and at a stamp that is not above the
        last one. Outside the workspace it is lost at once. Raises ValueError for a hand of another handedness, joints
        not finite or on each other, scores not in 0..1, and a stamp that is not finite.
        """
        if not np.isfinite(stamp):
            raise ValueError(f"stamp is {stamp}; accepted: a finite number of seconds")
        if hand is not None:
            self._check(hand)
        self.is_glitch = False
        if self._seen is not None:
            gap = stamp - self._seen[0]
            is_late = gap > self.settings.max_hold
            if gap <= 0.0 or gap > LONGEST_GAP or (hand is None and is_late):
                self.reset()
            elif hand is not None and not self._can_have_come(self._seen, stamp, hand):
                if is_late and self._elsewhere is not None and self._can_have_come(self._elsewhere, stamp, hand):
                    self._start_over()
                else:
                    self.is_glitch = True
                    return self._without_glitch(stamp, hand)
        if hand is None:
            if self._last is None:
                self.reason = "the hand is not seen"
                return None
            return replace(self._last, age=stamp - self._last.stamp)
        self._seen, self._elsewhere = (stamp, np.asarray(hand.joints[0], np.float64)), None
        estimate = self._measured(stamp, hand)
        if outside := self._outside(estimate.frames):
            self.reset()
            self.reason = outside
            return None
        return estimate

    def outside(self, hand: HandPose) -> str:
        """How a hand of this handedness, whose joints are valid, is outside the workspace; "" where it is inside."""
        return self._outside(hand_frames(np.asarray(hand.joints, np.float64), self.handedness))

    def _without_glitch(self, stamp: float, hand: HandPose) -> StateEstimate | None:
        """The last state, or None where it is too old."""
        assert self._seen is not None
        seen, place = self._seen
        self._elsewhere = (stamp, np.asarray(hand.joints[0], np.float64))
        if self._last is not None and stamp - seen <= self.settings.max_hold:
            return replace(self._last, age=stamp - seen)
        # The place is kept: the hand may be there again in the next frame, and the one elsewhere was none.
        self._start_over()
        distance = np.linalg.norm(self._elsewhere[1] - place)
        self.reason = f"the wrist is {distance:.2f} m from where it was {stamp - seen:.3f} s before"
        return None

    def _outside(self, frames: dict[str, Pose]) -> str:
        """Which frame is outside the workspace and where; "" if none is."""
        low, high = np.asarray(self.settings.workspace_min), np.asarray(self.settings.workspace_max)
        for name, pose in frames.items():
            if not ((low <= pose.position) & (pose.position <= high)).all():
                place = ", ".join(f"{value:.3f}" for value in pose.position)
                return f"the {name} is at [{place}] m, outside the workspace"
        return ""

    def _check(self, hand: HandPose) -> None:
        if hand.handedness != self.handedness:
            raise ValueError(f"handedness is {Handedness(hand.handedness).name}; accepted: {self.handedness.name}")
        check_hand(hand)

    def _allowed(self, period: Array | float) -> Array:
        return np.asarray(self.settings.max_speed * period + JUMP)

    def _can_have_come(self, seen: tuple[float, Array], stamp: float, hand: HandPose) -> bool:
        """Whether the wrist can be where it is, having been at (3,) metres at an earlier stamp."""
        before, place = seen
        return bool(np.linalg.norm(hand.joints[0] - place) <= self._allowed(stamp - before))

    def _measured(self, stamp: float, hand: HandPose) -> StateEstimate:
        settings = self.settings
        raw = np.asarray(hand.joints, np.float64)
        offsets = raw - raw[0]
        moved = np.linalg.norm(offsets - self._offsets, axis=1)
        glitches = moved > self._allowed(stamp - self._accepted)
        self._offsets = np.where(glitches[:, None], self._offsets, offsets)
        self._accepted = np.where(glitches, self._accepted, stamp)
        scores = np.asarray(hand.joint_scores, np.float32)
        self._filter.update(
            raw[0] + self._offsets,
            stamp,
            min_cutoff=settings.min_cutoff,
            beta=settings.beta,
            errors=expected_errors(scores),
        )
        joints = self._filter.predict(settings.lead)
        angles = hand_angles(joints, self.handedness)
        grasp = self._states.update(
            joints,
            angles,
            scores,
            stamp,
            pinch=(settings.pinch_on, settings.pinch_off),
            fist=(settings.fist_on, settings.fist_off),
        )
        frames = hand_frames(joints, self.handedness)
        self._last = StateEstimate(stamp, 0.0, raw, joints, scores, glitches, frames, grasp, angles)
        return self._last
