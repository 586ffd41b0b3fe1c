"""PyTorch as it is, on any device."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch

from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.geometry.crop import Crop
from dense3d_ros.runtime.interface import Outputs, arrays


class EagerRuntime:
    """Runs the module operation by operation in float32."""

    crops_itself = False
    failure = ""

    def __init__(self, regressor: DenseRegressor, device: str) -> None:
        self._device = device
        self._regressor = regressor.eval().to(device)
        self._regressor.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device == "cpu":
            _leave_cores_to_others()

    @torch.inference_mode()
    def run(self, crops: Sequence[Crop]) -> Outputs:
        """See `Runtime.run`."""
        inputs = (torch.from_numpy(array).to(self._device) for array in arrays(crops))
        with full_precision():
            joints, spread, logits = self._regressor(*inputs)
        return Outputs(joints.cpu().numpy(), spread.cpu().numpy(), logits.cpu().numpy())


def full_precision() -> AbstractContextManager[None]:
    """Float32 as it is: a GPU's convolutions would round it to TF32, which has the digits of float16."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)  # type: ignore[no-any-return, no-untyped-call]


def _leave_cores_to_others() -> None:
    """Half of the cores, unless OMP_NUM_THREADS says how many.

    OpenMP's threads spin while they wait for each other. Where another busy process holds one of their cores, every
    operation waits for the scheduler: frames took 10 times as long on two cores shared with a training.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
