"""A hand whose fingers move over a table in front of a wall, as a depth camera would see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand
from dense3d_ros.learning.synthetic.motions import MOTIONS
from dense3d_ros.learning.synthetic.primitives import plane
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.sensors import find_sensor

HAND_LENGTH = 0.183
FOREARM = 0.8
WALL_DISTANCE, TABLE_HEIGHT = 1.1, 0.35
"""Metres along the optical axis, and below it."""
MARGIN = 24
"""Pixels around the hand that are measured anew in every frame, so that its shadow is."""

PALM_TO_CAMERA = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Fingers up, palm towards the camera: mesh axes (fingers, thumb, back of the hand) to camera axes."""


@dataclass(frozen=True)
class Sway:
    """Sum of two sines per coordinate; never twice the same within any demo's length."""

    amplitude: NDArray[np.float64]
    period: NDArray[np.float64]
    phase: NDArray[np.float64]

    def at(self, seconds: float) -> NDArray[np.float64]:
        turn = 2 * np.pi * seconds
        slow = np.sin(turn / self.period + self.phase)
        fast = np.sin(2.3 * turn / self.period + 1.7 * self.phase)
        value: NDArray[np.float64] = self.amplitude * (0.7 * slow + 0.3 * fast)
        return value


class HandAnimation:
    """The scene at any time. The same seed gives the same images.

    `sensor` is a name of SENSORS, or "none" for exact depth, `mesh` one that HandMesh loads, `motion` a name of
    MOTIONS; ValueError for others.
    """

    def __init__(
        self, camera: Camera, *, seed: int = 0, sensor: str = "none", mesh: str = "soma", motion: str = "gestures"
    ) -> None:
        if motion not in MOTIONS:
            raise ValueError(f"motion is '{motion}'; accepted: {', '.join(MOTIONS)}")
        self.camera = camera
        self._seed = seed
        self._sensor = find_sensor(sensor)
        self._mesh = HandMesh.load(mesh)
        rng = np.random.default_rng(seed)
        self._fingers = MOTIONS[motion](rng)
        phases = rng.uniform(0.0, 2 * np.pi, (2, 3))
        self._place = Sway(np.array([0.12, 0.07, 0.10]), np.array([6.7, 5.3, 9.1]), phases[0])
        self._turn = Sway(np.radians([30.0, 55.0, 35.0]), np.array([7.9, 8.3, 6.1]), phases[1])
        self._background = empty_room(camera)
        self._measured_background = self._measure(self._background, camera, rng)

    def hand(self, seconds: float) -> PosedHand:
        """The right hand at that time, in the camera frame, metres."""
        posed = self._mesh.pose(self._fingers(seconds), length=HAND_LENGTH, forearm=FOREARM)
        rotation = euler(self._turn.at(seconds)) @ PALM_TO_CAMERA
        return centred_at(posed, rotation, np.array([0.0, 0.0, 0.52]) + self._place.at(seconds))

    def frame(self, seconds: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Depth (H, W) in metres, 0 where nothing is measured, and the true joints (21, 3) in metres."""
        hand = self.hand(seconds)
        pixels = self.camera.project(hand.vertices)
        (left, top), (right, bottom) = pixels.min(axis=0) - MARGIN, pixels.max(axis=0) + MARGIN
        x0, x1 = (int(np.clip(x, 0, self.camera.width)) for x in (left, right + 1))
        y0, y1 = (int(np.clip(y, 0, self.camera.height)) for y in (top, bottom + 1))
        depth = self._measured_background.copy()
        if x1 > x0 and y1 > y0:
            camera = self.camera.cropped(x0, y0, x1 - x0, y1 - y0)
            part = self._background[y0:y1, x0:x1].copy()
            render_depth(hand.vertices, hand.faces, camera, part)
            rng = np.random.default_rng((self._seed, int(seconds * 1e6)))
            depth[y0:y1, x0:x1] = self._measure(part, camera, rng)
        return depth, hand.joints

    def _measure(self, depth: NDArray[np.float32], camera: Camera, rng: np.random.Generator) -> NDArray[np.float32]:
        return depth if self._sensor is None else self._sensor.apply(depth, camera, rng)


def centred_at(hand: PosedHand, rotation: NDArray[np.float64], place: NDArray[np.float64]) -> PosedHand:
    """An empty hand turned by `rotation` (3, 3), its centre at `place` (3,)."""
    shift = place - rotation @ hand_centre(hand.joints)
    vertices, joints = ((points @ rotation.T + shift).astype(np.float32) for points in (hand.vertices, hand.joints))
    return PosedHand(vertices, hand.faces, joints)


def empty_room(camera: Camera) -> NDArray[np.float32]:
    """(H, W) metres: a wall behind a table."""
    depth = np.zeros((camera.height, camera.width), np.float32)
    vertices, faces = plane(6.0, 6.0, 32)
    wall = vertices @ euler(np.radians([0.0, 8.0, 0.0])).T + [0.0, 0.0, WALL_DISTANCE]
    render_depth(wall.astype(np.float32), faces, camera, depth)
    table = vertices @ euler(np.radians([90.0, 0.0, 0.0])).T + [0.0, TABLE_HEIGHT, WALL_DISTANCE]
    render_depth(table.astype(np.float32), faces, camera, depth)
    return depth


def euler(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) radians about x, y, z -> rotation that turns about z first, then x, then y."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_y @ about_x @ about_z
    return rotation
