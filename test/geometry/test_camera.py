from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.distortion import Distortion

CAMERA = Camera(476.0, 480.0, 313.7, 242.8, 640, 480)


def points(count: int = 50) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack([rng.uniform(-0.4, 0.4, count), rng.uniform(-0.3, 0.3, count), rng.uniform(0.2, 2, count)], axis=1)


def test_project_is_opencvs() -> None:
    matrix = np.array([[CAMERA.fx, 0, CAMERA.cx], [0, CAMERA.fy, CAMERA.cy], [0, 0, 1]])
    expected, _ = cv2.projectPoints(points(), np.zeros(3), np.zeros(3), matrix, None)
    np.testing.assert_allclose(CAMERA.project(points()), expected[:, 0], atol=1e-9)


def test_back_project_inverts_project() -> None:
    world = points().reshape(5, 10, 3)
    np.testing.assert_allclose(CAMERA.back_project(CAMERA.project(world), world[..., 2]), world, atol=1e-12)


def test_a_point_to_the_right_and_below_has_larger_columns_and_rows() -> None:
    column, row = CAMERA.project(np.array([0.1, 0.2, 1.0]))
    assert column == pytest.approx(313.7 + 47.6)
    assert row == pytest.approx(242.8 + 96.0)


def test_cropped_moves_the_image() -> None:
    window = CAMERA.cropped(100, 50, 200, 150)
    np.testing.assert_allclose(window.project(points()), CAMERA.project(points()) - [100, 50])
    assert (window.width, window.height) == (200, 150)


def test_resized_keeps_pixel_areas_aligned() -> None:
    # The outer edges of the image, half a pixel beyond the outer pixels' centres, stay where they are.
    half = CAMERA.resized(320, 240)
    pixels = (CAMERA.project(points()) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(half.project(points()), pixels)


def test_resized_back_is_the_same_camera() -> None:
    back = CAMERA.resized(320, 120).resized(640, 480)
    np.testing.assert_allclose([back.fx, back.fy, back.cx, back.cy], [476.0, 480.0, 313.7, 242.8])


@pytest.mark.parametrize(
    "values",
    [(0, 480, 1, 1), (476, -1, 1, 1), (np.nan, 480, 1, 1), (476, 480, np.inf, 1), (476, 480, 1, np.nan)],
)
def test_impossible_intrinsics_are_refused(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"finite with positive focal lengths, got fx="):
        Camera(*values, 640, 480)


def test_empty_images_are_refused() -> None:
    with pytest.raises(ValueError, match="got 0x480"):
        Camera(476, 480, 1, 1, 0, 480)


@pytest.mark.parametrize("size", [("640", 480), (640.0, 480), (640, None)])
def test_sizes_are_whole_numbers(size: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"whole numbers of pixels, got {size[0]!r} x {size[1]!r}")):
        Camera(476, 480, 1, 1, *size)


@pytest.mark.parametrize("focal", ["476", None, np.ones(2)])
def test_intrinsics_are_numbers(focal: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got fx={focal!r} fy=480 cx=1 cy=1")):
        Camera(focal, 480, 1, 1, 640, 480)


def test_a_window_may_see_less_than_a_whole_image() -> None:
    window = CAMERA.cropped(600, 440, 20, 20)
    assert window.checked() is window
    narrow = window.resized(40, 40)
    assert narrow.checked() is narrow
    with pytest.raises(ValueError, match="field of view"):
        Camera(window.fx, window.fy, window.cx, window.cy, 20, 20).checked()


@pytest.mark.parametrize(
    "camera",
    [
        CAMERA,
        Camera(2000.0, 2000.0, 319.5, 239.5, 640, 480),
        Camera(252.0, 252.0, 255.5, 255.5, 512, 512),
        Camera(476.0, 476.0, -640.0, 960.0, 640, 480),
    ],
)
def test_cameras_of_whole_images_are_accepted(camera: Camera) -> None:
    assert camera.checked() is camera


@pytest.mark.parametrize(
    ("camera", "sentence"),
    [
        (Camera(50.0, 50.0, 4000.0, 3000.0, 8000, 6000), "50 and 50 pixels .* 8000x6000 .* 178.6 x 178.1 degrees"),
        (Camera(476.0, 5000.0, 319.5, 239.5, 640, 480), "field of view of 67.8 x 5.5 degrees; accepted: 10 to 170"),
        (Camera(1e-320, 476.0, 319.5, 239.5, 640, 480), "field of view of 180.0 x"),
        (Camera(1e300, 1e300, 319.5, 239.5, 640, 480), r"1e\+300 and 1e\+300 .* 0.0 x 0.0 degrees"),
        (Camera(476.0, 476.0, 319.5, 999.0, 640, 480), r"principal point \(319.5, 999\) .* 640x480"),
        (
            Camera(476.0, 476.0, -641.0, 239.5, 640, 480),
            r"principal point \(-641, 239.5\) .*; accepted: \(-640, -480\) to \(1280, 960\)$",
        ),
    ],
)
def test_cameras_that_cannot_be_are_refused_by_their_values(camera: Camera, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        camera.checked()
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((476.007, 476.007, 242.755, 313.683), r"the principal point \(242.755, 313.683\) is 15 % of the image's size"),
        ((952.0, 952.0, 627.0, 485.0), r"\(627, 485\) is 51 %"),
        ((476.0, 476.0, 640.0, 480.0), r"\(640, 480\) is 50 %"),
        ((200.0, 476.0, 313.0, 242.0), "the focal lengths 200 and 476 are far apart"),
        ((47.6, 47.6, 313.0, 242.0), "the field of view is 163 x 158 degrees"),
        (
            (47.6, 47.6, 640.0, 480.0),
            r"\(640, 480\) is 50 % .* from its middle, the field of view is 163 x 158 degrees",
        ),
        ((2000.0, 2000.0, 313.0, 242.0), "the field of view is 18 x 14 degrees"),
    ],
)
def test_intrinsics_that_can_hardly_be_are_doubted(values: tuple[float, float, float, float], reason: str) -> None:
    doubt = Camera(*values, 640, 480).checked().doubt()
    assert re.fullmatch(f"these intrinsics are unusual for 640x480 pixels: .*{reason}.*; are they right, .*\\?", doubt)


@pytest.mark.parametrize(
    ("camera", "size"),
    [
        ((463.889, 463.889, 320.0, 240.0), (640, 480)),  # SR305, HANDS 2017 and FHAD's camera
        ((475.065948, 475.065857, 315.944855, 245.287079), (640, 480)),
        ((476.007, 475.0, 313.683, 242.755), (640, 480)),
        ((588.03, 587.07, 320.0, 240.0), (640, 480)),  # Kinect v1 of NYU
        ((240.99, 240.96, 160.0, 120.0), (320, 240)),  # Creative Gesture of ICVL
        ((224.5, 230.5, 160.0, 120.0), (320, 240)),
        ((425.0, 425.0, 424.0, 50.0), (848, 100)),  # D435's fast strip
        ((634.0, 634.0, 636.0, 362.0), (1280, 720)),  # D455
        ((210.0, 210.0, 112.0, 86.0), (224, 171)),  # pico flexx
        ((1057.0, 1057.0, 1104.0, 621.0), (2208, 1242)),  # ZED 2
        ((284.0, 284.0, 320.0, 200.0), (640, 400)),  # OAK-D wide
    ],
)
def test_real_cameras_are_not_doubted(camera: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    assert Camera(*camera, *size).doubt() == ""


def test_a_mirror_swaps_right_and_left() -> None:
    columns, rows = CAMERA.project(points()).T
    seen = CAMERA.mirrored().project(points() * [-1.0, 1.0, 1.0])
    np.testing.assert_allclose(seen, np.stack([639 - columns, rows], axis=1), atol=1e-9)
    bent = replace(CAMERA, distortion=Distortion("plumb_bob", (0.1, 0.0, 0.01, 0.0)))
    with pytest.raises(ValueError, match="no mirror image; accepted: one without"):
        bent.mirrored()
