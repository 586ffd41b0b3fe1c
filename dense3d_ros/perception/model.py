"""A model ready to run: crops in, joints in metres and scores out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import Crop, crop_hand, crop_region
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.perception.confidence import Confidence, probability
from dense3d_ros.perception.detector import LEAST_LOG_ODDS, Candidate, Detector, load_detector
from dense3d_ros.perception.graph_file import check_torch, has_graph, read_recorded
from dense3d_ros.perception.model_description import ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import check_hourglass, model_path, read_model
from dense3d_ros.perception.views import TURNS, check_views
from dense3d_ros.runtime.batching import Batcher
from dense3d_ros.runtime.interface import NonFiniteOutputError, Outputs, check_finite
from dense3d_ros.runtime.recorded import RecordedNetwork
from dense3d_ros.runtime.selection import GRAPH_RUNTIMES, choose_device, choose_runtime, make_runtime

if TYPE_CHECKING:
    from dense3d_ros.dense.network import HourglassNetwork
    from dense3d_ros.dense.regressor import DenseRegressor

_MIRRORINGS: dict[Handedness, tuple[bool, ...]] = {
    Handedness.UNKNOWN: (False, True),
    Handedness.LEFT: (True,),
    Handedness.RIGHT: (False,),
}
"""How the network is shown a hand of each handedness; True is in a mirror."""
_FLOOR = 0.02
"""Metres added to the spread of a crop's votes: joints are uncertain even where all votes agree."""


@dataclass(frozen=True)
class Prediction:
    """What the network says of one crop.

    joints: (21, 3) metres in the camera frame. joint_scores: (21,) 0..1, see `hand.joint_scores`.
    presence: the network's log-odds that a hand is around the crop's centre. right_hand: probability of a right one.
    log_likelihood: of the handedness that it was taken for; the difference of two at one place is the log-odds of
    right against left. spread: (21,) metres by which the network expects each joint to be wrong.
    """

    joints: NDArray[np.float32]
    joint_scores: NDArray[np.float32]
    presence: float
    right_hand: float
    log_likelihood: float
    spread: NDArray[np.float32]


class HandModel:
    """A loaded network in its runtime on its device, and the description from its file.

    Several threads may share one; what they ask for at the same time is run as one batch.
    network: a recorded one is for the runtimes of GRAPH_RUNTIMES.
    runtime: a name of `runtime.selection.RUNTIMES`, checked for the device.
    crops_itself: whether `predict` rather takes a `crop_region` than a `crop_hand`, because the device makes the crop.
    detector: what finds hands in a whole image; the shipped one by default.
    views: how many crops of each followed hand the network runs on, 1 or 3. confidence: of so many views, from the
    description.
    """

    def __init__(
        self,
        description: ModelDescription,
        network: HourglassNetwork | RecordedNetwork,
        device: str,
        runtime: str = "torch",
        detector: Detector | None = None,
        views: int = 1,
    ) -> None:
        check_views(views)
        choice = choose_runtime(runtime, device)
        self.description = description
        self.views = views
        self.confidence = description.confidence(views)
        self.device = device
        self._choice = choice
        ready = network if isinstance(network, RecordedNetwork) else _regressor(network, description)
        self._runtime = make_runtime(choice.name, ready, device, description.resolution)
        self.crops_itself = self._runtime.crops_itself
        self._batcher = Batcher(self._runtime.run)
        self._detector = detector or load_detector(device, choice.name)
        self._for_new_hands: HandModel | None = None
        of_new = description.views_of_new_hands(views)
        if of_new != views:
            self._for_new_hands = self.with_confidence(description.confidence(of_new))
            self._for_new_hands.views = of_new

    @property
    def for_new_hands(self) -> HandModel:
        """What judges new hands: the same network on more crops of each, where it is calibrated for both, or itself."""
        return self._for_new_hands or self

    @property
    def runtime(self) -> str:
        """Name of what runs the network by now: torch, where the chosen one has failed."""
        return "torch" if self._runtime.failure else self._choice.name

    @property
    def runtime_reason(self) -> str:
        """Why that one."""
        return self._runtime.failure or self._choice.reason

    @property
    def calibration_doubt(self) -> str:
        """A sentence where the model was not calibrated for its views, else ""."""
        if self.views in self.description.confidences:
            return ""
        return (
            f"model '{self.description.name}' is not calibrated for views {self.views}, so its scores only rank; "
            f"`dense3d calibrate --views {self.views}` fits them"
        )

    def with_confidence(self, confidence: Confidence) -> HandModel:
        """The same network in the same runtime, its outputs judged by other numbers, those of new hands, too."""
        other = copy(self)
        other.confidence, other._for_new_hands = confidence, None
        return other

    def predict(self, crops: Sequence[Crop], handednesses: Sequence[Handedness]) -> list[Prediction]:
        """Joints in the camera's frame from the crops that `crops_of` gave for each place, one place after another.

        All are one forward pass. The network knows right hands, so a left one is shown to it in a mirror. Where the
        handedness is UNKNOWN both are tried, and the likelier one is taken. ValueError if there are not as many crops
        for each hand as the model has views, NonFiniteOutputError if the network gives no numbers.
        """
        hypotheses = [(index, mirror) for index, one in enumerate(handednesses) for mirror in _MIRRORINGS[one]]
        if not hypotheses:
            return []
        count = self.views
        if len(crops) != count * len(handednesses):
            needed = count * len(handednesses)
            raise ValueError(f"{len(handednesses)} hands need {needed} crops of this model, got {len(crops)}")
        shown = [
            crop.mirrored() if mirror else crop
            for index, mirror in hypotheses
            for crop in crops[count * index : count * (index + 1)]
        ]
        seen = self._run(shown)
        joints = np.stack([crop.in_camera(points) for crop, points in zip(shown, seen.joints, strict=True)])
        joints, spread, logits = fuse_crops(Outputs(joints, seen.spread, seen.logits), count)
        scores = self.confidence.joint_scores(spread, logits[:, 0])
        likelihood = self.confidence.log_likelihood(spread, logits)
        predictions = []
        for index in range(len(handednesses)):
            rows = [row for row, (place, _) in enumerate(hypotheses) if place == index]
            row = max(rows, key=lambda row: likelihood[row])
            log_odds = likelihood[row] - min(likelihood[rows]) if len(rows) > 1 else logits[row, 1]
            is_mirrored = hypotheses[row][1]
            right_hand = probability(-log_odds if is_mirrored else log_odds)
            presence, log_likelihood = float(logits[row, 0]), float(likelihood[row])
            predictions.append(Prediction(joints[row], scores[row], presence, right_hand, log_likelihood, spread[row]))
        return predictions

    def detect(
        self, depth: DepthImage, camera: Camera, limit: int, least_log_odds: float = LEAST_LOG_ODDS
    ) -> list[Candidate]:
        """Up to `limit` places in a whole image where a hand may be, the likeliest first."""
        return self._detector.detect(depth, camera, limit, least_log_odds)

    def warm_up(self) -> None:
        """Run on an empty crop, so that the first frame does not pay for what is set up lazily.

        ModelFileError if what comes out is not finite: such a model would see no hand without a word.
        """
        depth, camera = DepthImage(np.zeros((1, 1), np.float32)), Camera(1, 1, 0, 0, 1, 1)
        try:
            for _ in range(3):
                for model in (self, self.for_new_hands):
                    self._run(crops_of(model, depth, camera, np.array([0, 0, 0.5])))
                self.detect(depth, camera, 1)
        except NonFiniteOutputError as error:
            raise ModelFileError(str(error)) from error

    def _run(self, crops: Sequence[Crop]) -> Outputs:
        outputs = self._batcher.run(crops)
        check_finite(outputs, f"the network of model '{self.description.name}'")
        return outputs


def crops_of(
    model: HandModel, depth: DepthImage, camera: Camera, centre: NDArray[np.floating], roll: float = 0.0
) -> list[Crop]:
    """The crops that a model takes of a hand around `centre`, (3,) metres, that is upright at `roll`."""
    crop = crop_region if model.crops_itself else crop_hand
    description = model.description
    return [
        crop(depth, camera, centre, description.half_size, description.resolution, roll + turn)
        for turn in TURNS[model.views]
    ]


def fuse_crops(seen: Outputs, count: int) -> Outputs:
    """Outputs of `count` crops of each hand, one hand after another, joints in one frame -> outputs of the hands.

    Each crop's joint counts by how well its votes agree; where the crops disagree the spread grows.
    """
    if count == 1:
        return seen
    joints, spread, logits = (part.reshape(-1, count, *part.shape[1:]) for part in seen)
    weight = 1 / (spread + _FLOOR) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    mean = (joints * weight[..., None]).sum(axis=1)
    between = ((joints - mean[:, None]) ** 2).sum(axis=-1)
    return Outputs(mean, np.sqrt(((spread**2 + between) * weight).sum(axis=1)), logits.mean(axis=1))


def load_model(name_or_path: str | Path, device: str = "auto", runtime: str = "auto", views: int = 1) -> HandModel:
    """A shipped model's name or a file -> a model on `device`: "auto", "cpu", "cuda" or "cuda:N".

    runtime: a name of `runtime.selection.RUNTIMES`. views: crops of each followed hand, 1 or 3: three are more accurate
    and cost about twice the time of a frame. Raises ModelFileError for the file, DeviceError for the device,
    RuntimeUnavailableError for the runtime and ValueError for the views, each with one sentence that says what to do.
    """
    check_views(views)
    chosen = choose_device(device)
    return HandModel(*read_for_runtime(str(name_or_path), chosen, runtime), chosen, runtime, views=views)


def read_for_runtime(
    name_or_path: str, device: str, runtime: str
) -> tuple[ModelDescription, HourglassNetwork | RecordedNetwork]:
    """What `load_model` makes a model of on a device that is chosen; raises what it raises for file and runtime."""
    name = choose_runtime(runtime, device).name
    path = model_path(name_or_path)
    if name in GRAPH_RUNTIMES and has_graph(path):
        description, recorded = read_recorded(path)
        check_hourglass(path, description)
        return description, recorded
    check_torch(path, name)
    return read_model(name_or_path)


def _regressor(network: HourglassNetwork, description: ModelDescription) -> DenseRegressor:
    from dense3d_ros.dense.folding import fold_batch_norm
    from dense3d_ros.dense.regressor import DenseRegressor

    fold_batch_norm(network)
    return DenseRegressor(network, description.geometry).eval()
