"""How well the detector names hands: recall over false candidates, and how far off its candidates are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import angle_between, hand_centre, upright_roll
from dense3d_ros.learning.evaluation.free_response import RecallPoint, recall_at, threshold_at
from dense3d_ros.learning.evaluation.scores import wilson_interval
from dense3d_ros.perception.detector import LEAST_LOG_ODDS, Candidate

NAMED = 0.05
"""A candidate names a hand if one of its starts is at most this far from the hand's centre, metres.

Half the least distance between two hands of the test set's images, so that a candidate never names two by chance; also
the distance from which on the estimator takes two hands for two.
"""
LOWEST_LOG_ODDS = -3.5
"""Of the candidates that are asked for: there are more than four false ones an image."""
MOST_CANDIDATES = 64
"""Of an image that are asked for."""
FALSE_PER_IMAGE = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Points of the curve."""
GROUPS = ("all", "in view", "below 0.5 m", "0.5-1 m", "above 1 m")
"""Of hands: the last three by the depth of their centre."""


@dataclass(frozen=True)
class NamedHand:
    """A true hand and the likeliest candidate that names it.

    groups: of GROUPS. log_odds: of a hand, -inf if no candidate names it; then the rest is NaN. lateral, depth:
    metres from the hand's centre to the candidate's nearest centre, across its viewing ray and along it, further away
    positive. turn: of the detector's own direction, radians from upright.
    """

    groups: tuple[str, ...]
    log_odds: float = -np.inf
    lateral: float = np.nan
    depth: float = np.nan
    turn: float = np.nan


class CandidatePoint(RecallPoint):
    """A point of the curves of GROUPS; log_odds: the threshold there."""

    log_odds: float


class NamedRates(TypedDict):
    """A group's hands at the threshold in use: recall with its 95 % confidence interval, and errors of the named ones.

    lateral_mm, depth_mm, turn_degrees: median and 90th percentile, see `NamedHand`; None where no hand is named.
    """

    hands: int
    recall: float
    recall_95: list[float]
    lateral_mm: list[float] | None
    depth_mm: list[float] | None
    turn_degrees: list[float] | None


class CandidateRates(TypedDict):
    """Recall over false candidates, and what holds at the threshold in use, of all hands and by group of GROUPS."""

    images: int
    least_log_odds: float
    false_per_image: float
    curve: list[CandidatePoint]
    groups: dict[str, NamedRates]


class CandidateScore:
    """Collects the candidates of images one by one."""

    def __init__(self) -> None:
        self._hands: list[NamedHand] = []
        self._false: list[float] = []
        self._images = 0

    def add(self, found: Sequence[Candidate], joints: Sequence[NDArray[np.float32]], labels: dict[str, str]) -> None:
        """An image's candidates, the likeliest first, and the joints (21, 3) of its hands; only the first hand counts.

        labels: of the first hand. A candidate that names any hand is not false, even if another one does so, too.
        """
        self._images += 1
        centres = [hand_centre(one) for one in joints]
        if joints:
            self._hands.append(_named_hand(found, joints[0], labels))
        self._false += [one.log_odds for one in found if not any(_names(one, centre) for centre in centres)]

    def summary(self) -> CandidateRates:
        """The curve, and what holds at the threshold in use."""
        log_odds = np.array([hand.log_odds for hand in self._hands])
        members = {name: np.array([name in hand.groups for hand in self._hands]) for name in GROUPS}
        members = {name: of_group for name, of_group in members.items() if of_group.any()}
        false = np.array(self._false)
        return {
            "images": self._images,
            "least_log_odds": LEAST_LOG_ODDS,
            "false_per_image": float((false >= LEAST_LOG_ODDS).sum() / self._images),
            "curve": [
                {
                    "false_per_image": rate,
                    "log_odds": max(threshold_at(false, rate * self._images), LOWEST_LOG_ODDS),
                    "recall": {
                        name: recall_at(log_odds[one], false, rate * self._images) for name, one in members.items()
                    },
                }
                for rate in FALSE_PER_IMAGE
            ],
            "groups": {name: _group([hand for hand in self._hands if name in hand.groups]) for name in members},
        }


def _named_hand(found: Sequence[Candidate], joints: NDArray[np.float32], labels: dict[str, str]) -> NamedHand:
    centre = hand_centre(joints)
    distance = GROUPS[2 + int(centre[2] >= 0.5) + int(centre[2] > 1.0)]
    groups = ("all", *(["in view"] if labels["in_view"] == "fully" else []), distance)
    best = next((one for one in found if _names(one, centre)), None)
    if best is None:
        return NamedHand(groups)
    offset = min((one - centre for one in best.centres), key=lambda one: float(np.linalg.norm(one)))
    ray = centre / np.linalg.norm(centre)
    depth = float(offset @ ray)
    return NamedHand(
        groups,
        best.log_odds,
        float(np.linalg.norm(offset - depth * ray)),
        depth,
        angle_between(best.roll, upright_roll(joints)),
    )


def _names(candidate: Candidate, centre: NDArray[np.float32]) -> bool:
    return any(np.linalg.norm(one - centre) <= NAMED for one in candidate.centres)


def _group(hands: list[NamedHand]) -> NamedRates:
    named = [hand for hand in hands if hand.log_odds >= LEAST_LOG_ODDS]
    return {
        "hands": len(hands),
        "recall": len(named) / len(hands),
        "recall_95": wilson_interval(len(named), len(hands)),
        "lateral_mm": _middle_and_high([1000 * hand.lateral for hand in named]),
        "depth_mm": _middle_and_high([1000 * abs(hand.depth) for hand in named]),
        "turn_degrees": _middle_and_high([float(np.degrees(hand.turn)) for hand in named]),
    }


def _middle_and_high(values: list[float]) -> list[float] | None:
    return [float(value) for value in np.percentile(values, (50, 90))] if values else None
