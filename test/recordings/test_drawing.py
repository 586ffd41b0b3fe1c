from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import BONES, JOINT_INDEX, Handedness, HandPose
from dense3d_ros.recordings.drawing import (
    colour_depth,
    contact_sheet,
    draw_crop,
    draw_hand,
    overlay,
    read_image,
    write,
    write_image,
    write_lines,
)
from dense3d_ros.skeleton_drawing import DEPTH_BGR, HAND_BGR

CAMERA = Camera(500.0, 500.0, 320.0, 240.0, 640, 480)


def flat_hand() -> HandPose:
    """Fingers upwards, side by side, half a metre away."""
    joints = np.zeros((21, 3), np.float32)
    joints[:, 2] = 0.5
    joints[0, 1] = 0.1
    for finger in range(5):
        for segment in range(4):
            joints[1 + 4 * finger + segment, :2] = (-0.06 + 0.03 * finger, 0.02 - 0.025 * segment)
    return HandPose(joints, np.ones(21, np.float32), 0.97, Handedness.LEFT, 3)


def test_depth_colours_tell_near_from_far_and_from_nothing() -> None:
    depth = np.tile(np.linspace(0.4, 1.0, 64, dtype=np.float32), (48, 1))
    depth[:10] = 0
    image = colour_depth(DepthImage(depth))
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert (image[:10] == 0).all()
    assert (image[10:].max(axis=2) > 30).all()
    near, far = image[20, 3].astype(int), image[20, 60].astype(int)
    assert near[2] > near[0], "near is warm"
    assert far[0] > far[2], "far is cold"


def test_depth_limits_fix_the_colours() -> None:
    one, other = np.full((4, 4), 0.6, np.float32), np.full((4, 4), 0.6, np.float32)
    other[0, 0] = 3.0
    np.testing.assert_array_equal(
        colour_depth(DepthImage(one), 0.3, 1.0)[1:], colour_depth(DepthImage(other), 0.3, 1.0)[1:]
    )


def test_an_empty_image_is_black() -> None:
    assert not colour_depth(DepthImage(np.full((4, 6), np.nan, np.float32))).any()


def test_bones_have_their_fingers_colours() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    hand = flat_hand()
    draw_hand(image, hand, CAMERA)
    pixels = CAMERA.project(hand.joints)
    for index, (parent, child) in enumerate(BONES):
        if parent == 0:
            continue
        column, row = np.rint((pixels[parent] + pixels[child]) / 2).astype(int)
        np.testing.assert_allclose(image[row, column], HAND_BGR[index // 4], atol=3)
    column, row = np.rint(pixels[JOINT_INDEX["wrist"]]).astype(int)
    assert image[row, column].min() > 230, "the wrist is white"
    assert not image[:150].any(), "nothing is drawn elsewhere"


@pytest.mark.parametrize("value", [np.nan, -1.0, 0.0])
def test_joints_that_cannot_be_seen_are_not_drawn(value: float) -> None:
    hand = flat_hand()
    hand.joints[3, 2] = value
    image = np.zeros((480, 640, 3), np.uint8)
    draw_hand(image, hand, CAMERA)
    assert not image.any()


def test_of_a_hand_far_outside_the_image_the_label_alone_is_drawn() -> None:
    hand = flat_hand()
    hand.joints[:, 0] += 1e6
    image = np.zeros((480, 640, 3), np.uint8)
    draw_hand(image, hand, CAMERA)
    rows, columns = np.nonzero(image.any(axis=2))
    assert columns.min() > 500, "at the edge that the hand is beyond"
    assert np.ptp(rows) < 20, "a line of text"


@pytest.mark.parametrize("size", [(480, 640), (60, 80), (1, 1)])
def test_overlay_has_the_images_size(size: tuple[int, int]) -> None:
    height, width = size
    camera = CAMERA.resized(width, height)
    image = overlay(DepthImage(np.full(size, 0.5, np.float32)), camera, [flat_hand()], "caption")
    assert image.shape == (height, width, 3)


def test_text_stays_in_the_image() -> None:
    image = np.zeros((40, 120, 3), np.uint8)
    write(image, "text", (1000, 1000), 0.4)
    rows, cols = np.nonzero(image.max(axis=2))
    assert rows.size > 20
    assert cols.max() < 120


@pytest.mark.parametrize("text", ["broken.png  it cannot be read as an image; expected a 16-bit depth PNG", "n" * 70])
def test_long_text_goes_over_several_lines(text: str) -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    write_lines(image, text, 0.5)
    lines = np.flatnonzero(np.diff(image.any(axis=(1, 2)).astype(int)) == 1).size
    assert lines >= 2
    # As much ink as in one line that is wide enough: nothing is cut off.
    wide = np.zeros((240, 2000, 3), np.uint8)
    write(wide, text, (0, 30), 0.5)
    assert (image > 127).sum() == pytest.approx((wide > 127).sum(), rel=0.03)


def test_every_finger_stands_out_from_every_depth() -> None:
    """By CIE 1976 colour differences, of which 2.3 can just be told; the ends of a ramp of two greys are 50 apart."""
    fingers, depths = (
        cv2.cvtColor(np.float32([colours]) / 255, cv2.COLOR_BGR2LAB)[0] for colours in (HAND_BGR, DEPTH_BGR)
    )
    apart = np.linalg.norm(fingers[:, None] - depths[None], axis=2)
    assert apart[:5].min() > 40, apart.min(axis=1)
    assert np.linalg.norm(depths[0] - depths[-1]) > 40, "near and far"
    assert depths[:, 0].min() > 10, "nothing measured is darker"


def test_a_depth_has_one_colour_in_all_images() -> None:
    one, other = np.full((4, 4), 0.6, np.float32), np.full((4, 4), 0.6, np.float32)
    other[0, 0] = 3.0
    np.testing.assert_array_equal(colour_depth(DepthImage(one))[1:], colour_depth(DepthImage(other))[1:])


def test_contact_sheet_lays_out_row_by_row() -> None:
    images = [np.full((30, 40, 3), value, np.uint8) for value in (10, 20, 30, 40, 50)]
    sheet = contact_sheet(images, columns=2, width=20)
    assert sheet.shape == (3 * 15 + 2 * 4, 2 * 20 + 4, 3)
    assert sheet[7, 10, 0] == 10
    assert sheet[7, 34, 0] == 20
    assert sheet[26, 10, 0] == 30
    assert sheet[45, 10, 0] == 50
    assert sheet[45, 34, 0] == 0
    for gap in (sheet[15:19], sheet[34:38], sheet[:, 20:24]):
        assert (gap == 255).all(), "a white line between dark images"


def test_contact_sheet_of_different_sizes() -> None:
    sheet = contact_sheet([np.full((30, 40, 3), 9, np.uint8), np.full((80, 40, 3), 9, np.uint8)], width=40)
    assert sheet.shape == (80, 84, 3)
    with pytest.raises(ValueError, match="at least one image"):
        contact_sheet([])


def test_draw_crop_shows_joints_and_background() -> None:
    image = np.ones((32, 32), np.float32)
    image[8:24, 8:24] = 0.0
    camera = Camera(32 * 0.5 / 0.3, 32 * 0.5 / 0.3, 15.5, 15.5, 32, 32)
    plain = draw_crop(image, camera, None, "", 128)
    assert plain.shape == (128, 128, 3)
    assert plain[4, 100].max() == 0
    assert plain[64, 64].max() > 100
    drawn = draw_crop(image, camera, flat_hand().joints, "", 128)
    column, row = np.rint(camera.resized(128, 128).project(flat_hand().joints[0])).astype(int)
    assert drawn[row, column].min() > 220


def test_images_are_written_whole(tmp_path: Path) -> None:
    image = np.random.default_rng(11).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    write_image(tmp_path / "image.png", image)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "image.png")), image)
    assert [path.name for path in tmp_path.iterdir()] == ["image.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), image)
    (tmp_path / "image.png").write_bytes(b"")
    with pytest.raises(OSError, match="cannot be read back"):
        read_image(tmp_path / "image.png")
    with pytest.raises(ValueError, match="no name of an image"):
        write_image(tmp_path / "image.xyz", image)
    with pytest.raises(OSError, match="cannot be written"):
        write_image(tmp_path / "missing" / "image.png", image)
