"""Whole depth images to learn finding hands from: rooms, people, things and robots, with any number of hands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.synthetic import clutter, negatives
from dense3d_ros.learning.synthetic.arms import arm_of, owner_of
from dense3d_ros.learning.synthetic.bodies import random_body
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.placing import moved, random_rotation, turn_about
from dense3d_ros.learning.synthetic.primitives import Mesh, box
from dense3d_ros.learning.synthetic.random_sensor import random_sensor
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.scenes import SceneAssets, random_hand
from dense3d_ros.learning.synthetic.views import View, sample_view

WIDTH = 320
"""Pixels of a rendered image's row, half of what sensors have: the detector sees fewer still."""
HEIGHTS = (240, 240, 240, 180, 180, 264, 320)
"""Of its columns; 4:3, 16:9, a time-of-flight camera's, square."""
FIELD_OF_VIEW = (45.0, 105.0)
HAND_COUNTS = (0.32, 0.36, 0.22, 0.06, 0.04)
"""Shares of images with so many hands."""
CALM = 0.5
"""Share of the images with hands in which nothing else lies about: clutter covers half of a hand as often as not."""
CLIPPED_BEHIND = (0.12, 0.8)
"""Metres behind the furthest hand, or without one the nearest thing, from which on a camera of short range measures
nothing."""
_SENSOR_WIDTH = 640
"""Pixels a row of the sensors, of which a scene may have fewer."""
_FIRST_HAND_ID = 10
_OTHER_ID = 1


@dataclass(frozen=True)
class SceneHand:
    """A hand in a scene. joints: (21, 3) metres in the camera frame.

    visible: share of its pixels, the forearm's included, that nothing covers and the sensor measures.
    """

    joints: NDArray[np.float32]
    right: bool
    visible: float


@dataclass(frozen=True)
class WholeScene:
    """What a depth sensor sees. depth: (H, W) metres, 0 where nothing was measured."""

    depth: NDArray[np.float32]
    camera: Camera
    hands: tuple[SceneHand, ...]


def make_whole_scene(rng: np.random.Generator, assets: SceneAssets, width: int = WIDTH) -> WholeScene:
    """A random scene of a random camera whose rows have `width` pixels."""
    camera = _random_camera(rng)
    camera = camera.resized(width, camera.height * width // WIDTH)
    count = int(rng.choice(len(HAND_COUNTS), p=HAND_COUNTS))
    view = sample_view(rng, assets.options) if count else None
    if view is None:
        hands = list(_hands(rng, assets, camera, count))
    else:
        hands = list(_working_hands(rng, assets, camera, view, min(count, 2)))
    depth, ids = np.zeros((camera.height, camera.width), np.float32), np.zeros((camera.height, camera.width), np.uint8)
    whole: list[int] = []
    for number, (hand, _) in enumerate(hands):
        alone = np.zeros_like(ids)
        render_depth(hand.vertices, hand.faces, camera, np.zeros_like(depth), ids=alone, front_only=True)
        whole.append(int(np.count_nonzero(alone)))
        hand_id = _FIRST_HAND_ID + number
        render_depth(hand.vertices, hand.faces, camera, depth, ids=ids, object_id=hand_id, front_only=True)
    for mesh in _surroundings(rng, assets, camera, view, hands):
        is_body = any(mesh[1] is body[1] for body in assets.bodies)
        render_depth(*mesh, camera, depth, ids=ids, object_id=_OTHER_ID, front_only=is_body)
    for normal, level in _planes(rng, view, [hand for hand, _ in hands]):
        clutter.fill_plane(normal, level, camera, depth, ids)
    somewhere = rng.uniform(0.4, 1.2)
    distances = [float(hand_centre(hand.joints)[2]) for hand, _ in hands] or [somewhere]
    nearest = min(distances)
    pixel = min(1.0, width / _SENSOR_WIDTH)
    measured = random_sensor(rng, nearest, assets.options.matching_windows, pixel).apply(depth, camera, rng)
    if assets.options.clipped_depths and rng.random() < assets.options.clipped_depths:
        # Without a hand, behind what is nearest: a face with nothing behind it was taken for a hand.
        kept = max(distances) if hands else _nearest(measured)
        measured[measured > kept + rng.uniform(*CLIPPED_BEHIND)] = 0
    ids[measured == 0] = 0
    labelled = tuple(
        SceneHand(hand.joints, right, int(np.count_nonzero(ids == _FIRST_HAND_ID + number)) / max(whole[number], 1))
        for number, (hand, right) in enumerate(hands)
    )
    return WholeScene(measured, camera, labelled)


def _nearest(depth: NDArray[np.float32]) -> float:
    """Metres to the nearest thing in an image, flying pixels aside; 0 if nothing was measured."""
    return float(np.percentile(depth[depth > 0], 5)) if depth.any() else 0.0


def _random_camera(rng: np.random.Generator) -> Camera:
    height = int(rng.choice(HEIGHTS))
    focal = WIDTH / 2 / float(np.tan(np.radians(rng.uniform(*FIELD_OF_VIEW)) / 2))
    cx, cy = (WIDTH - 1) / 2 + rng.normal(0.0, 3.0), (height - 1) / 2 + rng.normal(0.0, 3.0)
    return Camera(focal, focal, cx, cy, WIDTH, height)


def _place(rng: np.random.Generator, camera: Camera, low: float = 0.22, high: float = 1.5) -> NDArray[np.float64]:
    """(3,) a point in view, more often near."""
    z = float(np.exp(rng.uniform(*np.log([low, high]))))
    pixel = np.array([rng.uniform(0.08, 0.92) * camera.width, rng.uniform(0.08, 0.92) * camera.height])
    return np.asarray(camera.back_project(pixel, np.float64(z)), np.float64)


def _hands(
    rng: np.random.Generator, assets: SceneAssets, camera: Camera, count: int
) -> Iterator[tuple[PosedHand, bool]]:
    """Hands anywhere in view, half of the further ones beside the one before, some of these touching it."""
    before: PosedHand | None = None
    for _ in range(count):
        hand, right = random_hand(rng, assets)
        if before is not None and rng.random() < 0.5:
            near, far = (0.05, 0.1) if rng.random() < 0.3 else (0.1, 0.4)
            place = clutter.beside(rng, before, near, far)
        else:
            place = _place(rng, camera)
        before = _moved(hand, place)
        yield before, right


def _working_hands(
    rng: np.random.Generator, assets: SceneAssets, camera: Camera, view: View, count: int
) -> Iterator[tuple[PosedHand, bool]]:
    """One hand or both of a person, where a head or a robot's wrist sees them, apart from each other."""
    first: PosedHand | None = None
    was_right = rng.random() < 0.5
    for _ in range(count):
        while True:
            hand, right = random_hand(rng, assets, float(was_right) if first is None else float(not was_right), view)
            centre = hand_centre(hand.joints)
            column, row = camera.project(centre[None])[0]
            inside = 0.05 < column / camera.width < 0.95 and 0.05 < row / camera.height < 0.95
            if inside and (first is None or np.linalg.norm(centre - hand_centre(first.joints)) > 0.12):
                break
        first = hand
        yield hand, right


def _moved(hand: PosedHand, place: NDArray[np.floating]) -> PosedHand:
    """The hand with its centre at `place` (3,)."""
    return hand.shifted((place - hand_centre(hand.joints)).astype(np.float32))


def _surroundings(
    rng: np.random.Generator,
    assets: SceneAssets,
    camera: Camera,
    view: View | None,
    hands: list[tuple[PosedHand, bool]],
) -> Iterator[Mesh]:
    options = assets.options
    has_arms = has_owner = False
    for hand, right in hands:
        arm = arm_of(rng, hand) if view is None and options.arms and rng.random() < options.arms else None
        bare = replace(options, bodies=0.0, bars_in_front=0.04, sleeves=0.0 if arm else options.sleeves)
        yield from clutter.surroundings(rng, hand, assets.bodies, at_least_one=False, options=bare)
        if arm:
            yield arm.limbs
            if not has_arms and rng.random() < options.owners:
                has_owner = True
                yield owner_of(rng, arm, right, assets.bodies, options)
            has_arms = True
    if view is not None:
        yield from view.jaws(rng)
    elif hands and not has_owner and rng.random() < 0.6:
        yield random_body(rng, hand_centre(hands[0][0].joints), assets.bodies, options)
    if hands and rng.random() < CALM:
        return
    for _ in range(0 if view is not None else rng.poisson(0.7) + (not hands)):
        place, _ = random_hand(rng, assets)
        yield from negatives.empty_scene(rng, _moved(place, _place(rng, camera)), assets.bodies, options)
    if rng.random() < 0.15:
        rotation, centre = random_rotation(rng), _place(rng, camera)
        yield from (moved(part, rotation, centre) for part in negatives.gripper(rng))
    for _ in range(rng.poisson(1.0)):
        yield moved(negatives.furniture(rng), random_rotation(rng), _place(rng, camera, 0.5, 3.0))
    for _ in range(rng.poisson(0.7)):
        yield moved(clutter.thing(rng), random_rotation(rng), _place(rng, camera))
    if rng.random() < 0.25:
        # A table's top below the middle of the image.
        top = box(rng.uniform(0.6, 1.6), rng.uniform(0.02, 0.05), rng.uniform(0.4, 0.9))
        turn = turn_about(0, rng.uniform(-0.2, 0.9))
        yield moved(top, turn, np.array([rng.normal(0.0, 0.2), rng.uniform(0.1, 0.5), rng.uniform(0.5, 1.4)]))


def _planes(
    rng: np.random.Generator, view: View | None, hands: list[PosedHand]
) -> Iterator[tuple[NDArray[np.float64], float]]:
    """Table or wall that a hand lies on, floor and wall of the room; or nothing behind at all."""
    if view is not None:
        everything = replace(hands[0], vertices=np.concatenate([hand.vertices for hand in hands]))
        if (plane := view.background(rng, everything)) is not None:
            yield plane
        return
    if hands and rng.random() < 0.2:
        # Behind all hands, or the others would vanish in it.
        normal, _ = clutter.random_plane(rng, hands[0])
        gap = rng.uniform(0.0, 0.02)
        yield normal, min(float((hand.vertices @ normal).min()) for hand in hands) - gap
    if rng.random() < 0.7:
        normal = np.array([*rng.normal(0.0, 0.3, 2), -1.0])
        normal /= np.linalg.norm(normal)
        yield normal, float(normal @ np.array([0.0, 0.0, rng.uniform(1.6, 5.0)]))
    if rng.random() < 0.5:
        pitch = rng.uniform(-0.1, 0.8)
        normal = np.array([rng.normal(0.0, 0.05), -np.cos(pitch), -np.sin(pitch)])
        yield normal, -float(rng.uniform(0.6, 1.6))
