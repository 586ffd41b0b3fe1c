"""The detector's network in each runtime: samples of a whole depth image in, maps out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.runtime.recorded import DETECTOR_INPUTS, RecordedNetwork

if TYPE_CHECKING:
    from dense3d_ros.dense.detector_network import DetectorNetwork

Array = NDArray[np.float32]
DetectorRuntime = Callable[[Array, float], Array]
"""(HEIGHT, WIDTH) metres and their focal length in samples -> maps (len(MAPS), h, w)."""


def make_detector_runtime(network: DetectorNetwork | RecordedNetwork, device: str, runtime: str) -> DetectorRuntime:
    """In the runtime of this name; those of a GPU run it operation by operation, since it is not run in every frame.

    A recorded network is for OpenVINO and ONNX Runtime.
    """
    if runtime in ("openvino", "openvino_bf16"):
        return _openvino(network)
    if runtime == "onnxruntime":
        return _onnx(network)
    assert not isinstance(network, RecordedNetwork)
    return _torch(network, device)


def _torch(network: DetectorNetwork, device: str) -> DetectorRuntime:
    import torch

    from dense3d_ros.runtime.eager import full_precision

    network.eval().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(samples: Array, focal: float) -> Array:
        depth = torch.from_numpy(samples).to(device)[None, None]
        with full_precision():
            maps: Array = network(depth, torch.tensor([focal], device=device))[0].float().cpu().numpy()
        return maps

    return run


def _inputs(samples: Array, focal: float) -> list[Array]:
    return [samples[None, None], np.array([focal], np.float32)]


def _openvino(network: DetectorNetwork | RecordedNetwork) -> DetectorRuntime:
    from dense3d_ros.runtime.openvino_cpu import compiled_request, recorded_model

    if isinstance(network, RecordedNetwork):
        model = recorded_model(network)
    else:
        from dense3d_ros.runtime.openvino_torch import converted_detector

        model = converted_detector(network)
    request = compiled_request(model, "f32")

    def run(samples: Array, focal: float) -> Array:
        results = request.infer(_inputs(samples, focal), share_inputs=True, share_outputs=True)
        return np.array(results[0][0])

    return run


def _onnx(network: DetectorNetwork | RecordedNetwork) -> DetectorRuntime:
    from dense3d_ros.runtime.onnx_cpu import recorded_now, session_of

    if not isinstance(network, RecordedNetwork):
        from dense3d_ros.runtime.export import recorded_detector

        detector = network
        network = recorded_now(lambda: recorded_detector(detector))
    session = session_of(network)

    def run(samples: Array, focal: float) -> Array:
        maps: Array = session.run(None, dict(zip(DETECTOR_INPUTS, _inputs(samples, focal), strict=True)))[0][0]
        return maps

    return run
