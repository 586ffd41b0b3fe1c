"""Networks x runtimes x batch sizes: crops in, joints out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from dense3d_ros.benchmark.figures import Arithmetic, NetworkTimes, Times
from dense3d_ros.benchmark.timing import percentiles, time_calls
from dense3d_ros.dense.folding import fold_batch_norm
from dense3d_ros.dense.maps import PAPER, Maps, foreground, map_points, sample_depth, votes
from dense3d_ros.dense.network import Features, HourglassNetwork
from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.dense.regressor import DenseRegressor, dense_output
from dense3d_ros.dense.voting import softmax_fusion
from dense3d_ros.geometry.crop import Crop, HandCrop
from dense3d_ros.perception.model_file import read_model
from dense3d_ros.runtime.cuda_graph import CudaGraphRuntime
from dense3d_ros.runtime.interface import Array, Runtime, RuntimeUnavailableError, arrays
from dense3d_ros.runtime.selection import choose_runtime, make_runtime

PAPER_NAME = "paper"
PAPER_RESOLUTION = 128


class PaperWithoutHead(nn.Module):
    """The paper's network where the default one is expected; it does not judge whether there is a hand."""

    def __init__(self, network: PaperNetwork) -> None:
        super().__init__()
        self.network = network
        self.hand_head = _NoHead()
        self.refinement = None

    def forward(self, crops: Tensor) -> tuple[list[Maps], Features]:
        maps = self.network(crops)[-1:]
        return maps, Features(maps[0].hm, crops.new_zeros(crops.shape[0], 1))


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
    """A model's regressor and its resolution."""
    description, network = read_model(name_or_path)
    fold_batch_norm(network)
    return DenseRegressor(network, description.geometry).eval(), description.resolution


def repeated(crops: Sequence[HandCrop], count: int) -> list[HandCrop]:
    """`count` of the crops, over and over."""
    return [crops[index % len(crops)] for index in range(count)]


@dataclass(frozen=True)
class _Built:
    """A network in a runtime, and how long it took to make that."""

    runtime: Runtime
    resolution: int
    seconds: float


@dataclass(frozen=True)
class _Case:
    """What is timed: a batch of a network in a runtime. distances: (B, 21) mm from the first runtime's joints."""

    network: str
    runtime: str
    built: _Built
    batch: int
    distances: Array | None
    call: Callable[[], object]


def time_networks(
    networks: Sequence[str],
    runtimes: Sequence[str],
    device: str,
    batches: Sequence[int],
    repeats: int,
    crops_of: Callable[[int], Sequence[HandCrop]],
    views: int = 1,
) -> list[NetworkTimes]:
    """A row for each network, runtime and batch size. networks: models and PAPER_NAME. `crops_of(resolution)`: crops.
    views: crops of each hand that the models run on.

    Every network's joints are compared with the first runtime's, the largest distance of a joint and the largest mean
    distance of a crop's joints are in the row.
    """
    cases: dict[str, _Case] = {}
    for network in networks:
        reference: Array | None = None
        for name in runtimes:
            built = _built(network, name, device)
            if built is None:
                continue
            crops = crops_of(built.resolution)
            joints = built.runtime.run(crops).joints
            reference = joints if reference is None else reference
            # The paper's points are in millimetres, and random weights have no joints to compare.
            distances = None if network == PAPER_NAME else 1000 * np.linalg.norm(joints - reference, axis=-1)
            for batch in batches:
                call = partial(built.runtime.run, repeated(crops, batch))
                cases[f"{network} {name} {batch}"] = _Case(network, name, built, batch, distances, call)
    times = time_calls({key: case.call for key, case in cases.items()}, repeats)
    return [_row(case, times[key], device, views) for key, case in cases.items()]


def _built(network: str, runtime: str, device: str) -> _Built | None:
    """None where this machine does not have the runtime."""
    regressor, resolution = (paper_regressor(), PAPER_RESOLUTION) if network == PAPER_NAME else model_regressor(network)
    started = time.perf_counter()
    try:
        ready = make_runtime(runtime, regressor, device, resolution)
    except RuntimeUnavailableError:
        return None
    return _Built(ready, resolution, time.perf_counter() - started)


def _row(case: _Case, times: Times, device: str, views: int) -> NetworkTimes:
    distances = case.distances
    crops_per_hand = 1 if case.network == PAPER_NAME else views
    return {
        "network": case.network,
        "runtime": case.runtime,
        "device": device,
        "batch": case.batch,
        "resolution": case.built.resolution,
        "crops_per_hand": crops_per_hand,
        "build_seconds": round(case.built.seconds, 2),
        "difference_mm": None if distances is None else round(float(distances.max()), 4),
        "mean_difference_mm": None if distances is None else round(float(distances.mean(1).max()), 4),
        **times,
        "hands_per_second": round(1000 * case.batch / crops_per_hand / times["p50"], 1),
    }


def time_layers(name_or_path: str, crops: Sequence[HandCrop], repeats: int) -> dict[str, Times]:
    """Kind of layer -> times in OpenVINO, one crop at a time; empty where that is not installed."""
    try:
        choose_runtime("openvino", "cpu")
    except RuntimeUnavailableError:
        return {}
    from dense3d_ros.runtime.openvino_cpu import OpenVinoRuntime

    regressor, resolution = model_regressor(name_or_path)
    runtime = OpenVinoRuntime(regressor, resolution, counting=True)
    taken: dict[str, list[float]] = {}
    for index in range(-10, repeats):
        runtime.run([crops[index % len(crops)]])
        for kind, milliseconds in runtime.layer_ms().items() if index >= 0 else ():
            taken.setdefault(kind, []).append(milliseconds)
    times = {kind: percentiles(milliseconds) for kind, milliseconds in taken.items()}
    slowest_first = sorted(times, key=lambda kind: -times[kind]["p50"])
    return {kind: times[kind] for kind in slowest_first if times[kind]["p50"]}


def time_device(name_or_path: str, device: str, crops: Sequence[Crop], repeats: int) -> dict[str, Times]:
    """Stages of one crop at a time in the runtime cuda_graph, each waited for."""
    regressor, resolution = model_regressor(name_or_path)
    runtime = CudaGraphRuntime(regressor, device, resolution)
    taken: dict[str, list[float]] = {"upload": [], "crop, network, votes": [], "download": []}
    for index in range(-10, repeats):
        marks = [time.perf_counter()]
        slot = runtime.upload([crops[index % len(crops)]])
        runtime.wait()
        marks.append(time.perf_counter())
        with torch.inference_mode():
            slot.compute()
        runtime.wait()
        marks.append(time.perf_counter())
        runtime.download(slot, 1)
        marks.append(time.perf_counter())
        for stage, seconds in zip(taken.values(), np.diff(marks), strict=True):
            if index >= 0:
                stage.append(1000 * float(seconds))
    return {stage: percentiles(milliseconds) for stage, milliseconds in taken.items()}


def votes_call(name_or_path: str, device: str, crop: HandCrop) -> Callable[[], object]:
    """What turns one crop's maps into joints, operation by operation in torch."""
    regressor, _ = model_regressor(name_or_path)
    regressor.to(device)
    image, camera, centre = (torch.from_numpy(array).to(device) for array in arrays([crop]))
    geometry = regressor.geometry
    with torch.inference_mode():
        maps = dense_output(regressor.network, image, camera, centre, geometry).stages[0].maps

    @torch.inference_mode()
    def call() -> object:
        depth = sample_depth(image, geometry)
        points = map_points(depth, camera, centre, geometry)
        voted = votes(points, maps.h3, maps.um, geometry)
        # To the CPU, so that a GPU has finished.
        return softmax_fusion(maps.hm, maps.h3, voted, foreground(depth, geometry))[0].cpu()

    return call


def arithmetic(model: str, gflops: float) -> list[Arithmetic]:
    """Multiply-adds and weights of the model's network and of the paper's, of one crop.

    floor_ms: what the operations take at `gflops`; no runtime can be faster without fewer or cheaper ones.
    """
    regressor, resolution = model_regressor(model)
    crop = torch.zeros(1, 1, resolution, resolution), torch.ones(1, 4), torch.ones(1, 3)
    rows: list[Arithmetic] = []
    for name, network, inputs, size in (
        (model, regressor, crop, resolution),
        (
            PAPER_NAME,
            PaperNetwork().eval(),
            (torch.zeros(1, 1, PAPER_RESOLUTION, PAPER_RESOLUTION),),
            PAPER_RESOLUTION,
        ),
    ):
        operations = _multiply_adds(network, inputs)
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
    return round(2 * size**3 / (times["product"]["least"] * 1e6), 1)


@torch.inference_mode()
def _multiply_adds(network: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    total = 0

    def count(module: Any, _: object, output: Tensor) -> None:
        nonlocal total
        total += output[0].numel() * module.weight[0].numel()

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return total
