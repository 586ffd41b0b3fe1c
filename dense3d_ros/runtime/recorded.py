"""A network recorded as ONNX, whole with its weights: what the runtimes of a CPU run without torch."""

from __future__ import annotations

from dataclasses import dataclass

INPUTS = ("images", "cameras", "centres")
"""Of a regressor's graph; see `interface.arrays`."""
OUTPUTS = ("joints", "spread", "logits")
"""See `interface.Outputs`."""
DETECTOR_INPUTS = ("depth", "focal")
DETECTOR_OUTPUTS = ("maps",)
WEIGHTS_UNDER = "network."
"""Put before the names of a network's weights, which gives those of the graph's initializers."""


@dataclass(frozen=True)
class RecordedNetwork:
    """onnx: a serialised ONNX model, of any batch size if it is a regressor's."""

    onnx: bytes
