"""Which device and which runtime to take: by name, or the best that this machine has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from dense3d_ros.excerpt import excerpt
from dense3d_ros.runtime.cuda_devices import cuda_device_count
from dense3d_ros.runtime.interface import Runtime, RuntimeUnavailableError
from dense3d_ros.runtime.recorded import RecordedNetwork

if TYPE_CHECKING:
    from dense3d_ros.dense.regressor import DenseRegressor

PACKAGES: dict[str, tuple[str, ...]] = {
    "torch": ("torch",),
    "cuda_graph": ("torch",),
    "cuda_graph_f32": ("torch",),
    "compiled": ("torch",),
    "openvino": ("openvino",),
    "openvino_bf16": ("openvino",),
    "onnxruntime": ("onnxruntime",),
}
"""What each runtime needs, for a model with its recorded graph."""
GRAPH_RUNTIMES = ("openvino", "openvino_bf16", "onnxruntime")
"""Those that take a recorded graph, and need no torch then."""
RUNTIMES = ("auto", *PACKAGES)
_FASTEST_ON_CPU = ("onnxruntime", "openvino", "torch")
"""By the times of `hand` in benchmark/results/cpu.md."""
_ON_GPU = ("torch", "cuda_graph", "cuda_graph_f32", "compiled")


class DeviceError(ValueError):
    """A device that this machine does not have."""


@dataclass(frozen=True)
class Choice:
    """A runtime's name, never "auto", and why it was taken."""

    name: str
    reason: str


def choose_device(device: str) -> str:
    """ "auto" -> "cuda" where there is one, else "cpu"; anything else is checked.

    Raises DeviceError, one sentence that says what to do.
    """
    if device == "auto":
        return "cuda" if cuda_device_count() else "cpu"
    if device == "cpu":
        return device
    if not re.fullmatch(r"cuda(:[0-9]{1,4})?", device):
        raise DeviceError(f"device '{excerpt(device)}' is unknown; accepted: auto, cpu, cuda, cuda:N")
    count = cuda_device_count()
    if int(device.partition(":")[2] or 0) >= count:
        raise DeviceError(
            f"device '{excerpt(device)}' is not there: this machine has {count} CUDA devices; try device auto or cpu"
        )
    return device


def choose_runtime(runtime: str, device: str) -> Choice:
    """Check a name of RUNTIMES for `device` ("cpu", "cuda" or "cuda:N"), or choose for "auto".

    Raises RuntimeUnavailableError, one sentence that says what to do.
    """
    if runtime not in RUNTIMES:
        raise RuntimeUnavailableError(f"runtime '{excerpt(runtime)}' is unknown; accepted: {', '.join(RUNTIMES)}")
    on_gpu = device != "cpu"
    if runtime == "auto":
        return _best(on_gpu)
    if on_gpu and runtime not in _ON_GPU:
        raise RuntimeUnavailableError(f"runtime '{runtime}' runs on device cpu only, the device is {device}")
    if not on_gpu and runtime.startswith("cuda"):
        raise RuntimeUnavailableError(f"runtime '{runtime}' needs a CUDA device, the device is {device}")
    if missing := _missing(runtime):
        raise RuntimeUnavailableError(
            f"runtime '{runtime}' needs the Python package {missing[0]}, which is not installed; try runtime auto"
        )
    return Choice(runtime, "as asked for" + ("; compiling takes minutes" if runtime == "compiled" else ""))


def available_runtimes(device: str) -> list[str]:
    """All runtimes that `device` could take, by what is installed."""
    names = [name for name in PACKAGES if (name in _ON_GPU if device != "cpu" else not name.startswith("cuda"))]
    return [name for name in names if not _missing(name)]


def make_runtime(name: str, network: DenseRegressor | RecordedNetwork, device: str, resolution: int) -> Runtime:
    """Build the runtime. A regressor is used up: it may be moved or converted. A recorded one is for GRAPH_RUNTIMES.

    On a GPU whatever fails in a fast runtime, now or later, is done by eager float32 instead; see `FallbackRuntime`.
    """
    # Imported when needed: what is not installed is not needed.
    if name in ("openvino", "openvino_bf16"):
        from dense3d_ros.runtime.openvino_cpu import OpenVinoRuntime

        return OpenVinoRuntime(network, resolution, "bf16" if name == "openvino_bf16" else "f32")
    if name == "onnxruntime":
        from dense3d_ros.runtime.onnx_cpu import OnnxRuntime

        return OnnxRuntime(network, resolution)
    assert not isinstance(network, RecordedNetwork)
    from dense3d_ros.runtime.eager import EagerRuntime

    if name == "torch":
        return EagerRuntime(network, device)
    if device == "cpu":
        return _make_fast(name, network, device, resolution)
    from dense3d_ros.runtime.fallback import FallbackRuntime

    return FallbackRuntime(
        name,
        network,
        lambda regressor: _make_fast(name, regressor, device, resolution),
        lambda regressor: EagerRuntime(regressor, device),
    )


def _make_fast(name: str, regressor: DenseRegressor, device: str, resolution: int) -> Runtime:
    from dense3d_ros.runtime.cuda_graph import CudaGraphRuntime

    if name == "compiled":
        return _compiled(regressor, device, resolution)
    return CudaGraphRuntime(regressor, device, resolution, half=name == "cuda_graph")


def _compiled(regressor: DenseRegressor, device: str, resolution: int) -> Runtime:
    from dense3d_ros.runtime.cuda_graph import CudaGraphRuntime

    try:
        return CudaGraphRuntime(regressor, device, resolution, half=device != "cpu", compiled=True)
    except RuntimeError as error:
        # torch.compile needs a C++ compiler on a CPU, and Triton on a GPU.
        first = excerpt(str(error).strip().partition("\n")[0], 200)
        raise RuntimeUnavailableError(
            f"runtime 'compiled' cannot compile the network ({first}); try runtime auto"
        ) from error


def _missing(runtime: str) -> list[str]:
    return [package for package in PACKAGES[runtime] if find_spec(package) is None]


def _best(on_gpu: bool) -> Choice:
    if on_gpu:
        return Choice("cuda_graph_f32", "the fastest in full precision on a GPU")
    missing: list[str] = []
    for name in _FASTEST_ON_CPU:
        if not _missing(name):
            return Choice(name, f"{' and '.join(missing)} not installed" if missing else "the fastest on a CPU")
        missing.append(name)
    raise RuntimeUnavailableError(f"no runtime is installed; install the Python package {' or '.join(missing)}")
