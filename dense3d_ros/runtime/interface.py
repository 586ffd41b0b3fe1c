"""What every runtime does, and the errors of choosing one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.crop import Crop

Array = NDArray[np.float32]


class RuntimeUnavailableError(ValueError):
    """A runtime that this machine, installation or device does not have."""


class NonFiniteOutputError(ValueError):
    """A network that answers with NaN or infinity, as with a damaged weight."""


def is_finite(outputs: Iterable[NDArray[np.floating]]) -> bool:
    """Whether a network's outputs are numbers throughout."""
    return all(bool(np.isfinite(array).all()) for array in outputs)


def check_finite(outputs: Iterable[NDArray[np.floating]], network: str) -> None:
    """Raise NonFiniteOutputError, one sentence that begins with the network's name, unless they are."""
    if not is_finite(outputs):
        raise NonFiniteOutputError(f"{network} gives NaN or infinity")


class Outputs(NamedTuple):
    """joints (B, 21, 3) metres in the crop's frame; spread (B, 21) metres; logits (B, 2): hand, right hand."""

    joints: Array
    spread: Array
    logits: Array


class Runtime(Protocol):
    """A network with votes and fusion, ready to run. One call at a time.

    crops_itself: whether it rather takes a CropRegion than a HandCrop, because its device makes the image.
    failure: why eager float32 took its place, in a few words; empty where it did not.
    """

    crops_itself: bool
    failure: str

    def run(self, crops: Sequence[Crop]) -> Outputs:
        """All crops, at least one, in one batch. The outputs are the caller's to keep."""
        ...


def arrays(crops: Sequence[Crop]) -> tuple[Array, Array, Array]:
    """images (B, 1, S, S), cameras (B, 4) fx, fy, cx, cy and centres (B, 3), all float32."""
    images = np.stack([crop.image for crop in crops])[:, None]
    cameras = [crop.camera.pinhole for crop in crops]
    return images, np.array(cameras, np.float32), np.stack([crop.centre for crop in crops])
