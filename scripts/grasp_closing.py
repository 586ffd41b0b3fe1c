"""Closing a hand on a thing: all joints of a digit until its skin touches, then those beyond the touching bone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dense3d_ros.learning.synthetic.collision import FINGER_SPHERES, hand_spheres
from dense3d_ros.learning.synthetic.grasps import GraspType
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space
from dense3d_ros.learning.synthetic.solids import Placed, Solid

HAND = 0.183
"""Metres of a hand length."""
PRESSED = 0.0006 / HAND
"""How deep skin is pressed in where it touches."""
STEPS = 22
"""Of each closing; in between it is taken for linear."""
FINGER_CLOSES = np.radians([0.0, 38.0, 44.0, 28.0])
"""Way of a finger from open to closed: abduction, MCP, PIP, DIP."""
ADDUCTION = np.radians([14.0, 12.0])
"""Way of index and middle finger towards each other, where they hold a thing between them."""
OPENED = 0.75
"""Share of its closing by which a digit is opened before, of the other digits half."""
SPHERE_STARTS = (FINGER_SPHERES * np.arange(5)[:, None] + [0, 3, 5]).ravel()
"""The first sphere of each finger bone."""
PUSHED = {"palm": ("z", (0, 2, 3, 7, 10, 13, 16)), "fingers": ("z", (7, 10, 13, 16)), "index": ("-y", (7, 8, 9))}
"""Which way things are pushed, and the bones against which."""

Pose = tuple[np.ndarray, np.ndarray]
"""Rotation (3, 3) and place (3,) of a thing in the hand's frame."""


class Skin:
    """The mean hand's skin without most of the forearm, and the bones that move it."""

    def __init__(self) -> None:
        mesh = HandMesh.load("soma")
        kept = np.flatnonzero((mesh.main_bones != 1) | (np.arange(len(mesh.vertices)) % 4 == 0))
        self.main = mesh.main_bones[kept]
        names = ("vertices", "bones", "weights")
        self._mesh = replace(
            mesh,
            faces=np.zeros((0, 3), np.int32),
            shape_vertices=mesh.shape_vertices[:, kept],
            **{name: np.ascontiguousarray(getattr(mesh, name)[kept]) for name in names},
        )
        self.segments = [np.flatnonzero(self.main == 4 + bone) for bone in range(15)]
        self._order = np.concatenate(self.segments)
        self._starts = np.cumsum([0, *(len(segment) for segment in self.segments[:-1])])

    def at(self, angles: np.ndarray) -> np.ndarray:
        """(V, 3) skin at angles (25,)."""
        return self._mesh.pose(angles, length=1.0, forearm=0.9).vertices.astype(np.float64)

    def gaps(self, angles: np.ndarray, thing: Solid) -> np.ndarray:
        """(5, 3) least distance from each bone's skin to the thing."""
        distances = thing.distance(self.at(angles)[self._order])
        skin = np.minimum.reduceat(distances, self._starts)
        # A card between two points of the skin is in neither.
        under = under_skin(angles, thing)[: 5 * FINGER_SPHERES]
        return np.minimum(skin, np.minimum.reduceat(under, SPHERE_STARTS)).reshape(5, 3)


def under_skin(angles: np.ndarray, thing: Solid, share: float = 1.0) -> np.ndarray:
    """(52,) distances from the spheres along the bones, of a share of their radii, to the thing."""
    spheres = hand_spheres()
    return thing.distance(spheres.centres(angles)) - share * spheres.radii


def columns(digit: int) -> slice:
    """The angles of a digit: five of the thumb, four of a finger."""
    return slice(2, 7) if digit == 0 else slice(3 + 4 * digit, 7 + 4 * digit)


def close(skin: Skin, thing: Solid, angles: np.ndarray, ways: np.ndarray, watched: np.ndarray) -> np.ndarray:
    """Closes all digits at once, each until a watched bone (5, 3) touches; changes angles, returns which touches.

    ways: (5, 25) the whole way of each digit. The result is (5,) the bone that touches, or -1.
    """
    space = pose_space()
    touched = np.full(5, -1)
    share = np.zeros(5)
    active = watched.any(axis=1)
    start = angles.copy()

    def at(shares: np.ndarray) -> np.ndarray:
        return np.clip(start + shares @ ways, space.low, space.high)

    def least(shares: np.ndarray) -> np.ndarray:
        return np.where(watched, skin.gaps(at(shares), thing), np.inf) + PRESSED

    before = least(share)
    for digit in np.flatnonzero(active & (before.min(axis=1) <= 0)):
        touched[digit], active[digit] = int(before[digit].argmin()), False
    for _ in range(STEPS):
        if not active.any():
            break
        ahead = share + active / STEPS
        after = least(ahead)
        for digit in np.flatnonzero(active):
            bone = int(after[digit].argmin())
            if after[digit, bone] <= 0:
                gone = before[digit, bone] / max(before[digit, bone] - after[digit, bone], 1e-9)
                ahead[digit] = share[digit] + gone / STEPS
                touched[digit], active[digit] = bone, False
        share, before = ahead, after
    angles[:] = at(share)
    return touched


def opened(angles: np.ndarray, kind: GraspType, share: float = OPENED) -> np.ndarray:
    """The hand before it closes, open by a share of the way."""
    angles = angles.copy()
    for digit in range(5):
        way = kind.thumb_closes if digit == 0 else FINGER_CLOSES
        if digit not in kind.touching:
            way = 0.0 if kind.name == "lateral" else 0.5 * way
        elif kind.name == "adduction_grip":
            way = np.array([0.0 - ADDUCTION[0] if digit == 1 else ADDUCTION[1], 0.0, 0.0, 0.0])
        angles[columns(digit)] -= share * way
    space = pose_space()
    return np.clip(angles, space.low, space.high)


def settle(skin: Skin, thing: Solid, kind: GraspType, angles: np.ndarray) -> None:
    """Closes the digits of an opened hand on the thing; changes angles."""
    ways = np.zeros((5, 25))
    watched = np.ones((5, 3), bool)
    for digit in range(5):
        way = kind.thumb_closes if digit == 0 else FINGER_CLOSES
        ways[digit, columns(digit)] = way if digit in kind.touching else 0.5 * way
    if kind.name == "adduction_grip":
        ways[1:3] = 0.0
        ways[1, columns(1).start], ways[2, columns(2).start] = -ADDUCTION[0], ADDUCTION[1]
    if kind.name == "lateral":
        ways[1:] = 0.0
    touched = close(skin, thing, angles, ways, watched)
    if kind.name in ("adduction_grip", "lateral"):
        return
    for first in (1, 2):
        # What touches with a bone nearer to the palm bends on beyond it.
        ways, watched = np.zeros((5, 25)), np.zeros((5, 3), bool)
        for digit in kind.touching:
            if 0 <= touched[digit] < first:
                own = columns(digit)
                joints = slice(own.stop - 3 + first, own.stop)
                ways[digit, joints] = np.radians([55.0, 45.0])[first - 1 :]
                watched[digit, first:] = True
        further = close(skin, thing, angles, ways, watched)
        touched = np.where(further >= 0, further, touched)


def pushed(skin: Skin, thing: Solid, pose: Pose, angles: np.ndarray, against: str) -> Pose:
    """The thing moved until it touches the skin of the bones that PUSHED names."""
    rotation, place = pose
    axis, bones = PUSHED[against]
    way = {"z": np.array([0.0, 0.0, 1.0]), "-y": np.array([0.0, -1.0, 0.0])}[axis]
    points = skin.at(angles)[np.isin(skin.main, bones)]
    shift = -0.9
    for _ in range(60):
        gap = float(Placed(thing, rotation, place + shift * way).distance(points).min()) + PRESSED
        if gap < PRESSED / 2 or shift > 0.9:
            break
        # Not all of the gap, since distances to superquadrics are too large.
        shift += 0.7 * gap
    return rotation, place + shift * way
