"""The torch module as a recorded graph that other runtimes read, in memory."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn

from dense3d_ros.dense.regressor import DenseRegressor

INPUTS = ("images", "cameras", "centres")


class _Tuple(nn.Module):
    """The regressor with a plain tuple as its output, which every exporter knows."""

    def __init__(self, regressor: DenseRegressor) -> None:
        super().__init__()
        self.regressor = regressor

    def forward(self, images: Tensor, cameras: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        joints, spread, logits = self.regressor(images, cameras, centres)
        return joints, spread, logits


def input_shapes(resolution: int) -> tuple[tuple[int, ...], ...]:
    """Shapes of images, cameras and centres without the batch."""
    return (1, resolution, resolution), (4,), (3,)


@contextmanager
def traced(regressor: DenseRegressor, resolution: int) -> Iterator[tuple[torch.jit.ScriptModule, tuple[Tensor, ...]]]:
    """TorchScript of the regressor, for as long as the context lasts, and the inputs it was recorded with."""
    example = _example(resolution)
    try:
        with _quickly(), torch.inference_mode():
            module = torch.jit.trace(_Tuple(regressor).eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
            frozen = torch.jit.freeze(module.eval())
        yield frozen, example
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


def onnx_bytes(regressor: DenseRegressor, resolution: int) -> bytes:
    """An ONNX model of the regressor with a free batch size."""
    buffer = io.BytesIO()
    with _quickly(), torch.inference_mode():
        torch.onnx.export(
            _Tuple(regressor).eval(),
            _example(resolution),
            buffer,  # type: ignore[arg-type]
            # The newer exporter needs one more package, and seconds.
            dynamo=False,
            input_names=list(INPUTS),
            output_names=["joints", "spread", "logits"],
            dynamic_axes={name: {0: "batch"} for name in INPUTS},
        )
    return buffer.getvalue()


def _example(resolution: int) -> tuple[Tensor, ...]:
    # Two crops: a batch of one could be recorded as a constant.
    return tuple(torch.full((2, *shape), 0.5) for shape in input_shapes(resolution))


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
