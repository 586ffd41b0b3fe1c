"""A trained model as one safetensors file: weights and a description of what they are, both checked on load."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from safetensors.numpy import save

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.dense.layout import SMALLEST_MAP, STRIDES
from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.hand import JOINT_COUNT, JOINT_NAMES, SKELETON
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.tensor_file import (
    Array,
    Header,
    TensorFileError,
    digest,
    parse_json,
    read_header,
    read_tensors,
)

if TYPE_CHECKING:
    # Networks are torch's, which a robot whose runtime reads a recorded graph does without.
    from torch import Tensor, nn

    from dense3d_ros.dense.detector_network import DetectorNetwork
    from dense3d_ros.dense.maps import MapGeometry
    from dense3d_ros.dense.network import HourglassNetwork
    from dense3d_ros.dense.paper_network import PaperNetwork

FORMAT = "dense3d_ros model 1"
LICENCE = "Apache-2.0"
"""Of the models that this package trains on its own synthetic hands."""
SUFFIX = ".safetensors"
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
_SHIPPED = Path(__file__).parents[1] / "models"
_SHOWN = 160
"""Characters of a path in an error."""
_LONGEST_DESCRIPTION = 1 << 20
_LONGEST_NAME = 200
_LARGEST_NUMBER = 1e6
"""In the confidence; what is larger may overflow."""

Network: TypeAlias = "HourglassNetwork | PaperNetwork | DetectorNetwork"


class ModelFileError(ValueError):
    """A model file that is missing, broken, foreign, or describes what its weights are not."""


@dataclass(frozen=True)
class ModelDescription:
    """What a model file says of itself.

    network: "hourglass", which everything in this package runs, "paper", for training and evaluation alone, or
    "detector", which finds hands in whole images.
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
                raise ModelFileError(f"{name} must be a {number} within {low}..{high}, got {excerpt(repr(value))}")
        if self.stride not in STRIDES:
            raise ModelFileError(f"stride must be 4 or 8, got {self.stride}")
        if self.resolution % (SMALLEST_MAP * self.stride) or self.features % 2:
            raise ModelFileError(
                f"resolution must be a multiple of {SMALLEST_MAP * self.stride} and features even, "
                f"got {self.resolution} and {self.features}"
            )
        if type(self.views) is not int or self.views not in (1, 3):
            raise ModelFileError(f"views must be 1 or 3, got {excerpt(repr(self.views))}")
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

    @property
    def geometry(self) -> MapGeometry:
        """Of the hourglass's maps."""
        from dense3d_ros.dense.maps import metric_geometry

        return metric_geometry(self.half_size, self.ball_radius, self.stride)


def available_models() -> list[str]:
    """Names of the models that come with the package."""
    folder = _SHIPPED
    return sorted(path.stem for path in folder.glob(f"*{SUFFIX}"))


def model_path(name_or_path: str) -> Path:
    """The file of a shipped model's name or of a path; ModelFileError says what there is."""
    is_path = name_or_path.endswith(SUFFIX) or os.sep in name_or_path
    asked = excerpt(name_or_path, _SHOWN)
    try:
        path = Path(name_or_path).expanduser() if is_path else _SHIPPED / (name_or_path + SUFFIX)
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_file = False
    except (OSError, ValueError, RuntimeError) as error:
        # Folders that may not be entered, names that are too long or no names, homes of nobody.
        raise ModelFileError(f"model '{asked}' cannot be read: {_reason(error)}") from error
    if not is_file:
        raise ModelFileError(
            f"model '{asked}': there is no file {excerpt(path, _SHOWN)}; accepted: a path that ends in {SUFFIX} or "
            f"one of {', '.join(available_models()) or '(no model is installed)'}"
        )
    return path


def save_model(path: Path, network: nn.Module, description: ModelDescription) -> None:
    """Write weights, description and the digest of both, whole or not at all; matrices in half precision."""
    tensors = stored_tensors(network)
    text = json.dumps(asdict(description))
    metadata = {"format": FORMAT, "description": text, "sha256": digest(text, tensors)}
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def stored_tensors(network: nn.Module) -> dict[str, Array]:
    """A network's weights as they are in its file."""
    return {name: _stored(tensor.detach()).cpu().contiguous().numpy() for name, tensor in network.state_dict().items()}


def _stored(tensor: Tensor) -> Tensor:
    """As in the file: statistics and biases, which are few, keep their precision."""
    return tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor


def read_model(name_or_path: str) -> tuple[ModelDescription, HourglassNetwork]:
    """Read and check the file of a model that runs on any camera; the network is on the CPU, in evaluation mode.

    Raises ModelFileError, one sentence that names the file and what is wrong with it.
    """
    description, network = read_any_model(name_or_path)
    check_hourglass(model_path(name_or_path), description)
    return description, cast("HourglassNetwork", network)


def check_hourglass(path: Path, description: ModelDescription) -> None:
    """Raise ModelFileError, one sentence, where the file's network does not look at crops of hands."""
    if description.network != "hourglass":
        raise ModelFileError(
            f"{excerpt(path, _SHOWN)} cannot be used here: it holds the {description.network} "
            f"network for the skeleton {description.skeleton}, which does not look at crops of hands; "
            f"accepted: an hourglass for {SKELETON}"
        )


def read_any_model(name_or_path: str) -> tuple[ModelDescription, Network]:
    """As `read_model`, but of any network and skeleton."""
    networks: list[Network] = []

    def check(description: ModelDescription, header: Header) -> None:
        # Only now: a file that is no model must not cost a robot's process the 200 MiB of torch.
        import torch

        # Without memory: the description may name more than the file holds.
        with torch.device("meta"):
            networks.append(description.build_network())
        _check_shapes(networks[0].state_dict(), header)

    description, tensors = _read(model_path(name_or_path), check)
    import torch

    (network,) = networks
    # Copied: what was read is not to be written to.
    weights = {name: torch.tensor(tensors[name], dtype=want.dtype) for name, want in network.state_dict().items()}
    network.load_state_dict(weights, assign=True)
    return description, network.eval()


def read_weights(path: Path) -> tuple[ModelDescription, dict[str, Array]]:
    """Description and weights of a file, without torch; whether they fit each other is for the caller to know.

    Raises ModelFileError, one sentence that names the file and what is wrong with it.
    """
    return _read(path, lambda description, header: None)


def _read(path: Path, check: Callable[[ModelDescription, Header], None]) -> tuple[ModelDescription, dict[str, Array]]:
    """`check` is called before the weights are read."""
    try:
        with path.open("rb") as file:
            header = read_header(file)
            description = _description(header.metadata)
            check(description, header)
            tensors = read_tensors(file, header)
        _check_values(header.metadata, tensors)
    except (OSError, TensorFileError, ModelFileError) as error:
        raise ModelFileError(f"{excerpt(path, _SHOWN)} cannot be used as a model: {_reason(error)}") from error
    return description, tensors


def _reason(error: Exception) -> str:
    """Of an error of the system without the file's name, which may be long."""
    return excerpt((error.strerror if isinstance(error, OSError) else None) or error, 2 * _SHOWN)


def _description(metadata: dict[str, str]) -> ModelDescription:
    if metadata.get("format") != FORMAT:
        raise ModelFileError(f"its format is {excerpt(repr(metadata.get('format')))}, accepted: {FORMAT!r}")
    if unknown := metadata.keys() - {"format", "description", "sha256"}:
        raise ModelFileError(f"its metadata have unknown entries {excerpt(sorted(unknown))}")
    text = metadata.get("description", "")
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
    return ModelDescription(**{**data, "joints": tuple(joints), "confidence": _confidence(data.get("confidence", {}))})


def _confidence(data: Any) -> Confidence:
    try:
        confidence = Confidence.from_json(data)
    except ValueError as error:
        raise ModelFileError(f"its confidence is wrong: {excerpt(error, 2 * _SHOWN)}") from error
    for item in fields(Confidence):
        value = getattr(confidence, item.name)
        if isinstance(value, tuple) and any(abs(number) > _LARGEST_NUMBER for number in value):
            raise ModelFileError(f"its confidence is wrong: {item.name} has numbers above {_LARGEST_NUMBER:g}")
    return confidence


def _check_shapes(expected: dict[str, Tensor], header: Header) -> None:
    """Names, shapes and types in the file against those of the described network."""
    missing, foreign = expected.keys() - header.tensors.keys(), header.tensors.keys() - expected.keys()
    if missing or foreign:
        raise ModelFileError(
            f"its weights do not fit its description: {len(missing)} are missing ({excerpt(sorted(missing)[:2])}), "
            f"{len(foreign)} are foreign ({excerpt(sorted(foreign)[:2])})"
        )
    for name, want in expected.items():
        dtype, shape = header.tensors[name]
        full, stored = (str(tensor.dtype).removeprefix("torch.") for tensor in (want, _stored(want)))
        if shape != tuple(want.shape) or str(dtype) not in (full, stored):
            raise ModelFileError(f"{name} is {excerpt(shape)} {dtype}, expected {tuple(want.shape)} {stored}")


def _check_values(metadata: dict[str, str], tensors: dict[str, Array]) -> None:
    """Everything as it was written, where the file says so, and numbers that a network can be made of."""
    if "sha256" in metadata and metadata["sha256"] != digest(metadata["description"], tensors):
        raise ModelFileError("it is damaged: weights and description are not those that were written")
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ModelFileError(f"{name} holds NaN or Inf")
        if name.endswith("running_var") and np.any(np.asarray(tensor, np.float32) < 0):
            raise ModelFileError(f"{name} holds a variance below 0")
