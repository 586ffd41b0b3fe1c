"""What every runtime does, and the errors of choosing one."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class RuntimeUnavailableError(ValueError):
    """A runtime that this machine, installation or device does not have."""


class Outputs(NamedTuple):
    """joints (B, 21, 3) metres in the camera frame; spread (B, 21) metres; logits (B, 2): hand, right hand."""

    joints: Array
    spread: Array
    logits: Array


class Runtime(Protocol):
    """A network with votes and fusion, ready to run. One call at a time."""

    def run(self, images: Array, cameras: Array, centres: Array) -> Outputs:
        """All float32: images (B, 1, S, S) normalised crops, cameras (B, 4) fx, fy, cx, cy, centres (B, 3) metres.

        The outputs are the caller's to keep.
        """
        ...
