"""What happens when a fast runtime fails: at once, later, or by what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from dense3d_ros.dense.detector_layout import HEIGHT, WIDTH
from dense3d_ros.dense.detector_network import DetectorNetwork
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import Crop, crop_region
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.perception import model as model_module
from dense3d_ros.perception.detector import load_detector
from dense3d_ros.perception.model import HandModel
from dense3d_ros.perception.model_description import ModelDescription
from dense3d_ros.runtime.cuda_graph import CudaGraphRuntime
from dense3d_ros.runtime.eager import EagerRuntime
from dense3d_ros.runtime.fallback import FallbackRuntime
from dense3d_ros.runtime.interface import Outputs, Runtime, RuntimeUnavailableError
from dense3d_ros.runtime.selection import choose_runtime
from dense3d_ros.runtime.whole_image import make_detector_runtime

DESCRIPTION = ModelDescription("small", 1, 16, 0.15, 0.1, 64, "Apache-2.0")


@pytest.fixture
def regressor() -> DenseRegressor:
    torch.manual_seed(0)
    return DenseRegressor(DESCRIPTION.build_network().eval(), DESCRIPTION.geometry).eval()


@pytest.fixture
def crops() -> list[Crop]:
    depth = DepthImage(np.random.default_rng(0).uniform(0.5, 0.7, (60, 80)).astype(np.float32))
    camera = Camera(60, 60, 39.5, 29.5, 80, 60)
    return [crop_region(depth, camera, np.array([0.01 * i, 0, 0.6]), 0.15, 64) for i in range(3)]


def on_no_gpu(regressor: DenseRegressor) -> Runtime:
    """Fails in CUDA itself, on any machine."""
    return CudaGraphRuntime(regressor, "cuda:99", DESCRIPTION.resolution, half=False)


def on_cpu(regressor: DenseRegressor) -> Runtime:
    return EagerRuntime(regressor, "cpu")


def fallback(regressor: DenseRegressor, make: Callable[[DenseRegressor], Runtime]) -> FallbackRuntime:
    return FallbackRuntime("cuda_graph_f32", regressor, make, on_cpu)


class Breaks:
    """Runs once, and then does what `then` does with the outputs."""

    crops_itself = True
    failure = ""

    def __init__(self, regressor: DenseRegressor, then: Callable[[Outputs], Outputs]) -> None:
        self.runs = 0
        self._inner = CudaGraphRuntime(regressor, "cpu", DESCRIPTION.resolution, half=False)
        self._then = then

    def run(self, crops: Sequence[Crop]) -> Outputs:
        self.runs += 1
        outputs = self._inner.run(crops)
        return outputs if self.runs == 1 else self._then(outputs)


def out_of_memory(outputs: Outputs) -> Outputs:
    raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate " + "9" * 10_000)


def not_finite(outputs: Outputs) -> Outputs:
    return outputs._replace(joints=outputs.joints * np.nan)


def test_what_cannot_be_built(regressor: DenseRegressor, crops: list[Crop], caplog: pytest.LogCaptureFixture) -> None:
    runtime = fallback(regressor, on_no_gpu)
    assert not runtime.crops_itself
    assert runtime.failure.startswith("cuda_graph_f32 failed (")
    for _ in range(2):
        for found, expected in zip(runtime.run(crops), on_cpu(regressor).run(crops), strict=True):
            np.testing.assert_array_equal(found, expected)
    (record,) = caplog.records
    assert record.getMessage() == f"Runtime {runtime.failure}; going on in torch, in float32"
    assert record.getMessage().isprintable()


@pytest.mark.parametrize(
    ("then", "reason"), [(out_of_memory, "CUDA out of memory."), (not_finite, "numbers that are not finite")]
)
def test_what_fails_later(
    regressor: DenseRegressor,
    crops: list[Crop],
    caplog: pytest.LogCaptureFixture,
    then: Callable[[Outputs], Outputs],
    reason: str,
) -> None:
    fast: list[Breaks] = []

    def make(regressor: DenseRegressor) -> Runtime:
        fast.append(Breaks(regressor, then))
        return fast[0]

    runtime = fallback(regressor, make)
    expected = on_cpu(regressor).run(crops)
    for _ in range(4):
        np.testing.assert_allclose(runtime.run(crops).joints, expected.joints, atol=1e-5)
    assert fast[0].runs == 2
    assert runtime.failure == f"cuda_graph_f32 failed ({reason})"
    assert len(caplog.records) == 1


def test_what_a_machine_does_not_have_is_said(regressor: DenseRegressor) -> None:
    def make(regressor: DenseRegressor) -> Runtime:
        raise RuntimeUnavailableError("runtime 'compiled' cannot compile the network; try runtime auto")

    with pytest.raises(RuntimeUnavailableError, match="try runtime auto"):
        fallback(regressor, make)


def test_a_model_says_what_runs_it_now(monkeypatch: pytest.MonkeyPatch, crops: list[Crop]) -> None:
    def make_runtime(name: str, regressor: DenseRegressor, device: str, resolution: int) -> Runtime:
        return FallbackRuntime(name, regressor, lambda regressor: Breaks(regressor, out_of_memory), on_cpu)

    monkeypatch.setattr(model_module, "make_runtime", make_runtime)
    model = HandModel(DESCRIPTION, DESCRIPTION.build_network().eval(), "cuda", "auto", load_detector("cpu", "torch"))
    said = []
    for _ in range(2):
        model.predict(crops, [Handedness.RIGHT] * len(crops))
        said.append((model.runtime, model.runtime_reason))
    assert said[0] == ("cuda_graph_f32", choose_runtime("auto", "cuda").reason)
    assert said[1] == ("torch", "cuda_graph_f32 failed (CUDA out of memory.)")


@pytest.mark.parametrize("make", [on_cpu, lambda regressor: CudaGraphRuntime(regressor, "cpu", 64, half=False)])
def test_float32_is_not_rounded_on_a_gpu(
    regressor: DenseRegressor, crops: list[Crop], make: Callable[[DenseRegressor], Runtime]
) -> None:
    """TF32, torch's default for convolutions on a GPU, has the digits of float16."""
    seen: list[bool] = []
    regressor.register_forward_pre_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    before = torch.backends.cudnn.allow_tf32
    make(regressor).run(crops)
    assert seen
    assert not any(seen)
    assert torch.backends.cudnn.allow_tf32 == before


def test_nor_is_what_the_detector_finds() -> None:
    seen: list[bool] = []
    network = DetectorNetwork(16)
    network.register_forward_pre_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    make_detector_runtime(network, "cpu", "cuda_graph_f32")(np.ones((HEIGHT, WIDTH), np.float32), 100.0)
    assert seen == [False]
