"""The fourth fixed test set: hands at work, which hold things, are seen from a head or a wrist, or are not bare ones.

As in `synthetic`, image n is a function of the seed and n, and kinds, meshes and sensors take turns. Shares and ranges
of `scenes.yaml` that are not set here, and the grasps of `grasps.npz`, are part of the set, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from tqdm import tqdm

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre, upright_roll
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation.metrics import ErrorsByLabel, ErrorSummary, by_label, joint_errors, summary
from dense3d_ros.learning.evaluation.synthetic import (
    TEST_SENSORS,
    HandFrame,
    blank,
    hand_labels,
    hidden_joints,
)
from dense3d_ros.learning.synthetic import clutter
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH, HandMesh, PosedHand
from dense3d_ros.learning.synthetic.hands import placed_hand, shaped_hand
from dense3d_ros.learning.synthetic.labelled import MIN_INSIDE, MIN_VISIBLE, joints_inside
from dense3d_ros.learning.synthetic.options import SceneOptions, without_later_options
from dense3d_ros.learning.synthetic.people import Traits
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.learning.synthetic.scenes import TRAINED_MESHES, SceneAssets
from dense3d_ros.learning.synthetic.settling import sample_grasp
from dense3d_ros.learning.synthetic.views import View, head_view, of_view, wrist_view
from dense3d_ros.perception.model import HandModel, crops_of

SEED = 7_654_322
MESHES = (*TRAINED_MESHES, UNSEEN_MESH)
_BATCH = 15

Rng = np.random.Generator


@dataclass(frozen=True)
class WorkingHand:
    """A kind of hands. grasp: the kind of grasp that all of them hold things in. held: otherwise, the share that holds
    something in any grasp. traits: what they are and wear. view: the camera."""

    grasp: str | None = None
    held: float = 0.3
    traits: Callable[[Rng], Traits] = lambda rng: Traits()
    view: Callable[[Rng], View] | None = None


KINDS = {
    "power grasp": WorkingHand("power"),
    "precision grasp": WorkingHand("precision"),
    "side grasp": WorkingHand("intermediate"),
    "head view": WorkingHand(held=0.6, view=head_view),
    "wrist view": WorkingHand(held=0.6, view=wrist_view),
    "child": WorkingHand(traits=lambda rng: Traits(length=float(rng.uniform(0.12, 0.145)))),
    "glove": WorkingHand(traits=lambda rng: Traits(glove=float(rng.uniform(0.002, 0.006)))),
    "half sleeve": WorkingHand(traits=lambda rng: Traits(half_sleeve=True)),
    "nails, rings, watch": WorkingHand(traits=lambda rng: Traits(nails=True, rings=True, band=True)),
}


class WorkingErrors(ErrorSummary, ErrorsByLabel):
    """Errors of hands at work: of all, of joints that are seen and of hidden ones, and by label."""

    seed: int
    seen_joints_mm: float
    hidden_joints_mm: float | None


class WorkingHandsTestSet:
    """The images, left and right hands; what they are made of is loaded once."""

    def __init__(self) -> None:
        self._assets = SceneAssets.load()
        self._options = without_later_options(self._assets.options)
        self._meshes = [HandMesh.load(name) for name in MESHES]

    def frame(self, number: int) -> HandFrame:
        """Image `number`."""
        turn, kind = divmod(number, len(KINDS))
        sensor_turn, mesh = divmod(turn, len(MESHES))
        sensor_name, camera, make_sensor = TEST_SENSORS[sensor_turn % len(TEST_SENSORS)]
        name = list(KINDS)[kind]
        rng = np.random.default_rng([SEED, number])
        while True:
            hand, right, view, holds = _hand(rng, KINDS[name], self._meshes[mesh], self._options)
            depth, ids = blank(camera)
            render_depth(hand.vertices, hand.faces, camera, depth, ids=ids, object_id=1)
            own = np.count_nonzero(ids)
            options = self._options if view is None else of_view(self._options)
            around = clutter.surroundings(rng, hand, self._assets.bodies, at_least_one=False, options=options)
            for vertices, faces in (*around, *(view.jaws(rng) if view else ())):
                render_depth(vertices, faces, camera, depth, ids=ids, object_id=2)
            behind = view.background(rng, hand) if view else clutter.random_plane(rng, hand)
            if behind is not None and (view or rng.random() < options.planes):
                clutter.fill_plane(*behind, camera, depth, ids)
            visible = np.count_nonzero(ids == 1) / max(int(own), 1)
            inside = joints_inside(hand.joints, camera)
            if visible >= MIN_VISIBLE and inside >= MIN_INSIDE:
                break
        measured = make_sensor(rng, float(hand.joints[0, 2])).apply(depth, camera, rng)
        handedness = Handedness.RIGHT if right else Handedness.LEFT
        labels = {
            "work": name,
            "holds": holds,
            "mesh": "trained on" if MESHES[mesh] in TRAINED_MESHES else "never trained on",
            "sensor": sensor_name,
            **hand_labels(hand.joints, handedness, visible, inside),
        }
        sample = DatasetSample(DepthImage(measured), camera, hand.joints, f"working hand {number}")
        return HandFrame(sample, (), hidden_joints(hand.joints, depth, camera), labels)


def _hand(
    rng: Rng, kind: WorkingHand, mesh: HandMesh, options: SceneOptions
) -> tuple[PosedHand, bool, View | None, str]:
    """A hand of a kind in the camera frame, whether it is a right one, what sees it, and what it holds."""
    view = kind.view(rng) if kind.view else None
    grasp = sample_grasp(rng, options, kind.grasp) if kind.grasp or rng.random() < kind.held else None
    right = bool(rng.random() < 0.5)
    hand = shaped_hand(rng, mesh, options, grasp, kind.traits(rng))
    holds = "nothing" if hand.held is None else "a thing"
    return placed_hand(rng, hand, options, view, right=right), right, view, holds


def evaluate_on_working_hands(model: HandModel, images: int) -> WorkingErrors:
    """Errors on the first `images` of the set, with true place, turn and handedness."""
    test_set = WorkingHandsTestSet()
    frames = (test_set.frame(number) for number in tqdm(range(images), unit="image"))
    errors, hidden, labels = [], [], []
    while batch := list(islice(frames, _BATCH)):
        crops = [
            crop
            for frame in batch
            for crop in crops_of(
                model,
                frame.sample.depth,
                frame.sample.camera,
                hand_centre(frame.sample.joints),
                upright_roll(frame.sample.joints),
            )
        ]
        for frame, prediction in zip(batch, model.predict(crops, [frame.handedness for frame in batch]), strict=True):
            errors.append(joint_errors(prediction.joints, frame.sample.joints))
            hidden.append(frame.hidden)
            labels.append(frame.labels)
    all_errors, covered = np.stack(errors), np.stack(hidden)
    return {
        "seed": SEED,
        **summary(all_errors),
        "seen_joints_mm": float(all_errors[~covered].mean()),
        "hidden_joints_mm": float(all_errors[covered].mean()) if covered.any() else None,
        **by_label(all_errors, labels),
    }
