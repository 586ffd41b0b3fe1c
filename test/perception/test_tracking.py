from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.perception.tracking import Track, Tracks

START = np.array([0.0, 0.0, 0.6], np.float32)
STEP = np.array([0.02, 0.0, 0.01], np.float32)


def moving(*stamps: float | None) -> Track:
    track = Track(1, START, stamps[0])
    for number, stamp in enumerate(stamps[1:], start=1):
        track.seen(START + number * STEP, 0.0, stamp, 0.9)
    return track


def test_a_new_hand_is_expected_where_it_is() -> None:
    np.testing.assert_array_equal(moving(0.0).predicted(0.1), START)


def test_a_moving_hand_goes_on() -> None:
    np.testing.assert_allclose(moving(0.0, 0.1).predicted(0.2), START + 2 * STEP, rtol=1e-5)
    np.testing.assert_allclose(moving(0.0, 0.1).predicted(0.15), START + 1.5 * STEP, rtol=1e-5)
    np.testing.assert_allclose(moving(None, None).predicted(None), START + 2 * STEP, rtol=1e-5)


def test_noise_is_no_motion() -> None:
    track = Track(1, START, 0.0)
    track.seen(START + np.float32([0.005, 0, 0]), 0.0, 0.1, 0.5)
    np.testing.assert_array_equal(track.predicted(0.2), track.centre)


def test_the_prediction_stays_near() -> None:
    ahead = moving(0.0, 0.01).predicted(0.4)
    assert np.linalg.norm(ahead - START - STEP) == pytest.approx(0.1, rel=1e-4)


def test_two_frames_at_one_time_give_no_speed() -> None:
    np.testing.assert_array_equal(moving(0.1, 0.1).predicted(0.2), START + STEP)


def test_handedness_is_weighed_over_frames() -> None:
    track = Tracks().new(START, 0.0, 0.9)
    assert track.handedness == Handedness.RIGHT
    for _ in range(10):
        track.seen(START, 0.0, None, 0.9)
    track.seen(START, 0.0, None, 0.05)
    assert track.handedness == Handedness.RIGHT, "a single frame changes nothing"
    for _ in range(8):
        track.seen(START, 0.0, None, 0.05)
    assert track.handedness == Handedness.LEFT, "many do"
    assert Tracks().new(START, 0.0, 0.5).handedness == Handedness.UNKNOWN


def test_both_sides_are_looked_at_in_doubt_and_now_and_then() -> None:
    track = Tracks().new(START, 0.0, 0.8)
    looks = []
    for _ in range(24):
        looks.append(track.side_to_look_at)
        track.seen(START, 0.0, None, 0.8 if looks[-1] == Handedness.UNKNOWN else None)
    both = [number for number, side in enumerate(looks) if side == Handedness.UNKNOWN]
    assert both == [0, 1, 12, 23]
    assert set(looks) == {Handedness.UNKNOWN, Handedness.RIGHT}
    assert track.handedness == Handedness.RIGHT


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_certainty_is_bounded(certain: float) -> None:
    track = Tracks().new(START, 0.0, certain)
    for _ in range(100):
        track.seen(START, 0.0, None, certain)
    for _ in range(10):
        track.seen(START, 0.0, None, 1 - certain)
    assert track.handedness == (Handedness.LEFT if certain else Handedness.RIGHT)


def test_numbers_are_not_used_twice() -> None:
    tracks = Tracks()
    first = tracks.new(START, 0.0, 0.5)
    tracks.reset()
    assert tracks.new(START, 0.0, 0.5).number == first.number + 1


@pytest.mark.parametrize(
    ("stamps", "kept"),
    [((1.0, 1.03), True), ((1.0, 1.5), True), ((1.0, 1.6), False), ((1.0, 0.9), False), ((None, None), True)],
)
def test_time_that_jumps_ends_tracks(stamps: tuple[float | None, float | None], kept: bool) -> None:
    tracks = Tracks()
    tracks.advance(stamps[0])
    tracks.current = [tracks.new(START, 0.0, 0.5)]
    tracks.advance(stamps[1])
    assert bool(tracks.current) == kept


def test_the_nearest_track() -> None:
    tracks = Tracks()
    tracks.current = [tracks.new(START + np.float32([x, 0, 0]), 0.0, 0.5) for x in (0.0, 0.1, 0.3)]
    assert tracks.nearest(START + np.float32([0.12, 0, 0]), 0.05) is tracks.current[1]
    assert tracks.nearest(START + np.float32([0.2, 0, 0]), 0.05) is None
    assert Tracks().nearest(START, 1.0) is None
