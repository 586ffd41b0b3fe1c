"""Images for people: depth in colour, skeletons over it, many on one sheet. All are BGR, as in OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.skeleton_drawing import HAND_BGR, ColourImage, draw_skeleton

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_GAP = 4


def colour_depth(depth: DepthImage, near: float | None = None, far: float | None = None) -> ColourImage:
    """Depth -> (H, W, 3), warm is near, black is not measured.

    near, far: metres at the ends of the colour scale; by default the 1st and 95th percentile of the image.
    """
    metres = depth.metres(slice(None), slice(None))
    measured = metres > 0
    if not measured.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    values = metres[measured]
    low = float(np.percentile(values, 1)) if near is None else near
    high = float(np.percentile(values, 95)) if far is None else far
    # The ends of the map are nearly black, as missing depth is.
    share = 0.95 - 0.85 * ((metres - low) / max(high - low, 1e-3)).clip(0, 1)
    coloured = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    # Dimmed, so that the skeleton stands out.
    image: ColourImage = (coloured * 0.7).astype(np.uint8)
    image[~measured] = 0
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
    write(image, label, (column + 8 * scale, row + 18 * scale), 0.5 * scale)


def draw_bones(image: ColourImage, pixels: NDArray[np.floating], scale: float) -> None:
    """The skeleton of (21, 2) pixels; scale 1 has lines of two pixels."""
    draw_skeleton(image, pixels, HAND_BGR, max(1, round(2 * scale)), 2.5 * scale, 3.5 * scale, outline=2)


def overlay(depth: DepthImage, camera: Camera, hands: Sequence[HandPose], caption: str = "") -> ColourImage:
    """The depth image in colour with every hand, and a caption at the top."""
    image = colour_depth(depth)
    for hand in hands:
        draw_hand(image, hand, camera)
    if caption:
        scale = max(image.shape[:2]) / 640
        write(image, caption, (6 * scale, 18 * scale), 0.5 * scale)
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


def contact_sheet(images: Sequence[ColourImage], columns: int = 5, width: int = 400) -> ColourImage:
    """Images side by side, row by row, each made `width` pixels wide; ValueError without any."""
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    tiles = []
    for image in images:
        size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
        tiles.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    columns = min(columns, len(tiles))
    height = max(tile.shape[0] for tile in tiles)
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (height + _GAP), index % columns * (width + _GAP)
        sheet[top : top + tile.shape[0], left : left + width] = tile
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
