"""Depth image and camera in, hands out: the one class that a user without ROS needs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, HandPose, angle_between, hand_centre, palm_direction, upright_roll
from dense3d_ros.perception.confidence import probability
from dense3d_ros.perception.model import HandModel, Prediction, crops_of
from dense3d_ros.perception.plausibility import implausibility
from dense3d_ros.perception.protrusions import find_candidates
from dense3d_ros.perception.tracking import Track, Tracks

ROUNDS = 4
"""Looks at one place at the most: one to screen it, then as many as it takes to have it centred and upright."""
SETTLED = 0.01
"""A hand this close to the crop's centre, metres, is centred."""
UPRIGHT = 0.03
"""A hand whose knuckles are this close to an upright one's, metres, is upright: 19 degrees in a palm of 9 cm."""
HOPELESS = 0.02
"""A place of which the network says so little is not looked at again."""
SURE = 4.0
"""Log-odds at which the side of a hand is no longer in doubt, and the other one not looked at again."""
SAME_HAND = 0.05
"""Two centres this close, metres, are one hand seen twice."""
CANDIDATES = 8
SEARCH_INTERVAL = 5
"""While some hands are followed, more are looked for on every fifth frame only, for a steady rate."""
ASSOCIATION = 0.15
"""How far a hand may have moved between frames when centres come from outside, metres."""


@dataclass(frozen=True)
class Estimate:
    """The hands of one frame.

    reason: why there is no hand, one sentence; "" if there is one. stage_ms: milliseconds of the stages "find",
    "crop", "network" and "check". passes: how many times the network was run, each time on a batch of crops.
    """

    hands: list[HandPose]
    reason: str = ""
    stage_ms: dict[str, float] = field(default_factory=dict)
    passes: int = 0


class HandPoseEstimator:
    """Finds hands, follows them from frame to frame, and gives each frame's poses unsmoothed.

    One estimator is for one camera's frames in order, from one thread.
    max_hands: hands to look for. min_score: least probability of a hand, 0..1, that is accepted; None takes the one
    that is stored with the model, at which few hands are seen where there is none.
    min_depth, max_depth: metres between which hands are searched.
    """

    def __init__(
        self,
        model: HandModel,
        *,
        max_hands: int = 1,
        min_score: float | None = None,
        min_depth: float = 0.15,
        max_depth: float = 1.5,
    ) -> None:
        if max_hands < 1:
            raise ValueError(f"max_hands must be at least 1, got {max_hands}")
        if min_score is None:
            min_score = model.description.confidence.min_score
        if not 0 <= min_score <= 1:
            raise ValueError(f"min_score must lie in 0..1, got {min_score}")
        if not 0 < min_depth < max_depth:
            raise ValueError(f"depths must be 0 < min_depth < max_depth, got {min_depth} and {max_depth}")
        self.model = model
        self.max_hands = max_hands
        self.min_score = min_score
        self.min_depth = min_depth
        self.max_depth = max_depth
        self._tracks = Tracks()
        self._frames_since_search = 0

    def reset(self) -> None:
        """Forget every hand: the recording jumped, or model or camera changed."""
        self._tracks.reset()

    def estimate(
        self,
        depth: DepthImage,
        camera: Camera,
        stamp: float | None = None,
        centres: Sequence[NDArray[np.floating]] | None = None,
    ) -> Estimate:
        """Hands in a depth image of `camera` taken at `stamp` seconds.

        centres: (3,) points in metres from another detector, used instead of the own search and of the last
        frame's hands. Stamps that go back or skip half a second end all tracks. Raises ValueError if image and
        camera differ in size.
        """
        if depth.shape != (camera.height, camera.width):
            raise ValueError(
                f"the depth image is {depth.shape[1]}x{depth.shape[0]} but its camera is {camera.width}x{camera.height}"
            )
        frame = _Frame(self, depth, camera)
        self._tracks.advance(stamp)
        if centres is not None:
            guesses = []
            for centre in centres:
                near = self._tracks.nearest(np.asarray(centre, np.float32), ASSOCIATION)
                guesses.append(_Guess.at(np.asarray(centre, np.float32), near.roll if near else 0.0))
            frame.look_at(guesses)
            if not guesses:
                frame.reasons.append("no centres were given")
        else:
            frame.look_at(
                [
                    _Guess.at(track.predicted(stamp), track.roll, track.side_to_look_at, track)
                    for track in self._tracks.current
                ]
            )
            self._frames_since_search += 1
            if not frame.found or (len(frame.found) < self.max_hands and self._frames_since_search >= SEARCH_INTERVAL):
                frame.search()
                self._frames_since_search = 0
        with frame.stage("check"):
            hands = self._follow(frame.found[: self.max_hands], stamp, associate=centres is not None)
        return Estimate(hands, "" if hands else frame.reasons[-1], frame.stage_ms, frame.passes)

    def both_sides(
        self, depth: DepthImage, camera: Camera, centre: NDArray[np.floating], roll: float
    ) -> tuple[Prediction, Prediction]:
        """What the network says of a right hand and of a left one at `centre`, (3,) metres, turned by `roll` radians.

        Each after as many looks as it takes.
        """
        guess = _Guess.at(np.asarray(centre, np.float32), roll)
        _Frame(self, depth, camera).settle([guess])
        right, left = (view.prediction for view in guess.views)
        assert right is not None
        assert left is not None
        return right, left

    def _follow(self, found: list[_Guess], stamp: float | None, *, associate: bool) -> list[HandPose]:
        """Bring the tracks up to date with this frame's hands; a track without a hand ends."""
        hands: list[HandPose] = []
        tracks: list[Track] = []
        for guess in found:
            view = guess.best
            prediction = view.prediction
            assert prediction is not None
            track = guess.track
            if associate:
                near = self._tracks.nearest(view.centre, ASSOCIATION)
                track = near if near not in tracks else None
            if track is None:
                track = self._tracks.new(view.centre, view.roll, guess.right_hand)
            else:
                track.seen(view.centre, view.roll, stamp, guess.right_hand)
            tracks.append(track)
            hands.append(
                HandPose(
                    prediction.joints,
                    prediction.joint_scores,
                    prediction.presence,
                    track.handedness,
                    track.number,
                )
            )
        self._tracks.current = tracks
        return hands


@dataclass
class _View:
    """A place looked at as if a hand of one side were there, again and again until another look would change nothing.

    roll: radians by which the crop is turned, so that the hand is upright in it as far as is known. hopeless: no hand.
    """

    centre: NDArray[np.float32]
    side: Handedness
    roll: float = 0.0
    prediction: Prediction | None = None
    settled: bool = False
    hopeless: bool = False

    def take(self, prediction: Prediction) -> None:
        """Keep what the network says of this look, and where to look next."""
        self.prediction = prediction
        centre, roll = hand_centre(prediction.joints), upright_roll(prediction.joints)
        upright = angle_between(roll, self.roll) * np.linalg.norm(palm_direction(prediction.joints)) < UPRIGHT
        still = bool(upright and np.linalg.norm(centre - self.centre) < SETTLED)
        somewhere = bool(np.isfinite(centre).all() and centre[2] > 0)
        self.hopeless = not (somewhere and prediction.presence >= HOPELESS)
        self.settled = still or self.hopeless
        self.centre, self.roll = centre, roll

    @property
    def likeness(self) -> float:
        """How much it looks like a hand of this side; nothing before the first look."""
        return self.prediction.likeness if self.prediction else -np.inf


@dataclass
class _Guess:
    """Where a hand may be, seen as one of a known side or as one of either."""

    views: list[_View]
    track: Track | None = None

    @classmethod
    def at(
        cls, centre: NDArray[np.float32], roll: float, side: Handedness = Handedness.UNKNOWN, track: Track | None = None
    ) -> _Guess:
        """A place to look at, from both sides where the side is UNKNOWN."""
        sides = (Handedness.RIGHT, Handedness.LEFT) if side == Handedness.UNKNOWN else (side,)
        return cls([_View(centre, one, roll) for one in sides], track)

    @property
    def best(self) -> _View:
        """The likelier view."""
        return max(self.views, key=lambda view: view.likeness)

    @property
    def right_hand(self) -> float | None:
        """Probability of a right hand, if both sides were looked at."""
        if len(self.views) == 1:
            return None
        right, left = (view.likeness for view in self.views)
        return probability(right - left)

    def give_up_the_unlikely(self) -> None:
        """A view that is surely of the wrong side is not looked at again."""
        best = self.best
        for view in self.views:
            if not best.likeness - view.likeness <= SURE:
                view.settled = True


class _Frame:
    """The work on one frame: `found` grows, best first; `reasons` says what was rejected and why."""

    def __init__(self, settings: HandPoseEstimator, depth: DepthImage, camera: Camera) -> None:
        self.settings, self.depth, self.camera = settings, depth, camera
        self.found: list[_Guess] = []
        self.reasons: list[str] = []
        self.stage_ms = dict.fromkeys(("find", "crop", "network", "check"), 0.0)
        self.passes = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of its body to a stage."""
        start = time.perf_counter()
        yield
        self.stage_ms[name] += 1000 * (time.perf_counter() - start)

    def search(self) -> None:
        """Look where the depth picture has something of a hand's size."""
        settings = self.settings
        with self.stage("find"):
            centres = find_candidates(
                self.depth,
                self.camera,
                min_depth=settings.min_depth,
                max_depth=settings.max_depth,
                limit=CANDIDATES,
            )
            if not centres:
                self.reasons.append(self._nothing_to_find())
        # One side costs half of both, and shows well enough whether there is a hand at all.
        screened = [_View(centre, Handedness.RIGHT) for centre in centres if not self._is_found(centre)]
        if screened:
            self._predict(screened)
        self.look_at(
            [_Guess([view]) if view.hopeless else _Guess.at(view.centre, view.roll) for view in screened],
            ROUNDS - 1,
        )

    def look_at(self, guesses: list[_Guess], rounds: int = ROUNDS) -> None:
        """Look until all is settled, and keep what is a hand."""
        self.settle(guesses, rounds)
        with self.stage("check"):
            self._keep(guesses)

    def settle(self, guesses: list[_Guess], rounds: int = ROUNDS) -> None:
        """Re-centre on the network's joints until they settle, each side by itself."""
        for _ in range(rounds):
            unsettled = [view for guess in guesses for view in guess.views if not view.settled]
            if not unsettled:
                break
            self._predict(unsettled)
            for guess in guesses:
                guess.give_up_the_unlikely()

    def _predict(self, views: list[_View]) -> None:
        model = self.settings.model
        with self.stage("crop"):
            crops = [
                crop for view in views for crop in crops_of(model, self.depth, self.camera, view.centre, view.roll)
            ]
        with self.stage("network"):
            predictions = model.predict(crops, [view.side for view in views])
        self.passes += 1
        for view, prediction in zip(views, predictions, strict=True):
            view.take(prediction)

    def _keep(self, guesses: list[_Guess]) -> None:
        rejected: list[tuple[float, str]] = []
        for guess in sorted(guesses, key=_quality, reverse=True):
            view = guess.best
            prediction = view.prediction
            assert prediction is not None
            score = prediction.presence
            place = " ".join(f"{value:.2f}" for value in view.centre)
            if not score >= self.settings.min_score:
                rejected.append((score, f"network sees no hand: best score {score:.2f} at {place} m"))
            elif fault := implausibility(prediction.joints, self.depth, self.camera):
                rejected.append((score, f"implausible pose: {fault}, at {place} m"))
            elif not self._is_found(view.centre):
                self.found.append(guess)
        if rejected:
            self.reasons.append(max(rejected)[1])

    def _is_found(self, centre: NDArray[np.float32]) -> bool:
        return any(np.linalg.norm(guess.best.centre - centre) < SAME_HAND for guess in self.found)

    def _nothing_to_find(self) -> str:
        low, high = self.settings.min_depth, self.settings.max_depth
        metres = self.depth.metres(slice(None, None, 2), slice(None, None, 2))
        if not ((metres >= low) & (metres < high)).any():
            return f"no depth within {low:g}-{high:g} m"
        return f"no surface of a hand's size within {low:g}-{high:g} m"


def _quality(guess: _Guess) -> float:
    prediction = guess.best.prediction
    return prediction.presence * float(prediction.joint_scores.mean()) if prediction else 0.0
