"""The detector's network in each runtime: samples of a whole depth image in, maps out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from dense3d_ros.dense.detector_network import HEIGHT, WIDTH, DetectorNetwork
from dense3d_ros.runtime.export import onnx_bytes_of

Array = NDArray[np.float32]
DetectorRuntime = Callable[[Array, float], Array]
"""(HEIGHT, WIDTH) metres and their focal length in samples -> maps (len(MAPS), h, w)."""


def make_detector_runtime(network: DetectorNetwork, device: str, runtime: str) -> DetectorRuntime:
    """In the runtime of this name; those of a GPU run it operation by operation, since it is not run in every frame."""
    if runtime in ("openvino", "openvino_bf16"):
        return _openvino(network)
    if runtime == "onnxruntime":
        return _onnx(network)
    return _torch(network, device)


def _torch(network: DetectorNetwork, device: str) -> DetectorRuntime:
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(samples: Array, focal: float) -> Array:
        depth = torch.from_numpy(samples).to(device)[None, None]
        maps: Array = network(depth, torch.tensor([focal], device=device))[0].float().cpu().numpy()
        return maps

    return run


def _inputs(samples: Array, focal: float) -> list[Array]:
    return [samples[None, None], np.array([focal], np.float32)]


def _example() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((1, 1, HEIGHT, WIDTH), 0.5), torch.full((1,), 120.0)


def _openvino(network: DetectorNetwork) -> DetectorRuntime:
    from dense3d_ros.runtime.openvino_cpu import compiled_request, openvino_model

    example = _example()
    model = openvino_model(network, example, [tuple(tensor.shape) for tensor in example])
    request = compiled_request(model, "f32")

    def run(samples: Array, focal: float) -> Array:
        results = request.infer(_inputs(samples, focal), share_inputs=True, share_outputs=True)
        return np.array(results[0][0])

    return run


def _onnx(network: DetectorNetwork) -> DetectorRuntime:
    from dense3d_ros.runtime.onnx_cpu import session_of

    names = ("depth", "focal")
    session = session_of(onnx_bytes_of(network, _example(), names, ("maps",)))

    def run(samples: Array, focal: float) -> Array:
        maps: Array = session.run(None, dict(zip(names, _inputs(samples, focal), strict=True)))[0][0]
        return maps

    return run
