"""PyTorch with one upload, one CUDA graph and one download for a batch: crops, network, votes and fusion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from dense3d_ros.dense.maps import Maps
from dense3d_ros.dense.network import Features, HourglassNetwork
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.geometry.crop import Crop
from dense3d_ros.geometry.hand import JOINT_COUNT
from dense3d_ros.runtime.device_crop import header_words, pack, unpack, words_needed
from dense3d_ros.runtime.eager import full_precision
from dense3d_ros.runtime.interface import Outputs

READY_BATCHES = (1, 2, 4, 8)
"""Captured at once; larger powers of two when they are first needed."""
_READY_PIXELS = 640 * 480
"""uint16 pixels a crop for which there is room at once. Larger images are captured anew when they first come."""
_JOINTS, _LOGITS = 3 * JOINT_COUNT, 2


class HalfPrecision(nn.Module):
    """The convolutions in float16; points, votes, fusion, refinement and the hand's judgement keep float32."""

    def __init__(self, network: HourglassNetwork) -> None:
        super().__init__()
        self.network = network.half()
        self.hand_head = network.hand_head.float()
        self.refinement = network.refinement.float() if network.refinement is not None else None

    def forward(self, crops: Tensor) -> tuple[list[Maps], Features]:
        maps, features = self.network(crops.half())
        return maps, features


@dataclass(frozen=True)
class Slot:
    """Memory for one batch size, and what computes `results`, a row a crop, from `inputs` on the device."""

    sent: Tensor
    inputs: Tensor
    compute: Callable[[], None]
    results: Tensor
    received: Tensor


class CudaGraphRuntime:
    """Runs batches padded to a power of two. On the CPU it does the same without graphs.

    half: the network in float16; else everything is float32. compiled: by torch.compile, which takes a minute or more.
    """

    crops_itself = True
    failure = ""

    def __init__(
        self, regressor: DenseRegressor, device: str, resolution: int, *, half: bool = True, compiled: bool = False
    ) -> None:
        self._device = torch.device(device)
        self._resolution = resolution
        if half:
            network = cast(HourglassNetwork, HalfPrecision(regressor.network))
            regressor = DenseRegressor(network, regressor.geometry)
        regressor = regressor.eval().to(self._device)
        regressor.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._regressor: Callable[..., tuple[Tensor, ...]] = torch.compile(regressor) if compiled else regressor
        self._slots: dict[int, Slot] = {}
        for batch in READY_BATCHES if self._is_cuda or compiled else ():
            self._slots[batch] = self._make_slot(batch, batch * (header_words(resolution) + _READY_PIXELS // 2))

    @property
    def _is_cuda(self) -> bool:
        return self._device.type == "cuda"

    @torch.inference_mode()
    def run(self, crops: Sequence[Crop]) -> Outputs:
        """See `Runtime.run`."""
        slot = self.upload(crops)
        slot.compute()
        return self.download(slot, len(crops))

    @torch.inference_mode()
    def upload(self, crops: Sequence[Crop]) -> Slot:
        """Start to send the crops' pixels; the slot's `compute` then makes its results of them."""
        regions = [crop.region() for crop in crops]
        batch = 1 << (len(regions) - 1).bit_length()
        needed = words_needed(regions, batch, self._resolution)
        if batch not in self._slots or len(self._slots[batch].sent) < needed:
            self._slots[batch] = self._make_slot(batch, needed)
        slot = self._slots[batch]
        used = pack(regions, batch, self._resolution, slot.sent.numpy())
        slot.inputs[:used].copy_(slot.sent[:used], non_blocking=True)
        return slot

    @torch.inference_mode()
    def download(self, slot: Slot, count: int) -> Outputs:
        """Wait for the slot's results and fetch those of the first `count` crops."""
        slot.received.copy_(slot.results, non_blocking=True)
        self.wait()
        # Copied: the next run writes over it.
        received = slot.received.numpy()[:count].copy()
        joints, spread, logits = np.split(received, [_JOINTS, _JOINTS + JOINT_COUNT], axis=1)
        return Outputs(joints.reshape(count, JOINT_COUNT, 3), spread, logits)

    def wait(self) -> None:
        """Until the device has done all that was asked of it."""
        if self._is_cuda:
            torch.cuda.current_stream(self._device).synchronize()

    @torch.inference_mode()
    def _make_slot(self, batch: int, words: int) -> Slot:
        results_width = _JOINTS + JOINT_COUNT + _LOGITS
        sent = torch.zeros(words, dtype=torch.int32, pin_memory=self._is_cuda)
        received = torch.zeros(batch, results_width, pin_memory=self._is_cuda)
        inputs = torch.zeros(words, dtype=torch.int32, device=self._device)
        results = torch.zeros(batch, results_width, device=self._device)

        def compute() -> None:
            results.copy_(self._compute(inputs, batch))

        if not self._is_cuda:
            # What is compiled is compiled now.
            compute()
            return Slot(sent, inputs, compute, results, received)
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
        return Slot(sent, inputs, graph.replay, results, received)

    def _compute(self, words: Tensor, batch: int) -> Tensor:
        """Packed crops -> rows of joints, spread and logits."""
        with full_precision():
            joints, spread, logits = self._regressor(*unpack(words, batch, self._resolution))
        return torch.cat([joints.flatten(1), spread, logits], dim=1)
