"""One hand of random shape, with what it holds and wears, and where it is before a camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import JOINT_INDEX, hand_centre
from dense3d_ros.learning.synthetic.grasps import Grasp
from dense3d_ros.learning.synthetic.hand_mesh import BONE_COUNT, HandMesh, PosedHand
from dense3d_ros.learning.synthetic.held_objects import held_mesh
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.people import Traits, glove_thickness, worn
from dense3d_ros.learning.synthetic.placing import random_rotation, unit
from dense3d_ros.learning.synthetic.pose_sampler import sample_pose
from dense3d_ros.learning.synthetic.settling import settled
from dense3d_ros.learning.synthetic.views import View
from dense3d_ros.learning.synthetic.warp import Warp


def shaped_hand(
    rng: np.random.Generator, mesh: HandMesh, options: SceneOptions, grasp: Grasp | None, traits: Traits
) -> PosedHand:
    """A right hand of random shape in its canonical frame; without a grasp its pose is random, too."""
    angles, held = sample_pose(rng, options) if grasp is None else (grasp.angles, None)
    length = float(np.clip(rng.normal(0.183, 0.014), *options.hand_length))
    if traits.length is not None:
        length = traits.length
    shaped = mesh.shaped(
        shape=rng.normal(0.0, 1.0, mesh.shape_count).clip(-2.5, 2.5) if mesh.shape_count else None,
        warp=Warp.sample(rng, options.anatomies) if options.anatomies else None,
        length=length,
        forearm=float(rng.uniform(*options.forearm)),
        finger_scale=rng.normal(1.0, options.finger_sizes, 5),
        bone_scale=rng.normal(1.0, options.bone_sizes, 15),
        palm_scale=rng.normal(1.0, options.palm_sizes, 2),
        thickness=_thickness(rng, options) + glove_thickness(traits),
    )
    if grasp is None:
        hand = shaped.pose(angles)
        if held is not None and rng.random() < options.shown_objects:
            hand = replace(hand, held=held_mesh(rng, held, length, larger=options.larger_objects))
    else:
        hand, angles = settled(shaped, length, grasp)
    return replace(hand, worn=worn(rng, mesh, hand, angles, length, traits))


def placed_hand(
    rng: np.random.Generator, hand: PosedHand, options: SceneOptions, view: View | None, *, right: bool
) -> PosedHand:
    """A right hand in its canonical frame, or its mirror image, somewhere in the camera frame."""
    if not right:
        hand = hand.mirrored()
    if view is None:
        place = _anywhere(rng, options)
        rotation = _any_turn(rng, hand, place)
    else:
        place = view.place(rng)
        rotation = view.turn(rng, hand, place, right=right)
    return hand.placed(rotation, place - rotation @ hand_centre(hand.joints))


def _anywhere(rng: np.random.Generator, options: SceneOptions) -> NDArray[np.float64]:
    z = float(np.exp(rng.uniform(*np.log(options.distance))))
    return np.array([rng.uniform(-0.45, 0.45) * z, rng.uniform(-0.35, 0.35) * z, z])


def _any_turn(rng: np.random.Generator, hand: PosedHand, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) any rotation, but that no elbow is between the hand and the camera: only the wearer sees that."""
    towards_elbow = unit((hand.joints[0] - hand.joints[JOINT_INDEX["middle_mcp"]]).astype(np.float64))
    view = unit(place)
    while True:
        rotation = random_rotation(rng)
        if (rotation @ towards_elbow) @ view > -0.77:
            return rotation


def _thickness(rng: np.random.Generator, options: SceneOptions) -> NDArray[np.float64]:
    """(19,) metres by which the skin about each bone lies further out: fat and lean fingers, and gloves."""
    thickness = rng.normal(0.0, options.finger_thickness, BONE_COUNT)
    thickness[4:] += np.repeat(rng.normal(0.0, options.finger_thickness, 5), 3)
    if rng.random() < options.gloves:
        thickness += rng.uniform(0.001, 0.004)
    return thickness
