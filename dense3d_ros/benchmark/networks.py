"""Networks x runtimes x batch sizes: crops in, joints out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from dense3d_ros.benchmark.timing import time_calls
from dense3d_ros.crop import HandCrop
from dense3d_ros.dense.maps import PAPER, Maps, metric_geometry
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.model import fold_batch_norm
from dense3d_ros.model_file import read_model
from dense3d_ros.runtime.interface import Array, RuntimeUnavailableError
from dense3d_ros.runtime.selection import make_runtime

PAPER_NAME = "paper"
PAPER_RESOLUTION = 128


class PaperWithoutHead(nn.Module):
    """The paper's network where the default one is expected; it does not judge whether there is a hand."""

    def __init__(self, network: PaperNetwork) -> None:
        super().__init__()
        self.network = network
        self.hand_head = _NoHead()

    def forward(self, crops: Tensor) -> tuple[list[Maps], Tensor]:
        return self.network(crops)[-1:], crops.new_zeros(crops.shape[0], 1)


class _NoHead(nn.Module):
    def forward(self, summary: Tensor, joints: Tensor, spread: Tensor, closeness: Tensor) -> Tensor:
        return summary.expand(-1, 2)


def paper_regressor() -> DenseRegressor:
    """The paper's network with random weights, which cost what trained ones do, and the default fusion of votes."""
    torch.manual_seed(0)
    network = PaperNetwork()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    # Statistics as after training: without them the values would fade into denormal numbers, which are slow.
    with torch.inference_mode():
        network.train()(torch.rand(2, 1, PAPER_RESOLUTION, PAPER_RESOLUTION))
    fold_batch_norm(network.eval())
    return DenseRegressor(cast(HourglassNetwork, PaperWithoutHead(network)), PAPER).eval()


def model_regressor(name_or_path: str) -> tuple[DenseRegressor, int]:
    """A model's regressor and resolution."""
    description, network = read_model(name_or_path)
    fold_batch_norm(network)
    geometry = metric_geometry(description.half_size, description.ball_radius)
    return DenseRegressor(network, geometry).eval(), description.resolution


def stacked(crops: Sequence[HandCrop], count: int) -> tuple[Array, Array, Array]:
    """`count` of the crops, over and over, as a runtime takes them."""
    chosen = [crops[index % len(crops)] for index in range(count)]
    cameras = [(crop.camera.fx, crop.camera.fy, crop.camera.cx, crop.camera.cy) for crop in chosen]
    images = np.stack([crop.image for crop in chosen])[:, None]
    return images, np.array(cameras, np.float32), np.stack([crop.centre for crop in chosen])


def time_networks(
    networks: Sequence[str],
    runtimes: Sequence[str],
    device: str,
    batches: Sequence[int],
    repeats: int,
    crops_of: Callable[[int], Sequence[HandCrop]],
) -> list[dict[str, Any]]:
    """A row for each network, runtime and batch size. networks: models and PAPER_NAME. `crops_of(resolution)`: crops.

    Every network's joints are compared with the first runtime's, its largest mean distance of a crop is in the row.
    """
    rows: dict[str, dict[str, Any]] = {}
    calls: dict[str, Callable[[], object]] = {}
    for network in networks:
        reference: Array | None = None
        for name in runtimes:
            regressor, resolution = (
                (paper_regressor(), PAPER_RESOLUTION) if network == PAPER_NAME else model_regressor(network)
            )
            started = time.perf_counter()
            try:
                runtime = make_runtime(name, regressor, device, resolution)
            except RuntimeUnavailableError:
                continue
            seconds = time.perf_counter() - started
            crops = crops_of(resolution)
            joints = runtime.run(*stacked(crops, len(crops))).joints
            reference = joints if reference is None else reference
            # The paper's points are in millimetres, and random weights have no joints to compare.
            difference = (
                np.linalg.norm(joints - reference, axis=-1).mean(axis=1).max() if network != PAPER_NAME else None
            )
            for batch in batches:
                key = f"{network} {name} {batch}"
                rows[key] = {
                    "network": network,
                    "runtime": name,
                    "device": device,
                    "batch": batch,
                    "resolution": resolution,
                    "build_seconds": round(seconds, 2),
                    "difference_mm": None if difference is None else round(1000 * float(difference), 4),
                }
                calls[key] = partial(runtime.run, *stacked(crops, batch))
    for key, times in time_calls(calls, repeats).items():
        rows[key] |= asdict(times)
        rows[key]["hands_per_second"] = round(1000 * rows[key]["batch"] / times.p50, 1)
    return list(rows.values())


def arithmetic(model: str, gflops: float) -> list[dict[str, Any]]:
    """Multiply-adds and weights of the model's network and of the paper's, of one crop.

    floor_ms: what the operations take at `gflops`; no runtime can be faster without fewer or cheaper ones.
    """
    regressor, resolution = model_regressor(model)
    rows = []
    for name, network, size in (
        (model, regressor.network, resolution),
        (PAPER_NAME, PaperNetwork().eval(), PAPER_RESOLUTION),
    ):
        operations = _multiply_adds(network, size)
        weights = sum(parameter.numel() for parameter in network.parameters())
        rows.append(
            {
                "network": name,
                "resolution": size,
                "gmacs": round(operations / 1e9, 3),
                "million_weights": round(weights / 1e6, 3),
                "floor_ms": round(2 * operations / (gflops * 1e6), 3),
            }
        )
    return rows


def matrix_gflops(device: str, repeats: int = 30) -> float:
    """Float32 operations a second, in 1e9, of the best of `repeats` large matrix products on all cores."""
    size = 1024
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    threads = torch.get_num_threads()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    # To the CPU, so that a GPU has finished.
    times = time_calls({"product": lambda: (a @ b)[0, 0].item()}, repeats)
    torch.set_num_threads(threads)
    return round(2 * size**3 / (times["product"].least * 1e6), 1)


@torch.inference_mode()
def _multiply_adds(network: nn.Module, resolution: int) -> int:
    total = 0

    def count(module: Any, _: object, output: Tensor) -> None:
        nonlocal total
        total += output[0].numel() * module.weight[0].numel()

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    network(torch.zeros(1, 1, resolution, resolution))
    for hook in hooks:
        hook.remove()
    return total
