#!/usr/bin/env python3
"""Draw README's moving image: a rendered hand as a depth camera sees it, and the joints found, twice.

    python scripts/draw_moving_image.py --model hand --output docs/images/hand.gif

The hand's mesh is one that the shipped model was never trained on; every frame is what HandPoseEstimator says of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.commands import add_views
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import HandPose, hand_centre
from dense3d_ros.learning.synthetic.animation import HandAnimation, euler
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import load_model
from dense3d_ros.recordings.drawing import colour_depth, draw_bones, write
from dense3d_ros.skeleton_drawing import HAND_RGB, ColourImage

CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
FROM_S, FRAMES, RATE, EVERY = 1.0, 216, 30, 3
"""The hand is followed at `RATE`; every third frame is shown."""
NEAR, FAR = 0.35, 1.25
SHOWN = (95, 60, 420, 420)
"""Column, row, width and height of the part of the image where the hand moves."""
HEIGHT = 340
SIDE_WIDTH = 300
PIXELS_A_METRE = 1250.0
TURN_RAD = np.radians([-12.0, 62.0, 0.0])
"""Of the view from the side: most of a right angle about the vertical."""
COLOURS = 96


def from_the_side(hand: HandPose | None) -> ColourImage:
    """The joints, turned about their centre, without perspective."""
    image = np.full((HEIGHT, SIDE_WIDTH, 3), 32, np.uint8)
    if hand is not None:
        turned = (hand.joints - hand_centre(hand.joints)) @ euler(TURN_RAD).T
        draw_bones(image, turned[:, :2] * PIXELS_A_METRE + (SIDE_WIDTH / 2, HEIGHT / 2), 1.2)
    write(image, "the same joints from the side", (8, 20), 0.42)
    return image


def from_the_camera(depth: DepthImage, hand: HandPose | None) -> ColourImage:
    """The depth image in colour with the joints."""
    column, row, width, height = SHOWN
    image = colour_depth(depth, NEAR, FAR)[row : row + height, column : column + width]
    image = np.asarray(cv2.resize(image, (HEIGHT, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    if hand is not None:
        camera = CAMERA.cropped(column, row, width, height).resized(HEIGHT, HEIGHT)
        draw_bones(image, camera.project(hand.joints), 0.8)
    write(image, "depth image and joints", (8, 20), 0.42)
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="hand", help="shipped model's name or a model file (default: %(default)s)")
    add_views(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.gif", help="file to write")
    arguments = parser.parse_args()
    animation = HandAnimation(CAMERA, seed=4, sensor="structured_light", mesh="webxr")
    estimator = HandPoseEstimator(load_model(arguments.model, "cpu", views=arguments.views))
    shown, errors = [], []
    for index in range(FRAMES):
        seconds = FROM_S + index / RATE
        metres, joints = animation.frame(seconds)
        depth = DepthImage(metres)
        hands = estimator.estimate(depth, CAMERA, seconds).hands
        hand = hands[0] if hands else None
        if hand is not None:
            errors.append(float(np.linalg.norm(hand.joints - joints, axis=1).mean()) * 1000)
        if index % EVERY == 0:
            shown.append(np.hstack([from_the_camera(depth, hand), from_the_side(hand)]))
    print(f"hand in {len(errors)} of {FRAMES} frames, mean joint error {np.mean(errors):.1f} mm")
    # One palette for all frames, so that what does not move does not flicker; the thin fingers' colours are kept in it.
    kept = [*np.ravel(HAND_RGB).tolist(), 255, 255, 255]
    common = Image.fromarray(np.vstack(shown[:: len(shown) // 6])[..., ::-1]).quantize(COLOURS - len(kept) // 3)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(common.getpalette() or [])[: 3 * COLOURS - len(kept)], *kept])
    images = [Image.fromarray(image[..., ::-1]).quantize(palette=palette, dither=Image.Dither.NONE) for image in shown]
    duration = 1000 * EVERY // RATE
    with atomic_write(arguments.output) as temporary:
        images[0].save(temporary, "GIF", save_all=True, append_images=images[1:], duration=duration, loop=0)


if __name__ == "__main__":
    main()
