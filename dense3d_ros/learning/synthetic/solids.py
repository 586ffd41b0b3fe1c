"""Solids that held objects are made of: closed-form signed distances to settle fingers on, and meshes to draw.

Distances are negative inside. Lengths are in any unit; y is the long axis of what has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.learning.synthetic.placing import moved
from dense3d_ros.learning.synthetic.primitives import Mesh, box, joined, turned

Double = NDArray[np.float64]

_SEGMENTS = 16
"""Corners of a drawn circle."""


class Solid(Protocol):
    """Something with a surface."""

    def distance(self, points: Double) -> Double:
        """(N, 3) points -> (N,) distances to the surface, negative inside."""
        ...

    def mesh(self) -> Mesh:
        """The surface in triangles."""
        ...


@dataclass(frozen=True)
class Box:
    """half: (3,) half the lengths of its edges."""

    half: Double

    def distance(self, points: Double) -> Double:
        """As `Solid.distance`, exact."""
        beyond = np.abs(points) - self.half
        return np.asarray(np.linalg.norm(beyond.clip(0.0), axis=1) + beyond.max(axis=1).clip(max=0.0))

    def mesh(self) -> Mesh:
        """As `Solid.mesh`."""
        return box(*(2 * self.half))


@dataclass(frozen=True)
class Turned:
    """A profile (N, 2) of radius and y, from the axis to the axis with growing y, turned about y.

    drawn: another profile for the mesh, for what is hollow but is held from outside.
    """

    profile: Double
    drawn: Double | None = None

    def distance(self, points: Double) -> Double:
        """As `Solid.distance`, exact: that of the profile in the plane of the axis and the point."""
        radius, y = np.sqrt(points[:, 0] ** 2 + points[:, 2] ** 2)[:, None], points[:, 1:2]
        start, step = self.profile[:-1], np.diff(self.profile, axis=0)
        to_radius, to_y = radius - start[:, 0], y - start[:, 1]
        length = (step**2).sum(axis=1).clip(1e-12)
        share = ((to_radius * step[:, 0] + to_y * step[:, 1]) / length).clip(0.0, 1.0)
        to_radius -= share * step[:, 0]
        to_y -= share * step[:, 1]
        # Not hypot, which takes several times as long.
        nearest = np.sqrt((to_radius * to_radius + to_y * to_y).min(axis=1))
        # The edges beyond the point, outwards, are crossed an odd number of times from within.
        level = (start[:, 1] <= y) != (start[:, 1] + step[:, 1] <= y)
        rise = np.where(step[:, 1] == 0.0, 1.0, step[:, 1])
        crossed = level & (start[:, 0] + (y - start[:, 1]) / rise * step[:, 0] > radius)
        return np.asarray(np.where(np.count_nonzero(crossed, axis=1) % 2 == 1, -nearest, nearest))

    def mesh(self) -> Mesh:
        """As `Solid.mesh`."""
        return turned(self.profile if self.drawn is None else self.drawn, _SEGMENTS)


@dataclass(frozen=True)
class Superquadric:
    """axes: (3,) half the extents. north, east: exponents along and around y, 1 round and towards 0 a box."""

    axes: Double
    north: float
    east: float

    def distance(self, points: Double) -> Double:
        """As `Solid.distance`, along the ray from the centre: never less than the true one."""
        x, y, z = np.abs(points / self.axes).clip(1e-9).T
        around = (x ** (2 / self.east) + z ** (2 / self.east)) ** (self.east / self.north)
        times_the_surface = (around + y ** (2 / self.north)) ** (self.north / 2)
        return np.asarray(np.linalg.norm(points, axis=1) * (1.0 - 1.0 / times_the_surface))

    def mesh(self) -> Mesh:
        """As `Solid.mesh`; the vertices lie on the surface."""
        angles = np.linspace(-np.pi / 2, np.pi / 2, 13)
        around, up = np.maximum(np.cos(angles), 0.0), np.sin(angles)
        vertices, faces = turned(np.stack([around, up], axis=1), _SEGMENTS)
        ellipsoid = vertices * self.axes
        scale = 1.0 - self.distance(ellipsoid) / np.linalg.norm(ellipsoid, axis=1)
        return (ellipsoid * scale[:, None]).astype(np.float32), faces


@dataclass(frozen=True)
class Arc:
    """A tube of `tube` radius along an arc of `radius` in the plane z = 0, from -half to half radians about +x."""

    radius: float
    tube: float
    half: float

    def distance(self, points: Double) -> Double:
        """As `Solid.distance`, exact."""
        return np.asarray(np.linalg.norm(points - self._line(self._angle(points)), axis=1) - self.tube)

    def mesh(self) -> Mesh:
        """As `Solid.mesh`; its ends are open, since they end in something else."""
        along = np.linspace(-self.half, self.half, 9)
        out = self._line(along) / self.radius
        around = np.arange(8) * (np.pi / 4)
        rings = self._line(along)[:, None] + self.tube * (
            np.cos(around)[:, None] * out[:, None] + np.sin(around)[:, None] * np.array([0.0, 0.0, 1.0])
        )
        index = np.arange(72).reshape(9, 8)
        a, b = index[:-1].ravel(), np.roll(index[:-1], -1, axis=1).ravel()
        c, d = index[1:].ravel(), np.roll(index[1:], -1, axis=1).ravel()
        faces = np.concatenate([np.stack([a, c, d], axis=1), np.stack([a, d, b], axis=1)])
        return rings.reshape(-1, 3).astype(np.float32), faces.astype(np.int32)

    def _angle(self, points: Double) -> Double:
        return np.asarray(np.arctan2(points[:, 1], points[:, 0]).clip(-self.half, self.half))

    def _line(self, angles: Double) -> Double:
        return self.radius * np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)


@dataclass(frozen=True)
class Placed:
    """A solid turned by rotation (3, 3) and shifted to place (3,)."""

    solid: Solid
    rotation: Double
    place: Double

    def distance(self, points: Double) -> Double:
        """As `Solid.distance`."""
        return self.solid.distance((points - self.place) @ self.rotation)

    def mesh(self) -> Mesh:
        """As `Solid.mesh`."""
        return moved(self.solid.mesh(), self.rotation, self.place)


@dataclass(frozen=True)
class Union:
    """Several solids as one."""

    parts: tuple[Solid, ...]

    def distance(self, points: Double) -> Double:
        """As `Solid.distance`; inside, where parts overlap, never more than the true depth."""
        return np.asarray(np.min([part.distance(points) for part in self.parts], axis=0))

    def mesh(self) -> Mesh:
        """As `Solid.mesh`."""
        return joined([part.mesh() for part in self.parts])
