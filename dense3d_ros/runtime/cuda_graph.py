"""PyTorch with one upload, one CUDA graph and one download for a batch; the network in half precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dense3d_ros.dense.maps import Maps
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.hand import JOINT_COUNT
from dense3d_ros.runtime.interface import Array, Outputs

READY_BATCHES = (1, 2, 4, 8)
"""Captured at once; larger powers of two when they are first needed."""
_CAMERA, _CENTRE = 4, 3
_JOINTS, _LOGITS = 3 * JOINT_COUNT, 2


class HalfPrecision(nn.Module):
    """The convolutions in float16; points, votes, fusion and the hand's judgement keep float32."""

    def __init__(self, network: HourglassNetwork) -> None:
        super().__init__()
        self.network = network.half()
        self.hand_head = network.hand_head.float()

    def forward(self, crops: Tensor) -> tuple[list[Maps], Tensor]:
        stacks, summary = self.network(crops.half())
        return stacks, summary


@dataclass(frozen=True)
class _Slot:
    """Memory for one batch size, a row a crop, and what computes `results` from `inputs` on the device."""

    sent: Tensor
    inputs: Tensor
    compute: Callable[[], None]
    results: Tensor
    received: Tensor


class CudaGraphRuntime:
    """Runs batches padded to a power of two. On the CPU it does the same without graphs, for tests.

    half: the network in float16; else everything is float32.
    """

    def __init__(self, regressor: DenseRegressor, device: str, resolution: int, *, half: bool = True) -> None:
        self._device = torch.device(device)
        self._resolution = resolution
        if half:
            regressor = DenseRegressor(HalfPrecision(regressor.network), regressor.geometry)  # type: ignore[arg-type]
        self._regressor = regressor.eval().to(self._device)
        self._regressor.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._slots: dict[int, _Slot] = {}
        if self._is_cuda:
            for batch in READY_BATCHES:
                self._slots[batch] = self._make_slot(batch)

    @property
    def _is_cuda(self) -> bool:
        return self._device.type == "cuda"

    @torch.inference_mode()
    def run(self, images: Array, cameras: Array, centres: Array) -> Outputs:
        """See `Runtime.run`."""
        count = len(images)
        batch = 1 << (count - 1).bit_length()
        if batch not in self._slots:
            self._slots[batch] = self._make_slot(batch)
        slot = self._slots[batch]
        rows = slot.sent.numpy()[:count]
        np.concatenate([images.reshape(count, -1), cameras, centres], axis=1, out=rows)
        slot.inputs.copy_(slot.sent, non_blocking=True)
        slot.compute()
        slot.received.copy_(slot.results, non_blocking=True)
        if self._is_cuda:
            torch.cuda.current_stream(self._device).synchronize()
        # Copied: the next run writes over it.
        received = slot.received.numpy()[:count].copy()
        joints, spread, logits = np.split(received, [_JOINTS, _JOINTS + JOINT_COUNT], axis=1)
        return Outputs(joints.reshape(count, JOINT_COUNT, 3), spread, logits)

    @torch.inference_mode()
    def _make_slot(self, batch: int) -> _Slot:
        width, results_width = self._resolution**2 + _CAMERA + _CENTRE, _JOINTS + JOINT_COUNT + _LOGITS
        # Ones, so that rows no crop has filled yet divide by no zero.
        sent = torch.ones(batch, width, pin_memory=self._is_cuda)
        received = torch.zeros(batch, results_width, pin_memory=self._is_cuda)
        inputs = torch.ones(batch, width, device=self._device)
        results = torch.zeros(batch, results_width, device=self._device)

        def compute() -> None:
            results.copy_(self._compute(inputs))

        if not self._is_cuda:
            return _Slot(sent, inputs, compute, results, received)
        with torch.cuda.device(self._device):
            # What is set up lazily, such as the choice of convolutions, cannot be captured.
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    compute()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                compute()
        return _Slot(sent, inputs, graph.replay, results, received)

    def _compute(self, inputs: Tensor) -> Tensor:
        """Rows of image, camera and centre -> rows of joints, spread and logits."""
        pixels = self._resolution**2
        image, camera, centre = torch.split(inputs, [pixels, _CAMERA, _CENTRE], dim=1)
        image = image.reshape(-1, 1, self._resolution, self._resolution)
        joints, spread, logits = self._regressor(image, camera, centre)
        return torch.cat([joints.flatten(1), spread, logits], dim=1)
