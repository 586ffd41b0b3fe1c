"""The image resampled for the detector, and its maps read, against closed forms; the shipped detector on rooms."""

from __future__ import annotations

import numpy as np
import pytest
from room import make_room

from dense3d_ros.dense.detector_layout import HEIGHT, MAPS, STRIDE, WIDTH
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import angle_between, upright_roll
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.perception.detector import at_surface, candidates, load_detector, sampling
from dense3d_ros.runtime.selection import available_runtimes

CAMERAS = [
    Camera(476.0, 476.0, 319.5, 239.5, 640, 480),
    Camera(640.0, 640.0, 639.5, 359.5, 1280, 720),
    Camera(500.0, 505.0, 512.0, 508.0, 1024, 1024),
    Camera(365.0, 365.0, 250.0, 208.0, 512, 424),
    Camera(150.0, 150.0, 79.5, 59.5, 160, 120),
    Camera(80.0, 80.0, 39.5, 29.5, 80, 60),
    Camera(476.0, 476.0, 0.0, 0.0, 1, 1),
    Camera(476.0, 476.0, 320.0, 0.0, 640, 1),
]


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: f"{camera.width}x{camera.height}")
def test_samples_are_the_pixels_that_their_camera_says(camera: Camera) -> None:
    """A plane's back-projected samples are its points, within half of a pixel."""
    grid = sampling(camera)
    assert grid.camera.fx == grid.camera.fy
    cols, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    x = camera.back_project(np.stack([cols, rows], -1).astype(np.float64), np.ones(cols.shape))
    for axis in (0, 1):
        shown = grid.samples(DepthImage((x[..., axis] + 10).astype(np.float32)))
        seen = np.argwhere(shown > 0)
        assert len(seen) or min(camera.width, camera.height) == 1
        there = grid.camera.back_project(seen[:, ::-1].astype(np.float64), np.ones(len(seen)))
        pixel = 0.51 / min(camera.fx, camera.fy)
        np.testing.assert_allclose(shown[shown > 0] - 10, there[:, axis], atol=pixel + 1e-5)


@pytest.mark.parametrize("camera", CAMERAS[:4])
def test_the_whole_image_is_seen(camera: Camera) -> None:
    grid = sampling(camera)
    for pixels, size in ((grid.rows, camera.height), (grid.cols, camera.width)):
        step = size / len(pixels)
        assert pixels[0] <= step
        assert pixels[-1] >= size - 1 - step
        assert (np.diff(pixels) > 0).all()


def empty_maps() -> np.ndarray:
    maps = np.zeros((len(MAPS), HEIGHT // STRIDE, WIDTH // STRIDE), np.float32)
    maps[0] = -9.0
    return maps


def put(maps: np.ndarray, camera: Camera, centre: np.ndarray, logit: float, roll: float = 0.0) -> None:
    """What a perfect network says of a hand there, in the cell of its centre and in the next one."""
    x, y = (camera.project(centre) - (STRIDE - 1) / 2) / STRIDE
    row, col = int(np.rint(y)), int(np.rint(x))
    for shift, less in ((0, 0.0), (1, 1.0)):
        direction = np.sin(roll), -np.cos(roll)
        maps[:, row, col + shift] = (logit - less, x - col - shift, y - row, np.log(centre[2]), *direction)


def test_peaks_are_centres() -> None:
    camera = sampling(CAMERAS[0]).camera
    maps = empty_maps()
    centres = [np.array([0.05, -0.1, 0.6]), np.array([-0.2, 0.1, 0.9])]
    put(maps, camera, centres[0], 1.0, roll=0.7)
    put(maps, camera, centres[1], 3.0, roll=-2.0)
    second, first = candidates(maps, camera, -1.0, 4)
    np.testing.assert_allclose(first.centre, centres[0], atol=1e-4)
    np.testing.assert_allclose(second.centre, centres[1], atol=1e-4)
    assert (second.roll, first.roll) == (pytest.approx(-2.0), pytest.approx(0.7))
    assert first.log_odds == pytest.approx(1.0)
    assert len(candidates(maps, camera, 2.0, 4)) == 1
    assert len(candidates(maps, camera, -1.0, 1)) == 1


def test_a_short_direction_is_a_doubtful_one() -> None:
    camera = sampling(CAMERAS[0]).camera
    for length, rolls in ((1.0, [0.7]), (0.91, [0.7]), (0.89, [0.7, 0.7 + np.pi])):
        maps = empty_maps()
        put(maps, camera, np.array([0.05, -0.1, 0.6]), 1.0, roll=0.7)
        maps[4:6] *= length
        (found,) = candidates(maps, camera, -1.0, 4)
        assert [roll for _, roll in found.starts] == pytest.approx(rolls)


def test_two_peaks_of_one_hand_are_one_candidate() -> None:
    camera = sampling(CAMERAS[0]).camera
    maps = empty_maps()
    put(maps, camera, np.array([0.0, 0.0, 0.3]), 2.0)
    put(maps, camera, np.array([0.0, 0.04, 0.3]), 1.0)
    assert len(candidates(maps, camera, -1.0, 4)) == 1


def test_a_candidate_far_from_the_surface_has_a_second_start_on_its_ray() -> None:
    camera = sampling(CAMERAS[0]).camera
    wall = np.full((HEIGHT, WIDTH), 1.2, np.float32)
    near = np.float32([0.1, -0.05, 1.08])
    moved = at_surface(near, wall, camera)
    assert moved is not None
    assert moved[2] == pytest.approx(1.225)
    np.testing.assert_allclose(moved / moved[2], near / near[2], atol=1e-6)
    col = int(np.rint(camera.project(near)[0]))
    wall[:, col] = 0.9  # a pole in front of less than half of the hand
    np.testing.assert_allclose(at_surface(near, wall, camera), moved)


@pytest.mark.parametrize(
    ("depth", "why"),
    [(1.2, "the surface agrees"), (0.9, "too far away to be the hand's"), (0.0, "nothing is measured")],
)
def test_a_candidate_stays_where_no_surface_disagrees(depth: float, why: str) -> None:
    camera = sampling(CAMERAS[0]).camera
    samples = np.full((HEIGHT, WIDTH), depth, np.float32)
    assert at_surface(np.float32([0.1, -0.05, 1.21]), samples, camera) is None, why
    assert at_surface(np.float32([9.0, 0.0, 1.1]), samples, camera) is None, "outside of the image"


def test_maps_that_are_not_finite_name_nothing() -> None:
    maps = np.full_like(empty_maps(), np.nan)
    assert candidates(maps, sampling(CAMERAS[0]).camera, -1.0, 4) == []


@pytest.mark.parametrize("runtime", available_runtimes("cpu"))
def test_the_runtimes_agree(runtime: str) -> None:
    if runtime in ("compiled", "openvino_bf16"):
        pytest.skip("the detector runs in the runtimes of full precision")
    room = make_room(np.random.default_rng(4), HandMesh.load(), person=True, wall=True)
    reference = load_detector("cpu", "torch").detect(room.depth, room.camera, 3)
    for one, other in zip(load_detector("cpu", runtime).detect(room.depth, room.camera, 3), reference, strict=True):
        np.testing.assert_allclose(one.centre, other.centre, atol=1e-4)
        assert one.log_odds == pytest.approx(other.log_odds, abs=1e-3)


def test_hands_are_named_in_rooms() -> None:
    """The shipped detector: hands whose arms, persons, tables and walls are of other shapes than in training."""
    detector = load_detector("cpu", "torch")
    mesh = HandMesh.load()
    near, rolls = [], []
    for seed in range(40):
        room = make_room(
            np.random.default_rng(seed), mesh, person=seed % 2 == 0, wall=seed % 3 == 0, table=seed % 5 == 0
        )
        named = detector.detect(room.depth, room.camera, 3)
        closest = min(named, key=lambda one: float(np.linalg.norm(one.centre - room.centre)), default=None)
        near.append(closest is not None and np.linalg.norm(closest.centre - room.centre) < 0.06)
        if near[-1] and closest is not None:
            rolls.append(angle_between(closest.roll, upright_roll(room.joints)))
    assert np.mean(near) >= 0.9
    assert np.median(rolls) < 0.6


def test_nothing_is_named_in_an_empty_image() -> None:
    detector = load_detector("cpu", "torch")
    for camera in CAMERAS:
        depth = DepthImage(np.zeros((camera.height, camera.width), np.float32))
        assert detector.detect(depth, camera, 3) == []
