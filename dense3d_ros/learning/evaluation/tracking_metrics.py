"""How well hands are followed: missed and false ones, number and handedness switches, MOTA and IDF1.

MOTA after K. Bernardin, R. Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT metrics",
EURASIP Journal on Image and Video Processing (2008); IDF1 after E. Ristani et al., "Performance measures and a data set
for multi-target, multi-camera tracking", ECCV workshops (2016).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.learning.evaluation.matching import GATE, Matches, Pairs, match_hands


@dataclass(frozen=True)
class SeenHand:
    """A true hand with its own number, or an estimate with its track's. centre: (3,) metres."""

    number: int
    centre: NDArray[np.floating]
    handedness: Handedness


@dataclass(frozen=True)
class FrameScore:
    """One frame: who was matched, and how many matched hands have another number, or another handedness, than before.

    truths, estimates: true hands that count, and estimates, those of hands that need not be found left out.
    correct_handedness: matched hands whose handedness is.
    """

    matches: Matches
    truths: int
    estimates: int
    number_switches: int
    handedness_switches: int
    correct_handedness: int


class TrackingRates(TypedDict):
    """Counts and rates over frames, as they are written: shares of 1, None where there is nothing to count.

    missed: of the hands. both_followed: of the frames with two hands, those that miss neither. correct_handedness: of
    the found hands. mota: 1 - (missed + false + number switches) / hands.
    """

    frames: int
    hands: int
    missed: float | None
    frames_with_both: int
    both_followed: float | None
    false_hands: int
    false_hands_per_1000: float | None
    frames_with_a_false_hand: float | None
    number_switches: int
    number_switches_per_1000: float | None
    handedness_switches: int
    handedness_switches_per_1000: float | None
    correct_handedness: float | None
    mota: float | None


class SequenceScore:
    """Scores the frames of one sequence in order."""

    def __init__(self) -> None:
        self.frames: list[FrameScore] = []
        self._numbers: dict[int, int] = {}
        self._handedness: dict[int, Handedness] = {}
        self._together: Counter[tuple[int, int]] = Counter()
        self._matched: set[tuple[int, int]] = set()

    def add(
        self, truths: Sequence[SeenHand], ignored: Sequence[NDArray[np.floating]], estimates: Sequence[SeenHand]
    ) -> FrameScore:
        """Score the next frame; `ignored` are centres (3,) of true hands that need not be found.

        A true hand stays with the track that it was matched to last as long as both are near each other.
        """
        known = [
            (_distance(true, estimate), row, column)
            for row, true in enumerate(truths)
            for column, estimate in enumerate(estimates)
            if self._numbers.get(true.number) == estimate.number and _near(true, estimate)
        ]
        kept: Pairs = []
        for _, row, column in sorted(known):
            # Two hands can have been one track's last; the closer one keeps it.
            if column not in {taken for _, taken in kept}:
                kept.append((row, column))
        matches = match_hands([true.centre for true in truths], ignored, [one.centre for one in estimates], kept)
        number_switches = handedness_switches = correct_handedness = 0
        for row, column in matches.pairs:
            true, estimate = truths[row], estimates[column]
            number_switches += self._numbers.get(true.number, estimate.number) != estimate.number
            self._numbers[true.number] = estimate.number
            self._matched.add((true.number, estimate.number))
            if estimate.handedness != Handedness.UNKNOWN:
                handedness_switches += self._handedness.get(true.number, estimate.handedness) != estimate.handedness
                self._handedness[true.number] = estimate.handedness
            correct_handedness += estimate.handedness == true.handedness
        counted = {column for _, column in matches.pairs} | set(matches.false)
        for true in truths:
            near = (one.number for index, one in enumerate(estimates) if index in counted and _near(true, one))
            self._together.update((true.number, number) for number in near)
        score = FrameScore(matches, len(truths), len(counted), number_switches, handedness_switches, correct_handedness)
        self.frames.append(score)
        return score

    @property
    def numbers(self) -> list[int]:
        """How many tracks' numbers each hand had that was followed at all."""
        return sorted(Counter(true for true, _ in self._matched).values())

    @property
    def identified(self) -> int:
        """Hands in all frames that are near the one track that the whole sequence gives to them: IDTP."""
        trues, tracks = (sorted({pair[place] for pair in self._together}) for place in (0, 1))
        frames = np.array([[self._together[true, track] for track in tracks] for true in trues]).reshape(
            len(trues), len(tracks)
        )
        return int(frames[linear_sum_assignment(frames, maximize=True)].sum())


def tracking_summary(frames: Sequence[FrameScore]) -> TrackingRates:
    """The rates of frames of any sequences."""
    hands = sum(frame.truths for frame in frames)
    matched = sum(len(frame.matches.pairs) for frame in frames)
    false = sum(len(frame.matches.false) for frame in frames)
    numbers = sum(frame.number_switches for frame in frames)
    handedness = sum(frame.handedness_switches for frame in frames)
    both = [frame for frame in frames if frame.truths == 2]
    return {
        "frames": len(frames),
        "hands": hands,
        "missed": _share(hands - matched, hands),
        "frames_with_both": len(both),
        "both_followed": _share(sum(not frame.matches.missed for frame in both), len(both)),
        "false_hands": false,
        "false_hands_per_1000": _share(1000 * false, len(frames)),
        "frames_with_a_false_hand": _share(sum(bool(frame.matches.false) for frame in frames), len(frames)),
        "number_switches": numbers,
        "number_switches_per_1000": _share(1000 * numbers, len(frames)),
        "handedness_switches": handedness,
        "handedness_switches_per_1000": _share(1000 * handedness, len(frames)),
        "correct_handedness": _share(sum(frame.correct_handedness for frame in frames), matched),
        "mota": None if hands == 0 else 1 - (hands - matched + false + numbers) / hands,
    }


def idf1(sequences: Sequence[SequenceScore]) -> float | None:
    """2 IDTP / (hands + estimates) of all sequences together; None if there are neither."""
    identified = sum(sequence.identified for sequence in sequences)
    frames = [frame for sequence in sequences for frame in sequence.frames]
    return _share(2 * identified, sum(frame.truths + frame.estimates for frame in frames))


def numbers_per_hand(sequences: Sequence[SequenceScore]) -> float | None:
    """Mean count of tracks' numbers that a followed hand had; 1 if each kept its own, None if there is none."""
    counts = [count for sequence in sequences for count in sequence.numbers]
    return _share(sum(counts), len(counts))


def _near(true: SeenHand, estimate: SeenHand) -> bool:
    return _distance(true, estimate) <= GATE


def _distance(true: SeenHand, estimate: SeenHand) -> float:
    return float(np.linalg.norm(true.centre - estimate.centre))


def _share(count: float, total: int) -> float | None:
    return count / total if total else None
