"""Rays of lenses against OpenCV's own models."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import crop_hand
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.distortion import OUTSIDE, Distortion
from dense3d_ros.perception.detector import sampling

KINECT = (3.130577, 2.324939, 0.000081, -0.000051, 0.130416, 3.458652, 3.350115, 0.662942)
CAMERAS = {
    "Azure Kinect, narrow": Camera(503.93, 503.98, 332.06, 325.88, 640, 576, Distortion("rational_polynomial", KINECT)),
    "Azure Kinect, wide": Camera(251.96, 251.99, 261.78, 252.69, 512, 512, Distortion("plumb_bob", KINECT)),
    "Kinect v2": Camera(
        365.46, 365.46, 254.88, 205.4, 512, 424, Distortion("plumb_bob", (0.0905, -0.2682, 0.0, 0.0, 0.0951))
    ),
    "barrel": Camera(500.0, 502.0, 317.0, 245.0, 640, 480, Distortion("plumb_bob", (-0.28, 0.08, 0.001, -0.0005))),
    "fisheye": Camera(300.0, 302.0, 317.0, 245.0, 640, 480, Distortion("equidistant", (0.03, -0.004, 0.002, -0.0007))),
}
cameras = pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)


def seen_by_opencv(camera: Camera, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) -> (N, 2) pixels."""
    assert camera.distortion is not None
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    coefficients = np.array(camera.distortion.coefficients)
    project = cv2.fisheye.projectPoints if camera.distortion.model == "equidistant" else cv2.projectPoints
    found = project(points[:, None], np.zeros(3), np.zeros(3), matrix, coefficients)[0]
    return np.asarray(found, np.float64).reshape(-1, 2)


def pixels_of(camera: Camera) -> NDArray[np.float64]:
    return (
        np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).reshape(-1, 2).astype(np.float64)
    )


@cameras
def test_the_rays_of_the_whole_image_are_opencvs(camera: Camera) -> None:
    """OpenCV sees every seventh back-projected pixel where it was, within 0.3 mm half a metre away."""
    pixels = np.concatenate([pixels_of(camera)[::7], pixels_of(camera)[-1:]])
    points = camera.back_project(pixels, np.full(len(pixels), 0.5))
    off = np.linalg.norm(seen_by_opencv(camera, points) - pixels, axis=1)
    assert off.max() * 0.5 / camera.fx < 0.3e-3
    assert off.max() < 1e-6
    np.testing.assert_allclose(camera.project(points), pixels, atol=1e-6)


def test_inverse_coefficients_take_pixels_to_rays() -> None:
    """Those of an SR300 (librealsense, issue 10838): OpenCV's model of a pixel is the ray."""
    coefficients = (0.0981, 0.2033, 0.0031, 0.0026, -0.1124)
    lens = Distortion("plumb_bob", coefficients, is_inverse=True)
    camera = Camera(472.95, 472.95, 310.21, 245.26, 640, 480, lens)
    pixels = pixels_of(camera)
    seen = (pixels - [camera.cx, camera.cy]) / camera.fx
    points = np.column_stack([seen, np.ones(len(seen))])
    rays = cv2.projectPoints(points[:, None], np.zeros(3), np.zeros(3), np.eye(3), np.array(coefficients))[0][:, 0]
    np.testing.assert_allclose(np.stack(camera.rays(*pixels.T), 1), rays, atol=1e-9)
    np.testing.assert_allclose(np.stack(camera.pixels(*rays.T), 1), pixels, atol=1e-6)


@cameras
def test_points_are_seen_where_opencv_sees_them(camera: Camera) -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform((-0.4, -0.4, 0.5), (0.4, 0.4, 1.3), (500, 3))
    np.testing.assert_allclose(camera.project(points), seen_by_opencv(camera, points), atol=1e-9)


def test_rays_beyond_the_fold_are_outside_and_pixels_beyond_it_have_a_ray() -> None:
    """This barrel folds back where 1 - 3 * 0.9 r² = 0: what lies beyond would be seen inside of the image again."""
    lens = Distortion("plumb_bob", (-0.9, 0.0, 0.0, 0.0, 0.0))
    fold = (1 / 2.7) ** 0.5
    seen, _ = lens.distort(np.array([0.9 * fold, 1.1 * fold, -1.1 * fold]), np.zeros(3))
    np.testing.assert_allclose(seen, [0.9 * fold * (1 - 0.81 / 3), OUTSIDE, OUTSIDE])
    x, y = lens.undistort(np.array([0.5, 10.0]), np.zeros(2))
    assert np.isfinite([x, y]).all()
    assert np.hypot(x, y).max() <= 1.001 * fold, "the steps of the table apart"


@cameras
def test_a_crop_shows_what_lies_there(camera: Camera) -> None:
    """Every pixel of a crop of a slanted plane has that plane's depth, within what half a pixel makes of it."""
    pixels = pixels_of(camera)
    x, y = camera.rays(pixels[:, 0], pixels[:, 1])
    # z = 0.6 + 0.3 x + 0.2 y, of points x, y: z (1 - 0.3 x / z - 0.2 y / z) = 0.6.
    metres = (0.6 / (1 - 0.3 * x - 0.2 * y)).astype(np.float32).reshape(camera.height, camera.width)
    metres[(metres < 0) | (metres > 3)] = 0
    depth = DepthImage(metres)
    for roll in (0.0, 0.7):
        crop = crop_hand(depth, camera, np.array([0.12, 0.08, 0.652]), roll=roll)
        rows, cols = np.nonzero(crop.image < 1)
        assert len(rows) > 0.95 * crop.image.size
        z = crop.centre[2] + crop.image[rows, cols] * crop.half_size
        points = crop.in_camera(
            crop.camera.back_project(np.stack([cols, rows], 1).astype(np.float64), z).astype(np.float32)
        )
        off = 0.6 + points[:, :2] @ [0.3, 0.2] - points[:, 2]
        # Half a pixel both ways, where the lens shrinks the image the most.
        assert np.abs(off).max() < 0.4 * 0.8 / camera.fx * 1.6


@cameras
def test_the_detector_sees_rays(camera: Camera) -> None:
    grid = sampling(camera)
    pixels = pixels_of(camera)
    rays = camera.rays(pixels[:, 0], pixels[:, 1])
    for axis, ray in enumerate(rays):
        shown = grid.samples(DepthImage((ray.reshape(camera.height, camera.width) + 10).astype(np.float32)))
        seen = np.argwhere(shown > 0)
        assert len(seen) > 0.5 * shown.size
        there = grid.camera.rays(seen[:, 1].astype(np.float64), seen[:, 0].astype(np.float64))[axis]
        inner = np.abs(there) < 1.0
        np.testing.assert_allclose((shown[shown > 0] - 10)[inner], there[inner], atol=2.5 / camera.fx)


@pytest.mark.parametrize(
    ("model", "coefficients", "sentence"),
    [
        ("", (0.1,), "distortion_model is ''; accepted: plumb_bob, rational_polynomial, equidistant"),
        ("equidistant", (0.1,) * 5, "distortion_model equidistant has 5 coefficients; accepted: 4"),
        ("rational_polynomial", (0.1,) * 14, "has 14 coefficients; accepted: 8"),
        ("plumb_bob", (1e300, 0.0, 0.0, 0.0), "the distortion coefficients are .*; accepted: numbers of a lens"),
        ("plumb_bob", (0.0, float("inf"), 0.0, 0.0), "the distortion coefficients are "),
        ("equidistant", (-9000.0, 0.0, 0.0, 0.0), "fold the image back on itself"),
    ],
)
def test_what_no_lens_has_is_refused(model: str, coefficients: tuple[float, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Distortion(model, coefficients)


def test_coefficients_that_are_zero_may_follow() -> None:
    assert Distortion("rational_polynomial", (*KINECT, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)).coefficients[:8] == KINECT


def test_any_lens_gives_numbers() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.uniform(-3, 3, (2, 400))
    made = 0
    for _ in range(300):
        model, count = (("plumb_bob", 5), ("rational_polynomial", 8), ("equidistant", 4))[rng.integers(3)]
        coefficients = rng.normal(0, 10.0 ** rng.uniform(-3, 4), count)
        try:
            lens = Distortion(model, tuple(coefficients.tolist()))
        except ValueError:
            continue
        made += 1
        with np.errstate(all="raise", under="ignore"):
            assert np.isfinite(lens.distort(x, y)).all()
            assert np.isfinite(lens.undistort(x, y)).all()
    assert made > 50
