"""Images of robots: the primitive shapes of a URDF, flatly lit, from behind to the front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.retargeting.urdf import Robot, Shape
from dense3d_ros.skeleton_drawing import ColourImage, bgr

Array = NDArray[np.float64]

DISTANCE = 0.7
"""Metres from the camera to the middle of the robot."""
FIELD = 0.29
"""Metres that an image shows at that distance."""
_LIGHT = np.array([-0.45, -0.65, -0.61])
_SIDES, _RINGS, _GRID = 18, 8, 5
_FINER = 2
_SHIFT = 4


class RobotDrawing:
    """Draws one robot again and again. middle: (3,) metres in the root link, which come to the image's middle."""

    def __init__(self, robot: Robot, middle: Array) -> None:
        self._robot, self._middle = robot, middle
        self._faces: dict[str, Array] = {}
        colours = []
        for link, shapes in robot.links.items():
            faces = [face @ shape.place[:3, :3].T + shape.place[:3, 3] for shape in shapes for face in _faces(shape)]
            if faces:
                self._faces[link] = np.array(faces)
                colours += [bgr(shape.colour) for shape in shapes for _ in _faces(shape)]
        if not self._faces:
            raise ValueError(f"robot '{robot.name}' has no box, cylinder or sphere to draw")
        self._colours = np.array(colours, np.float64)

    def draw(self, positions: Mapping[str, float], rotation: Array, size: int) -> ColourImage:
        """(size, size, 3) image at joint positions by name.

        rotation: (3, 3) of the root link in the camera's frame, x right, y down, z forward.
        """
        places = self._robot.link_places(positions)
        moved = [faces @ places[link][:3, :3].T + places[link][:3, 3] for link, faces in self._faces.items()]
        points = (np.concatenate(moved) - self._middle) @ rotation.T + [0.0, 0.0, DISTANCE]
        normals = np.cross(points[:, 2] - points[:, 0], points[:, 3] - points[:, 1])
        lengths = np.linalg.norm(normals, axis=1)
        normals /= lengths[:, None].clip(1e-12)
        centres = points.mean(axis=1)
        seen = ((normals * centres).sum(axis=1) < 0.0) & (lengths > 1e-12) & (points[..., 2].min(axis=1) > 0.05)
        light = 0.35 + 0.65 * (normals @ _LIGHT).clip(0.0, 1.0)
        shades = (light[:, None] * self._colours).tolist()
        pixels = points[..., :2] / points[..., 2:] * (DISTANCE / FIELD) * size * _FINER + size * _FINER / 2
        outlines = np.rint(pixels * 2**_SHIFT).clip(-1e6, 1e6).astype(np.int32)
        image = _background(size * _FINER)
        for index in np.flatnonzero(seen)[np.argsort(-centres[seen, 2])]:
            cv2.fillConvexPoly(image, outlines[index], shades[index], cv2.LINE_AA, _SHIFT)
        return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _background(size: int) -> ColourImage:
    shade = np.linspace(58, 24, size)[:, None, None]
    return np.broadcast_to(shade, (size, size, 3)).astype(np.uint8)


def _faces(shape: Shape) -> Iterator[Array]:
    """(4, 3) corners of each face, counterclockwise from outside."""
    if shape.kind == "box":
        yield from _box(np.array(shape.size))
    elif shape.kind == "cylinder":
        radius, length = shape.size
        yield from _turned(
            np.array([[0.0, -length / 2], [radius, -length / 2], [radius, length / 2], [0.0, length / 2]])
        )
    else:
        angles = np.linspace(-np.pi / 2, np.pi / 2, _RINGS + 1)
        yield from _turned(shape.size[0] * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def _turned(profile: Array) -> Iterator[Array]:
    """The faces of a profile of radius and height that is turned about z."""
    turns = np.linspace(0.0, 2.0 * np.pi, _SIDES + 1)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    rings = [np.column_stack([radius * circle, np.full(_SIDES + 1, height)]) for radius, height in profile]
    for lower, upper in pairwise(rings):
        for side in range(_SIDES):
            yield np.stack([lower[side], lower[side + 1], upper[side + 1], upper[side]])


def _box(size: Array) -> Iterator[Array]:
    """In small squares: only of small faces is the farther one behind the nearer one."""
    steps = np.linspace(-0.5, 0.5, _GRID + 1)
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-0.5, 0.5):
            for a0, a1 in pairwise(steps):
                for b0, b1 in pairwise(steps):
                    face = np.full((4, 3), sign)
                    face[:, u] = (a0, a1, a1, a0)
                    face[:, v] = (b0, b0, b1, b1)
                    yield (face if sign > 0 else face[::-1]) * size
