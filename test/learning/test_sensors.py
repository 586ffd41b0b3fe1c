"""Sensor models against the formulas they are built from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic import primitives
from dense3d_ros.learning.synthetic import sensor_effects as effects
from dense3d_ros.learning.synthetic.matching_window import matched
from dense3d_ros.learning.synthetic.random_sensor import random_sensor
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.sensors import (
    SENSORS,
    CodedLight,
    Sensor,
    Stereo,
    StructuredLight,
    TimeOfFlight,
)

CAMERA = Camera(475.0, 475.0, 99.5, 79.5, 200, 160)
NAMES = sorted(SENSORS)


def generator(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def wall(z: float, angle: float = 0.0) -> np.ndarray:
    vertices, faces = primitives.plane(4, 4, 40)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return render_depth((vertices @ turn.T + [0, 0, z]).astype(np.float32), faces, CAMERA)


def box_before_wall(near: float = 0.5, far: float = 0.8) -> np.ndarray:
    vertices, faces = primitives.plane(0.08, 0.06)
    return render_depth(vertices + np.float32([0, 0, near]), faces, CAMERA, wall(far))


def spread(sensor: Sensor, clean: np.ndarray) -> float:
    """RMS axial error over many images, where something was measured."""
    errors = []
    for seed in range(8):
        measured = sensor.apply(clean, CAMERA, generator(seed))
        errors.append((measured - clean)[measured > 0])
    return float(np.std(np.concatenate(errors)))


@pytest.mark.parametrize("z", [0.4, 0.6, 1.0])
@pytest.mark.parametrize("correlation", [0.0, 1.5])
def test_structured_light_noise(z: float, correlation: float) -> None:
    sensor = StructuredLight(correlation=correlation, disparity_step=0, step=0)
    assert spread(sensor, wall(z)) == pytest.approx(0.0012 + 0.0019 * (z - 0.4) ** 2, rel=0.15)


@pytest.mark.parametrize("z", [0.4, 0.6, 1.0])
def test_stereo_noise(z: float) -> None:
    sensor = Stereo(disparity_step=0, step=0)
    assert spread(sensor, wall(z)) == pytest.approx(z**2 * 0.12 / (475 * 0.05), rel=0.15)


@pytest.mark.parametrize("z", [0.4, 0.6, 1.0])
def test_time_of_flight_noise(z: float) -> None:
    sensor = TimeOfFlight(multipath=0, step=0)
    assert spread(sensor, wall(z)) == pytest.approx(0.0015 * (0.5 + z), rel=0.15)
    bias = spread(TimeOfFlight(noise=0, multipath=0.002, step=0), wall(z))
    assert bias == pytest.approx(0.002, rel=0.2)


@pytest.mark.parametrize("z", [0.3, 0.5, 0.9])
def test_coded_light_noise(z: float) -> None:
    assert spread(CodedLight(drift=0, step=0), wall(z)) == pytest.approx(0.0004 * z**2, rel=0.15)
    assert spread(CodedLight(noise=0, drift=0.001, step=0), wall(z)) == pytest.approx(0.001 * z**2, rel=0.2)


@pytest.mark.parametrize("name", ["time_of_flight", "coded_light"])
def test_noise_grows_as_the_surface_turns_away(name: str) -> None:
    sensor = replace(SENSORS[name], jitter=0, least_cosine=0.01, step=0)  # type: ignore[type-var]
    sensor = replace(sensor, multipath=0) if isinstance(sensor, TimeOfFlight) else replace(sensor, drift=0)
    angle = np.deg2rad(60)
    clean = wall(0.6, angle)
    images = np.stack([sensor.apply(clean, CAMERA, generator(seed)) for seed in range(20)])
    errors = (images - clean)[:, 60:100, 90:110][images[:, 60:100, 90:110] > 0]
    noise = sensor.noise * (0.5 + 0.6 if name == "time_of_flight" else 0.36)
    assert np.std(errors) == pytest.approx(noise / np.cos(angle), rel=0.15)


def test_steps_of_depth() -> None:
    clean = wall(0.7, 0.5)
    for name, step in [
        ("structured_light", 1e-3),
        ("time_of_flight", 1e-3),
        ("stereo", 1e-3),
        ("coded_light", 1.25e-4),
    ]:
        measured = SENSORS[name].apply(clean, CAMERA, generator())
        steps = measured[measured > 0].astype(float) / step
        np.testing.assert_allclose(steps, np.rint(steps), atol=0.01)
        assert len(np.unique(np.rint(steps))) > 20


@pytest.mark.parametrize(("sensor", "parts"), [(StructuredLight(step=0), 8), (Stereo(step=0), 32)])
def test_steps_of_disparity(sensor: StructuredLight | Stereo, parts: int) -> None:
    measured = sensor.apply(wall(0.7, 0.5), CAMERA, generator())
    disparity = 475 * sensor.baseline * parts / measured[measured > 0].astype(float)
    np.testing.assert_allclose(disparity, np.rint(disparity), atol=0.01)


@pytest.mark.parametrize("baseline", [0.075, -0.05])
@pytest.mark.parametrize(("near", "far"), [(0.5, 0.8), (0.6, 1.2)])
def test_shadow_side_and_width(baseline: float, near: float, far: float) -> None:
    clean = box_before_wall(near, far)
    hidden = effects.shadow(clean, CAMERA, baseline)
    row, shaded = clean[80], np.flatnonzero(hidden[80])
    front = np.flatnonzero(row < 0.5 * (near + far))
    width = 475 * abs(baseline) * (1 / near - 1 / far)
    assert len(shaded) == pytest.approx(width, abs=1)
    assert (shaded[-1] == front[0] - 1) if baseline > 0 else (shaded[0] == front[-1] + 1)
    assert not hidden[5].any()


def test_shadow_is_not_measured() -> None:
    clean = box_before_wall()
    for sensor in (
        StructuredLight(jitter=0, edge_radius=0, holes=0),
        CodedLight(jitter=0, edge_radius=0),
        Stereo(jitter=0, fattening=0, holes=0),
    ):
        hidden = effects.shadow(clean, CAMERA, sensor.baseline)
        measured = sensor.apply(clean, CAMERA, generator())
        assert hidden.any()
        assert not measured[hidden].any()
        assert np.mean(measured[~hidden] > 0) > 0.97


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.0, 1.3])
def test_cosine_of_a_plane(angle: float) -> None:
    clean = wall(0.7, angle)
    v, u = np.mgrid[:160, :200].astype(float)
    rays = CAMERA.back_project(np.stack([u, v], axis=-1), np.ones((160, 200)))
    normal = np.array([np.sin(angle), 0, np.cos(angle)])
    expected = np.abs(rays @ normal) / np.linalg.norm(rays, axis=-1)
    seen = clean > 0
    np.testing.assert_allclose(effects.cosine(clean, CAMERA)[seen], expected[seen], atol=0.01)


def test_grazing_and_far_surfaces_are_lost() -> None:
    for sensor in SENSORS.values():
        frontal = sensor.apply(wall(0.5), CAMERA, generator())
        assert np.mean(frontal > 0) > 0.97
    grazing = wall(0.5, np.deg2rad(86))
    seen = effects.cosine(grazing, CAMERA) < 0.08
    for name in ("structured_light", "coded_light", "time_of_flight"):
        measured = SENSORS[name].apply(grazing, CAMERA, generator())
        assert np.mean(measured[seen & (grazing > 0)] > 0) < 0.15
    assert np.mean(CodedLight(reach=1.0).apply(wall(2.0), CAMERA, generator()) > 0) < 0.02


def test_background_beside_an_edge_drops_out() -> None:
    clean = box_before_wall()
    measured = CodedLight(jitter=0, baseline=0, edge_radius=3).apply(clean, CAMERA, generator())
    front = np.flatnonzero(clean[80] < 0.6)
    gap = np.flatnonzero(measured[80] == 0)
    np.testing.assert_array_equal(gap, np.r_[front[0] - 3 : front[0], front[-1] + 1 : front[-1] + 4])


def test_flying_pixels_lie_between_the_two_sides() -> None:
    clean = box_before_wall()
    measured = clean.copy()
    effects.add_flying_pixels(measured, 0.5, generator())
    moved = measured != clean
    ring = effects.farthest_around(clean, 1) - effects.nearest_around(clean, 1) > 0.1
    assert np.mean(moved[ring]) == pytest.approx(0.5, abs=0.1)
    assert not moved[~ring].any()
    assert ((measured[moved] > 0.5) & (measured[moved] < 0.8)).all()
    assert measured[moved].mean() == pytest.approx(0.65, abs=0.03)


def fingers(gap: float, step: float = 0.0, near: float = 0.6) -> np.ndarray:
    """Two bars, 16 mm wide, `gap` metres apart, the right one `step` further away, 0.3 m before a wall."""
    image = wall(near + 0.3)
    for side in (-1, 1):
        vertices, faces = primitives.plane(0.016, 0.1)
        away = step if side > 0 else 0.0
        place = np.float32([side * (0.008 + gap / 2) * (near + away) / near, 0, near + away])
        image = render_depth(vertices + place, faces, CAMERA, image)
    return image


def test_without_a_window_each_pixel_is_matched_by_itself() -> None:
    clean = fingers(0.005)
    np.testing.assert_array_equal(matched(clean, CAMERA, 0.075, 0), clean)


@pytest.mark.parametrize(
    ("gap", "radius", "is_closed"), [(0.002, 3, True), (0.012, 3, False), (0.0011, 1, True), (0.004, 1, False)]
)
def test_a_window_closes_narrow_gaps_only(gap: float, radius: int, is_closed: bool) -> None:
    clean = fingers(gap)
    between = np.flatnonzero(clean[80] > 0.7)
    between = between[abs(between - 99.5) < 8]
    assert len(between) == pytest.approx(gap / 0.6 * 475, abs=1)
    measured = matched(clean, CAMERA, 0.075, radius)[80, between]
    assert (measured < 0.61).all() if is_closed else (measured > 0.89).all()


@pytest.mark.parametrize("baseline", [0.075, -0.075])
def test_a_window_melts_steps_of_less_than_a_pixel_of_disparity(baseline: float) -> None:
    # A pixel of disparity is z^2 / (f B) = 10 mm there.
    for step, melts in ((0.006, True), (0.016, False)):
        row = matched(fingers(0.0, step), CAMERA, baseline, 4)[80].astype(float)
        row = row[row < 0.8]
        steepest = np.abs(np.diff(row)).max()
        assert steepest < step / 3 if melts else steepest == pytest.approx(step, rel=0.05)
        # The mean is that of the disparity: no further than the surfaces themselves.
        assert row.min() == pytest.approx(0.6, abs=1e-4)
        assert row.max() == pytest.approx(0.6 + step, abs=1e-4)


def test_a_window_keeps_planes_and_empty_pixels() -> None:
    slanted = wall(0.6, 0.6)
    inner = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(matched(slanted, CAMERA, 0.05, 4)[inner], slanted[inner], atol=2e-4)
    half = slanted.copy()
    half[:, :100] = 0
    assert not matched(half, CAMERA, 0.05, 4)[:, :100].any()


def test_training_may_draw_windows_and_fixed_sets_do_not() -> None:
    fixed = [random_sensor(generator(seed)) for seed in range(40)]
    drawn = [random_sensor(generator(seed), windows=1.0) for seed in range(40)]
    for before, after in zip(fixed, drawn, strict=True):
        assert type(before) is type(after)
        if isinstance(before, StructuredLight | Stereo):
            assert isinstance(after, StructuredLight | Stereo)
            assert before.window == 0
            assert 1 <= after.window <= 4
            assert replace(after, window=0, correlation=before.correlation) == before
        else:
            assert after == before


def test_fattening_grows_the_near_object() -> None:
    clean = box_before_wall()
    near = effects.fattened(clean, 3, generator()) < 0.6
    original = clean < 0.6
    assert (near | ~original).all()
    extra = np.sqrt(near.sum()) - np.sqrt(original.sum())
    assert 2 * 2 < extra < 2 * 3


def test_jitter_has_its_sigma() -> None:
    ramp = np.tile(np.arange(1, 301, dtype=np.float32), (200, 1))
    moved = effects.jittered(ramp, 1.5, generator())[:, 20:-20] - ramp[:, 20:-20]
    assert moved.std() == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.03)
    assert moved.mean() == pytest.approx(0, abs=0.03)
    np.testing.assert_array_equal(effects.jittered(wall(0.7, 0.8), 1.5, generator()), wall(0.7, 0.8))


def test_specks_are_removed_and_the_rest_is_kept() -> None:
    clean = box_before_wall()
    clean[:40] = 0
    expected = clean.copy()
    clean[10, 10] = clean[20, 30:32] = 0.5
    np.testing.assert_array_equal(effects.despeckled(clean), expected)


@pytest.mark.parametrize("length", [0.0, 0.7, 2.0, 10.0])
def test_noise_field(length: float) -> None:
    field = np.stack([effects.noise((200, 240), length, generator(seed)) for seed in range(20)]).astype(float)
    assert field.shape == (20, 200, 240)
    assert field.std() == pytest.approx(1, rel=0.05)
    assert field.mean() == pytest.approx(0, abs=0.08)
    assert np.mean(np.abs(field) > 1.96) == pytest.approx(0.05, abs=0.015)
    for lag in (1, 3):
        expected = np.exp(-((lag / length) ** 2) / 4) if length else 0.0
        for a, b in ((field[:, lag:], field[:, :-lag]), (field[:, :, lag:], field[:, :, :-lag])):
            assert np.mean(a * b) / field.var() == pytest.approx(expected, abs=0.07)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3])
def test_blobs_cover_their_share(share: float) -> None:
    cover = np.mean([effects.blobs((200, 200), share, 3.0, generator(seed)) for seed in range(20)])
    assert cover == pytest.approx(share, rel=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_image(name: str) -> None:
    clean = box_before_wall()
    before = clean.copy()
    first = SENSORS[name].apply(clean, CAMERA, generator(3))
    np.testing.assert_array_equal(first, SENSORS[name].apply(clean, CAMERA, generator(3)))
    assert (first != SENSORS[name].apply(clean, CAMERA, generator(4))).any()
    np.testing.assert_array_equal(clean, before)


@pytest.mark.parametrize("name", NAMES)
def test_empty_stays_empty(name: str) -> None:
    empty = np.zeros((160, 200), np.float32)
    assert not SENSORS[name].apply(empty, CAMERA, generator()).any()
    vertices, faces = primitives.sphere(0.05, 30)
    clean = render_depth(vertices + np.float32([0, 0, 0.5]), faces, CAMERA)
    measured = SENSORS[name].apply(clean, CAMERA, generator())
    away = effects.farthest_around(clean, 4) == 0
    assert away.any()
    assert not measured[away].any()


def test_random_sensors_measure_finite_depth_near_the_truth() -> None:
    rng = generator()
    kinds = set()
    for _ in range(60):
        distance = rng.uniform(0.3, 1.3)
        vertices, faces = primitives.sphere(0.06, 30)
        clean = wall(distance + 0.4, 0.3)
        clean = render_depth(vertices + np.float32([0, 0, distance]), faces, CAMERA, clean)
        sensor = random_sensor(rng, distance)
        kinds.add(type(sensor))
        measured = sensor.apply(clean, CAMERA, rng)
        assert measured.dtype == np.float32
        assert measured.shape == clean.shape
        assert np.isfinite(measured).all()
        assert (measured >= 0).all()
        ball = effects.farthest_around(clean, 4) < distance + 0.05
        assert np.mean(measured[ball] > 0) > 0.85
        error = (measured - clean)[ball & (measured > 0)]
        assert np.median(np.abs(error)) < 0.02
    assert len(kinds) == 4


def box_before_wall_of(camera: Camera) -> np.ndarray:
    vertices, faces = primitives.plane(4, 4, 40)
    depth = render_depth((vertices + np.float32([0, 0, 0.8])).astype(np.float32), faces, camera)
    vertices, faces = primitives.plane(0.08, 0.06)
    return render_depth(vertices + np.float32([0, 0, 0.5]), faces, camera, depth)


@pytest.mark.parametrize("sensor", [StructuredLight(window=4), Stereo(window=4), Stereo(fattening=3), CodedLight()])
def test_a_coarser_image_of_a_sensor_has_its_noise_and_its_edges(
    sensor: StructuredLight | Stereo | CodedLight,
) -> None:
    """A third of the pixels: what is in metres stays, instead of growing threefold."""
    fine, coarse = (Camera(f * 475.0, f * 475.0, f * 100 - 0.5, f * 80 - 0.5, f * 200, f * 160) for f in (3, 1))
    found = []
    for camera, pixel in ((fine, 1.0), (coarse, 1 / 3), (coarse, 1.0)):
        clean, errors, grown = box_before_wall_of(camera), [], []
        for seed in range(4):
            measured = replace(sensor, pixel=pixel).apply(clean, camera, generator(seed))
            is_wall = (clean > 0.7) & (measured > 0)
            near = is_wall & (measured < 0.65)
            errors.append((measured - clean)[is_wall & ~near & (np.abs(measured - clean) < 0.1)])
            grown.append(np.count_nonzero(near) / camera.fx**2)
        found.append((float(np.std(np.concatenate(errors))), float(np.mean(grown))))
    (noise, grown_by), (scaled_noise, scaled_grown), (unscaled_noise, unscaled_grown) = found
    assert scaled_noise == pytest.approx(noise, rel=0.25)
    assert scaled_grown <= 1.2 * grown_by
    assert unscaled_grown > 2.5 * grown_by
    if isinstance(sensor, Stereo):
        assert unscaled_noise > 2.5 * noise
