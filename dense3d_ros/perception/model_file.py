"""A trained model as one safetensors file: weights and a description of what they are, both checked on load."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.dense.hourglass import SMALLEST_MAP
from dense3d_ros.dense.maps import MapGeometry, metric_geometry
from dense3d_ros.dense.network import STRIDES, HourglassNetwork
from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.hand import JOINT_COUNT, JOINT_NAMES, SKELETON
from dense3d_ros.perception.confidence import Confidence

FORMAT = "dense3d_ros model 1"
LICENCE = "Apache-2.0"
"""Of the models that this package trains on its own synthetic hands."""
SUFFIX = ".safetensors"
NETWORKS = ("hourglass", "paper")
SKELETONS: dict[str, tuple[str, ...]] = {
    SKELETON: JOINT_NAMES,
    **{benchmark.skeleton: benchmark.scored_joints for benchmark in BENCHMARKS.values()},
}
"""Joint names by skeleton: the hand of this package and the scored joints of each benchmark."""
_PAPER = {"half_size": 0.15, "ball_radius": 0.08, "resolution": 128}
_SHIPPED = Path(__file__).parents[1] / "models"


class ModelFileError(ValueError):
    """A model file that is missing, broken, foreign, or describes what its weights are not."""


@dataclass(frozen=True)
class ModelDescription:
    """What a model file says of itself.

    network: "hourglass", which everything in this package runs, or "paper", for training and evaluation alone.
    stacks, features, wide_blocks, refining_blocks: its size. stride: crop
    pixels a map cell, 4 or 8. views: crops that it looks at, each turned a little, 1 or 3. resolution: pixels of the
    crop's edge. half_size: half the edge of the cube around the hand (paper: of its depth), metres. ball_radius: reach
    of the 3D heat map, metres. skeleton: of SKELETONS.
    training: recipe, samples and command. errors: measured mean joint errors in millimetres, by data set.
    confidence: what turns the network's outputs into scores, and the least score of a hand.
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
    views: int = 1
    skeleton: str = SKELETON
    joints: tuple[str, ...] = JOINT_NAMES
    training: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    confidence: Confidence = field(default_factory=Confidence)

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
                raise ModelFileError(f"{name} must be a {number} within {low}..{high}, got {value!r}")
        if self.stride not in STRIDES:
            raise ModelFileError(f"stride must be 4 or 8, got {self.stride}")
        if self.resolution % (SMALLEST_MAP * self.stride) or self.features % 2:
            raise ModelFileError(
                f"resolution must be a multiple of {SMALLEST_MAP * self.stride} and features even, "
                f"got {self.resolution} and {self.features}"
            )
        if self.views not in (1, 3):
            raise ModelFileError(f"views must be 1 or 3, got {self.views!r}")
        self._check_network()
        if not all(isinstance(text, str) and text for text in (self.name, self.licence)):
            raise ModelFileError(f"name and licence must be texts, got {self.name!r} and {self.licence!r}")
        if not isinstance(self.training, dict) or not isinstance(self.errors, dict):
            raise ModelFileError("training and errors must be JSON objects")
        if not all(isinstance(error, (int, float)) for error in self.errors.values()):
            raise ModelFileError(f"errors must be numbers of millimetres, got {self.errors}")

    def _check_network(self) -> None:
        """The network's kind against its joints and its crop."""
        if self.network not in NETWORKS:
            raise ModelFileError(f"network must be one of {', '.join(NETWORKS)}, got {self.network!r}")
        if self.network == "hourglass" and (self.skeleton != SKELETON or self.joints != JOINT_NAMES):
            raise ModelFileError(
                f"the skeleton must be {SKELETON} with its {JOINT_COUNT} joints, got {self.skeleton!r}"
            )
        if SKELETONS.get(str(self.skeleton)) != self.joints:
            raise ModelFileError(
                f"the skeleton must be one of {', '.join(SKELETONS)} with its own joints, got {self.skeleton!r}"
            )
        crop = {name: getattr(self, name) for name in _PAPER}
        if self.network == "paper" and crop != _PAPER:
            raise ModelFileError(f"the paper's network has {_PAPER}, got {crop}")

    def build_network(self) -> HourglassNetwork | PaperNetwork:
        """The described network with random weights."""
        if self.network == "paper":
            return PaperNetwork(len(self.joints), self.stacks, self.features)
        return HourglassNetwork(
            len(self.joints),
            self.stacks,
            self.features,
            self.wide_blocks,
            self.stride,
            self.refining_blocks,
        )

    @property
    def geometry(self) -> MapGeometry:
        """Of the hourglass's maps."""
        return metric_geometry(self.half_size, self.ball_radius, self.stride)


def available_models() -> list[str]:
    """Names of the models that come with the package."""
    folder = _SHIPPED
    return sorted(path.stem for path in folder.glob(f"*{SUFFIX}"))


def model_path(name_or_path: str) -> Path:
    """The file of a shipped model's name or of a path; ModelFileError says what there is."""
    is_path = name_or_path.endswith(SUFFIX) or os.sep in name_or_path
    path = Path(name_or_path).expanduser() if is_path else _SHIPPED / (name_or_path + SUFFIX)
    if not path.is_file():
        raise ModelFileError(
            f"model '{name_or_path}': there is no file {path}; accepted: a path that ends in {SUFFIX} or one of "
            f"{', '.join(available_models()) or '(no model is installed)'}"
        )
    return path


def save_model(path: Path, network: nn.Module, description: ModelDescription) -> None:
    """Write weights and description, whole or not at all; matrices of weights in half precision."""
    tensors = {name: _stored(tensor.detach()).cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(tensors, {"format": FORMAT, "description": json.dumps(asdict(description))}))


def _stored(tensor: Tensor) -> Tensor:
    """As in the file: statistics and biases, which are few, keep their precision."""
    return tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor


def read_model(name_or_path: str) -> tuple[ModelDescription, HourglassNetwork]:
    """Read and check the file of a model that runs on any camera; the network is on the CPU, in evaluation mode.

    Raises ModelFileError, one sentence that names the file and what is wrong with it.
    """
    description, network = read_any_model(name_or_path)
    if not isinstance(network, HourglassNetwork):
        raise ModelFileError(
            f"{model_path(name_or_path)} cannot be used here: it holds the {description.network} network for the "
            f"skeleton {description.skeleton}, which only `dense3d evaluate` runs; "
            f"accepted: an hourglass for {SKELETON}"
        )
    return description, network


def read_any_model(name_or_path: str) -> tuple[ModelDescription, HourglassNetwork | PaperNetwork]:
    """As `read_model`, but of any network and skeleton."""
    path = model_path(name_or_path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            description = _description(metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        network = description.build_network()
        _check_tensors(network, tensors)
    except SafetensorError as error:
        raise ModelFileError(
            f"{path} cannot be used as a model: it is no safetensors file, or not all of one ({error})"
        ) from error
    except (OSError, ModelFileError) as error:
        raise ModelFileError(f"{path} cannot be used as a model: {error}") from error
    network.load_state_dict(tensors)
    return description, network.eval()


def _description(metadata: dict[str, str]) -> ModelDescription:
    if metadata.get("format") != FORMAT:
        raise ModelFileError(f"its format is {metadata.get('format')!r}, accepted: {FORMAT!r}")
    try:
        data = json.loads(metadata.get("description", ""))
    except json.JSONDecodeError as error:
        raise ModelFileError(f"its description is no JSON ({error})") from error
    if not isinstance(data, dict):
        raise ModelFileError("its description is no JSON object")
    known = {item.name for item in fields(ModelDescription)}
    required = {"name", "stacks", "features", "half_size", "ball_radius", "resolution", "licence"}
    if set(data) - known or required - set(data):
        raise ModelFileError(
            f"its description has unknown entries {sorted(set(data) - known)} and lacks {sorted(required - set(data))}"
        )
    joints = data.get("joints", JOINT_NAMES)
    if not isinstance(joints, list | tuple):
        raise ModelFileError(f"joints must be a list of names, got {joints!r}")
    try:
        confidence = Confidence.from_json(data.get("confidence", {}))
    except ValueError as error:
        raise ModelFileError(f"its confidence is wrong: {error}") from error
    return ModelDescription(**{**data, "joints": tuple(joints), "confidence": confidence})


def _check_tensors(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    expected = network.state_dict()
    missing, foreign = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    if missing or foreign:
        raise ModelFileError(
            f"its weights do not fit its description: {len(missing)} are missing ({sorted(missing)[:2]}), "
            f"{len(foreign)} are foreign ({sorted(foreign)[:2]})"
        )
    for name, tensor in tensors.items():
        want = expected[name]
        if tensor.shape != want.shape or tensor.dtype not in (want.dtype, _stored(want).dtype):
            raise ModelFileError(
                f"{name} is {tuple(tensor.shape)} {tensor.dtype}, expected {tuple(want.shape)} {want.dtype}"
            )
        if not torch.isfinite(tensor).all():
            raise ModelFileError(f"{name} holds NaN or Inf")
