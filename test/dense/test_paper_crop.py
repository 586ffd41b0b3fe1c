import numpy as np
import pytest
from dense_scene import NO_VECTORS, VECTORS

from dense3d_ros.dense.paper_crop import (
    Box,
    crop_box,
    crop_joints,
    joint_box,
    joint_depth_limit,
    normalise_depth,
    reference_point,
)
from dense3d_ros.geometry.camera import Camera

NYU = Camera(588.235, 587.084, 320.0, 240.0, 640, 480)


@pytest.mark.skipif(not VECTORS.is_dir(), reason=NO_VECTORS)
@pytest.mark.parametrize("case", range(4))
def test_crop_equals_the_published_graph(case):
    vectors = np.load(VECTORS / "crop.npz")
    crop = crop_joints(vectors[f"dm{case}"], NYU, vectors[f"pose{case}"])
    camera = [crop.camera.fx, crop.camera.fy, crop.camera.cx, crop.camera.cy]
    np.testing.assert_allclose(camera, vectors[f"cfg{case}"][:4], atol=1e-4)
    np.testing.assert_allclose(crop.centre, vectors[f"com{case}"], atol=2e-4)
    millimetres, expected = vectors[f"crop{case}"][..., 0], vectors[f"norm{case}"][0, ..., 0]
    measured = millimetres > 0
    np.testing.assert_allclose(crop.image[measured], expected[measured], atol=1e-6)
    kept = crop.image > -0.99
    restored = crop.image * 300 + crop.centre[2] - 150
    np.testing.assert_allclose(restored[kept], millimetres[kept], atol=1e-3)
    # In the near case the published graph lets missing depth through as surface.
    assert (crop.image[~measured] == -1).all()
    assert (expected[~measured] == -1).all() == (vectors[f"com{case}"][2] > 300)


def test_resize_samples_at_multiples_of_the_ratio():
    columns = np.arange(160, dtype=np.float32)
    depth = np.tile(600 + columns, (120, 1)).astype(np.float32)
    crop = crop_box(depth, Camera(200.0, 200.0, 80.0, 60.0, 160, 120), Box(10, 30, 110, 130), 1000.0)
    millimetres = crop.image * 300 + crop.centre[2] - 150
    expected = 630 + np.minimum(np.arange(128) * 100 / 128, 99)
    np.testing.assert_allclose(millimetres[64], expected, atol=1e-3)


def test_crop_camera_sees_what_the_camera_saw():
    depth = np.zeros((480, 640), np.float32)
    rows, cols = np.mgrid[200:280, 300:420]
    depth[200:280, 300:420] = 700 + 0.1 * rows + 0.2 * cols
    crop = crop_box(depth, NYU, Box(190, 290, 290, 430), 1000.0)
    v, u = np.argwhere(crop.image > -0.9).T[:, 2000:2010]
    z = crop.image[v, u] * 300 + crop.centre[2] - 150
    points = crop.camera.back_project(np.stack([u, v], axis=-1), z)
    pixels = NYU.project(points)
    np.testing.assert_allclose(z, 700 + 0.1 * pixels[:, 1] + 0.2 * pixels[:, 0], atol=0.01)


def test_box_has_a_margin_and_stays_in_the_image():
    middle = joint_box(np.array([[300.7, 200.2], [350.2, 260.9]]), NYU)
    assert middle == Box(180, 280, 280, 370)
    assert joint_box(np.array([[5.0, 3.0], [30.0, 50.0]]), NYU) == Box(0, 0, 70, 50)
    assert joint_box(np.array([[630.0, 470.0], [639.0, 479.0]]), NYU) == Box(440, 600, 480, 640)
    assert joint_box(np.array([[-90.0, -80.0], [-50.0, -40.0]]), NYU) == Box(0, 0, 39, 39)


def test_depth_limit_is_behind_the_nearest_joint_pixel():
    depth = np.zeros((480, 640), np.float32)
    depth[10, 20], depth[30, 40], depth[479, 0] = 650.0, 90.0, 640.0
    pixels = np.array([[20.9, 10.9], [40.0, 30.0], [100.0, 100.0], [-30.0, 900.0]])
    assert joint_depth_limit(depth, pixels) == 890.0
    with pytest.raises(ValueError, match="no joint pixel"):
        joint_depth_limit(depth, pixels[1:3])


def test_what_is_beyond_the_limit_is_background():
    depth = np.full((480, 640), 800.0, np.float32)
    depth[200:240, 300:340] = 600.0
    crop = crop_box(depth, NYU, Box(190, 290, 250, 350), 700.0)
    assert crop.centre[2] == pytest.approx(600.0, abs=40.0)
    assert ((crop.image == -1) | (crop.image < 0.9)).all()
    with pytest.raises(ValueError, match="no depth below its limit"):
        crop_box(depth, NYU, Box(190, 290, 250, 350), 500.0)


def test_reference_point_is_the_middle_of_the_crop_at_its_mean_depth():
    camera = Camera(150.0, 140.0, 70.0, 20.0, 128, 128)
    crop = np.zeros((128, 128), np.float32)
    crop[0, :2] = 400.0, 500.0
    np.testing.assert_allclose(reference_point(crop, camera), [-6 * 3.0, 44 * 450 / 140, 450.0], rtol=1e-6)
    crop[0, :2] = 150.0
    assert reference_point(crop, camera)[2] == 200.0


def test_normalised_depth():
    crop = np.array([[0.0, 299.0, 301.0, 450.0, 600.0, 749.0, 750.0]], np.float32)
    expected = [[-1.0, -1.0, -149 / 300, 0.0, 0.5, 299 / 300, -1.0]]
    np.testing.assert_allclose(normalise_depth(crop, 600.0), expected, atol=1e-6)
    np.testing.assert_allclose(normalise_depth(crop[:, :2], 250.0), [[-1.0, 199 / 300]], atol=1e-6)
