"""A model that needs no training because it knows the truth; it answers as a trained network does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import BACKGROUND, HandCrop
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.perception.model import HandModel, Prediction
from dense3d_ros.perception.model_description import ModelDescription

SPREAD = np.full(21, 0.005, np.float32)


@dataclass
class Oracle(HandModel):
    """`hands` are the true (joints, is it a right hand) of the frame to come.

    Within 9 cm of a hand the presence is 0.99 and the joints are true plus a tenth of the crop's offset, as networks
    lean towards the centre. Taken for the wrong hand the joints are 2 cm off. `batches` counts the crops of each call,
    `rolls` has how each crop was turned, `taken_for` for which handedness. Its detector names the hands a centimetre
    off, then the `distractors`, where there is a surface near.
    """

    hands: list[tuple[NDArray[np.float32], bool]] = field(default_factory=list)
    distractors: list[NDArray[np.float32]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    rolls: list[float] = field(default_factory=list)
    taken_for: list[Handedness] = field(default_factory=list)
    description: ModelDescription = ModelDescription(  # noqa: RUF009 (frozen)
        name="oracle", stacks=1, features=16, half_size=0.15, ball_radius=0.1, resolution=64, licence="Apache-2.0"
    )
    device: str = "cpu"
    views: int = 1
    crops_itself: bool = False
    confidence: Confidence = Confidence()  # noqa: RUF009 (frozen)

    judge: Oracle | None = None

    @property
    def for_new_hands(self) -> Oracle:
        return self.judge or self

    def detect(self, depth: DepthImage, camera: Camera, limit: int) -> list[Candidate]:
        centres = [hand_centre(joints) + np.float32([0.008, 0.004, 0.004]) for joints, _ in self.hands]
        places = [place for place in centres + self.distractors if _is_surface_at(place, depth, camera)]
        return [Candidate(place, 0.9, 0.0) for place in places[:limit]]

    def predict(self, crops: Sequence[HandCrop], handednesses: Sequence[Handedness]) -> list[Prediction]:
        self.batches.append(len(crops))
        self.rolls += [crop.roll for crop in crops]
        self.taken_for += [handedness for handedness in handednesses for _ in range(self.views)]
        first = crops[:: self.views]
        return [self._of(crop, handedness) for crop, handedness in zip(first, handednesses, strict=True)]

    def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        scores = np.full(21, 0.8, np.float32)
        centre = crop.in_camera(crop.centre)
        if self.hands and (crop.image < BACKGROUND).any():
            joints, right = min(self.hands, key=lambda hand: np.linalg.norm(hand_centre(hand[0]) - centre))
            offset = centre - hand_centre(joints)
            if np.linalg.norm(offset) < 0.09:
                wrong = handedness == (Handedness.LEFT if right else Handedness.RIGHT)
                seen = joints + 0.1 * offset + np.float32([0, 0.02 * wrong, 0])
                return Prediction(seen.astype(np.float32), scores, 4.6, 0.98 if right else 0.02, -5.0 * wrong, SPREAD)
        return Prediction(np.tile(centre, (21, 1)), scores * 0.2, -4.6, 0.5, -5.0, 10 * SPREAD)


def _is_surface_at(place: NDArray[np.float32], depth: DepthImage, camera: Camera) -> bool:
    """Whether anything is measured within 5 cm of a place."""
    (left, top), (right, bottom) = (
        camera.project(place + np.float32([shift, shift, 0])).astype(int).clip(0) for shift in (-0.05, 0.05)
    )
    metres = depth.metres(slice(top, bottom + 1), slice(left, right + 1))
    return bool((np.abs(metres - place[2]) < 0.05).any())
