from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.perception.tracking import Track, Tracks

START = np.array([0.0, 0.0, 0.6], np.float32)
STEP = np.array([0.02, 0.0, 0.01], np.float32)


def moving(*stamps: float) -> Track:
    track = Track(1, START, stamps[0])
    for number, stamp in enumerate(stamps[1:], start=1):
        track.seen(START + number * STEP, 0.0, stamp)
    return track


def test_a_new_hand_is_expected_where_it_is() -> None:
    np.testing.assert_array_equal(moving(0.0).predicted(0.1), START)


def test_a_moving_hand_goes_on() -> None:
    np.testing.assert_allclose(moving(0.0, 0.1).predicted(0.2), START + 2 * STEP, rtol=1e-5)
    np.testing.assert_allclose(moving(0.0, 0.1).predicted(0.15), START + 1.5 * STEP, rtol=1e-5)


def test_noise_is_no_motion() -> None:
    track = Track(1, START, 0.0)
    track.seen(START + np.float32([0.005, 0, 0]), 0.0, 0.1)
    np.testing.assert_array_equal(track.predicted(0.2), track.centre)


def test_the_prediction_stays_near() -> None:
    ahead = moving(0.0, 0.01).predicted(0.4)
    assert np.linalg.norm(ahead - START - STEP) == pytest.approx(0.1, rel=1e-4)


def test_two_frames_at_one_time_give_no_speed() -> None:
    np.testing.assert_array_equal(moving(0.1, 0.1).predicted(0.2), START + STEP)


def test_a_hand_is_never_expected_at_the_lens() -> None:
    track = Track(1, np.float32([0, 0, 0.14]), 0.0)
    track.seen(np.float32([0, 0, 0.09]), 0.0, 0.033)
    assert track.predicted(0.4)[2] == pytest.approx(0.045)


def test_a_speed_over_a_gap_says_nothing() -> None:
    track = moving(0.0, 0.1)
    track.is_lost = True
    track.seen(START + 8 * STEP, 0.0, 0.3)
    np.testing.assert_array_equal(track.predicted(0.4), track.centre)


def test_handedness_is_weighed_over_frames() -> None:
    track = Tracks(0.3).new(START, 0.0, 2.2)
    assert track.handedness == Handedness.RIGHT
    for _ in range(10):
        track.weigh(2.2)
    track.weigh(-3.0)
    assert track.handedness == Handedness.RIGHT, "a single frame changes nothing"
    for _ in range(8):
        track.weigh(-3.0)
    assert track.handedness == Handedness.LEFT, "many do"
    assert Tracks(0.3).new(START, 0.0, 0.0).handedness == Handedness.UNKNOWN


def test_both_hands_are_tried_in_doubt_and_now_and_then() -> None:
    track = Tracks(0.3).new(START, 0.0, 1.4)
    tried = []
    for _ in range(24):
        tried.append(track.handedness_to_try)
        track.weigh(1.4 if tried[-1] == Handedness.UNKNOWN else None)
    both = [number for number, handedness in enumerate(tried) if handedness == Handedness.UNKNOWN]
    assert both == [0, 1, 12, 23]
    assert set(tried) == {Handedness.UNKNOWN, Handedness.RIGHT}
    assert track.handedness == Handedness.RIGHT


@pytest.mark.parametrize("certain", [-50.0, 50.0])
def test_certainty_is_bounded(certain: float) -> None:
    track = Tracks(0.3).new(START, 0.0, certain)
    for _ in range(100):
        track.weigh(certain)
    for _ in range(10):
        track.weigh(-certain)
    assert track.handedness == (Handedness.LEFT if certain > 0 else Handedness.RIGHT)


def test_numbers_are_not_used_twice() -> None:
    tracks = Tracks(0.3)
    first = tracks.new(START, 0.0, 0.0)
    tracks.reset()
    assert tracks.new(START, 0.0, 0.0).number == first.number + 1


@pytest.mark.parametrize(
    ("stamps", "kept"),
    [((1.0, 1.03), True), ((1.0, 1.5), True), ((1.0, 1.6), False), ((1.0, 0.9), False), ((None, None), True)],
)
def test_time_that_jumps_ends_tracks(stamps: tuple[float | None, float | None], kept: bool) -> None:
    tracks = Tracks(0.3)
    tracks.advance(stamps[0])
    tracks.current = [tracks.new(START, 0.0, 0.0)]
    tracks.advance(stamps[1])
    assert bool(tracks.current) == kept


def test_lost_hands_are_forgotten_in_time() -> None:
    tracks = Tracks(0.3)
    tracks.advance(1.0)
    tracks.current = [tracks.new(START, 0.0, 0.0)]
    tracks.current[0].is_lost = True
    tracks.advance(1.29)
    assert tracks.current
    tracks.advance(1.31)
    assert tracks.current == []


def test_the_nearest_track() -> None:
    tracks = Tracks(0.3)
    tracks.current = [tracks.new(START + np.float32([x, 0, 0]), 0.0, 0.0) for x in (0.0, 0.1, 0.5)]
    assert tracks.nearest(START + np.float32([0.12, 0, 0])) is tracks.current[1]
    assert tracks.nearest(START + np.float32([0.3, 0, 0])) is None
    assert Tracks(0.3).nearest(START) is None


def test_a_hand_that_is_taken_is_not_nearest() -> None:
    tracks = Tracks(0.3)
    one, other = (tracks.new(START + np.float32([x, 0, 0]), 0.0, 0.0) for x in (0.0, 0.08))
    tracks.current = [one, other]
    there = START + np.float32([0.05, 0, 0])
    assert tracks.nearest(there) is other
    assert tracks.nearest(there, [None, other]) is one
    assert tracks.nearest(there, [one, other]) is None


def test_the_reach_grows_with_time_and_ends() -> None:
    track = Track(1, START, 0.0)
    for shift, stamp, reached in ((0.11, 0.0, True), (0.15, 0.0, False), (0.2, 0.1, True), (0.26, 5.0, False)):
        assert track.reaches(START + np.float32([shift, 0, 0]), stamp) == reached, (shift, stamp)


def test_handedness_is_contradicted_beyond_doubt_alone() -> None:
    track = Track(1, START, 0.0, right_log_odds=5.0)
    assert track.contradicts(-5.0)
    assert not track.contradicts(-2.0)
    assert not track.contradicts(5.0)
    assert not track.contradicts(None)
    assert not Track(1, START, 0.0, right_log_odds=1.0).contradicts(-5.0)


def test_few_lost_hands_are_remembered() -> None:
    tracks = Tracks(5.0)
    tracks.current = [Track(number, START, float(number), is_lost=number > 1) for number in range(1, 6)]
    tracks.forget_the_lost(2)
    assert [track.number for track in tracks.current] == [1, 4, 5]
