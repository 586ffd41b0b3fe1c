"""Four hands in one image: two people who face each other over a table, seen by a camera above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.benchmark.stages import CAMERA, FRAMES, RATE, Scene, millimetres
from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.sensors import SENSORS

DISTANCES = (0.45, 0.6, 0.6, 0.45)
"""Metres from the camera about which the hands move by 0.1: each person's right hand, then the left one."""
ASIDE, DOWN = 0.38, 0.26
"""Directions of the first hand, x / z and y / z: each hand has its quarter of the image."""
MOVEMENT = np.array([0.35, 0.35, 1.0])
"""Of the single hand's, so that the hands stay apart."""
TABLE = 1.1


@dataclass(frozen=True)
class HandsScene:
    """CAMERA's frames: depth in millimetres (480, 640) uint16, and true joints (frames, hands, 21, 3) in metres."""

    depths: list[NDArray[np.uint16]]
    joints: NDArray[np.float32]


def one_hand(scene: Scene) -> HandsScene:
    """The scene of one hand."""
    return HandsScene(scene.depths, np.stack(scene.joints)[:, None])


def make_four_hands(frames: int = 2 * FRAMES) -> HandsScene:
    """Four seconds of four hands, rendered together, forth and back, so that they can be repeated without a jump."""
    animations = [HandAnimation(CAMERA, seed=seed) for seed in range(1, 1 + len(DISTANCES))]
    table = np.full((CAMERA.height, CAMERA.width), TABLE, np.float32)
    depths, joints = [], []
    for index in range(frames // 2):
        hands = [_placed(animation.hand(index / RATE), number) for number, animation in enumerate(animations)]
        depth = table.copy()
        for hand in hands:
            render_depth(hand.vertices, hand.faces, CAMERA, depth)
        measured = SENSORS["structured_light"].apply(depth, CAMERA, np.random.default_rng(index))
        depths.append(millimetres(measured))
        joints.append(np.stack([hand.joints for hand in hands]))
    return HandsScene(depths + depths[::-1], np.stack(joints + joints[::-1]))


def _placed(hand: PosedHand, number: int) -> PosedHand:
    """The animation's right hand as one of the four: odd ones are left, the last two those of the person opposite."""
    flip = np.array([-1.0 if number % 2 else 1.0, 1.0, 1.0])
    turn = np.array([-1.0, -1.0, 1.0]) if number >= 2 else np.ones(3)
    centre = hand_centre(hand.joints)
    sway = MOVEMENT * (centre - [0.0, 0.0, 0.52])
    place = DISTANCES[number] * np.array([ASIDE, DOWN, 1.0]) + sway
    vertices, joints = (
        ((points - centre + place) * flip * turn).astype(np.float32) for points in (hand.vertices, hand.joints)
    )
    return PosedHand(vertices, hand.faces, joints)
