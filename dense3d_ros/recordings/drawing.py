"""Images for people: depth in colour, skeletons over it, many on one sheet. All are BGR, as in OpenCV."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.skeleton_drawing import DEPTH_BGR, HAND_BGR, Colour, ColourImage, draw_skeleton

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_GAP = 4
_LABEL = 0.6
"""Size of text in an image of 640 pixels; on a contact sheet it is three quarters of that."""
NEAR, FAR = 0.2, 1.2
"""Metres between which a hand is; the same in every image, so that a colour is the same depth in all of them."""


def colour_depth(depth: DepthImage, near: float = NEAR, far: float = FAR) -> ColourImage:
    """Depth -> (H, W, 3), bright and warm is near, dark and cold is far, black is not measured.

    near, far: metres at the ends of the colour scale.
    """
    metres = depth.metres()
    share = ((metres - near) / max(far - near, 1e-3)).clip(0, 1)
    image: ColourImage = DEPTH_BGR[(share * 255).astype(np.uint8)]
    image[metres == 0] = 0
    return image


def draw_hand(image: ColourImage, hand: HandPose, camera: Camera) -> None:
    """Draw the skeleton in the colours of hand.py, with track, handedness and score beside the wrist."""
    if not (np.isfinite(hand.joints).all() and (hand.joints[:, 2] > 0).all()):
        return
    pixels = camera.project(hand.joints)
    scale = max(image.shape[:2]) / 640
    draw_bones(image, pixels, scale)
    label = f"#{hand.track_id} {hand.handedness.name.lower()} {hand.score:.2f}"
    column, row = pixels[0]
    write(image, label, (column + 8 * scale, row + 18 * scale), _LABEL * scale)


def draw_bones(
    image: ColourImage, pixels: NDArray[np.floating], scale: float, colours: Sequence[Colour] = HAND_BGR
) -> None:
    """The skeleton of (21, 2) pixels; scale 1 has lines of two pixels."""
    draw_skeleton(image, pixels, colours, max(1, round(2 * scale)), 2.5 * scale, 3.5 * scale, outline=2)


def overlay(depth: DepthImage, camera: Camera, hands: Sequence[HandPose], caption: str = "") -> ColourImage:
    """The depth image in colour with every hand, and a caption at the top."""
    image = colour_depth(depth)
    for hand in hands:
        draw_hand(image, hand, camera)
    if caption:
        write_lines(image, caption, _LABEL * max(image.shape[:2]) / 640)
    return image


def draw_crop(
    image: NDArray[np.float32], camera: Camera, joints: NDArray[np.floating] | None, label: str, width: int
) -> ColourImage:
    """A normalised crop (S, S) as a (width, width, 3) image, with (21, 3) joints in metres where given."""
    grey = (np.where(image < 1, 0.85 - 0.3 * image, 0) / 1.15 * 255).astype(np.uint8)
    coloured = cv2.cvtColor(cv2.resize(grey, (width, width), interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2BGR)
    drawn: ColourImage = np.asarray(coloured, np.uint8)
    if joints is not None:
        draw_bones(drawn, camera.resized(width, width).project(joints), 1.0)
    write(drawn, label, (3, 0), 0.4)
    return drawn


def contact_sheet(images: Sequence[ColourImage], columns: int = 4, width: int = 480) -> ColourImage:
    """Images side by side, white lines between them, each made `width` pixels wide; ValueError without any."""
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    tiles = []
    for image in images:
        size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
        tiles.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    columns = min(columns, len(tiles))
    height = max(tile.shape[0] for tile in tiles)
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8)
    for index in range(rows * columns):
        top, left = index // columns * (height + _GAP), index % columns * (width + _GAP)
        place = sheet[top : top + height, left : left + width]
        place[:] = 0
        if index < len(tiles):
            place[: tiles[index].shape[0]] = tiles[index]
    return sheet


def write(image: ColourImage, text: str, place: tuple[float, float], size: float) -> None:
    """Legible text on anything; `place` is the left end of the base line, moved into the image."""
    thickness = max(1, round(2 * size))
    (width, height), _ = cv2.getTextSize(text, _FONT, size, thickness)
    left = int(min(max(place[0], 0), max(image.shape[1] - width - 1, 0)))
    base = int(min(max(place[1], height), image.shape[0] - 2))
    # Not one thicker text below: OpenCV 5 sets bold letters wider.
    for column, row in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        cv2.putText(image, text, (left + column, base + row), _FONT, size, _BLACK, thickness, cv2.LINE_AA)
    cv2.putText(image, text, (left, base), _FONT, size, _WHITE, thickness, cv2.LINE_AA)


def write_lines(image: ColourImage, text: str, size: float) -> None:
    """Text from the top of an image down, in as many lines as it takes; what is too much is left out."""
    (width, height), _ = cv2.getTextSize(text, _FONT, size, max(1, round(2 * size)))
    margin = height // 2
    # Letters differ in width: a tenth less than fits on average.
    letters = int(0.9 * len(text) * (image.shape[1] - 2 * margin) / max(width, 1))
    for number, line in enumerate(textwrap.wrap(text, max(letters, 1))):
        base = margin + height + round(1.7 * height) * number
        if number and base >= image.shape[0]:
            break
        write(image, line, (margin, base), size)


def write_image(path: Path, image: ColourImage) -> None:
    """Write an image file atomically; OSError if that does not work."""
    try:
        # Not imwrite, which crashes at names that are not UTF-8.
        encoded, data = cv2.imencode(path.suffix, image)
    except cv2.error as error:
        raise ValueError(f"{path} is no name of an image file; accepted: .png or .jpg") from error
    if not encoded:
        raise OSError(f"{path} cannot be written")
    if not path.parent.is_dir():
        raise OSError(f"{path} cannot be written: there is no folder {path.parent}")
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


def read_image(path: Path) -> ColourImage:
    """An image file in colour; OSError where it is none."""
    data = np.fromfile(path, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise OSError(f"{path} cannot be read back")
    return image.astype(np.uint8, copy=False)
