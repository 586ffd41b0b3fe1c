"""Training scenes: a posed hand among arms, bodies, tables and objects, seen by a noisy depth sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.synthetic import clutter, negatives
from dense3d_ros.learning.synthetic.bodies import load_bodies
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand
from dense3d_ros.learning.synthetic.hands import placed_hand, shaped_hand
from dense3d_ros.learning.synthetic.options import SceneOptions, scene_options
from dense3d_ros.learning.synthetic.people import Traits, sample_traits
from dense3d_ros.learning.synthetic.primitives import Mesh
from dense3d_ros.learning.synthetic.protrusions import find_candidates
from dense3d_ros.learning.synthetic.random_sensor import random_sensor
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.settling import sample_grasp
from dense3d_ros.learning.synthetic.views import HEAD, View, of_view, sample_view

HALF_SIZE = 0.15
WINDOW = 0.5
"""Edge of the rendered cross-section at the hand, metres: the turned crop cube with room for an off-centre crop."""
MAX_WINDOW_PIXELS = 240
SEARCH_WINDOW, SEARCH_PIXELS = 1.0, 84
"""The image in which a crop without a hand is searched: metres across, and about a pixel for a detector's sample."""
HAND_ID = 1
TRAINED_MESHES = ("soma", "makehuman")

LEARNED_CENTRE = 0.12
"""Up to this far the joints are learned, so that crops far off can be re-centred; beyond it is no crop of the hand."""
_FULL_WIDTH = 640
_COARSE, _COARSE_WIDTH = 0.2, 320
"""Share of the cameras that have half as many pixels, or a driver that throws the others away."""


@dataclass(frozen=True)
class SceneAssets:
    """What scenes are made of, loaded once a process."""

    hands: tuple[HandMesh, ...]
    bodies: tuple[Mesh, ...]
    options: SceneOptions = field(default_factory=scene_options)

    @classmethod
    def load(cls) -> SceneAssets:
        """What comes with the package, without the hand that is kept for tests."""
        return cls(tuple(HandMesh.load(name) for name in TRAINED_MESHES), tuple(load_bodies()))


@dataclass(frozen=True)
class SceneImage:
    """What a sensor sees around a hand or around something else; crops are taken from it.

    depth: (H, W) metres. joints: (21, 3) metres in the camera frame. right: whether it is a right hand.
    elsewhere: (3,) metres, what a crop is at if not at the hand. has_hand: whether the hand is in the scene.
    """

    depth: NDArray[np.float32]
    camera: Camera
    joints: NDArray[np.float32]
    right: bool
    elsewhere: NDArray[np.float32] | None = None
    has_hand: bool = True


def make_image(rng: np.random.Generator, assets: SceneAssets) -> SceneImage:
    """A random image; tries again while the hand is hidden or nothing is there."""
    kind = rng.random()
    empty = kind < assets.options.empty
    at_hand = kind >= assets.options.empty + assets.options.elsewhere
    while True:
        image = _try_image(rng, assets, empty=empty, at_hand=at_hand)
        if image is not None:
            return image


def is_blank(crop: NDArray[np.float32]) -> bool:
    """Whether a crop (S, S), as in HandCrop, shows next to nothing."""
    return bool(np.count_nonzero(crop < 1) < 0.01 * crop.size)


def _is_blank_around(centre: NDArray[np.floating], depth: NDArray[np.float32]) -> bool:
    """Whether next to nothing is in an upright crop at the point that a window (H, W) of WINDOW metres is around."""
    edge = len(depth)
    margin = round(edge * (0.5 - HALF_SIZE / WINDOW))
    part = depth[margin : edge - margin, margin : edge - margin]
    seen = (part > 0) & (np.abs(part - np.float32(centre[2])) < HALF_SIZE)
    return bool(np.count_nonzero(seen) < 0.01 * seen.size)


@dataclass(frozen=True)
class _Scene:
    """Meshes in the camera frame, the plane behind them if there is one, and the labelled hand, if it is there.

    bodies: those whose triangles may be among the meshes.
    """

    meshes: list[Mesh]
    plane: tuple[NDArray[np.float64], float] | None
    hand: PosedHand | None
    bodies: tuple[Mesh, ...]

    def draw(self, camera: Camera, *, visible: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """(H, W) true depth and what is seen where, or None if less than `visible` of the hand is."""
        shape = (camera.height, camera.width)
        depth, ids = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
        own = 0
        if self.hand is not None:
            render_depth(
                self.hand.vertices, self.hand.faces, camera, depth, ids=ids, object_id=HAND_ID, front_only=True
            )
            own = int(np.count_nonzero(ids))
        for vertices, faces in self.meshes:
            is_body = any(faces is body[1] for body in self.bodies)
            render_depth(vertices, faces, camera, depth, ids=ids, object_id=HAND_ID + 1, front_only=is_body)
        if self.plane is not None:
            clutter.fill_plane(*self.plane, camera, depth, ids)
        if visible and np.count_nonzero(ids == HAND_ID) < max(60, visible * own):
            return None
        return depth, ids


def _try_image(rng: np.random.Generator, assets: SceneAssets, *, empty: bool, at_hand: bool) -> SceneImage | None:
    options = assets.options
    view = sample_view(rng, options) if at_hand else None
    hand, right = random_hand(rng, assets, options.right_hands, view)
    centre = hand_centre(hand.joints)
    # Both hands of a wearer are one person's; whose the other hand is before any other camera, nobody knows.
    right_beside = float(not right) if view is not None and view.kind == HEAD else 0.5
    scene = _random_scene(rng, assets, hand, view, right_beside, with_hand=not empty, at_hand=at_hand)
    elsewhere = None
    if not at_hand:
        elsewhere = _other_centre(rng, scene, centre, options)
        if elsewhere is None or elsewhere[2] < options.distance[0] / 2:
            return None
        centre = elsewhere
    camera, pixel = window_camera(centre, rng, options)
    drawn = scene.draw(camera, visible=0.45 if at_hand else 0.0)
    if drawn is None:
        return None
    depth, ids = drawn
    depth = random_sensor(rng, float(centre[2]), options.matching_windows, pixel).apply(depth, camera, rng)
    if rng.random() < options.image_borders:
        _cut_off(rng, depth, ids == HAND_ID if at_hand else depth > 0)
    if _is_blank_around(centre, depth):
        return None
    return SceneImage(depth, camera, hand.joints, right, elsewhere, has_hand=not empty)


def random_hand(
    rng: np.random.Generator, assets: SceneAssets, right_share: float = 0.5, view: View | None = None
) -> tuple[PosedHand, bool]:
    """A hand of random shape, pose, handedness and place in the camera frame, and whether it is a right one.

    view: the camera that it works before; None for one that looks from anywhere.
    """
    options = assets.options
    right = bool(rng.random() < right_share)
    mesh = assets.hands[rng.integers(len(assets.hands))]
    # Nothing is drawn for shares of 0: the fixed test sets are older than what they are of.
    traits = sample_traits(rng, options) if options.other_hands and rng.random() < options.other_hands else Traits()
    grasps = options.grasps if view is None else options.working_grasps
    grasp = sample_grasp(rng, options) if grasps and rng.random() < grasps else None
    return placed_hand(rng, shaped_hand(rng, mesh, options, grasp, traits), options, view, right=right), right


def window_camera(
    centre: NDArray[np.floating], rng: np.random.Generator, options: SceneOptions
) -> tuple[Camera, float]:
    """The window of a camera image around a hand, coarser when it would be too large.

    Also how many of its pixels one of the sensor's is, at most 1.
    """
    field_of_view = np.radians(rng.uniform(*options.view))
    width = _COARSE_WIDTH if rng.random() < _COARSE else _FULL_WIDTH
    focal = width / 2 / float(np.tan(field_of_view / 2))
    camera = _window(centre, WINDOW, focal, MAX_WINDOW_PIXELS)
    return camera, camera.fx / focal


def _window(centre: NDArray[np.floating], edge: float, focal: float, most_pixels: int) -> Camera:
    """The camera that sees `edge` metres around a point."""
    x, y, z = (float(value) for value in centre)
    focal = min(focal, most_pixels * z / edge)
    size = max(32, int(np.ceil(edge * focal / z)))
    middle = (size - 1) / 2
    return Camera(focal, focal, middle - focal * x / z, middle - focal * y / z, size, size)


def _random_scene(
    rng: np.random.Generator,
    assets: SceneAssets,
    hand: PosedHand,
    view: View | None,
    right_beside: float,
    *,
    with_hand: bool,
    at_hand: bool,
) -> _Scene:
    options = assets.options if view is None else of_view(assets.options)
    meshes = list(clutter.surroundings(rng, hand, assets.bodies, at_least_one=not with_hand, options=options))
    if at_hand and rng.random() < options.second_hands:
        near, far = (0.03, 0.09) if rng.random() < options.touching_hands else (0.09, 0.25)
        other = _hand_beside(rng, assets, hand, near, far, right_beside, view)
        meshes.append((other.vertices, other.faces))
        if view is not None:
            # Both hands of a wearer are at work.
            meshes += [mesh for mesh in (other.held, other.worn) if mesh is not None]
    elif with_hand and not at_hand:
        meshes += negatives.empty_scene(rng, _hand_beside(rng, assets, hand, 0.2, 0.45), assets.bodies, options)
    if view is not None:
        meshes += view.jaws(rng)
        return _Scene(meshes, view.background(rng, hand), hand, assets.bodies)
    plane = clutter.random_plane(rng, hand) if rng.random() < options.planes else None
    return _Scene(meshes, plane, hand if with_hand else None, assets.bodies)


def _hand_beside(
    rng: np.random.Generator,
    assets: SceneAssets,
    hand: PosedHand,
    near: float,
    far: float,
    right_share: float = 0.5,
    view: View | None = None,
) -> PosedHand:
    """Another hand, its centre near..far metres from that of `hand`."""
    other, _ = random_hand(rng, assets, right_share, view)
    return other.placed(np.eye(3), clutter.beside(rng, hand, near, far) - hand_centre(other.joints))


def _other_centre(
    rng: np.random.Generator, scene: _Scene, hand: NDArray[np.float32], options: SceneOptions
) -> NDArray[np.float32] | None:
    """Where the detector would put a crop that is not on the hand, or somewhere on a surface."""
    camera = _window(hand, SEARCH_WINDOW, np.inf, SEARCH_PIXELS)
    drawn = scene.draw(camera)
    assert drawn is not None
    depth = drawn[0]
    least = 0.0 if scene.hand is None else LEARNED_CENTRE
    if rng.random() < options.found_centres:
        nearest = max(0.15, float(hand[2]) - 0.4)
        found = [
            centre
            for centre in find_candidates(DepthImage(depth), camera, min_depth=nearest, max_depth=float(hand[2]) + 0.6)
            if np.linalg.norm(centre - hand) > least
        ]
        if not found:
            return None
        # The likelier ones more often.
        chosen = found[min(int(rng.exponential(1.2)), len(found) - 1)]
        return np.asarray(chosen + rng.normal(0.0, 0.01, 3), np.float32)
    rows, cols = np.nonzero(depth)
    if rows.size == 0:
        return None
    pick = rng.integers(rows.size)
    pixel = np.array([[cols[pick], rows[pick]]], np.float64)
    point = camera.back_project(pixel, depth[rows[pick : pick + 1], cols[pick : pick + 1]])[0]
    centre = np.asarray(point + np.array([0.0, 0.0, rng.uniform(0.0, 0.06)]), np.float32)
    return centre if np.linalg.norm(centre - hand) > least and centre[2] < 2 * options.distance[1] else None


def _cut_off(rng: np.random.Generator, depth: NDArray[np.float32], subject: NDArray[np.bool_]) -> None:
    """The image ends within the hand: beyond a row or column that cuts off up to a third of it, nothing is there."""
    axis, at_end = rng.integers(2), rng.random() < 0.5
    places = np.nonzero(subject)[axis]
    if places.size == 0:
        return
    share = rng.uniform(0.0, 0.35)
    edge = int(np.quantile(places, 1 - share if at_end else share))
    image = depth if axis == 0 else depth.T
    image[slice(edge, None) if at_end else slice(0, edge)] = 0
