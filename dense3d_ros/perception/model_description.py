"""What a model file says of its network, checked: sizes, skeleton, confidences."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from dense3d_ros.dense.layout import SMALLEST_MAP, STRIDES
from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.hand import JOINT_COUNT, JOINT_NAMES, SKELETON
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.tensor_file import parse_json
from dense3d_ros.perception.views import NEW_HAND_VIEWS, VIEWS

if TYPE_CHECKING:
    # Networks are torch's, which a robot whose runtime reads a recorded graph does without.
    from dense3d_ros.dense.detector_network import DetectorNetwork
    from dense3d_ros.dense.maps import MapGeometry
    from dense3d_ros.dense.network import HourglassNetwork
    from dense3d_ros.dense.paper_network import PaperNetwork

LICENCE = "Apache-2.0"
"""Of the models that this package trains on its own synthetic hands."""
NETWORKS = ("hourglass", "paper", "detector")
SKELETONS: dict[str, tuple[str, ...]] = {
    SKELETON: JOINT_NAMES,
    **{benchmark.skeleton: benchmark.scored_joints for benchmark in BENCHMARKS.values()},
}
"""Joint names by skeleton: the hand of this package and the scored joints of each benchmark."""
_FIXED = {
    "paper": {"half_size": 0.15, "ball_radius": 0.08, "resolution": 128},
    # It sees no crops.
    "detector": {"half_size": 0.15, "ball_radius": 0.1, "resolution": 128, "stacks": 1, "stride": 4},
}
"""What is the same in every model of a network."""
_LONGEST_DESCRIPTION = 1 << 20
_LONGEST_NAME = 200
_LONGEST_REASON = 320
_LARGEST_NUMBER = 1e6
"""In a confidence; what is larger may overflow."""

Network: TypeAlias = "HourglassNetwork | PaperNetwork | DetectorNetwork"


class ModelFileError(ValueError):
    """A model file that is missing, broken, foreign, or describes what its weights are not."""


@dataclass(frozen=True)
class ModelDescription:
    """What a model file says of itself.

    network: "hourglass", which everything in this package runs, "paper", for training and evaluation alone, or
    "detector", which finds hands in whole images.
    stacks, features, wide_blocks, refining_blocks: its size. stride: crop
    pixels a map cell, 4 or 8. resolution: pixels of the crop's edge. half_size: half the edge of the cube around the
    hand (paper: of its depth), metres. ball_radius: reach of the 3D heat map, metres. skeleton: of SKELETONS.
    training: recipe, samples and command. errors: measured mean joint errors in millimetres, by data set.
    confidences: for each number of views (of VIEWS) that the model was calibrated for, what turns the network's outputs
    into scores, and the least score of a hand.
    """

    name: str
    stacks: int
    features: int
    half_size: float
    ball_radius: float
    resolution: int
    licence: str
    network: str = "hourglass"
    wide_blocks: int = 0
    stride: int = 4
    refining_blocks: int = 0
    skeleton: str = SKELETON
    joints: tuple[str, ...] = JOINT_NAMES
    training: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    confidences: dict[int, Confidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("stacks", 1, 8),
            ("features", 16, 1024),
            ("wide_blocks", 0, 16),
            ("stride", 4, 8),
            ("refining_blocks", 0, 16),
            ("half_size", 0.05, 0.5),
            ("ball_radius", 0.02, 0.5),
            ("resolution", 64, 512),
        ):
            value = getattr(self, name)
            kinds = int if isinstance(low, int) else (int, float)
            if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
                number = "whole number" if kinds is int else "number"
                raise ModelFileError(f"{name} must be a {number} within {low}..{high}, got {excerpt(repr(value))}")
        if self.stride not in STRIDES:
            raise ModelFileError(f"stride must be 4 or 8, got {self.stride}")
        if self.resolution % (SMALLEST_MAP * self.stride) or self.features % 2:
            raise ModelFileError(
                f"resolution must be a multiple of {SMALLEST_MAP * self.stride} and features even, "
                f"got {self.resolution} and {self.features}"
            )
        self._check_network()
        for name in ("name", "licence"):
            value = getattr(self, name)
            if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
                raise ModelFileError(
                    f"{name} must be a line of at most {_LONGEST_NAME} characters, got {excerpt(repr(value))}"
                )
        if not isinstance(self.training, dict) or not isinstance(self.errors, dict):
            raise ModelFileError("training and errors must be JSON objects")
        if not all(isinstance(error, (int, float)) and not isinstance(error, bool) for error in self.errors.values()):
            raise ModelFileError(f"errors must be numbers of millimetres, got {excerpt(self.errors)}")

    def _check_network(self) -> None:
        """The network's kind against its joints and its crop."""
        if self.network not in NETWORKS:
            raise ModelFileError(f"network must be one of {', '.join(NETWORKS)}, got {excerpt(repr(self.network))}")
        if self.network == "hourglass" and (self.skeleton != SKELETON or self.joints != JOINT_NAMES):
            raise ModelFileError(
                f"the skeleton must be {SKELETON} with its {JOINT_COUNT} joints, got {excerpt(repr(self.skeleton))}"
            )
        if SKELETONS.get(str(self.skeleton)) != self.joints:
            raise ModelFileError(
                f"the skeleton must be one of {', '.join(SKELETONS)} with its own joints, "
                f"got {excerpt(repr(self.skeleton))}"
            )
        fixed = _FIXED.get(self.network, {})
        own = {name: getattr(self, name) for name in fixed}
        if own != fixed:
            raise ModelFileError(f"the network {self.network} has {fixed}, got {own}")

    def build_network(self) -> Network:
        """The described network with random weights."""
        if self.network == "detector":
            from dense3d_ros.dense.detector_network import DetectorNetwork

            return DetectorNetwork(self.features)
        if self.network == "paper":
            from dense3d_ros.dense.paper_network import PaperNetwork

            return PaperNetwork(len(self.joints), self.stacks, self.features)
        from dense3d_ros.dense.network import HourglassNetwork

        return HourglassNetwork(
            len(self.joints),
            self.stacks,
            self.features,
            self.wide_blocks,
            self.stride,
            self.refining_blocks,
        )

    def confidence(self, views: int) -> Confidence:
        """Of so many views; the default one where the model was not calibrated for them."""
        return self.confidences.get(views, Confidence())

    def views_of_new_hands(self, views: int) -> int:
        """On how many crops a new hand is judged where followed ones have `views`: as many, or more if it can be."""
        is_calibrated = {views, NEW_HAND_VIEWS} <= self.confidences.keys()
        return NEW_HAND_VIEWS if is_calibrated else views

    @property
    def geometry(self) -> MapGeometry:
        """Of the hourglass's maps."""
        from dense3d_ros.dense.maps import metric_geometry

        return metric_geometry(self.half_size, self.ball_radius, self.stride)


def parse_description(text: str) -> ModelDescription:
    """From the JSON of a model file. Raises ModelFileError or TensorFileError, one sentence."""
    if len(text) > _LONGEST_DESCRIPTION:
        raise ModelFileError(f"its description is longer than {_LONGEST_DESCRIPTION} characters")
    data = parse_json(text, "description")
    known = {item.name for item in fields(ModelDescription)}
    required = {"name", "stacks", "features", "half_size", "ball_radius", "resolution", "licence"}
    if set(data) - known or required - set(data):
        raise ModelFileError(
            f"its description has unknown entries {excerpt(sorted(set(data) - known))} and lacks "
            f"{sorted(required - set(data))}"
        )
    joints = data.get("joints", JOINT_NAMES)
    if not isinstance(joints, list | tuple):
        raise ModelFileError(f"joints must be a list of names, got {excerpt(repr(joints))}")
    confidences = _confidences(data.get("confidences", {}))
    return ModelDescription(**{**data, "joints": tuple(joints), "confidences": confidences})


def _confidences(data: Any) -> dict[int, Confidence]:
    if not isinstance(data, dict):
        raise ModelFileError(f"confidences must be a JSON object, got {excerpt(repr(data))}")
    if unknown := sorted(data.keys() - {str(views) for views in VIEWS}):
        raise ModelFileError(f"confidences must be of 1 or 3 views, got {excerpt(unknown)}")
    return {int(views): _confidence(views, confidence) for views, confidence in data.items()}


def _confidence(views: str, data: Any) -> Confidence:
    what = f"its confidence of views {views} is wrong"
    try:
        confidence = Confidence.from_json(data)
    except ValueError as error:
        raise ModelFileError(f"{what}: {excerpt(error, _LONGEST_REASON)}") from error
    for item in fields(Confidence):
        value = getattr(confidence, item.name)
        if isinstance(value, tuple) and any(abs(number) > _LARGEST_NUMBER for number in value):
            raise ModelFileError(f"{what}: {item.name} has numbers above {_LARGEST_NUMBER:g}")
    return confidence
