"""A sensor of a random kind for a training image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dense3d_ros.learning.synthetic.sensors import CodedLight, Sensor, Stereo, StructuredLight, TimeOfFlight

_KINDS: tuple[Callable[[np.random.Generator, float], StructuredLight | TimeOfFlight | Stereo | CodedLight], ...] = (
    StructuredLight.random,
    TimeOfFlight.random,
    Stereo.random,
    CodedLight.random,
)


def random_sensor(rng: np.random.Generator, distance: float = 0.6, windows: float = 0.0, pixel: float = 1.0) -> Sensor:
    """A sensor of a random kind and quality, from nearly clean to poor, that can see at `distance` metres.

    windows: share of structured light and stereo that match over a window, with their noise, instead of pixel by pixel.
    pixel: how many of the image's pixels one of the sensor's is, at most 1.
    """
    sensor = replace(_KINDS[rng.integers(len(_KINDS))](rng, distance), pixel=pixel)
    if windows and isinstance(sensor, StructuredLight | Stereo) and rng.random() < windows:
        window = int(rng.integers(1, 5))
        return replace(sensor, window=window, correlation=sensor.correlation + window / 2)
    return sensor
