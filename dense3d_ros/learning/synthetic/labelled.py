"""Hands in an image and how much of each is to be seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import JOINT_INDEX, Handedness
from dense3d_ros.learning.synthetic.hand_mesh import PosedHand
from dense3d_ros.learning.synthetic.render import render_depth

FIRST_ID, FOREARM_ID = 10, 9
"""Object ids of the pixels of the first hand, the others' count up, and of all forearms."""
MIN_VISIBLE, MIN_INSIDE = 0.45, 0.75
"""A hand of which less is visible and measured, or fewer joints are inside the image, need not be found."""
_BEHIND_WRIST = 0.01


@dataclass(frozen=True)
class LabelledHand:
    """A true hand of an image.

    joints: (21, 3) metres in the camera frame. visible: share of its pixels within the image, the forearm's left out,
    that nothing covers; 0 if there are none. measured: share of them that the sensor measures, too. inside: share of
    the joints within the image.
    """

    joints: NDArray[np.float32]
    handedness: Handedness
    visible: float
    measured: float
    inside: float

    @property
    def to_be_found(self) -> bool:
        """Whether enough of it is in the image."""
        return self.measured >= MIN_VISIBLE and self.inside >= MIN_INSIDE


class HandPainter:
    """Draws hands into an image, whatever else is drawn before and after, and then says what is seen of them.

    depth: (H, W) metres, 0 where there is nothing. ids: (H, W) what each pixel belongs to.
    """

    def __init__(self, camera: Camera, depth: NDArray[np.float32]) -> None:
        self.camera, self.depth = camera, depth
        self.ids = np.zeros(depth.shape, np.uint8)
        self._hands: list[tuple[PosedHand, Handedness, int]] = []

    def add(self, hand: PosedHand, handedness: Handedness) -> None:
        """Draw a hand with its forearm, without what it holds."""
        along = hand.joints[JOINT_INDEX["middle_mcp"]] - hand.joints[0]
        beyond_wrist = (hand.vertices - hand.joints[0]) @ (along / np.linalg.norm(along)) > -_BEHIND_WRIST
        of_hand = beyond_wrist[hand.faces].all(axis=1)
        alone = render_depth(hand.vertices, hand.faces[of_hand], self.camera)
        object_id = FIRST_ID + len(self._hands)
        for faces, number in ((hand.faces[of_hand], object_id), (hand.faces[~of_hand], FOREARM_ID)):
            render_depth(hand.vertices, faces, self.camera, self.depth, ids=self.ids, object_id=number)
        self._hands.append((hand, handedness, int(np.count_nonzero(alone))))

    def labels(self, measured: NDArray[np.float32]) -> list[LabelledHand]:
        """The hands in the order in which they were added, as seen in what is drawn by now.

        measured: (H, W) what the sensor made of it, 0 where it measured nothing.
        """
        labels = []
        for number, (hand, handedness, own) in enumerate(self._hands):
            visible = self.ids == FIRST_ID + number
            shares = [float(np.count_nonzero(seen) / max(own, 1)) for seen in (visible, visible & (measured > 0))]
            labels.append(
                LabelledHand(hand.joints, handedness, shares[0], shares[1], joints_inside(hand.joints, self.camera))
            )
        return labels


def joints_inside(joints: NDArray[np.float32], camera: Camera) -> float:
    """Share of (21, 3) joints, metres, that project into the image."""
    pixels = camera.project(joints)
    within = (pixels >= 0) & (pixels <= [camera.width - 1, camera.height - 1])
    return float((within.all(axis=1) & (joints[:, 2] > 0)).mean())
