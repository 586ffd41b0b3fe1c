"""Is it a hand? What skeleton, measured surface and network say of one, as terms that add up to a probability.

The networks say most of it. Skeleton and surface must explain each other, too, both ways: surface beside a hand that no
bone explains tells more on real images than on rendered ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import BONES, JOINT_INDEX, hand_centre

Array = NDArray[np.float64]

TERMS: dict[str, int] = {
    "presence": 1,
    "spread": -1,
    "unexplained": -1,
    "unexplained_behind": -1,
    "in_front": -1,
    "hidden": -1,
    "unmeasured": -1,
    "bones": -1,
    "size": -1,
    "unsteady": -1,
    "detector": 1,
}
"""Name -> the only direction in which it can speak: 1, more of it is more like a hand; -1, less like one.

presence: the network's log-odds, the mean of a right and a left hand where both were tried. spread: logarithm of the
mean joint's expected error in millimetres.
unexplained, unexplained_behind: share of the measured surface about the hand that is far from every bone: level with
the hand, and close behind it. in_front, hidden, unmeasured: shares of the bones in front of the measured surface, far
behind it, and where none was measured. bones: how unusual the proportions are, size: how unusual the size, in standard
deviations. unsteady: millimetres that the joints moved from the pass before to the last one; NaN after a single pass.
detector: its log-odds of a hand's centre, which it has from the whole image; NaN for a followed hand.
"""
DESCRIPTIONS = {
    "presence": "the network's own verdict",
    "spread": "joints that the network is not sure of",
    "unexplained": "surface beside the hand that is not the hand's",
    "unexplained_behind": "surface close behind the hand",
    "in_front": "bones in front of the measured surface",
    "hidden": "bones far behind the measured surface",
    "unmeasured": "bones where nothing was measured",
    "bones": "unusual proportions",
    "size": "an unusual size",
    "unsteady": "joints that move from pass to pass",
    "detector": "the detector's doubts",
}
NAMES = tuple(TERMS)

_REACH = 0.12
"""Around the hand's centre the surface should be the hand's, metres right, left, up and down."""
_SAMPLES = 24
_LEVEL, _BEHIND = 0.02, 0.09
"""Metres behind its nearest bone: up to the first a surface is level with the hand, from the second on far away."""
_EXPLAINED = 0.028
"""Within this distance of a bone the surface is the hand's skin, metres."""
_POINTS = 8
"""Of every bone, that are compared with the surface."""
_IN_FRONT, _HIDDEN = 0.012, 0.035
"""A bone is in front of the surface, or too far behind it to be what was measured, metres."""
_SHORTEST_BONE = 0.002
_LARGEST = 1e6
"""Numbers in a fit are smaller, or a product of two would overflow."""
_PARENTS, _CHILDREN = np.array(BONES).T
_ALONG = (np.arange(_POINTS) + 0.5) / _POINTS
_WRIST, _KNUCKLE = 0, JOINT_INDEX["middle_mcp"]


@dataclass(frozen=True)
class Term:
    """What a term adds to the log-odds: `weight` times its value, kept within low..high; of NaN that of `usual`."""

    weight: float = 0.0
    low: float = -1e3
    high: float = 1e3
    usual: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """Fitted by `dense3d calibrate`. Without a fit the network's presence alone counts.

    terms: by name of TERMS. bones: (2, 20) mean and standard deviation of the logarithms of the bones' lengths over
    their geometric mean; size: the same of that mean in metres.
    """

    bias: float = 0.0
    terms: dict[str, Term] = field(default_factory=lambda: {"presence": Term(1.0)})
    bones: tuple[tuple[float, ...], ...] = ()
    size: tuple[float, float] = (-3.6, 0.12)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.terms) - set(TERMS)):
            raise ValueError(f"evidence has unknown terms {unknown}; known: {', '.join(TERMS)}")
        for name, term in self.terms.items():
            values = (term.weight, term.low, term.high, term.usual)
            if not (np.abs(values) <= _LARGEST).all() or term.low > term.high or term.weight * TERMS[name] < 0:
                raise ValueError(f"the evidence term {name} must be finite, ordered and of its own sign, got {term}")
        if not (np.abs([self.bias, *self.size]) <= _LARGEST).all() or self.size[1] <= 0:
            raise ValueError(f"bias and size of the evidence must be finite numbers, got {self.bias} and {self.size}")
        bones = np.array(self.bones, np.float64)
        if self.bones and not (bones.shape == (2, len(BONES)) and np.isfinite(bones).all() and (bones[1] > 0).all()):
            raise ValueError(f"bones of the evidence must be 2 x {len(BONES)} numbers, got shape {bones.shape}")

    @classmethod
    def from_json(cls, data: Any) -> Evidence:
        """From what `dataclasses.asdict` made of one and JSON of that; ValueError says what is wrong."""
        if not isinstance(data, Mapping) or set(data) - {"bias", "terms", "bones", "size"}:
            raise ValueError("evidence must be an object of bias, terms, bones and size")
        try:
            return cls(
                float(data.get("bias", 0.0)),
                {
                    name: Term(**{key: float(value) for key, value in term.items()})
                    for name, term in data["terms"].items()
                },
                tuple(tuple(float(value) for value in row) for row in data.get("bones", ())),
                (float(data["size"][0]), float(data["size"][1])),
            )
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError) as error:
            raise ValueError(f"evidence must be made of numbers by name ({type(error).__name__}: {error})") from error

    def contributions(self, values: Array) -> Array:
        """(N, len(TERMS)) values -> what each adds to the log-odds."""
        terms = [self.terms.get(name, Term()) for name in NAMES]
        usual, low, high, weight = (
            np.array([getattr(term, name) for term in terms]) for name in ("usual", "low", "high", "weight")
        )
        filled = np.where(np.isnan(values), usual, values)
        added: Array = np.clip(filled, low, high) * weight
        return added

    def log_odds(self, values: Array) -> Array:
        """(N, len(TERMS)) values -> (N,) log-odds of a hand; NaN where the network's presence is NaN."""
        odds: Array = self.bias + self.contributions(values).sum(axis=1)
        odds[np.isnan(values[:, 0])] = np.nan
        return odds

    def against(self, values: Array) -> str:
        """Name of the term of (len(TERMS),) values that speaks most against a hand, compared with a usual one."""
        usual = np.array([[self.terms.get(name, Term()).usual for name in NAMES]])
        return NAMES[int((self.contributions(values[None]) - self.contributions(usual))[0].argmin())]

    def measure(
        self,
        joints: NDArray[np.floating],
        presence: Sequence[float],
        spread: NDArray[np.floating],
        before: NDArray[np.floating],
        detector: Sequence[float],
        depth: DepthImage,
        camera: Camera,
    ) -> Array:
        """(N, len(TERMS)) values of N hands.

        joints: (N, 21, 3) metres in the camera frame, in front of it. presence: (N,) log-odds of the network.
        spread: (N, 21) metres. before: (N, 21, 3) joints of the pass before, NaN without one.
        detector: (N,) its log-odds, NaN where it did not name the place.
        """
        points = joints.astype(np.float64)
        level, behind = _unexplained(points, depth, camera)
        in_front, hidden, unmeasured = _bones_against_surface(points, depth, camera)
        lengths = np.linalg.norm(points[:, _CHILDREN] - points[:, _PARENTS], axis=2)
        log = np.log(np.maximum(lengths, _SHORTEST_BONE))
        scale = log.mean(axis=1)
        odd = np.zeros(len(points))
        if self.bones:
            mean, deviation = np.array(self.bones)
            odd = np.sqrt(np.square((log - scale[:, None] - mean) / deviation).mean(axis=1))
        moved = 1000 * np.linalg.norm(joints - before, axis=2).mean(axis=1)
        columns = (
            np.asarray(presence, np.float64),
            np.log(1000 * np.maximum(spread, 1e-4)).mean(axis=1),
            level,
            behind,
            in_front,
            hidden,
            unmeasured,
            odd,
            np.abs(scale - self.size[0]) / self.size[1],
            moved,
            np.asarray(detector, np.float64),
        )
        return np.stack(columns, axis=1)


def bone_statistics(joints: NDArray[np.floating]) -> tuple[tuple[tuple[float, ...], ...], tuple[float, float]]:
    """(N, 21, 3) true hands -> `bones` and `size` of Evidence."""
    lengths = np.linalg.norm(joints[:, _CHILDREN] - joints[:, _PARENTS], axis=2)
    log = np.log(np.maximum(lengths.astype(np.float64), _SHORTEST_BONE))
    scale = log.mean(axis=1)
    ratio = log - scale[:, None]
    rows = tuple(tuple(round(float(value), 4) for value in row) for row in (ratio.mean(axis=0), ratio.std(axis=0)))
    return rows, (round(float(scale.mean()), 4), round(float(scale.std()), 4))


def _unexplained(joints: Array, depth: DepthImage, camera: Camera) -> tuple[Array, Array]:
    """(N,) shares of the surface about each hand that no bone explains: level with the hand, and close behind."""
    centre = hand_centre(joints).astype(np.float64)
    steps = (np.arange(_SAMPLES) + 0.5) * (2 * _REACH / _SAMPLES) - _REACH
    x, y = (centre[:, axis, None] + steps for axis in (0, 1))
    seen = camera.pixels((x / centre[:, 2:])[:, None, :], (y / centre[:, 2:])[:, :, None])
    cols, rows = (np.rint(places).astype(np.intp) for places in seen)
    z = _surface(rows, cols, depth).reshape(len(joints), -1)
    shape = (len(joints), _SAMPLES, _SAMPLES)
    rays = camera.rays(cols.astype(np.float64), rows.astype(np.float64))
    points = np.stack([*(np.broadcast_to(ray, shape).reshape(z.shape) * z for ray in rays), z], axis=-1)
    start = joints[:, _PARENTS]
    bone = joints[:, _CHILDREN] - start
    square = np.maximum(np.square(bone).sum(axis=2), 1e-12)
    # |p - a - t b|², with t where p is nearest to the bone from a to a + b.
    along = points @ bone.swapaxes(1, 2) - (start * bone).sum(axis=2)[:, None]
    share = np.clip(along / square[:, None], 0.0, 1.0)
    away = (
        np.square(points).sum(axis=2)[..., None]
        - 2 * (points @ start.swapaxes(1, 2))
        + np.square(start).sum(axis=2)[:, None]
        + share * (share * square[:, None] - 2 * along)
    )
    nearest = away.argmin(axis=2)[..., None]
    distance = np.sqrt(np.maximum(np.take_along_axis(away, nearest, 2)[..., 0], 0.0))
    bone_z = start[:, None, :, 2] + share * bone[:, None, :, 2]
    behind = points[..., 2] - np.take_along_axis(bone_z, nearest, 2)[..., 0]
    forward = joints[:, _KNUCKLE] - joints[:, _WRIST]
    # The forearm is no part of the skeleton.
    in_hand = ((points - joints[:, None, _WRIST]) @ forward[..., None])[..., 0] > 0
    counts = (z > 0) & in_hand & (np.abs(behind) < _BEHIND)
    total = np.maximum(np.count_nonzero(counts, axis=1), 1)
    far = counts & (distance > _EXPLAINED)
    level = np.count_nonzero(far & (behind <= _LEVEL), axis=1) / total
    close = np.count_nonzero(far & (behind > _LEVEL), axis=1) / total
    return level, close


def _bones_against_surface(joints: Array, depth: DepthImage, camera: Camera) -> tuple[Array, Array, Array]:
    """(N,) shares of the bones in front of the surface, hidden behind it, and where nothing was measured."""
    start = joints[:, _PARENTS, None]
    points = (start + (joints[:, _CHILDREN, None] - start) * _ALONG[:, None]).reshape(len(joints), -1, 3)
    z = np.maximum(points[..., 2], 1e-3)
    seen = camera.pixels(points[..., 0] / z, points[..., 1] / z)
    cols, rows = (np.rint(places).astype(np.intp) for places in seen)
    surface = _surface(rows, cols, depth)
    gap = points[..., 2] - surface
    measured = surface > 0
    return (
        (measured & (gap < -_IN_FRONT)).mean(axis=1),
        (measured & (gap > _HIDDEN)).mean(axis=1),
        (~measured).mean(axis=1),
    )


def _surface(rows: NDArray[np.intp], cols: NDArray[np.intp], depth: DepthImage) -> NDArray[np.float32]:
    """Metres at pixels, of the shape that rows and cols have together; 0 outside the image."""
    height, width = depth.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    rows, cols = np.broadcast_arrays(rows.clip(0, height - 1), cols.clip(0, width - 1))
    return np.where(inside, depth.metres_at(rows, cols), np.float32(0))
