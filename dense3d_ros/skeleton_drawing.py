"""Skeletons of hands on colour images, and the colours of depth below them.

NumPy and OpenCV alone, so that a robot can draw them as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import BONES, FINGER_COLOURS, WRIST_COLOUR

Colour = tuple[int, int, int]
ColourImage = NDArray[np.uint8]

_BLACK = (0, 0, 0)
_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""
_FARTHEST = 1e4
"""Pixels; further out nothing is drawn, and OpenCV's coordinates would overflow."""


def rgb(colour: tuple[float, float, float]) -> Colour:
    """RGB in 0..1 -> RGB in 0..255."""
    red, green, blue = (round(255 * value) for value in colour)
    return red, green, blue


def bgr(colour: tuple[float, float, float]) -> Colour:
    """RGB in 0..1 -> BGR in 0..255."""
    red, green, blue = rgb(colour)
    return blue, green, red


HAND_RGB = tuple(rgb(colour) for colour in (*FINGER_COLOURS, WRIST_COLOUR))
"""Of the five fingers, thumb first, and last of the wrist, so that -1 is the wrist's."""
HAND_BGR = tuple(bgr(colour) for colour in (*FINGER_COLOURS, WRIST_COLOUR))
"""The same for images as OpenCV has them."""


TRUE_COLOURS: tuple[Colour, ...] = ((255, 255, 255),) * len(HAND_RGB)
"""White, of true hands beside estimated ones."""
_NEAR_RGB, _FAR_RGB = (200, 172, 136), (34, 52, 86)
DEPTH_RGB: NDArray[np.uint8] = np.linspace(_NEAR_RGB, _FAR_RGB, 256).round().astype(np.uint8)
"""(256, 3) from near to far: nearly grey, so that every finger stands out, and never black, which is for nothing
measured."""
DEPTH_BGR: NDArray[np.uint8] = np.ascontiguousarray(DEPTH_RGB[:, ::-1])


def draw_skeleton(
    image: ColourImage,
    pixels: NDArray[np.floating],
    colours: Sequence[Colour],
    width: int,
    radius: float,
    wrist_radius: float,
    outline: int = 0,
) -> None:
    """Draw bones and joints of a hand at (21, 2) finite pixels, in place.

    colours: HAND_RGB, HAND_BGR or TRUE_COLOURS. width: of the bones, pixels, and outline: what a black line below is
    wider by. radius, wrist_radius: pixels of a joint and of the wrist.
    """
    places = np.rint(pixels.clip(-_FARTHEST, _FARTHEST) * 2**_SHIFT).astype(int).tolist()
    for index, (parent, child) in enumerate(BONES):
        if outline:
            cv2.line(image, places[parent], places[child], _BLACK, width + outline, cv2.LINE_AA, _SHIFT)
        cv2.line(image, places[parent], places[child], colours[index // 4], width, cv2.LINE_AA, _SHIFT)
    for joint, place in enumerate(places):
        size = round((wrist_radius if joint == 0 else radius) * 2**_SHIFT)
        cv2.circle(image, place, size, colours[(joint - 1) // 4], -1, cv2.LINE_AA, _SHIFT)
