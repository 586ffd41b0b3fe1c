"""Places where a hand may be, each taken for a left hand, a right one or both until another pass changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import (
    JOINT_COUNT,
    Handedness,
    angle_between,
    hand_centre,
    palm_direction,
    upright_roll,
)
from dense3d_ros.perception.evidence import TERMS
from dense3d_ros.perception.model import Prediction
from dense3d_ros.perception.tracking import Track, handedness_of

RIGHT_AND_LEFT = (Handedness.RIGHT, Handedness.LEFT)
SETTLED = 0.01
"""A hand this close to the crop's centre, metres, is centred."""
UPRIGHT = 0.03
"""A hand whose knuckles are this close to an upright one's, metres, is upright: 19 degrees in a palm of 9 cm."""
SURE = 4.0
"""Log-odds at which the handedness of a hand is no longer in doubt, and the other one gets no further pass."""


def _unknown_joints() -> NDArray[np.float32]:
    return np.full((JOINT_COUNT, 3), np.nan, np.float32)


@dataclass
class Hypothesis:
    """A left or a right hand at a place.

    centre: (3,) metres, and roll: radians, of the next crop. prediction: of the last pass. before: (21, 3) joints of
    the pass before that, NaN if there was none. is_settled: another pass would change nothing, or is not worth it.
    """

    centre: NDArray[np.float32]
    handedness: Handedness
    roll: float = 0.0
    prediction: Prediction | None = None
    before: NDArray[np.float32] = field(default_factory=_unknown_joints)
    is_settled: bool = False

    def take(self, prediction: Prediction) -> None:
        """Keep what the network says in this pass, and where the next crop is."""
        if self.prediction is not None:
            self.before = self.prediction.joints
        self.prediction = prediction
        centre, roll = hand_centre(prediction.joints), upright_roll(prediction.joints)
        upright = angle_between(roll, self.roll) * np.linalg.norm(palm_direction(prediction.joints)) < UPRIGHT
        still = bool(upright and np.linalg.norm(centre - self.centre) < SETTLED)
        self.is_settled = still or not self.is_possible
        if self.is_possible:
            self.centre, self.roll = centre, roll

    @property
    def is_possible(self) -> bool:
        """Whether the joints of the last pass are points in front of the camera."""
        joints = None if self.prediction is None else self.prediction.joints
        return joints is not None and bool(np.isfinite(joints).all() and joints[:, 2].min() > 0)

    @property
    def log_likelihood(self) -> float:
        """How likely a hand of this handedness makes what the network says; nothing before the first pass."""
        return self.prediction.log_likelihood if self.prediction else -np.inf


@dataclass
class Place:
    """Where a hand may be, taken for one of known handedness or for either.

    track: the hand that is expected here. detector: the detector's log-odds of a hand, NaN where it did not name the
    place.
    score: probability of a hand, and terms: what it is made of, see `evidence`, once judged.
    """

    hypotheses: list[Hypothesis]
    track: Track | None = None
    detector: float = np.nan
    score: float = 0.0
    terms: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(TERMS)))

    @classmethod
    def at(
        cls,
        centre: NDArray[np.float32],
        roll: float,
        handedness: Handedness = Handedness.UNKNOWN,
        track: Track | None = None,
        detector: float = np.nan,
    ) -> Place:
        """A place for the first pass, as a right and as a left hand where the handedness is UNKNOWN."""
        either = RIGHT_AND_LEFT if handedness == Handedness.UNKNOWN else (handedness,)
        return cls([Hypothesis(centre, one, roll) for one in either], track, detector)

    @property
    def precedence(self) -> int:
        """0 for a hand that was followed, 1 for one that comes back, 2 for a new one."""
        return 2 if self.track is None else int(self.track.is_lost)

    def take_as_either(self, roll: float) -> None:
        """Start anew where the pass as a right hand has led: as a right hand, and as a left one turned by `roll`.

        What turns a crop upright for a right hand may turn it away from a left one.
        """
        right = self.hypotheses[0]
        self.hypotheses = [
            Hypothesis(right.centre, Handedness.RIGHT, right.roll),
            Hypothesis(right.centre, Handedness.LEFT, roll),
        ]

    @property
    def right_log_odds(self) -> float | None:
        """Log-odds of a right hand in this frame, if both were tried."""
        if len(self.hypotheses) == 1:
            return None
        right, left = (hypothesis.log_likelihood for hypothesis in self.hypotheses)
        return float(np.nan_to_num(right - left))

    @property
    def best(self) -> Hypothesis:
        """The published hypothesis: of the track's handedness with this frame's evidence, or the likelier one."""
        if len(self.hypotheses) == 1:
            return self.hypotheses[0]
        odds = self.right_log_odds
        assert odds is not None
        right, left = self.hypotheses
        # As a right hand while nothing is said of the handedness: so an unknown hand is seen by others, too.
        return left if handedness_of(self.track.weighed(odds) if self.track else odds) == Handedness.LEFT else right

    @property
    def presence(self) -> float:
        """The network's log-odds of a hand: mean of the hypotheses', since what is no hand seldom looks like both."""
        seen = [hypothesis.prediction.presence for hypothesis in self.hypotheses if hypothesis.prediction]
        return sum(seen) / len(seen) if seen else float("nan")

    @property
    def likely(self) -> list[Hypothesis]:
        """The hypotheses whose handedness is not surely wrong."""
        return [hypothesis for hypothesis in self.hypotheses if self._is_likely(hypothesis)]

    def give_up_the_unlikely(self) -> None:
        """A hypothesis of a surely wrong handedness gets no further pass, unless the handedness is the track's own."""
        own = self.track.handedness if self.track else Handedness.UNKNOWN
        for hypothesis in self.hypotheses:
            if hypothesis.handedness != own and not self._is_likely(hypothesis):
                hypothesis.is_settled = True

    def _is_likely(self, hypothesis: Hypothesis) -> bool:
        best = max(one.log_likelihood for one in self.hypotheses)
        return best - hypothesis.log_likelihood <= SURE
