from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.hand import BONES, FINGER_COLOURS
from dense3d_ros.skeleton_drawing import HAND_BGR, HAND_RGB, bgr, draw_skeleton, rgb


def spread_out() -> np.ndarray:
    """(21, 2) pixels: the wrist below, the fingers' joints above each other, 30 pixels apart."""
    joints = np.arange(20)
    return np.vstack([[80, 190], np.column_stack([20 + 30 * (joints // 4), 140 - 30 * (joints % 4)])]).astype(float)


def test_colours() -> None:
    assert rgb((1.0, 0.5, 0.0)) == (255, 128, 0)
    assert bgr((1.0, 0.5, 0.0)) == (0, 128, 255)
    assert HAND_BGR[0] == bgr(FINGER_COLOURS[0])
    assert min(HAND_RGB[-1]) > 230, "the wrist is white"


@pytest.mark.parametrize("colours", [HAND_RGB, HAND_BGR])
def test_bones_and_joints_have_their_colours_and_sizes(colours: tuple[tuple[int, int, int], ...]) -> None:
    image = np.zeros((200, 160, 3), np.uint8)
    pixels = spread_out()
    draw_skeleton(image, pixels, colours, 3, 5.0, 9.0)
    for index, (parent, child) in enumerate(BONES):
        if parent != 0:
            column, row = ((pixels[parent] + pixels[child]) / 2).astype(int)
            assert tuple(image[row, column]) == colours[index // 4]
    for joint, (column, row) in enumerate(pixels.astype(int)):
        radius = 9 if joint == 0 else 5
        # Sideways: bones leave upwards, and downwards to the wrist.
        assert tuple(image[row, column + radius - 2]) == colours[(joint - 1) // 4]
        assert not image[row, column + radius + 2].any()


def test_an_outline_is_black_on_anything() -> None:
    image = np.full((200, 160, 3), 200, np.uint8)
    pixels = spread_out()
    draw_skeleton(image, pixels, HAND_RGB, 3, 1.0, 1.0, outline=12)
    column, row = ((pixels[1] + pixels[2]) / 2).astype(int)
    assert not image[row, column + 5].any()
    assert (image[row, column + 12] == 200).all()


def test_pixels_far_outside_do_no_harm() -> None:
    image = np.zeros((200, 160, 3), np.uint8)
    draw_skeleton(image, np.full((21, 2), 1e12), HAND_RGB, 3, 5.0, 9.0)
    assert not image.any()
