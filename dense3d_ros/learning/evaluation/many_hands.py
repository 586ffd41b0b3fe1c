"""The second fixed test set: whole images with none to four hands, every pose class as often as any other.

As in `synthetic`, image n is a function of the seed and n, and sensors, numbers of hands and meshes take turns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.evaluation.pose_class import POSE_CLASSES, pose_class
from dense3d_ros.learning.evaluation.synthetic import (
    TEST_SENSORS,
    SyntheticTestSet,
    add_surroundings,
    assets_for,
    blank,
)
from dense3d_ros.learning.synthetic import clutter
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.labelled import HandPainter, LabelledHand
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.scenes import SceneAssets, random_hand

MOST_HANDS = 4
_STREAM = 4
"""Tells these images' random numbers from those of the other sets with the same seed."""
_APART, _BESIDE = 0.1, 0.25
"""Least metres between two hands' centres, and most where one is beside another."""
_SHARE_BESIDE = 0.5


@dataclass(frozen=True)
class ManyHandsImage:
    """An image, all hands in it, and what it is grouped by, kind -> group."""

    depth: DepthImage
    camera: Camera
    hands: tuple[LabelledHand, ...]
    labels: dict[str, str]


def many_hands_image(number: int, test_set: SyntheticTestSet) -> ManyHandsImage:
    """Image `number` of the set."""
    turn, count = divmod(number, MOST_HANDS + 1)
    turn, sensor = divmod(turn, len(TEST_SENSORS))
    sensor_name, camera, make_sensor = TEST_SENSORS[sensor]
    assets, mesh = assets_for(turn, test_set)
    rng = np.random.default_rng([test_set.seed, _STREAM, number])
    hands = _hands(rng, assets, count)
    depth, _ = blank(camera)
    painter = HandPainter(camera, depth)
    for hand, handedness in hands:
        painter.add(hand, handedness)
    if hands:
        furthest = hands[-1][0]
        _add_surroundings_of([hand for hand, _ in hands], rng, assets, painter)
    else:
        furthest, _ = random_hand(rng, assets)
        add_surroundings(rng, assets, furthest, camera, depth, painter.ids, at_least_one=True)
    measured = make_sensor(rng, float(furthest.joints[0, 2])).apply(depth, camera, rng)
    labels = {"hands": str(count), "mesh": mesh, "sensor": sensor_name}
    return ManyHandsImage(DepthImage(measured), camera, tuple(painter.labels(measured)), labels)


def _hands(rng: np.random.Generator, assets: SceneAssets, count: int) -> list[tuple[PosedHand, Handedness]]:
    """Hands of random pose classes, apart from each other, the nearest first."""
    hands: list[tuple[PosedHand, Handedness]] = []
    while len(hands) < count:
        hand, handedness = _hand_of_class(rng, assets, POSE_CLASSES[rng.integers(len(POSE_CLASSES))])
        centre = hand_centre(hand.joints)
        if hands and rng.random() < _SHARE_BESIDE:
            neighbour = hands[rng.integers(len(hands))][0]
            shift = (clutter.beside(rng, neighbour, _APART, _BESIDE) - centre).astype(np.float32)
            hand, centre = hand.shifted(shift), centre + shift
        others = [hand_centre(other.joints) for other, _ in hands]
        near, far = assets.options.distance
        if near <= centre[2] <= far and all(np.linalg.norm(centre - other) >= _APART for other in others):
            hands.append((hand, handedness))
    return sorted(hands, key=lambda hand: float(hand_centre(hand[0].joints)[2]))


def _hand_of_class(rng: np.random.Generator, assets: SceneAssets, name: str) -> tuple[PosedHand, Handedness]:
    while True:
        hand, right = random_hand(rng, assets)
        if pose_class(hand.joints) == name:
            return hand, Handedness.RIGHT if right else Handedness.LEFT


def _add_surroundings_of(
    hands: list[PosedHand], rng: np.random.Generator, assets: SceneAssets, painter: HandPainter
) -> None:
    """What is around each hand, a person behind the furthest at the most, and a table or wall behind all."""
    options = assets.options
    for hand in hands:
        of_this = options if hand is hands[-1] else replace(options, bodies=0.0)
        for mesh in clutter.surroundings(rng, hand, assets.bodies, at_least_one=False, options=of_this):
            render_depth(*mesh, painter.camera, painter.depth, ids=painter.ids)
    everything = replace(hands[0], vertices=np.concatenate([hand.vertices for hand in hands]))
    clutter.draw_plane(rng, everything, options, painter.camera, painter.depth, painter.ids)
