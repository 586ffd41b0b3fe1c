"""What is accepted as a hand, and in a sentence why a place is none."""

from __future__ import annotations

from dataclasses import dataclass

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.perception.evidence import DESCRIPTIONS, Evidence
from dense3d_ros.perception.hypotheses import Place
from dense3d_ros.perception.plausibility import implausibility


@dataclass(frozen=True)
class Limits:
    """What is accepted: least scores of a new and of a followed hand, and depths of their centres in metres."""

    min_score: float
    hold_score: float
    min_depth: float
    max_depth: float


@dataclass(frozen=True)
class Acceptance:
    """Judges places of one depth image, which have had a pass.

    of_followed, of_new: what the scores of followed and of new hands are made of.
    """

    limits: Limits
    of_followed: Evidence
    of_new: Evidence
    depth: DepthImage
    camera: Camera

    def impossible(self, place: Place) -> str:
        """What makes a hand here impossible; "" if nothing does."""
        prediction, limits = place.best.prediction, self.limits
        assert prediction is not None
        if fault := implausibility(prediction.joints, self.depth, self.camera):
            return f"implausible pose: {fault}{at_place(place)}"
        z = float(place.best.centre[2])
        if not limits.min_depth <= z <= limits.max_depth:
            return f"the hand is {z:.2f} m away, accepted: {limits.min_depth:g}-{limits.max_depth:g} m"
        return ""

    def unlikely(self, place: Place) -> str:
        """Why the score is too low; "" if it is not."""
        least = self.limits.min_score if place.track is None else self.limits.hold_score
        return "" if place.score >= least else self.doubt(place)

    def doubt(self, place: Place) -> str:
        """How low the score is, and what speaks most against a hand."""
        evidence = self.of_new if place.track is None else self.of_followed
        against = DESCRIPTIONS[evidence.against(place.terms)]
        return f"best score {place.score:.2f}{at_place(place)}; most against it: {against}"

    def would_do_if_followed(self, place: Place) -> bool:
        """Whether a place would be a hand if it were a followed one.

        Its score may be by the calibration of more views than `hold_score`: both are probabilities of a hand.
        """
        return place.score >= self.limits.hold_score and not self.impossible(place)

    def nothing_to_find(self) -> str:
        """Why there is no place at all: no depth where hands may be, or no candidate."""
        low, high = self.limits.min_depth, self.limits.max_depth
        # Every eighth pixel both ways: it only words a reason.
        metres = self.depth.metres(slice(None, None, 8), slice(None, None, 8))
        if not ((metres >= low) & (metres < high)).any():
            return f"no depth within {low:g}-{high:g} m"
        return f"the detector names no hand within {low:g}-{high:g} m"


def at_place(place: Place) -> str:
    """Where a place is, as the end of a clause."""
    return " at " + " ".join(f"{value:.2f}" for value in place.best.centre) + " m"
