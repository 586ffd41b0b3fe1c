"""Training crops: taken from an image of a scene as the estimator would take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.crop import crop_hand, roll_rotation
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import hand_centre, upright_roll
from dense3d_ros.learning.synthetic.options import SceneOptions
from dense3d_ros.learning.synthetic.placing import unit
from dense3d_ros.learning.synthetic.scenes import (
    HALF_SIZE,
    LEARNED_CENTRE,
    SceneAssets,
    SceneImage,
    is_blank,
    make_image,
)

NEAR_CENTRE = 0.06
"""Within this distance (metres) of its true centre a crop holds the hand."""


@dataclass(frozen=True)
class Sample:
    """One training crop.

    image: (S, S) as in HandCrop. camera: (4,) fx, fy, cx, cy of the crop. centre: (3,) and
    joints: (21, 3) metres in the frame of that camera. presence: 1 hand here, 0 none, -1 neither can be said.
    has_joints: a right hand near enough to learn its joints; left hands only teach that they are left, since a left
    hand is shown to the network mirrored.
    """

    image: NDArray[np.float32]
    camera: NDArray[np.float32]
    centre: NDArray[np.float32]
    joints: NDArray[np.float32]
    presence: int
    right: bool
    has_joints: bool


def make_sample(rng: np.random.Generator, assets: SceneAssets, resolution: int = 128) -> Sample:
    """A random crop of a random image."""
    return crop_sample(rng, make_image(rng, assets), assets.options, resolution)


def crop_sample(rng: np.random.Generator, image: SceneImage, options: SceneOptions, resolution: int = 128) -> Sample:
    """A crop as the estimator would take one, off the hand's centre and direction by what is in `options`."""
    true_centre = hand_centre(image.joints)
    while True:
        centre, roll = image.elsewhere, float(rng.uniform(-np.pi, np.pi))
        if centre is None:
            is_first = rng.random() < options.first_candidates
            median, sigma = options.first_candidate if is_first else options.settled
            error = unit(rng.normal(size=3)) * median * np.exp(rng.normal(0.0, sigma))
            centre = np.asarray(true_centre + error, np.float32)
            if not is_first:
                roll = upright_roll(image.joints + rng.normal(0.0, options.upright_error, image.joints.shape))
        # A centre far off can be at the lens, or behind it, where no crop can be.
        if centre[2] < options.distance[0] / 2:
            continue
        crop = crop_hand(DepthImage(image.depth), image.camera, centre, HALF_SIZE, resolution, roll)
        if image.elsewhere is not None or not is_blank(crop.image):
            break
    error = float(np.linalg.norm(centre - true_centre)) if image.has_hand else np.inf
    return Sample(
        crop.image,
        np.array([crop.camera.fx, crop.camera.fy, crop.camera.cx, crop.camera.cy], np.float32),
        crop.centre,
        np.asarray(image.joints @ roll_rotation(roll).T, np.float32),
        presence=1 if error < NEAR_CENTRE else 0 if error > LEARNED_CENTRE else -1,
        right=image.right,
        has_joints=image.right and error < LEARNED_CENTRE,
    )
