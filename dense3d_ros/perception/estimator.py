"""Depth image and camera in, hands out: the one class that a user without ROS needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage, is_finite_number
from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.geometry.unit_doubt import UnitDoubt
from dense3d_ros.perception.acceptance import Limits
from dense3d_ros.perception.frame import FOLLOWED_PASSES, PASSES, FrameSearch
from dense3d_ros.perception.hypotheses import Place
from dense3d_ros.perception.model import HandModel, Prediction
from dense3d_ros.perception.rejected import Rejected
from dense3d_ros.perception.tracking import Track, Tracks

SEARCH_INTERVAL = 5
"""While some hands are followed and none is lost, more are searched on every fifth frame only, for a steady rate."""
SEARCHED_AFTER_NEW = 0.5
"""Seconds after a new hand for which more are searched on every frame: people often bring both hands at once."""
NO_WAIT_AFTER_SEEN = 1.0
"""Seconds after a hand was seen in which a rejected place whose score would do for a followed hand does not wait."""


@dataclass(frozen=True)
class Estimate:
    """The hands of one frame.

    cause: why there is no hand, one sentence; "" if there is one. stage_ms: milliseconds of the stages "find", "crop",
    "network" and "check". passes: how many times the network was run, each time on a batch of crops. unit_doubt: a
    sentence where the depth's unit seems wrong, also by the size of hands; "" where it does not.
    """

    hands: list[HandPose]
    cause: str = ""
    stage_ms: dict[str, float] = field(default_factory=dict)
    passes: int = 0
    unit_doubt: str = ""

    @property
    def reason(self) -> str:
        """Why there is no hand, and whether the depth's unit may be why; "" if there is a hand."""
        return f"{self.cause}; {self.unit_doubt}" if self.cause and self.unit_doubt else self.cause


class HandPoseEstimator:
    """Finds hands, follows them from frame to frame, and gives each frame's poses unsmoothed.

    One estimator is for one camera's frames in order, from one thread.
    max_hands: hands to look for. min_score: least probability of a hand, 0..1, of a new hand; None takes the one stored
    with the model, at which few hands are seen where there is none. A followed hand may go down to the model's
    `hold_score`. min_depth, max_depth: metres between which a hand's centre is. max_lost: seconds for which a hand that
    is not seen keeps its number; nothing is given for it meanwhile. numbers: where the hands' numbers come from; handed
    on from one estimator to the next none is used twice.
    """

    def __init__(
        self,
        model: HandModel,
        *,
        max_hands: int = 2,
        min_score: float | None = None,
        min_depth: float = 0.15,
        max_depth: float = 1.5,
        max_lost: float = 0.3,
        numbers: Iterator[int] | None = None,
    ) -> None:
        if isinstance(model, str | Path):
            raise ValueError(f"the model must be loaded: HandPoseEstimator(load_model('{excerpt(model)}'))")
        if max_hands < 1:
            raise ValueError(f"max_hands must be at least 1, got {max_hands}")
        if min_score is None:
            min_score = model.for_new_hands.confidence.min_score
        if not 0 <= min_score <= 1:
            raise ValueError(f"min_score must lie in 0..1, got {min_score}")
        if not 0 < min_depth < max_depth:
            raise ValueError(f"depths must be 0 < min_depth < max_depth, got {min_depth} and {max_depth}")
        if not 0 <= max_lost < np.inf:
            raise ValueError(f"max_lost must be at least 0 seconds, got {max_lost}")
        self.model = model
        self.max_hands = max_hands
        self.limits = Limits(min_score, min(model.confidence.hold_score, min_score), min_depth, max_depth)
        self._tracks = Tracks(max_lost, numbers)
        self._frames_since_search = 0
        self._rejected: list[Rejected] = []
        self._unit = UnitDoubt()
        self._camera: Camera | None = None

    def reset(self) -> None:
        """Forget every hand: the recording jumped, or model or camera changed."""
        self._tracks.reset()
        self._rejected = []
        self._unit = UnitDoubt()

    def estimate(
        self,
        depth: DepthImage,
        camera: Camera,
        stamp: float | None = None,
        centres: Sequence[NDArray[np.floating]] | None = None,
    ) -> Estimate:
        """Hands in a depth image of `camera` taken at `stamp` seconds.

        centres: (3,) points in metres from another detector, used instead of the own search and of the last
        frame's hands. Stamps that go back or skip half a second end all tracks. Raises ValueError, one sentence,
        for arguments of another type, a stamp that is not finite, a camera that cannot be (`Camera.checked`) or of
        another size than the image. Any error ends all tracks, so that the next frame starts afresh.
        """
        try:
            self._check(depth, camera, stamp)
            return self._estimate(depth, camera, stamp, centres)
        except Exception:
            self.reset()
            raise

    def _check(self, depth: DepthImage, camera: Camera, stamp: float | None) -> None:
        """Raise ValueError for arguments that `estimate` does not accept."""
        if not isinstance(depth, DepthImage):
            raise ValueError(
                f"depth must be a DepthImage, got a {type(depth).__name__}; an array of millimetres becomes one by "
                "DepthImage(array, unit=0.001)"
            )
        if camera is not self._camera:
            if not isinstance(camera, Camera):
                raise ValueError(
                    f"camera must be a Camera, got a {type(camera).__name__}; its intrinsics become one by "
                    "Camera(fx, fy, cx, cy, width, height)"
                )
            self._camera = camera.checked()
        if depth.shape != (camera.height, camera.width):
            raise ValueError(
                f"the depth image is {depth.shape[1]}x{depth.shape[0]} but its camera is {camera.width}x{camera.height}"
            )
        if stamp is not None and not is_finite_number(stamp):
            raise ValueError(f"stamp must be a finite number of seconds or None, got {excerpt(repr(stamp))}")

    def as_right_and_left(
        self, depth: DepthImage, camera: Camera, centre: NDArray[np.floating], roll: float
    ) -> tuple[Prediction, Prediction]:
        """What the network says of a right hand and of a left one at `centre`, (3,) metres, turned by `roll` radians.

        Each after as many passes as it gets: a surely wrong handedness, and a place without a hand, get one.
        """
        place = Place.at(np.asarray(centre, np.float32), roll)
        self._frame(depth, camera).settle([place], PASSES)
        right, left = (hypothesis.prediction for hypothesis in place.hypotheses)
        assert right is not None
        assert left is not None
        return right, left

    def places(self, depth: DepthImage, camera: Camera, limit: int) -> list[Place]:
        """Possible places among the detector's first `limit` and the spare ones, judged; no track is touched."""
        limits = replace(self.limits, min_score=0.0, hold_score=0.0)
        frame = FrameSearch(self.model, limits, depth, camera, self._tracks.stamp)
        frame.search(limit, [], lambda centre, taken: None, was_followed=False)
        return frame.found

    def _estimate(
        self,
        depth: DepthImage,
        camera: Camera,
        stamp: float | None,
        centres: Sequence[NDArray[np.floating]] | None,
    ) -> Estimate:
        tracks = self._tracks
        if not tracks.advance(stamp):
            self._rejected = []
        frame = self._frame(depth, camera)
        if centres is not None:
            places: list[Place] = []
            for centre in centres:
                places.append(self._outside(np.asarray(centre, np.float32), places))
            frame.settle_and_judge(places, PASSES, len(places))
            if not places:
                frame.reasons.append("no centres were given")
        else:
            expected = [self._expected(track) for track in tracks.current]
            frame.settle_and_judge(expected, FOLLOWED_PASSES, len(expected))
            self._search(frame)
        with frame.stage("check"):
            hands = self._follow(frame.found)
            doubt = self._unit.doubt(depth, hands, tracks.stamp)
        return Estimate(hands, "" if hands else frame.reasons[-1], frame.stage_ms, frame.passes, doubt)

    def _frame(self, depth: DepthImage, camera: Camera) -> FrameSearch:
        return FrameSearch(self.model, self.limits, depth, camera, self._tracks.stamp)

    def _expected(self, track: Track) -> Place:
        """Where a followed hand is expected; beside another one as a right and as a left hand."""
        tracks = self._tracks
        handedness = Handedness.UNKNOWN if tracks.is_beside_another(track) else track.handedness_to_try
        return Place.at(track.predicted(tracks.stamp), track.roll, handedness, track, detector=track.detector)

    def _outside(self, centre: NDArray[np.float32], others: list[Place]) -> Place:
        """A place that another detector named; a track that reaches it is taken for the same hand."""
        near = self._tracks.nearest(centre, [place.track for place in others])
        return Place.at(centre, near.roll if near else 0.0, track=near)

    def _search(self, frame: FrameSearch) -> None:
        """Search for the hands that are missing, unless others are followed and it is not time yet."""
        tracks = self._tracks
        self._frames_since_search += 1
        missing = self.max_hands - len(frame.found)
        is_lost = len(frame.found) < len(tracks.current)
        after_new = tracks.stamp - tracks.last_new <= SEARCHED_AFTER_NEW
        is_due = after_new or self._frames_since_search >= SEARCH_INTERVAL
        if missing > 0 and (not frame.found or is_lost or is_due):
            was_followed = tracks.stamp - tracks.last_seen <= NO_WAIT_AFTER_SEEN
            self._rejected = frame.search(missing, self._rejected, tracks.nearest, was_followed=was_followed)
            self._frames_since_search = 0

    def _follow(self, found: list[Place]) -> list[HandPose]:
        """Bring the tracks up to date with this frame's hands; the others are lost from now on."""
        tracks = self._tracks
        hands: list[HandPose] = []
        # Followed hands first, so that no new one takes the place of one of them.
        ranked = sorted(found, key=lambda place: place.precedence)
        chosen = ranked[: self.max_hands]
        for place in ranked[self.max_hands :]:
            # One too many: it must not come back in place of one of the others.
            tracks.current = [track for track in tracks.current if track is not place.track]
        for place in chosen:
            best, odds = place.best, place.right_log_odds
            prediction = best.prediction
            assert prediction is not None
            if place.track is None:
                place.track = tracks.new(best.centre, best.roll, odds)
                tracks.current.append(place.track)
            else:
                place.track.weigh(odds)
                place.track.seen(best.centre, best.roll, tracks.stamp)
            if np.isfinite(place.detector):
                place.track.detector = place.detector
            hands.append(
                HandPose(
                    prediction.joints,
                    prediction.joint_scores,
                    place.score,
                    place.track.handedness,
                    place.track.number,
                )
            )
        for track in tracks.current:
            track.is_lost = all(place.track is not track for place in chosen)
        tracks.forget_the_lost(self.max_hands)
        return hands
