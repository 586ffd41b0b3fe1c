"""One hand that picks a thing up, carries, turns and shakes it, as a depth camera would see it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.synthetic.animation import euler
from dense3d_ros.learning.synthetic.clutter import fill_plane
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand
from dense3d_ros.learning.synthetic.hands import shaped_hand
from dense3d_ros.learning.synthetic.labelled import HandPainter, LabelledHand
from dense3d_ros.learning.synthetic.options import scene_options, without_later_options
from dense3d_ros.learning.synthetic.people import Traits
from dense3d_ros.learning.synthetic.placing import unit
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.sensors import find_sensor
from dense3d_ros.learning.synthetic.settling import sample_grasp
from dense3d_ros.learning.synthetic.two_hands import room_with_a_person
from dense3d_ros.learning.synthetic.views import WRIST, View, head_view, wrist_view

Array = NDArray[np.float64]

MOTIONS = {"pick up": 0.6, "carry": 0.8, "turn": 0.7, "shake": 0.9}
"""Seconds of each motion; the first comes first, the others in an order of the seed's."""
SHAKING_HZ, SHAKING_SPEED = (2.0, 5.0), (0.4, 1.0)
"""How often, and how fast at most, m/s, a thing is shaken."""
_WAY, _LIFT = (0.15, 0.3), 0.12
"""Metres that a thing is carried, at up to 0.94 m/s, and lifted."""
_TURN, _ROCKING = np.radians([25.0, 60.0]), np.radians(30.0)
"""Radians by which a thing is turned, and by which it is rocked at most while it is shaken."""
_LEAST_VISIBLE = 0.5
"""A hand of which the thing, or the edge of the image, leaves less in view at rest is turned another way."""


@dataclass(frozen=True)
class _Motion:
    """What happens from `start` on, in seconds.

    way, turn: how far the hand gets from its rest, (3,) metres, and (3,) radians about x, y and z. hertz: how often it
    swings there and back to the other side; 0 for once, to one side.
    """

    name: str
    start: float
    way: Array
    turn: Array
    hertz: float = 0.0

    def at(self, seconds: float) -> tuple[Array, Array]:
        """(3,) metres and (3,) radians from the rest at that time."""
        share = min(max((seconds - self.start) / MOTIONS[self.name], 0.0), 1.0)
        if self.name == "pick up":
            size = 1.0 - share * share * (3.0 - 2.0 * share)
        elif self.hertz:
            # Begins and ends at rest, and swings at its full width in between.
            size = min(1.0, 6.0 * share, 6.0 * (1.0 - share)) * np.sin(2 * np.pi * self.hertz * (seconds - self.start))
        else:
            size = 0.5 - 0.5 * np.cos(2 * np.pi * share)
        return size * self.way, size * self.turn


class HoldingAnimation:
    """The story at any time up to `seconds`; the same arguments give the same images.

    `grasp` is a name of grasps.yaml, `mesh` the hand's, `sensor` a name of SENSORS, or "none" for exact depth;
    ValueError for others. The handedness, the view of the person's own head or of a robot's wrist, the hand and the
    thing are the seed's.
    """

    seconds = sum(MOTIONS.values())

    def __init__(self, camera: Camera, mesh: HandMesh, grasp: str, *, seed: int = 0, sensor: str = "none") -> None:
        self.camera = camera
        self._seed = seed
        self._sensor = find_sensor(sensor)
        rng = np.random.default_rng(seed)
        right = bool(rng.random() < 0.5)
        self.handedness = Handedness.RIGHT if right else Handedness.LEFT
        self._motions = _plan(rng)
        options = without_later_options(scene_options())
        while True:
            view = (head_view if rng.random() < 0.5 else wrist_view)(rng)
            hand = shaped_hand(rng, mesh, options, sample_grasp(rng, options, grasp), Traits())
            self._held = hand if right else hand.mirrored()
            self._place = np.array([*rng.uniform(-0.05, 0.05, 2), rng.uniform(0.4, 0.65)])
            self._rotation = view.turn(rng, self._held, self._place, right=right)
            self._background = np.zeros((camera.height, camera.width), np.float32)
            (label,) = self.frame(self.seconds)[1]
            if label.visible >= _LEAST_VISIBLE:
                break
        self._fill_background(rng, view)

    def scene(self, seconds: float) -> str:
        """The motion at that time."""
        return next(motion.name for motion in reversed(self._motions) if seconds >= motion.start)

    def hand(self, seconds: float) -> PosedHand:
        """The hand at that time in the camera frame, metres, with what it holds."""
        ways, turns = zip(*(motion.at(seconds) for motion in self._motions), strict=True)
        rotation = euler(np.sum(turns, axis=0)) @ self._rotation
        place = self._place + np.sum(ways, axis=0)
        return self._held.placed(rotation, place - rotation @ hand_centre(self._held.joints))

    def frame(self, seconds: float) -> tuple[NDArray[np.float32], list[LabelledHand]]:
        """Depth (H, W) in metres, 0 where nothing is measured, and the one hand in it."""
        depth = self._background.copy()
        painter = HandPainter(self.camera, depth)
        hand = self.hand(seconds)
        painter.add(hand, self.handedness)
        assert hand.held is not None
        render_depth(*hand.held, self.camera, depth, ids=painter.ids)
        if self._sensor is not None:
            depth = self._sensor.apply(depth, self.camera, np.random.default_rng((self._seed, int(seconds * 1e6))))
        return depth, painter.labels(depth)

    def _fill_background(self, rng: np.random.Generator, view: View) -> None:
        """What the view has behind all places of the hand; before a robot a person where it has nothing."""
        hands = [self.hand(float(time)) for time in np.arange(0.0, self.seconds, 0.1)]
        things = [hand.held[0] for hand in hands if hand.held]
        surface = np.concatenate([*(hand.vertices for hand in hands), *things])
        behind = view.background(rng, replace(hands[0], vertices=surface))
        if behind is None and view.kind == WRIST:
            self._background = room_with_a_person(self.camera)
        elif behind is not None:
            fill_plane(*behind, self.camera, self._background)


def _plan(rng: np.random.Generator) -> list[_Motion]:
    first, *others = MOTIONS
    motions, start = [], 0.0
    for name in (first, *(others[index] for index in rng.permutation(len(others)))):
        along, about = unit(rng.normal(size=3)), unit(rng.normal(size=3))
        way, turn, hertz = np.zeros(3), np.zeros(3), 0.0
        if name == "pick up":
            way, turn = np.array([0.0, _LIFT, 0.0]), rng.uniform(0.0, _ROCKING) * about
        elif name == "carry":
            # Half as far along the optical axis, so that the hand stays within reach of a person and the camera.
            way = rng.uniform(*_WAY) * along * [1.0, 0.7, 0.5]
        elif name == "turn":
            turn = rng.uniform(*_TURN) * about
        else:
            hertz = rng.uniform(*SHAKING_HZ)
            way = rng.uniform(*SHAKING_SPEED) / (2 * np.pi * hertz) * along
            turn = rng.uniform(0.0, _ROCKING) * about
        motions.append(_Motion(name, start, way, turn, hertz))
        start += MOTIONS[name]
    return motions
