"""Hands that are not an adult's bare one: children's, gloved, with long nails, rings, a watch or a long sleeve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import KNUCKLES
from dense3d_ros.learning.synthetic.hand_mesh import BONE_COUNT, HandMesh, PosedHand
from dense3d_ros.learning.synthetic.kinematics import bone_frames
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import moved, rotation_to, unit
from dense3d_ros.learning.synthetic.poses import Angles
from dense3d_ros.learning.synthetic.primitives import Mesh, box, joined, turned

Double = NDArray[np.float64]

_WRIST_BAND = (0.008, 0.035)
"""Metres from the wrist joint to the middle of a watch."""


@dataclass(frozen=True)
class Traits:
    """What is unusual of a hand. length: metres, of a child's; None for any other. glove: its thickness, metres."""

    length: float | None = None
    glove: float = 0.0
    nails: bool = False
    rings: bool = False
    band: bool = False
    half_sleeve: bool = False


def sample_traits(rng: np.random.Generator, options: SceneOptions) -> Traits:
    """Often several of them, sometimes none."""
    child, glove, nails, rings, band, sleeve = rng.random(6) < [
        options.children,
        options.thick_gloves,
        options.nails,
        options.rings,
        options.bands,
        options.half_sleeves,
    ]
    return Traits(
        float(rng.uniform(*options.child_length)) if child else None,
        float(rng.uniform(*options.glove)) if glove else 0.0,
        # Neither shows under a glove.
        bool(nails and not glove),
        bool(rings and not glove),
        bool(band),
        bool(sleeve),
    )


def worn(
    rng: np.random.Generator, mesh: HandMesh, hand: PosedHand, angles: Angles, length: float, traits: Traits
) -> Mesh | None:
    """What a right hand of `length` metres in its canonical frame wears, if anything."""
    meshes: list[Mesh] = []
    if traits.nails or traits.rings:
        frames, posed = np.empty((5, 3, 3, 3)), np.empty((21, 3))
        bone_frames(mesh.joints.astype(np.float64), angles, frames, posed)
        if traits.nails:
            meshes += _nails(rng, hand, frames, length)
        if traits.rings:
            meshes += _rings(rng, mesh, hand)
    if traits.band:
        meshes += _band(rng, mesh, hand)
    if traits.half_sleeve:
        meshes += _half_sleeve(rng, mesh, hand, length)
    return joined(meshes) if meshes else None


def _nails(rng: np.random.Generator, hand: PosedHand, frames: Double, length: float) -> Iterator[Mesh]:
    """Thin plates on the backs of the tips, all of about a length."""
    beyond = rng.uniform(0.002, 0.018)
    for digit in range(5):
        tip = hand.joints[4 + 4 * digit].astype(np.float64)
        frame = frames[digit, 2]
        width = rng.uniform(0.045, 0.06) * length * (0.8 if digit == 4 else 1.15 if digit == 0 else 1.0)
        long = 0.045 * length + beyond * rng.uniform(0.85, 1.15)
        vertices, faces = box(long, width, 0.0008)
        # Narrower towards its end, and bent a little to the palm.
        share = np.where(vertices[:, 0] > 0, 1.0, 0.0)
        vertices = vertices * np.stack([np.ones(8), 1.0 - 0.45 * share, np.ones(8)], axis=1)
        vertices[:, 2] -= rng.uniform(0.05, 0.2) * long * share
        place = tip + frame @ np.array([long / 2 - 0.035 * length, 0.0, 0.022 * length])
        yield moved((vertices.astype(np.float32), faces), frame, place)


def _rings(rng: np.random.Generator, mesh: HandMesh, hand: PosedHand) -> Iterator[Mesh]:
    """One to three rings, some with a stone."""
    for digit in rng.choice(5, rng.integers(1, 4), replace=False, p=[0.08, 0.2, 0.26, 0.34, 0.12]):
        # The thumb's first bone is in the palm.
        bone = 4 + 3 * digit + (digit == 0)
        root, end = hand.joints[[1 + 4 * digit + (digit == 0), 2 + 4 * digit + (digit == 0)]].astype(np.float64)
        axis = unit(end - root)
        middle = root + (end - root) * rng.uniform(0.42, 0.58)
        skin = hand.vertices[mesh.main_bones == bone] - middle
        along = skin @ axis
        near = skin[np.abs(along) < 0.006] if (np.abs(along) < 0.006).any() else skin
        out = near - (near @ axis)[:, None] * axis
        centre = middle + (out.max(axis=0) + out.min(axis=0)) / 2
        radius = float(np.quantile(np.linalg.norm(out + middle - centre, axis=1), 0.8)) + rng.uniform(0.0004, 0.0015)
        width, thickness = rng.uniform(0.003, 0.009), rng.uniform(0.001, 0.003)
        profile = np.array([[0.0, -width / 2], [radius, -width / 2], [radius + thickness, 0.0], [radius, width / 2]])
        turn = rotation_to(axis)
        yield moved(turned(np.concatenate([profile, [[0.0, width / 2]]]), 12), turn, centre)
        if rng.random() < 0.3:
            stone = rng.uniform(0.004, 0.012)
            side = turn @ np.array([np.cos(angle := rng.uniform(0, 2 * np.pi)), 0.0, np.sin(angle)])
            yield moved(box(stone, stone, stone), turn, centre + side * (radius + 0.3 * stone))


def _band(rng: np.random.Generator, mesh: HandMesh, hand: PosedHand) -> Iterator[Mesh]:
    """A bracelet, or a watch with its case on either side of the wrist."""
    wrist = hand.joints[0].astype(np.float64)
    forearm = hand.vertices[mesh.main_bones == 1].astype(np.float64) - wrist
    axis = unit(forearm.mean(axis=0))
    along = forearm @ axis
    station = rng.uniform(*_WRIST_BAND)
    if along.max() < station + 0.01:
        return
    across = unit(np.array([0.0, 1.0, 0.0]) - axis * axis[1])
    frame = np.stack([across, axis, np.cross(across, axis)], axis=1)
    near = forearm[np.abs(along - station) < 0.008] @ frame
    if len(near) < 8:
        return
    low, high = near.min(axis=0), near.max(axis=0)
    half, middle = (high - low) / 2 + rng.uniform(0.0005, 0.006), (high + low) / 2
    centre = wrist + frame @ np.array([middle[0], station, middle[2]])
    width, thickness = rng.uniform(0.005, 0.03), rng.uniform(0.0015, 0.006)
    flat = half[[0, 2]] + thickness
    profile = np.array([[0.0, -width / 2], [0.96, -width / 2], [1.0, 0.0], [0.96, width / 2], [0.0, width / 2]])
    vertices, faces = turned(profile, 16)
    yield moved(((vertices * [flat[0], 1.0, flat[1]]).astype(np.float32), faces), frame, centre)
    if rng.random() < 0.6:
        radius, high_case = rng.uniform(0.013, 0.024), rng.uniform(0.005, 0.014)
        shape = np.array([[0.0, -0.5], [1.0, -0.5], [0.95, 0.5], [0.0, 0.5]]) * [radius, high_case]
        case = turned(shape, 14) if rng.random() < 0.6 else box(1.8 * radius, high_case, 1.6 * radius)
        back = frame[:, 2] * (1.0 if frame[2, 2] > 0 else -1.0) * (1.0 if rng.random() < 0.85 else -1.0)
        yield moved(case, rotation_to(back), centre + back * (flat[1] + 0.3 * high_case))


def _half_sleeve(rng: np.random.Generator, mesh: HandMesh, hand: PosedHand, length: float) -> Iterator[Mesh]:
    """A wide sleeve that has slipped over the palm, up to the knuckles at most, and the arm in it."""
    wrist = hand.joints[0].astype(np.float64)
    knuckles = hand.joints[list(KNUCKLES)]
    reach = float(knuckles[:, 0].mean()) - wrist[0]
    cuff = rng.uniform(0.25, 0.85) * reach
    covered = hand.vertices[np.isin(mesh.main_bones, (0, 2, 3))].astype(np.float64)
    covered = covered[covered[:, 0] < wrist[0] + cuff]
    low, high = covered.min(axis=0), covered.max(axis=0)
    loose = rng.uniform(0.002, 0.014)
    half, middle = (high - low)[1:] / 2 + loose, (high + low)[1:] / 2
    forearm = hand.vertices[mesh.main_bones == 1].astype(np.float64) - wrist
    back = unit(forearm.mean(axis=0))
    end = max(float((forearm @ back).max()) + 0.01, 0.02)
    radius = np.array([0.17, 0.15]) * length + loose
    centres = np.array([[cuff, *middle], [0.4 * cuff, *middle], [-0.02, *(0.5 * middle)]]) + wrist
    centres = np.concatenate([centres, [wrist + 0.5 * end * back, wrist + end * back]])
    halves = np.array(
        [half * rng.uniform(0.95, 1.15), half, np.maximum(half * 0.85, radius), radius * 1.1, radius * 1.2]
    )
    halves *= 1 + rng.normal(0.0, 0.03, (5, 1))
    yield _tube(centres, halves)


def _tube(centres: Double, halves: Double) -> Mesh:
    """Ellipses of halves (N, 2) in y and z about centres (N, 3), joined to a closed surface."""
    template = np.array([[0.0, 0.0], *([1.0, float(ring)] for ring in range(len(centres))), [0.0, len(centres) - 1.0]])
    vertices, faces = turned(template, 16)
    ring = vertices[:, 1].round().astype(np.intp)
    offsets = np.stack(
        [np.zeros(len(ring)), vertices[:, 0] * halves[ring, 0], vertices[:, 2] * halves[ring, 1]], axis=1
    )
    return (centres[ring] + offsets).astype(np.float32), faces


def glove_thickness(traits: Traits) -> Double:
    """(19,) metres by which the skin about each bone lies further out, the forearm's bare."""
    thickness = np.full(BONE_COUNT, traits.glove)
    thickness[1] = 0.0
    return thickness
