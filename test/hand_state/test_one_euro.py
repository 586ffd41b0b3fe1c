"""The filter against its formula, and against what it promises: lag and jitter."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from dense3d_ros.hand_state.one_euro import OneEuroFilter

RATE = 60.0


def filtered(track: np.ndarray, **settings: float) -> np.ndarray:
    """(T, N, 3) at RATE -> the same, filtered."""
    one_euro = OneEuroFilter()
    return np.array([one_euro.update(points, k / RATE, **settings) for k, points in enumerate(track)])


def scalar_one_euro(values: np.ndarray, min_cutoff: float, beta: float) -> list[float]:
    """Algorithm 1 of the paper for one number, with time constants instead of shares."""
    estimates, speed = [float(values[0])], 0.0
    for value in values[1:]:
        previous = estimates[-1]
        constant = 1.0 / (2.0 * np.pi * 1.0)
        share = 1.0 / (1.0 + constant * RATE)
        speed = share * (value - previous) * RATE + (1.0 - share) * speed
        constant = 1.0 / (2.0 * np.pi * (min_cutoff + beta * abs(speed)))
        share = 1.0 / (1.0 + constant * RATE)
        estimates.append(share * value + (1.0 - share) * previous)
    return estimates


@pytest.mark.parametrize("kind", ["step", "sine"])
def test_each_axis_alone_follows_the_formula(kind: str) -> None:
    times = np.arange(90) / RATE
    values = np.where(times > 0.5, 0.2, 0.0) if kind == "step" else 0.1 * np.sin(2 * np.pi * times)
    for axis in range(3):
        track = np.zeros((90, 2, 3))
        track[:, 1, axis] = values
        result = filtered(track, min_cutoff=1.3, beta=7.0)
        np.testing.assert_allclose(result[:, 1, axis], scalar_one_euro(values, 1.3, 7.0), atol=1e-12)
        assert np.all(result[:, 0] == 0.0)


def test_without_beta_a_step_is_that_of_a_low_pass_filter() -> None:
    track = np.zeros((40, 1, 3))
    track[1:] = 1.0
    share = 1.0 / (1.0 + RATE / (2.0 * np.pi * 2.0))
    expected = 1.0 - (1.0 - share) ** np.arange(40)
    np.testing.assert_allclose(filtered(track, min_cutoff=2.0, beta=0.0)[:, 0, 0], expected, atol=1e-12)


def test_it_does_not_matter_how_the_axes_lie() -> None:
    rng = np.random.default_rng(0)
    track = rng.normal(0.0, 0.05, (60, 21, 3)).cumsum(axis=0)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    settings = {"min_cutoff": 1.0, "beta": 20.0}
    np.testing.assert_allclose(filtered(track @ turn, **settings), filtered(track, **settings) @ turn, atol=1e-9)


def test_lag_of_constant_motion_is_the_time_constant_and_prediction_takes_it_back() -> None:
    speed, one_euro = 0.5, OneEuroFilter()
    for frame in range(300):
        position = speed * frame / RATE
        smooth = one_euro.update(np.array([[position, 0.0, 0.0]]), frame / RATE, min_cutoff=1.0, beta=20.0)
    lag = (position - smooth[0, 0]) / speed
    # The speed is measured against the filtered point, which lags: speed * (1 + lag * rate).
    cutoff = 1.0 + 20.0 * speed * (1.0 + lag * RATE)
    assert lag == pytest.approx(1.0 / (2.0 * np.pi * cutoff), rel=1e-6)
    assert lag < 0.025
    assert one_euro.predict(lag)[0, 0] == pytest.approx(position, abs=1e-9)
    assert one_euro.predict(lag + 0.1)[0, 0] == pytest.approx(position + 0.05, abs=1e-9)


def test_noise_at_rest_is_what_the_low_pass_filter_leaves() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.003, (4000, 21, 3))
    share = 1.0 / (1.0 + RATE / (2.0 * np.pi))
    expected = 0.003 * np.sqrt(share / (2.0 - share))
    assert filtered(noise, min_cutoff=1.0, beta=0.0)[100:].std() == pytest.approx(expected, rel=0.05)


def test_a_resting_point_is_the_average_in_which_each_measurement_weighs_by_its_error() -> None:
    rng = np.random.default_rng(2)
    errors = rng.uniform(0.003, 0.03, (50, 4))
    track = rng.normal(0.0, 0.1, (50, 4, 3)) * errors[:, :, None]
    one_euro = OneEuroFilter()
    for frame in range(50):
        result = one_euro.update(track[frame], frame / RATE, min_cutoff=2.0, beta=25.0, errors=errors[frame])
    share = 1.0 / (1.0 + RATE / (2.0 * np.pi * 2.0))
    # The mean of all, until that is more than the filter averages.
    shares = np.maximum(1.0 / np.arange(1, 51), share)
    fading = shares * np.append(np.cumprod(1.0 - shares[:0:-1])[::-1], 1.0)
    weights = fading[:, None] / errors**2
    np.testing.assert_allclose(result, np.average(track, axis=0, weights=np.repeat(weights[..., None], 3, -1)))


def test_a_point_with_two_answers_stays_at_the_certain_one() -> None:
    """As an index finger that points at the camera: at random 30 mm off in 4 of 10 frames, and known to be doubtful."""
    rng = np.random.default_rng(3)
    points, is_off = rng.normal(0.0, 0.001, (240, 1, 3)), rng.random(240) < 0.4
    points[is_off, 0, 1] -= 0.03
    spreads, means = [], []
    for doubtful in (0.020, 0.005):
        one_euro, errors = OneEuroFilter(), np.where(is_off, doubtful, 0.005)
        settings = {"min_cutoff": 0.5, "beta": 25.0}
        result = [
            one_euro.update(measured, frame / 30.0, **settings, errors=errors[frame, None])[0]
            for frame, measured in enumerate(points)
        ]
        spreads.append(np.sqrt(np.var(result[60:], axis=0).sum()))
        means.append(-np.mean(result[60:], axis=0)[1])
    assert spreads[0] < 0.001 < 0.003 < spreads[1]
    assert means[0] < 0.003 < 0.010 < means[1]


@pytest.mark.parametrize("rate", [30.0, 60.0])
def test_noise_along_a_line_passes_for_motion_less_than_once_in_a_hundred_times(rate: float) -> None:
    """Of points that rest and are wrong by as much as is expected of each: 3 to 15 mm, at random."""
    rng, count = np.random.default_rng(4), 300
    one_euro, raised, results, averages = OneEuroFilter(), [], [], []
    for frame in range(240):
        errors = rng.uniform(0.003, 0.015, count)
        points = np.zeros((count, 3))
        points[:, 1] = rng.normal(0.0, errors)
        at_rest = copy.deepcopy(one_euro).update(points, frame / rate, min_cutoff=0.2, beta=0.0, errors=errors)
        results.append(one_euro.update(points, frame / rate, min_cutoff=0.2, beta=25.0, errors=errors)[:, 1].copy())
        raised.append(np.abs(results[-1] - at_rest[:, 1]) > 1e-9)
        averages.append((points[:, 1], 1.0 / errors**2))
    assert 0.0 < np.mean(raised[60:]) < 0.01
    # So what is left is nearly the average in which each measurement weighs by its error.
    share = 1.0 / (1.0 + rate / (2.0 * np.pi * 0.2))
    fading = (1.0 - share) ** np.arange(239, -1, -1) * np.where(np.arange(240) == 0, 1.0, share)
    values, weights = (np.array(part) for part in zip(*averages, strict=True))
    expected = np.average(values, axis=0, weights=weights * fading[:, None])
    assert np.std(results[-1]) == pytest.approx(np.std(expected), rel=0.05)


@pytest.mark.parametrize("missing", [0, 10, 4], ids=["all frames", "every tenth missing", "every fourth missing"])
def test_noise_seldom_passes_for_motion_where_frames_are_lost(missing: int) -> None:
    rng, count = np.random.default_rng(6), 300
    one_euro, raised = OneEuroFilter(), []
    for frame in range(240):
        if missing and frame % missing == missing - 1:
            continue
        errors = rng.uniform(0.003, 0.015, count)
        points = np.zeros((count, 3))
        points[:, 1] = rng.normal(0.0, errors)
        at_rest = copy.deepcopy(one_euro).update(points, frame / 30.0, min_cutoff=0.2, beta=0.0, errors=errors)
        smooth = one_euro.update(points, frame / 30.0, min_cutoff=0.2, beta=25.0, errors=errors)
        raised.append(np.abs(smooth[:, 1] - at_rest[:, 1]) > 1e-9)
    assert np.mean(raised[60:]) < 0.01


@pytest.mark.parametrize("before", [3, 10, 60])
def test_a_doubtful_measurement_does_not_hide_the_start_of_a_motion(before: int) -> None:
    """Points that rest for 3 s and then move at 0.5 m/s; so many frames earlier one was 5 cm off, as was expected."""
    rng, speed, behind = np.random.default_rng(7), 0.5, []
    one_euro = OneEuroFilter()
    for frame in range(120):
        place = speed * max(frame - 90, 0) / 30.0
        error = 0.05 if frame == 90 - before else 0.005
        points = rng.normal(0.0, error / np.sqrt(3.0), (300, 3))
        points[:, 0] += place
        smooth = one_euro.update(points, frame / 30.0, min_cutoff=0.2, beta=25.0, errors=np.full(300, error))
        behind.append(place - smooth[:, 0].mean())
    assert max(behind[93:]) < 0.025 * speed


def test_points_that_scatter_are_followed_from_the_start_as_those_that_do_not() -> None:
    """Points that rest for 2 s and then move at 0.5 m/s, 5 mm off as is expected of them, or not off at all."""
    rng, speed, behind = np.random.default_rng(5), 0.5, np.zeros((2, 120))
    for kind, noise in enumerate((0.005, 0.0)):
        one_euro = OneEuroFilter()
        for frame in range(120):
            place = speed * max(frame - 60, 0) / 30.0
            points = rng.normal(0.0, noise / np.sqrt(3.0), (300, 3))
            points[:, 0] += place
            smooth = one_euro.update(points, frame / 30.0, min_cutoff=0.2, beta=25.0, errors=np.full(300, 0.005))
            behind[kind, frame] = place - smooth[:, 0].mean()
    np.testing.assert_allclose(behind[0], behind[1], atol=0.001)
    # 25 ms of the way, 0.1 s after the start.
    assert behind[0, 63:].max() < 0.025 * speed


def test_errors_hardly_delay_a_hand_that_moves() -> None:
    speed, one_euro, lags, leads = 0.5, OneEuroFilter(), [], []
    for frame in range(120):
        position = speed * frame / 30.0
        error = np.array([0.02 if frame % 2 == 0 else 0.005])
        points = np.array([[position, 0.0, 0.0]])
        smooth = one_euro.update(points, frame / 30.0, min_cutoff=0.5, beta=25.0, errors=error)
        lags.append((position - smooth[0, 0]) / speed)
        leads.append((position - one_euro.predict(0.010)[0, 0]) / speed)
    assert max(lags[90:]) < 0.025
    assert abs(np.mean(leads[90:])) < 0.008


@pytest.mark.parametrize("errors", [np.array([0.0, 1e-9]), np.array([2e4, 2e4])])
def test_whatever_the_errors_the_points_are_followed(errors: np.ndarray) -> None:
    one_euro = OneEuroFilter()
    for frame in range(600):
        step = 0.0 if frame < 10 else 0.3
        points = np.full((2, 3), step)
        result = one_euro.update(points, frame / RATE, min_cutoff=0.5, beta=25.0, errors=errors)
    np.testing.assert_allclose(result, points, atol=1e-6)


def test_a_stamp_that_goes_back_or_repeats_starts_over() -> None:
    one_euro = OneEuroFilter()
    settings = {"min_cutoff": 1.0, "beta": 0.0}
    for stamp in (5.0, 5.1, 5.1, 2.0):
        points = np.full((2, 3), stamp)
        result = one_euro.update(points, stamp, **settings)
    np.testing.assert_array_equal(result, points)
    np.testing.assert_array_equal(one_euro.predict(1.0), points)


def test_bad_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="call update first"):
        OneEuroFilter().predict(0.0)
    with pytest.raises(ValueError, match="stamp is nan"):
        OneEuroFilter().update(np.zeros((1, 3)), float("nan"), min_cutoff=1.0, beta=0.0)


def test_a_point_that_stopped_is_soon_the_mean_of_what_was_measured_since() -> None:
    """Points that are off by 8 mm across the way that they come: at 0.5 m/s for 1 s."""
    rng, count, rest, deviation = np.random.default_rng(8), 2000, 20, 0.008
    one_euro = OneEuroFilter()
    for frame in range(30 + rest):
        points = np.zeros((count, 3))
        points[:, 0] = 0.5 * min(frame, 30) / RATE
        points[:, 1] = rng.normal(0.0, deviation, count)
        result = one_euro.update(points, frame / RATE, min_cutoff=0.2, beta=25.0, errors=np.full(count, deviation))
    assert result[:, 1].std() == pytest.approx(deviation / np.sqrt(rest), rel=0.3)


def test_lost_frames_do_not_make_a_resting_point_restless() -> None:
    """0.2 s lost in every 1.5 s."""
    spreads = []
    for lost in (0, 6):
        rng, one_euro, results = np.random.default_rng(9), OneEuroFilter(), []
        for frame in range(240):
            points = rng.normal(0.0, 0.004, (500, 3))
            if frame % 45 >= lost:
                result = one_euro.update(points, frame / 30.0, min_cutoff=0.2, beta=0.0, errors=np.full(500, 0.004))
                results.append(result)
        spreads.append(np.std(results[60:]))
    assert spreads[1] < 1.3 * spreads[0]
