"""Matching and tracking measures against examples worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.learning.evaluation.matching import GATE, match, match_hands
from dense3d_ros.learning.evaluation.tracking_metrics import (
    SeenHand,
    SequenceScore,
    idf1,
    numbers_per_hand,
    tracking_summary,
)

LEFT, RIGHT, UNKNOWN = Handedness.LEFT, Handedness.RIGHT, Handedness.UNKNOWN


def at(x: float) -> np.ndarray:
    return np.array([x, 0.0, 0.5])


def hand(number: int, x: float, handedness: Handedness = RIGHT) -> SeenHand:
    return SeenHand(number, at(x), handedness)


def test_the_closest_pairs_in_all_are_matched() -> None:
    assert match([], []) == match([at(0)], []) == match([], [at(0)]) == []
    assert match([at(0.0), at(0.1)], [at(0.12), at(0.01)]) == [(0, 1), (1, 0)]
    # Greedy would give the estimate in the middle to the nearer hand and leave the other pair beyond the gate.
    assert match([at(0.0), at(0.07)], [at(0.045), at(0.1)]) == [(0, 0), (1, 1)]
    assert match([at(0.0), at(0.06)], [at(0.04), at(-0.07)]) == [(0, 1), (1, 0)]


def test_two_pairs_count_more_than_one_close_one() -> None:
    assert match([at(0.0), at(0.075)], [at(0.0), at(-0.075)]) == [(0, 1), (1, 0)]
    assert match([at(0.0), at(0.07)], [at(0.07), at(0.14)]) == [(0, 0), (1, 1)]


def test_the_gate() -> None:
    assert match([at(0.0)], [at(GATE - 1e-6)]) == [(0, 0)]
    assert match([at(0.0)], [at(GATE + 1e-6)]) == []


def test_hands_that_need_not_be_found_are_neither_missed_nor_false() -> None:
    result = match_hands([at(0.0)], [at(0.3), at(0.6)], [at(0.31), at(0.9), at(0.32)])
    assert (result.pairs, result.missed) == ([], [0])
    # One estimate of the hidden hand at 0.3 is excused, the second one on the same hand is not.
    assert result.false == [1, 2]
    # A hand that counts comes first, even if the hidden one is nearer.
    assert match_hands([at(0.0)], [at(0.05)], [at(0.04)]).pairs == [(0, 0)]


def score(frames: list[tuple[list[SeenHand], list[SeenHand]]]) -> SequenceScore:
    sequence = SequenceScore()
    for truths, estimates in frames:
        sequence.add(truths, [], estimates)
    return sequence


def test_a_followed_hand() -> None:
    sequence = score([([hand(1, 0.0)], [hand(7, 0.01)])] * 4)
    summary = tracking_summary(sequence.frames)
    assert summary["mota"] == 1
    assert summary["missed"] == summary["false_hands"] == summary["number_switches"] == 0
    assert summary["correct_handedness"] == 1
    assert summary["both_followed"] is None
    assert idf1([sequence]) == 1


def test_missed_false_and_renamed_hands() -> None:
    """Ten frames of one hand: track 1 in four, nothing in two, track 2 in four; a false hand in one."""
    frames = [([hand(1, 0.0)], [hand(1, 0.0)])] * 4
    frames += [([hand(1, 0.0)], [])] * 2
    frames += [([hand(1, 0.0)], [hand(2, 0.0)])] * 3
    frames += [([hand(1, 0.0)], [hand(2, 0.0), hand(3, 0.5)])]
    sequence = score(frames)
    summary = tracking_summary(sequence.frames)
    assert summary["missed"] == pytest.approx(0.2)
    assert summary["false_hands"] == 1
    assert summary["frames_with_a_false_hand"] == pytest.approx(0.1)
    assert summary["number_switches"] == 1
    assert summary["number_switches_per_1000"] == 100
    assert summary["mota"] == pytest.approx(1 - (2 + 1 + 1) / 10)
    # One track can be the hand's: 4 of 10 hands and 9 estimates.
    assert idf1([sequence]) == pytest.approx(2 * 4 / (10 + 9))


def test_two_hands_that_swap_their_tracks() -> None:
    """Three frames right, then five with the numbers exchanged: two switches at once, and the swap is the identity."""
    truths = [hand(1, 0.0), hand(2, 0.3)]
    sequence = score([(truths, [hand(1, 0.0), hand(2, 0.3)])] * 3 + [(truths, [hand(2, 0.0), hand(1, 0.3)])] * 5)
    summary = tracking_summary(sequence.frames)
    assert summary["number_switches"] == 2
    assert summary["both_followed"] == 1
    assert summary["mota"] == pytest.approx(1 - 2 / 16)
    assert idf1([sequence]) == pytest.approx(2 * 10 / 32)


def test_a_hand_stays_with_its_track_while_that_is_near() -> None:
    """Track 9 comes closer to the hand than its own track 1, which stays within the gate."""
    sequence = score([([hand(1, 0.0)], [hand(1, 0.0)]), ([hand(1, 0.0)], [hand(9, 0.01), hand(1, 0.05)])])
    assert sequence.frames[1].matches.pairs == [(0, 1)]
    assert sequence.frames[1].matches.false == [0]
    assert sequence.frames[1].number_switches == 0


def test_handedness_switches_of_a_hand_whose_number_stays() -> None:
    told = [RIGHT, UNKNOWN, RIGHT, LEFT, UNKNOWN, LEFT, RIGHT]
    sequence = score([([hand(1, 0.0)], [hand(1, 0.0, handedness)]) for handedness in told])
    summary = tracking_summary(sequence.frames)
    assert summary["handedness_switches"] == 2
    assert summary["handedness_switches_per_1000"] == pytest.approx(1000 * 2 / 7)
    assert summary["correct_handedness"] == pytest.approx(3 / 7)


def test_estimates_of_hidden_hands_count_nowhere() -> None:
    sequence = SequenceScore()
    sequence.add([hand(1, 0.0)], [at(0.3)], [hand(1, 0.0), hand(2, 0.3)])
    summary = tracking_summary(sequence.frames)
    assert (summary["mota"], summary["false_hands"]) == (1, 0)
    assert idf1([sequence]) == 1


def test_nothing_to_follow() -> None:
    assert tracking_summary([])["mota"] is None
    assert idf1([]) is None
    empty = score([([], [])])
    assert idf1([empty]) is None
    assert tracking_summary(empty.frames)["frames_with_a_false_hand"] == 0


def test_numbers_of_two_sequences_are_not_mixed() -> None:
    """The same hand number under another track in another sequence is no switch, and IDF1 adds up."""
    first, second = score([([hand(1, 0.0)], [hand(1, 0.0)])] * 2), score([([hand(1, 0.0)], [hand(5, 0.0)])] * 2)
    assert tracking_summary([*first.frames, *second.frames])["number_switches"] == 0
    assert idf1([first, second]) == 1


def test_numbers_of_a_hand() -> None:
    """Hand 1 is followed as 7 and then as 8, and as 7 again; hand 2 as 9; hand 3 never."""
    hands = [hand(1, 0.0), hand(2, 0.3), hand(3, 0.6)]
    sequence = score([(hands, [hand(number, 0.0), hand(9, 0.3)]) for number in (7, 8, 7)])
    assert sequence.numbers == [1, 2]
    assert numbers_per_hand([sequence, sequence]) == 1.5
    assert numbers_per_hand([SequenceScore()]) is None
    assert tracking_summary(sequence.frames)["false_hands_per_1000"] == 0
