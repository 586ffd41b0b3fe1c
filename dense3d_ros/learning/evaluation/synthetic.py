"""The fixed synthetic test set: whole images of four kinds of sensor, frame n a function of a seed and n alone.

Hands, clutter and sensors are drawn as in training, from seeds that training never uses, without what training got
later (views of head and wrist, matching windows, other anatomies and more). The image is the sensor's whole image, so
that a detector has all of it to search. Every second hand is of a mesh that is never trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre, wrist_rotation
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation.pose_class import finger_bend, pose_class
from dense3d_ros.learning.synthetic import clutter, sensors
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH, HandMesh, PosedHand
from dense3d_ros.learning.synthetic.labelled import MIN_INSIDE, MIN_VISIBLE, joints_inside
from dense3d_ros.learning.synthetic.options import without_later_options
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.scenes import SceneAssets, random_hand

SEED = 7_654_321
CALIBRATION_SEED = 1_234_567
"""Of the images that confidence is fitted to: as the test set's, without the mesh that is never trained on."""
HIDDEN = 0.025
"""A joint is hidden if something else than its own finger's skin, this many metres nearer, covers its pixel."""
CENTRE_JITTER, ROLL_JITTER = 0.012, 0.15
"""Standard deviations of jittered crops: of the centre in each axis, metres, and of the turn, radians."""
_OTHER_HAND = 0.12

TEST_SENSORS: tuple[tuple[str, Camera, Callable[[np.random.Generator, float], sensors.Sensor]], ...] = (
    ("structured light", Camera(580, 580, 319.5, 239.5, 640, 480), sensors.StructuredLight.random),
    ("time of flight", Camera(365, 365, 255.5, 211.5, 512, 424), sensors.TimeOfFlight.random),
    ("stereo", Camera(385, 385, 319.5, 239.5, 640, 480), sensors.Stereo.random),
    ("coded light", Camera(476, 476, 319.5, 239.5, 640, 480), sensors.CodedLight.random),
)


@dataclass(frozen=True)
class SyntheticTestSet:
    """The meshes, loaded once, of a set of images and the seed that defines it.

    unseen: the mesh that is never trained on; None for a set without it.
    """

    trained: SceneAssets
    unseen: SceneAssets | None
    seed: int = SEED

    @classmethod
    def load(cls) -> SyntheticTestSet:
        """The test set."""
        assets = SceneAssets.load()
        trained = replace(assets, options=without_later_options(assets.options))
        return cls(trained, replace(trained, hands=(HandMesh.load(UNSEEN_MESH),)))

    @classmethod
    def for_calibration(cls) -> SyntheticTestSet:
        """Images of another seed, all of meshes that are trained on.

        They have the hands that training got later, but neither its views of head and wrist nor its matching windows.
        """
        return cls(SceneAssets.load(), None, CALIBRATION_SEED)


@dataclass(frozen=True)
class HandFrame:
    """An image with a labelled hand in it.

    sample.joints: (21, 3) of that hand. others: joints (21, 3) of further hands that may be in view.
    hidden: (21,) joints that something covers. labels: what the errors are grouped by, kind -> group.
    """

    sample: DatasetSample
    others: tuple[NDArray[np.float32], ...]
    hidden: NDArray[np.bool_]
    labels: dict[str, str]

    @property
    def handedness(self) -> Handedness:
        """That of the labelled hand."""
        return Handedness[self.labels["handedness"].upper()]


def hand_frame(number: int, test_set: SyntheticTestSet) -> HandFrame:
    """Frame `number` of the test set; sensors and meshes take turns."""
    rng = np.random.default_rng([test_set.seed, 0, number])
    sensor_name, camera, make_sensor = TEST_SENSORS[number % len(TEST_SENSORS)]
    assets, mesh = assets_for(number // len(TEST_SENSORS), test_set)
    while True:
        hand, right = random_hand(rng, assets)
        depth, ids = blank(camera)
        render_depth(hand.vertices, hand.faces, camera, depth, ids=ids, object_id=1)
        own = np.count_nonzero(ids)
        others = add_surroundings(rng, assets, hand, camera, depth, ids, at_least_one=False)
        visible = np.count_nonzero(ids == 1) / max(int(own), 1)
        inside = joints_inside(hand.joints, camera)
        if visible >= MIN_VISIBLE and inside >= MIN_INSIDE:
            break
    measured = make_sensor(rng, float(hand.joints[0, 2])).apply(depth, camera, rng)
    sample = DatasetSample(DepthImage(measured), camera, hand.joints, f"hand {number}")
    handedness = Handedness.RIGHT if right else Handedness.LEFT
    labels = {"mesh": mesh, "sensor": sensor_name, **hand_labels(hand.joints, handedness, visible, inside)}
    return HandFrame(sample, others, hidden_joints(hand.joints, depth, camera), labels)


def hand_labels(joints: NDArray[np.float32], handedness: Handedness, visible: float, inside: float) -> dict[str, str]:
    """What errors are grouped by, kind -> group, of (21, 3) joints; for the shares see `LabelledHand`."""
    return {
        "distance": distance_band(hand_centre(joints)),
        "visible_share": _band(visible, (MIN_VISIBLE, 0.7, 0.9, 1.0), ""),
        "image": "whole hand inside" if inside == 1 else "cut off by the border",
        "in_view": "fully" if visible == 1 and inside == 1 else "in part",
        "handedness": handedness.name.lower(),
        "fingers": finger_bend(joints),
        "pose": pose_class(joints),
        "view": _view(joints, handedness),
    }


def distance_band(centre: NDArray[np.float32]) -> str:
    """The group of a hand's distance, from its centre (3,) in metres."""
    return _band(float(centre[2]), (0.0, 0.4, 0.6, 0.9, 1.5), " m")


def assets_for(turn: int, test_set: SyntheticTestSet) -> tuple[SceneAssets, str]:
    """The meshes whose turn it is, and what they are called: trained and unseen ones alternate."""
    if test_set.unseen is not None and turn % 2 == 1:
        return test_set.unseen, "never trained on"
    return test_set.trained, "trained on"


def hand_free_frame(number: int, test_set: SyntheticTestSet) -> DatasetSample:
    """Image `number` without a hand: bodies, sleeves, objects, walls. Its joints are (0, 3)."""
    return next(hand_free_frames(number, test_set, TEST_SENSORS[number % len(TEST_SENSORS)][1]))


def hand_free_frames(number: int, test_set: SyntheticTestSet, camera: Camera) -> Iterator[DatasetSample]:
    """What `camera` sees of scene `number` without a hand, measured for ever, each time with other noise."""
    rng = np.random.default_rng([test_set.seed, 1, number])
    _, _, make_sensor = TEST_SENSORS[number % len(TEST_SENSORS)]
    place, _ = random_hand(rng, test_set.trained)
    depth, ids = blank(camera)
    add_surroundings(rng, test_set.trained, place, camera, depth, ids, at_least_one=True)
    sensor = make_sensor(rng, float(place.joints[0, 2]))
    while True:
        measured = DepthImage(sensor.apply(depth, camera, rng))
        yield DatasetSample(measured, camera, np.zeros((0, 3), np.float32), f"no hand {number}")


def blank(camera: Camera) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Depth in metres and object ids of an image without anything, (H, W) each."""
    shape = (camera.height, camera.width)
    return np.zeros(shape, np.float32), np.zeros(shape, np.uint8)


def add_surroundings(
    rng: np.random.Generator,
    assets: SceneAssets,
    hand: PosedHand,
    camera: Camera,
    depth: NDArray[np.float32],
    ids: NDArray[np.uint8],
    *,
    at_least_one: bool,
) -> tuple[NDArray[np.float32], ...]:
    """Draw clutter into depth and ids; returns the joints of hands among it (none if `at_least_one` thing)."""
    for mesh in clutter.surroundings(rng, hand, assets.bodies, at_least_one=at_least_one, options=assets.options):
        render_depth(*mesh, camera, depth, ids=ids, object_id=2)
    others: tuple[NDArray[np.float32], ...] = ()
    if not at_least_one and rng.random() < _OTHER_HAND:
        other, _ = random_hand(rng, assets)
        shift = (clutter.beside(rng, hand, 0.1, 0.3) - hand_centre(other.joints)).astype(np.float32)
        render_depth(other.vertices + shift, other.faces, camera, depth, ids=ids, object_id=2)
        others = (other.joints + shift,)
    clutter.draw_plane(rng, hand, assets.options, camera, depth, ids)
    return others


def hidden_joints(joints: NDArray[np.float32], depth: NDArray[np.float32], camera: Camera) -> NDArray[np.bool_]:
    """Which of (21, 3) joints, metres, something covers in the true depth (H, W); see HIDDEN."""
    pixels = np.rint(camera.project(joints)).astype(np.intp)
    columns, rows = pixels[:, 0].clip(0, camera.width - 1), pixels[:, 1].clip(0, camera.height - 1)
    surface = depth[rows, columns]
    hidden: NDArray[np.bool_] = (surface > 0) & (surface < joints[:, 2] - HIDDEN)
    return hidden


def _view(joints: NDArray[np.float32], handedness: Handedness) -> str:
    """Which side of the hand the camera sees."""
    towards_camera = -hand_centre(joints) / np.linalg.norm(hand_centre(joints))
    along, _, back = wrist_rotation(joints, handedness).T @ towards_camera
    if abs(back) > 0.6:
        return "back" if back > 0 else "palm"
    return "end on" if abs(along) > 0.7 else "edge"


def _band(value: float, edges: tuple[float, ...], unit: str) -> str:
    """The band of `edges` that holds the value, the last one closed above."""
    index = int(np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(edges) - 2))
    return f"{edges[index]:.2f}-{edges[index + 1]:.2f}{unit}"
