"""The work on one frame: the network runs on places until they settle, and they are judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.perception.acceptance import Acceptance, Limits, at_place
from dense3d_ros.perception.confidence import probability
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.perception.hypotheses import Hypothesis, Place
from dense3d_ros.perception.model import HandModel, crops_of
from dense3d_ros.perception.rejected import LONGEST_WAIT, REJECTED_REACH, Rejected, known_at
from dense3d_ros.perception.tracking import Track
from dense3d_ros.perception.views import NEW_HAND_VIEWS

PASSES, FOLLOWED_PASSES = 4, 3
"""Network passes over a new place, and over a followed hand, at the most: as many as it takes to have it upright."""
SAME_HAND = 0.05
"""Two hands whose joints are this close on average, metres, are one hand seen twice."""
SAME_CENTRE = 0.02
"""So are two whose centres are this close, metres, though their joints differ as a right and a left hand's do."""
SPARE_CANDIDATES = 4
"""Candidates that get a pass beyond the hands that are still to be found."""
FEWEST_CANDIDATES = 3
"""So many in all, or as many as there are hands to find, where others were rejected a moment ago."""
SCREENED = -5.5
"""Log-odds of a hand below which a new place, seen as a right hand, is not tried as a left one."""
HOPELESS = -3.5
"""A new place of less log-odds of a hand after a pass gets no further one: 1 % of the hands, and most other places."""
MOST_CANDIDATES = 16
"""That the detector names; those that are known already do not count."""

ExpectedTrack = Callable[[NDArray[np.float32], Collection[Track | None]], Track | None]
"""Centre (3,) of a candidate, and tracks that are taken -> the hand that comes back there, if any."""


class FrameSearch:
    """The search for hands in one depth image.

    found: places that are hands, followed ones first. reasons: what was rejected, and why.
    """

    def __init__(self, model: HandModel, limits: Limits, depth: DepthImage, camera: Camera, stamp: float) -> None:
        self.model, self.limits, self.depth, self.camera, self.stamp = model, limits, depth, camera, stamp
        of_followed, of_new = (one.confidence.evidence for one in (model, model.for_new_hands))
        self._acceptance = Acceptance(limits, of_followed, of_new, depth, camera)
        self.found: list[Place] = []
        self.reasons: list[str] = []
        self.stage_ms = dict.fromkeys(("find", "crop", "network", "check"), 0.0)
        self.passes = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of its body to a stage."""
        start = time.perf_counter()
        yield
        self.stage_ms[name] += 1000 * (time.perf_counter() - start)

    def search(
        self, missing: int, rejected: list[Rejected], expected: ExpectedTrack, *, was_followed: bool
    ) -> list[Rejected]:
        """Run the network where the detector names a hand; returns what is rejected, now or in a search before.

        was_followed: whether a hand was a moment ago. Then what would do for a followed hand does not wait: it may be
        the same one, which is hard to see. What is impossible waits in any case.
        """
        # Those whose wait is over are remembered until a search comes again at a low rate of frames, too.
        kept = [old for old in rejected if self.stamp - old.stamp < old.wait + LONGEST_WAIT]
        most = max(missing, FEWEST_CANDIDATES) if kept else missing + SPARE_CANDIDATES
        with self.stage("find"):
            starts: list[list[Place]] = []
            named = [(one, list(compress(kept, known_at(kept, one.centre)))) for one in self._candidates()]
            # Those that were not rejected come first, or things that are always there would take their turn.
            for candidate, before in sorted(named, key=lambda pair: bool(pair[1])):
                taken = [place.track for place in (*self.found, *(start[0] for start in starts))]
                track = expected(candidate.centre, taken)
                waiting = [old for old in before if self.stamp - old.stamp < old.wait]
                if waiting and track is None:
                    self.reasons.append(waiting[-1].reason)
                elif track is not None or sum(start[0].track is None for start in starts) < most:
                    starts.append(self._starts(candidate, track))
            centres = [start[0].best.centre for start in starts]
        places, reasons = self._screen(starts)
        promising = [place for place, reason in zip(places, reasons, strict=True) if not reason]
        judged = iter(self.settle_and_judge(promising, PASSES - 1, missing))
        for centre, place, screened in zip(centres, places, reasons, strict=True):
            reason = screened or next(judged)
            known = known_at(kept, centre)
            before, kept = list(compress(kept, known)), list(compress(kept, ~known))
            if reason and not (was_followed and self._acceptance.would_do_if_followed(place)):
                now = self.stamp
                kept.append(before[-1].again(centre, reason, now) if before else Rejected(centre, reason, now))
        return kept

    def _candidates(self) -> list[Candidate]:
        """What the detector names within the depths, beside the hands that are found already."""
        low, high = self.limits.min_depth - REJECTED_REACH, self.limits.max_depth + REJECTED_REACH
        named = [
            candidate
            for candidate in self.model.detect(self.depth, self.camera, MOST_CANDIDATES)
            if low <= candidate.centre[2] <= high
        ]
        if not named:
            self.reasons.append(self._acceptance.nothing_to_find())
        return [
            candidate
            for candidate in named
            if not any(np.linalg.norm(place.best.centre - candidate.centre) < SAME_HAND for place in self.found)
        ]

    def _starts(self, candidate: Candidate, track: Track | None) -> list[Place]:
        """A place for each centre and turn that a candidate's hand may have, the detector's own first."""
        # As a left hand, too, they would cost twice as much; this shows well enough whether there is a hand at all.
        return [
            Place.at(centre, roll, Handedness.RIGHT, track, candidate.log_odds) for centre, roll in candidate.starts
        ]

    def _screen(self, starts: list[list[Place]]) -> tuple[list[Place], list[str]]:
        """One pass over new places as right hands: the best start of each candidate, and why it is none.

        "" for a place where a hand may be.
        """
        tried = [place for start in starts for place in start]
        # The pass turns the places.
        named_rolls = [[place.best.roll for place in start] for start in starts]
        self._pass([place.best for place in tried], self.model)
        with self.stage("check"):
            self._score(tried, self.model)
            places, reasons, accepted = [], [], self._acceptance
            for start, rolls in zip(starts, named_rolls, strict=True):
                place, roll = max(zip(start, rolls, strict=True), key=lambda pair: pair[0].score)
                places.append(place)
                if place.score >= probability(SCREENED):
                    place.take_as_either(roll)
                    reasons.append("")
                else:
                    reasons.append(accepted.doubt(place) if place.best.is_possible else accepted.impossible(place))
            self._tell(places, reasons)
        return places, reasons

    def settle_and_judge(self, places: list[Place], passes: int, new: int) -> list[str]:
        """Run passes until all is settled, and keep what is a hand; for each place, why it is none, or "".

        new: how many new hands are wanted; no more places than that are looked at again.
        """
        self.settle(places, passes)
        with self.stage("check"):
            elsewhere = [self._other_hand(place) for place in places]
            self._score(places, self.model)
        # A model without a calibration for that many views judges new hands by the passes that settled them.
        if self.model.for_new_hands.views == NEW_HAND_VIEWS:
            reasons = zip(places, elsewhere, strict=True)
            self._look_again([place for place, reason in reasons if place.track is None and not reason], new)
        with self.stage("check"):
            return self._keep(places, elsewhere)

    def settle(self, places: list[Place], passes: int) -> None:
        """Re-centre on the network's joints until they settle, each hypothesis by itself."""
        for _ in range(passes):
            unsettled = [one for place in places for one in place.hypotheses if not one.is_settled]
            if not unsettled:
                break
            self._pass(unsettled, self.model)
            for place in places:
                place.give_up_the_unlikely()
            with self.stage("check"):
                self._give_up_the_hopeless([place for place in places if place.track is None or place.track.is_lost])

    def _look_again(self, places: list[Place], most: int) -> None:
        """One more pass over the likeliest `most` settled new places, by the model that judges new hands.

        No more of them, so that a frame with many new hands stays short, but for those that would be hands without it.
        """
        ranked = sorted(places, key=lambda place: -place.score)
        likely = [place for place in ranked[:most] if place.score >= probability(HOPELESS)]
        likely += [place for place in ranked[most:] if place.score >= self.limits.min_score]
        self._pass([one for place in likely for one in place.likely], self.model.for_new_hands)
        with self.stage("check"):
            self._score(likely, self.model.for_new_hands)

    def _pass(self, hypotheses: list[Hypothesis], model: HandModel) -> None:
        """Run the network on the crops of each hypothesis, all in one batch."""
        if not hypotheses:
            return
        with self.stage("crop"):
            crops = [
                crop for one in hypotheses for crop in crops_of(model, self.depth, self.camera, one.centre, one.roll)
            ]
        with self.stage("network"):
            predictions = model.predict(crops, [one.handedness for one in hypotheses])
        self.passes += 1
        for one, prediction in zip(hypotheses, predictions, strict=True):
            one.take(prediction)

    def _give_up_the_hopeless(self, places: list[Place]) -> None:
        unsettled = [place for place in places if not all(one.is_settled for one in place.hypotheses)]
        self._score([place for place in unsettled if place.best.is_possible], self.model)
        for place in unsettled:
            if place.score < probability(HOPELESS):
                for one in place.hypotheses:
                    one.is_settled = True

    def _keep(self, places: list[Place], elsewhere: list[str]) -> list[str]:
        """Judge the places, add the hands to `found`, and say why each of the others is none.

        elsewhere: for each place why it is not the hand that was expected there, or "".
        """
        accepted = self._acceptance
        reasons = [
            reason or accepted.impossible(place) or accepted.unlikely(place)
            for place, reason in zip(places, elsewhere, strict=True)
        ]
        likely = [place for place, reason in zip(places, reasons, strict=True) if not reason]
        # Of two on one hand the one that was followed, and stayed nearer to where it was expected.
        for place in sorted(likely, key=lambda place: (place.precedence, self._surprise(place), -place.score)):
            if not any(_same_hand(place, other) for other in self.found):
                self.found.append(place)
        self._tell(places, reasons)
        return reasons

    def _tell(self, places: list[Place], reasons: list[str]) -> None:
        """Keep the reason of the best place that is no hand."""
        rejected = [(place.score, reason) for place, reason in zip(places, reasons, strict=True) if reason]
        if rejected:
            self.reasons.append(max(rejected)[1])

    def _other_hand(self, place: Place) -> str:
        """Part a place from a track whose hand cannot be there, so that it has to be as sure as a new one.

        Why it is none where only the track's handedness was tried; "" else.
        """
        track = place.track
        if track is None:
            return ""
        # A followed hand may be taken for the other one for a frame; one that comes back may be another hand.
        is_same = not (track.is_lost and track.contradicts(place.right_log_odds))
        if is_same and track.reaches(place.best.centre, self.stamp):
            return ""
        place.track = None
        return f"the hand left its place too fast{at_place(place)}" if place.right_log_odds is None else ""

    def _score(self, places: list[Place], model: HandModel) -> None:
        """Sets the places' scores, all at once: 0 where the joints are no points in front of the camera."""
        for place in places:
            place.score = 0.0
        places = [place for place in places if place.best.is_possible]
        if not places:
            return
        evidence = model.confidence.evidence
        best = [place.best for place in places]
        predictions = [one.prediction for one in best if one.prediction is not None]
        values = evidence.measure(
            np.stack([prediction.joints for prediction in predictions]),
            [place.presence for place in places],
            np.stack([prediction.spread for prediction in predictions]),
            np.stack([one.before for one in best]),
            [place.detector for place in places],
            self.depth,
            self.camera,
        )
        for place, odds, row in zip(places, evidence.log_odds(values), values, strict=True):
            place.score, place.terms = probability(float(odds)), row

    def _surprise(self, place: Place) -> float:
        """Metres from where the track's hand was expected."""
        if place.track is None:
            return 0.0
        return float(np.linalg.norm(place.track.predicted(self.stamp) - place.best.centre))


def _same_hand(one: Place, other: Place) -> bool:
    first, second = one.best.prediction, other.best.prediction
    assert first is not None
    assert second is not None
    apart = first.joints - second.joints
    return bool(np.linalg.norm(apart, axis=1).mean() < SAME_HAND or np.linalg.norm(apart.mean(axis=0)) < SAME_CENTRE)
