from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import BACKGROUND, MIRROR, crop_hand, roll_rotation
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import upright_roll

CAMERA = Camera(476.0, 470.0, 313.7, 242.8, 640, 480)
CENTRE = np.array([0.06, -0.04, 0.6])


def plane(normal: np.ndarray, distance: float, camera: Camera = CAMERA) -> np.ndarray:
    """(H, W) depth of the points p with normal . p = distance."""
    cols, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    facing = normal[0] * (cols - camera.cx) / camera.fx + normal[1] * (rows - camera.cy) / camera.fy + normal[2]
    return (distance / facing).astype(np.float32)


def test_the_crop_of_a_tilted_plane_is_the_plane() -> None:
    normal = np.array([0.2, -0.1, 1.0])
    distance = float(normal @ CENTRE)
    crop = crop_hand(DepthImage(plane(normal, distance)), CAMERA, CENTRE, 0.15, 128)
    expected = (plane(normal, distance, crop.camera) - CENTRE[2]) / 0.15
    # Nearest pixels: half a pixel of the source is 0.6 mm there, on this slope 0.2 mm, 0.0013 half sizes.
    np.testing.assert_allclose(crop.image, expected, atol=0.002)


def test_the_crop_shows_the_cubes_cross_section() -> None:
    crop = crop_hand(DepthImage(plane(np.array([0, 0, 1.0]), 0.6)), CAMERA, CENTRE, 0.15, 128)
    corners = np.array([[-0.15, -0.15, 0], [0.15, 0.15, 0]]) + CENTRE
    np.testing.assert_allclose(crop.camera.project(corners), [[-0.5, -0.5], [127.5, 127.5]], atol=1e-9)
    np.testing.assert_allclose(crop.camera.project(CENTRE), [63.5, 63.5], atol=1e-9)
    assert crop.image.shape == (128, 128)
    assert crop.image.dtype == np.float32


def test_a_pixel_of_the_crop_is_the_point_that_was_measured() -> None:
    depth = np.zeros((480, 640), np.float32)
    depth[200:203, 350:353] = 0.65
    crop = crop_hand(DepthImage(depth), CAMERA, CENTRE, 0.15, 128)
    rows, cols = np.nonzero(crop.image < BACKGROUND)
    seen = crop.camera.back_project(
        np.stack([cols, rows], axis=1).astype(float), crop.image[rows, cols] * 0.15 + CENTRE[2]
    )
    truth = CAMERA.back_project(np.array([351.0, 201.0]), np.float64(0.65))
    np.testing.assert_allclose(seen.mean(axis=0), truth, atol=0.002)


def test_outside_of_the_cube_and_of_the_image_is_background() -> None:
    depth = np.full((480, 640), 0.6, np.float32)
    depth[:, 400:] = 0.76
    depth[:, :300] = 0.44
    depth[250:] = np.nan
    crop = crop_hand(DepthImage(depth), CAMERA, CENTRE, 0.15, 128)
    cols = (np.arange(128) - crop.camera.cx) / crop.camera.fx * CAMERA.fx + CAMERA.cx
    rows = (np.arange(128) - crop.camera.cy) / crop.camera.fy * CAMERA.fy + CAMERA.cy
    inside = (np.rint(cols) >= 300) & (np.rint(cols) < 400)
    expected = np.where(inside & (np.rint(rows) < 250)[:, None], 0.0, BACKGROUND)
    np.testing.assert_allclose(crop.image, expected, atol=1e-6)


def test_a_crop_that_leaves_the_image() -> None:
    depth = DepthImage(np.full((480, 640), 0.6, np.float32))
    left_of_it = crop_hand(depth, CAMERA, np.array([-0.396, 0.0, 0.6]), 0.15, 128)
    assert (left_of_it.image[:, :64] == BACKGROUND).all()
    assert (left_of_it.image[:, 66:] < 1e-5).all()
    far_away = crop_hand(depth, CAMERA, np.array([5.0, 5.0, 0.6]), 0.15, 128)
    assert (far_away.image == BACKGROUND).all()


def test_a_one_pixel_image() -> None:
    camera = Camera(500.0, 500.0, 0.0, 0.0, 1, 1)
    crop = crop_hand(DepthImage(np.full((1, 1), 0.6, np.float32)), camera, np.array([0, 0, 0.6]), 0.15, 64)
    assert crop.image.shape == (64, 64)


@pytest.mark.parametrize("centre", [[0, 0, 0], [0, 0, -1], [np.nan, 0, 1], [0, 0, np.inf]])
def test_impossible_centres_are_refused(centre: list[float]) -> None:
    with pytest.raises(ValueError, match="in front of the camera"):
        crop_hand(DepthImage(np.ones((4, 4), np.float32)), CAMERA, np.array(centre, np.float32))


def test_mirrored_is_the_crop_of_the_mirrored_world() -> None:
    rng = np.random.default_rng(3)
    depth = rng.uniform(0.5, 0.7, (480, 640)).astype(np.float32)
    symmetric = Camera(476.0, 470.0, 319.5, 242.8, 640, 480)
    expected = crop_hand(DepthImage(np.ascontiguousarray(depth[:, ::-1])), symmetric, CENTRE * MIRROR, 0.15, 64)
    mirrored = crop_hand(DepthImage(depth), symmetric, CENTRE, 0.15, 64).mirrored()
    np.testing.assert_array_equal(mirrored.image, expected.image)
    np.testing.assert_allclose(mirrored.centre, expected.centre)
    points = CENTRE * MIRROR + rng.uniform(-0.1, 0.1, (10, 3))
    np.testing.assert_allclose(mirrored.camera.project(points), expected.camera.project(points), atol=1e-6)


@pytest.mark.parametrize("roll", [0.3, -2.0, np.pi / 2])
def test_a_turned_crop_sees_the_same_points(roll: float) -> None:
    """A slanted plane stays where it is, and so does a point of it, whichever way the crop is turned."""
    normal = np.array([0.3, -0.2, 1.0])
    crop = crop_hand(DepthImage(plane(normal, 0.6)), CAMERA, CENTRE, 0.15, 128, roll)
    np.testing.assert_allclose(crop.in_camera(crop.centre), CENTRE, atol=1e-6)
    for shown in (crop, crop.mirrored()):
        rows, cols = np.nonzero(shown.image < 1)
        depth = shown.centre[2] + shown.image[rows, cols] * 0.15
        points = shown.camera.back_project(np.stack([cols, rows], axis=1).astype(np.float64), depth)
        seen = shown.in_camera(points.astype(np.float32))
        # The nearest pixel is up to half of one away.
        np.testing.assert_allclose(seen @ normal, 0.6, atol=1e-3)


def test_an_upright_crop_has_the_knuckle_above_the_wrist() -> None:
    joints = np.zeros((21, 3), np.float32)
    joints[:, 2] = 0.5
    joints[9] = (0.06, 0.03, 0.55)
    turned = joints @ roll_rotation(upright_roll(joints)).T
    assert turned[9, 0] == pytest.approx(0, abs=1e-6)
    assert turned[9, 1] < 0
    assert upright_roll(joints * np.float32([1, 1, 0])) == pytest.approx(0)
