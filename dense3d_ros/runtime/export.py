"""The torch module as a recorded graph that other runtimes read, in memory."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn

from dense3d_ros.dense.detector_layout import HEIGHT, WIDTH
from dense3d_ros.dense.detector_network import DetectorNetwork
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.runtime.recorded import DETECTOR_INPUTS, DETECTOR_OUTPUTS, INPUTS, OUTPUTS, RecordedNetwork


class PlainRegressor(DenseRegressor):
    """The regressor with a plain tuple as its output, which every exporter knows."""

    def __init__(self, regressor: DenseRegressor) -> None:
        super().__init__(regressor.network, regressor.geometry)

    def forward(self, images: Tensor, cameras: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        joints, spread, logits = super().forward(images, cameras, centres)
        return joints, spread, logits


class _NamedDetector(nn.Module):
    """The detector's network with its weights under the names that a regressor's have, see WEIGHTS_UNDER."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, depth: Tensor, focal: Tensor) -> Tensor:
        maps: Tensor = self.network(depth, focal)
        return maps


def recorded_regressor(regressor: DenseRegressor, resolution: int) -> RecordedNetwork:
    """The regressor as ONNX with a free batch size."""
    return _recorded(PlainRegressor(regressor), example_inputs(resolution), INPUTS, OUTPUTS, is_batch_free=True)


def recorded_detector(network: DetectorNetwork) -> RecordedNetwork:
    """The detector's network as ONNX, of one image."""
    return _recorded(
        _NamedDetector(network), detector_example(), DETECTOR_INPUTS, DETECTOR_OUTPUTS, is_batch_free=False
    )


def _recorded(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    is_batch_free: bool,
) -> RecordedNetwork:
    """What a module does with the example inputs, whose first axis may be the batch's.

    Its weights are the graph's initializers as they are: nothing is folded, which the runtimes do as they load.
    """
    buffer = io.BytesIO()
    with _quickly(), torch.inference_mode():
        torch.onnx.export(
            module.eval(),
            example,
            buffer,  # type: ignore[arg-type]
            # The newer exporter needs one more package, and seconds.
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in inputs} if is_batch_free else None,
        )
    return RecordedNetwork(buffer.getvalue())


def input_shapes(resolution: int) -> tuple[tuple[int, ...], ...]:
    """Shapes of images, cameras and centres without the batch."""
    return (1, resolution, resolution), (4,), (3,)


def example_inputs(resolution: int) -> tuple[Tensor, ...]:
    """Images, cameras and centres to record a regressor with."""
    # Two crops: a batch of one could be recorded as a constant.
    return tuple(torch.full((2, *shape), 0.5) for shape in input_shapes(resolution))


def detector_example() -> tuple[Tensor, Tensor]:
    """Depth samples and focal length to record the detector's network with."""
    return torch.full((1, 1, HEIGHT, WIDTH), 0.5), torch.full((1,), 120.0)


@contextmanager
def traced(module: nn.Module, example: tuple[Tensor, ...]) -> Iterator[torch.jit.ScriptModule]:
    """TorchScript of what a module does with the example inputs, for as long as the context lasts."""
    try:
        with _quickly(), torch.inference_mode():
            recorded = torch.jit.trace(module.eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
            frozen = torch.jit.freeze(recorded.eval())
        yield frozen
    finally:
        _forget_classes()


def _forget_classes() -> None:
    """Let go of what TorchScript keeps of every module until the process ends, 38 MiB of each of ours.

    As torch's own tests do it. torch promises none of these names: one that lacks them keeps the memory.
    """
    with suppress(AttributeError):
        torch._C._jit_clear_class_registry()
        torch.jit._state._clear_class_state()  # type: ignore[no-untyped-call]
        torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()  # type: ignore[no-untyped-call]


@contextmanager
def _quickly() -> Iterator[None]:
    """One thread, since more wait long for each other on busy cores, and no warnings about deprecation."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)
