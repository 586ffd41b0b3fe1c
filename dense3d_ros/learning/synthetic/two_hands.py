"""Two hands before a person that enter, leave, cross, touch and hold one thing, as a depth camera would see them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.learning.synthetic.animation import PALM_TO_CAMERA, Sway, centred_at, empty_room, euler
from dense3d_ros.learning.synthetic.bodies import load_bodies
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand
from dense3d_ros.learning.synthetic.labelled import HandPainter, LabelledHand
from dense3d_ros.learning.synthetic.placing import moved
from dense3d_ros.learning.synthetic.poses import pose_space
from dense3d_ros.learning.synthetic.primitives import box
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.sensors import find_sensor

Array = NDArray[np.float64]

RIGHT_AND_LEFT = (Handedness.RIGHT, Handedness.LEFT)
TRAVEL_S, STAY_S = 0.7, 0.4
"""Seconds from one stance to the next, and that it is kept."""
FOREARM = 0.8
_FREE = np.array([[-0.16, 0.0, 0.52], [0.16, 0.0, 0.52]])
"""Centres of both hands in the camera frame, metres, when they have nothing to do with each other."""
_PAST_THE_SIDE, _BELOW = 0.75, 0.6
"""Metres from the optical axis at which a hand is out of the image."""
_IN_DEPTH = 0.09
"""Metres by which crossing hands are nearer and further than free ones."""
_PALM = 0.018
"""Metres from a hand's centre to the surface of what lies flat in it."""
_CHEST = np.array([0.0, 0.25, 0.97])
_BODY = 4
"""Of `load_bodies`: its arms hang down, their ends out of the image."""


@dataclass(frozen=True)
class _Stance:
    """Where both hands are to be, the right one first.

    centres: (2, 3) metres. turns: (2, 3) radians about x, y and z, from fingers up and palms to the camera. gestures:
    (2, 25) radians. thing: (3,) metres, centre of the thing that they can hold. loose: 1 if each hand sways by itself,
    0 if both keep to each other.
    """

    scene: str
    centres: Array
    turns: Array
    gestures: Array
    thing: Array
    loose: float = 1.0

    def towards(self, other: _Stance, share: float) -> _Stance:
        """`share` of the way to the next stance, which gives its name."""
        arrays = {
            name: (1 - share) * getattr(self, name) + share * getattr(other, name)
            for name in ("centres", "turns", "gestures", "thing", "loose")
        }
        return _Stance(other.scene, **arrays)


class TwoHandsAnimation:
    """The story at any time up to `seconds`; the same mesh, seed and sensor give the same images.

    The scenes "leave right", "leave left", "leave both", "cross", "touch" and "hold" come in an order of the seed's,
    with "free" hands in between. `sensor` is a name of SENSORS, or "none" for exact depth; ValueError for another one.
    """

    def __init__(self, camera: Camera, mesh: HandMesh, *, seed: int = 0, sensor: str = "none") -> None:
        self.camera = camera
        self._mesh = mesh
        self._seed = seed
        self._sensor = find_sensor(sensor)
        rng = np.random.default_rng(seed)
        self._length = float(rng.uniform(0.165, 0.2))
        self._shape = rng.normal(0.0, 1.0, mesh.shape_count).clip(-2, 2) if mesh.shape_count else None
        self._thing = rng.uniform([0.12, 0.1, 0.03], [0.2, 0.2, 0.09])
        phases = rng.uniform(0.0, 2 * np.pi, (3, 3))
        self._place = Sway(np.array([0.03, 0.02, 0.04]), np.array([4.7, 3.9, 6.1]), phases[0])
        turn, periods = np.radians([15.0, 25.0, 15.0]), np.array([5.9, 4.3, 5.1])
        self._turns = [Sway(turn, periods, phase) for phase in phases[1:]]
        self._story = self._plan(rng)
        self._background = room_with_a_person(camera)

    @property
    def seconds(self) -> float:
        """How long the story is."""
        return (len(self._story) - 1) * (TRAVEL_S + STAY_S)

    def scene(self, seconds: float) -> str:
        """What goes on at that time."""
        return self._stance(seconds).scene

    def hands(self, seconds: float) -> list[PosedHand]:
        """The right and the left hand at that time in the camera frame, metres."""
        stance = self._stance(seconds)
        sways = [stance.loose * turn.at(seconds) for turn in self._turns]
        return [self._posed(replace(stance, turns=stance.turns + sways), index, seconds) for index in range(2)]

    def frame(self, seconds: float) -> tuple[NDArray[np.float32], list[LabelledHand]]:
        """Depth (H, W) in metres, 0 where nothing is measured, and the right and the left hand in it."""
        depth = self._background.copy()
        painter = HandPainter(self.camera, depth)
        for hand, handedness in zip(self.hands(seconds), RIGHT_AND_LEFT, strict=True):
            painter.add(hand, handedness)
        thing = moved(box(*self._thing), np.eye(3), self._stance(seconds).thing + self._place.at(seconds))
        render_depth(*thing, self.camera, depth, ids=painter.ids)
        if self._sensor is not None:
            depth = self._sensor.apply(depth, self.camera, np.random.default_rng((self._seed, int(seconds * 1e6))))
        return depth, painter.labels(depth)

    def _stance(self, seconds: float) -> _Stance:
        step, within = divmod(min(max(seconds, 0.0), self.seconds), TRAVEL_S + STAY_S)
        before, after = (self._story[min(int(step) + more, len(self._story) - 1)] for more in (0, 1))
        share = min(within / TRAVEL_S, 1.0)
        return before.towards(after, share * share * (3.0 - 2.0 * share))

    def _posed(self, stance: _Stance, index: int, seconds: float | None = None) -> PosedHand:
        """One hand of a stance; with `seconds`, as both sway at that time."""
        hand = self._mesh.pose(
            stance.gestures[index],
            shape=self._shape,
            length=self._length,
            forearm=FOREARM,
            left=RIGHT_AND_LEFT[index] == Handedness.LEFT,
        )
        rotation = euler(stance.turns[index]) @ PALM_TO_CAMERA
        place = stance.centres[index] + (0.0 if seconds is None else self._place.at(seconds))
        return centred_at(hand, rotation, place)

    def _plan(self, rng: np.random.Generator) -> list[_Stance]:
        story = [self._free(rng)]
        scenes = [self._leave_right, self._leave_left, self._leave_both, self._cross, self._touch, self._hold]
        for index in rng.permutation(len(scenes)):
            story += scenes[index](self._free(rng))
            story.append(self._free(rng))
        return story

    def _free(self, rng: np.random.Generator) -> _Stance:
        """Hands apart, somehow turned, with random gestures; what is held later is out of view."""
        gestures = list(pose_space().gestures.values())
        chosen = np.stack([gestures[index] for index in rng.choice(len(gestures), 2)])
        centres = _FREE + rng.normal(0.0, 0.02, (2, 3))
        return _Stance("free", centres, rng.normal(0.0, 0.25, (2, 3)), chosen, np.array([0.0, _BELOW, 0.5]))

    def _leave_right(self, free: _Stance) -> list[_Stance]:
        return [replace(free, scene="leave right", centres=np.array([[-_PAST_THE_SIDE, 0.05, 0.52], free.centres[1]]))]

    def _leave_left(self, free: _Stance) -> list[_Stance]:
        return [replace(free, scene="leave left", centres=np.array([free.centres[0], [0.16, _BELOW, 0.52]]))]

    def _leave_both(self, free: _Stance) -> list[_Stance]:
        return [replace(free, scene="leave both", centres=_FREE * [_PAST_THE_SIDE / 0.16, 1, 1])]

    def _cross(self, free: _Stance) -> list[_Stance]:
        """The right hand passes in front of the left one, and comes back behind it."""
        right_nearer = np.array([[0.0, 0.0, -_IN_DEPTH], [0.0, 0.0, _IN_DEPTH]])
        return [
            replace(free, scene="cross", centres=centres)
            for centres in (
                _FREE + right_nearer,
                _FREE[::-1] + right_nearer,
                _FREE[::-1] - right_nearer,
                _FREE - right_nearer,
            )
        ]

    def _touch(self, free: _Stance) -> list[_Stance]:
        """Side by side and at the same distance, moved together until their surfaces meet."""
        stance = replace(free, scene="touch", centres=_FREE, turns=0.5 * free.turns, loose=0.0)
        right, left = (self._posed(stance, index).vertices for index in range(2))
        tree, apart = cKDTree(left), 0.0
        for _ in range(20):
            apart += float(tree.query(right + np.array([apart, 0.0, 0.0]))[0].min())
        meeting = replace(stance, centres=_FREE + np.array([[apart / 2, 0, 0], [-apart / 2, 0, 0]]))
        return [meeting, replace(meeting, centres=meeting.centres + np.array([0.03, -0.04, 0.05]))]

    def _hold(self, free: _Stance) -> list[_Stance]:
        """Fetch a thing from below, palms flat against its sides, show it around, and put it back."""
        reach = self._thing[0] / 2 + _PALM
        turns = np.radians([[0.0, -80.0, 0.0], [0.0, 80.0, 0.0]])
        gestures = np.stack([pose_space().gestures["open"]] * 2)
        places = np.array(
            [[0.0, _BELOW, 0.5], [0.0, 0.0, 0.5], [-0.1, -0.05, 0.58], [0.1, 0.03, 0.45], [0.0, _BELOW, 0.5]]
        )
        return [
            _Stance("hold", place + np.array([[-reach, 0, 0], [reach, 0, 0]]), turns, gestures, place, loose=0.0)
            for place in places
        ]


def room_with_a_person(camera: Camera) -> NDArray[np.float32]:
    """(H, W) metres: somebody in an empty room whose own arms do not come forward."""
    depth = empty_room(camera)
    vertices, faces = load_bodies()[_BODY]
    render_depth((vertices + _CHEST).astype(np.float32), faces, camera, depth)
    return depth
