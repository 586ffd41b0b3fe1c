"""A model that needs no training because it knows the truth; it answers as a trained network does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.crop import BACKGROUND, HandCrop
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.perception.model import HandModel, Prediction
from dense3d_ros.perception.model_file import ModelDescription


@dataclass
class Oracle(HandModel):
    """`hands` are the true (joints, is it a right hand) of the frame to come.

    Within 9 cm of a hand the presence is 1 and the joints are true plus a tenth of the crop's offset, as networks
    lean towards the centre. Seen from the wrong side the joints are 2 cm off. `batches` counts the crops of each call,
    `rolls` has how each crop was turned.
    """

    hands: list[tuple[NDArray[np.float32], bool]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    rolls: list[float] = field(default_factory=list)
    description: ModelDescription = ModelDescription(  # noqa: RUF009 (frozen)
        name="oracle", stacks=1, features=16, half_size=0.15, ball_radius=0.1, resolution=64, licence="Apache-2.0"
    )
    device: str = "cpu"

    def predict(self, crops: Sequence[HandCrop], sides: Sequence[Handedness]) -> list[Prediction]:
        self.batches.append(len(crops))
        self.rolls += [crop.roll for crop in crops]
        first = crops[:: self.description.views]
        return [self._of(crop, side) for crop, side in zip(first, sides, strict=True)]

    def _of(self, crop: HandCrop, side: Handedness) -> Prediction:
        scores = np.full(21, 0.8, np.float32)
        centre = crop.in_camera(crop.centre)
        if self.hands and (crop.image < BACKGROUND).any():
            joints, right = min(self.hands, key=lambda hand: np.linalg.norm(hand_centre(hand[0]) - centre))
            offset = centre - hand_centre(joints)
            if np.linalg.norm(offset) < 0.09:
                wrong = side == (Handedness.LEFT if right else Handedness.RIGHT)
                seen = joints + 0.1 * offset + np.float32([0, 0.02 * wrong, 0])
                return Prediction(seen.astype(np.float32), scores, 0.99, 0.98 if right else 0.02, -5.0 * wrong)
        return Prediction(np.tile(centre, (21, 1)), scores * 0.2, 0.01, 0.5, -5.0)
