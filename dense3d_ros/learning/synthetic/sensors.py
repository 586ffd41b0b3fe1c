"""Models of depth sensors: a clean rendered depth image becomes one like a real sensor's.

The image may be a window of the sensor's image, and coarser: a pixel of the sensor is then `pixel` of its pixels, at
most 1. Lengths are in metres; `jitter`, `correlation`, `fattening`, `edge_radius`, `window` and disparities in pixels
of the sensor; `holes` and `flying` are shares of pixels. A surface may grow into empty pixels beside it by the lateral
jitter or by fattening; elsewhere 0 stays 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic import sensor_effects as effects
from dense3d_ros.learning.synthetic.matching_window import matched
from dense3d_ros.learning.synthetic.sensor_effects import Depth

_LEAST_COSINE = np.float32(0.15)
_FINE = 0.7
"""`pixel` of an image above which the sensor's neighbouring pixels are the image's."""


class Sensor(Protocol):
    """A depth sensor."""

    def apply(self, depth: Depth, camera: Camera, rng: np.random.Generator) -> Depth:
        """Clean (H, W) float32 depth in metres -> measured depth, 0 where nothing is measured."""


@dataclass(frozen=True)
class StructuredLight:
    """Projected dots matched by triangulation, such as Kinect v1 and Xtion.

    Axial noise after Nguyen, Izadi, Lovell (2012), times `strength`: 0.0012 + 0.0019 (z - 0.4)^2 plus
    0.0001 / sqrt(z) theta^2 / (pi/2 - theta)^2. Half-pixel lateral jitter after Handa et al. (2014),
    disparity in eighths of a pixel after Barron and Malik (2013). Dots are matched over `window` pixels to each
    side, see `matching_window.matched`; 0 matches each pixel by itself.
    """

    strength: float = 1.0
    jitter: float = 0.5
    baseline: float = 0.075
    disparity_step: float = 0.125
    step: float = 0.001
    correlation: float = 1.5
    edge_radius: int = 1
    holes: float = 0.003
    least_cosine: float = 0.2
    reach: float = 5.0
    window: int = 0
    pixel: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator, distance: float) -> StructuredLight:
        return cls(
            strength=_random_strength(rng),
            jitter=rng.uniform(0.1, 0.8),
            baseline=0.075 * _random_side(rng),
            correlation=rng.uniform(0.0, 2.5),
            edge_radius=int(rng.integers(0, 3)),
            holes=rng.uniform(0.0, 0.01),
            least_cosine=rng.uniform(0.1, 0.35),
            reach=distance * rng.uniform(3.0, 6.0),
        )

    def sigma(self, depth: Depth, cosines: Depth) -> Depth:
        """Standard deviation of the axial noise in metres."""
        angle = np.arccos(np.clip(cosines, _LEAST_COSINE, 1))
        grazing = 1e-4 / np.sqrt(np.maximum(depth, 0.1)) * np.square(angle / (np.float32(np.pi / 2) - angle))
        sigma: Depth = self.strength * (0.0012 + 0.0019 * np.square(depth - 0.4) + grazing)
        return sigma

    def apply(self, depth: Depth, camera: Camera, rng: np.random.Generator) -> Depth:
        pixel = self.pixel
        depth = matched(depth, camera, self.baseline, round(self.window * pixel), pixel)
        cosines = effects.cosine(depth, camera)
        gone = effects.shadow(depth, camera, self.baseline) | effects.behind_edge(
            depth, round(self.edge_radius * pixel)
        )
        gone |= effects.lost(depth, cosines, self.least_cosine, self.reach, rng)
        measured = effects.jittered(np.where(gone, np.float32(0), depth), self.jitter * pixel, rng)
        error = self.sigma(depth, cosines) * effects.noise(depth.shape, self.correlation * pixel, rng)
        measured = _with_error(measured, error)
        measured = effects.quantised_disparity(measured, camera, self.baseline, self.disparity_step * pixel)
        measured[effects.blobs(depth.shape, self.holes, 2.0 * pixel, rng)] = 0
        return effects.quantised(measured, self.step)


@dataclass(frozen=True)
class TimeOfFlight:
    """Phase measurement, such as Kinect v2 and Azure Kinect.

    White axial noise of `noise` (0.5 + z) / cos(theta), pixels between foreground and background at edges, a
    smooth bias of `multipath` metres as from interreflection, no shadow.
    """

    noise: float = 0.0015
    multipath: float = 0.0015
    flying: float = 0.4
    step: float = 0.001
    jitter: float = 0.2
    holes: float = 0.001
    least_cosine: float = 0.15
    reach: float = 5.0
    pixel: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator, distance: float) -> TimeOfFlight:
        strength = _random_strength(rng)
        return cls(
            noise=0.0015 * strength,
            multipath=rng.uniform(0.0, 0.003) * strength,
            flying=rng.uniform(0.0, 0.8),
            jitter=rng.uniform(0.0, 0.4),
            holes=rng.uniform(0.0, 0.005),
            least_cosine=rng.uniform(0.05, 0.3),
            reach=distance * rng.uniform(3.0, 6.0),
        )

    def sigma(self, depth: Depth, cosines: Depth) -> Depth:
        """Standard deviation of the white axial noise in metres."""
        sigma: Depth = self.noise * (0.5 + depth) / np.maximum(cosines, _LEAST_COSINE)
        return sigma

    def apply(self, depth: Depth, camera: Camera, rng: np.random.Generator) -> Depth:
        cosines = effects.cosine(depth, camera)
        gone = effects.lost(depth, cosines, self.least_cosine, self.reach, rng)
        measured = effects.jittered(np.where(gone, np.float32(0), depth), self.jitter * self.pixel, rng)
        effects.add_flying_pixels(measured, self.flying * self.pixel, rng)
        error = self.sigma(depth, cosines) * effects.noise(depth.shape, 0.0, rng)
        if self.multipath > 0:
            error += self.multipath * effects.noise(depth.shape, 15.0 * self.pixel, rng)
        measured = _with_error(measured, error)
        measured[effects.blobs(depth.shape, self.holes, self.pixel, rng)] = 0
        return effects.quantised(measured, self.step)


@dataclass(frozen=True)
class Stereo:
    """Infrared stereo with a texture projector, such as RealSense D415, D435 and D455.

    Axial noise of z^2 s / (f B), with `subpixel` s, the error of the disparity in pixels, correlated over the
    matching window. The window also grows near objects by about `fattening` pixels; with `window` pixels to
    each side it melts surfaces together as that of StructuredLight does.
    """

    subpixel: float = 0.12
    correlation: float = 2.0
    fattening: int = 2
    jitter: float = 0.4
    baseline: float = 0.05
    disparity_step: float = 1 / 32
    step: float = 0.001
    holes: float = 0.004
    least_cosine: float = 0.12
    reach: float = 8.0
    window: int = 0
    pixel: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator, distance: float) -> Stereo:
        return cls(
            subpixel=0.12 * _random_strength(rng),
            correlation=rng.uniform(1.0, 3.5),
            fattening=int(rng.integers(0, 4)),
            jitter=rng.uniform(0.0, 0.7),
            baseline=float(rng.choice([0.05, 0.055, 0.095])),
            holes=rng.uniform(0.0, 0.01),
            least_cosine=rng.uniform(0.05, 0.25),
            reach=distance * rng.uniform(3.0, 8.0),
        )

    def sigma(self, depth: Depth, camera: Camera) -> Depth:
        """Standard deviation of the axial noise in metres."""
        sigma: Depth = np.square(depth) * np.float32(self.subpixel * self.pixel / (camera.fx * abs(self.baseline)))
        return sigma

    def apply(self, depth: Depth, camera: Camera, rng: np.random.Generator) -> Depth:
        pixel = self.pixel
        depth = matched(depth, camera, self.baseline, round(self.window * pixel), pixel)
        gone = effects.shadow(depth, camera, self.baseline)
        gone |= effects.lost(depth, effects.cosine(depth, camera), self.least_cosine, self.reach, rng)
        measured = effects.fattened(np.where(gone, np.float32(0), depth), round(self.fattening * pixel), rng)
        measured = effects.jittered(measured, self.jitter * pixel, rng)
        error = self.sigma(measured, camera) * effects.noise(depth.shape, self.correlation * pixel, rng)
        measured = _with_error(measured, error)
        measured = effects.quantised_disparity(measured, camera, self.baseline, self.disparity_step * pixel)
        measured[effects.blobs(depth.shape, self.holes, 4.0 * pixel, rng)] = 0
        return effects.quantised(measured, self.step)


@dataclass(frozen=True)
class CodedLight:
    """Stripe patterns at short range, such as RealSense SR300 and SR305.

    Fine noise of `noise` z^2 / cos(theta), smoothed by the sensor's own filter, and a smooth error of `drift`
    z^2. Measured on single SR305 frames: 0.3 mm z^2 of fine noise, correlated over one pixel; a shadow as of
    a 50 mm baseline; 2 to 4 pixels without a measurement around near objects; steps of 0.125 mm. Edges are
    ragged over `correlation` pixels, specks are filtered away.
    """

    noise: float = 0.0004
    drift: float = 0.001
    correlation: float = 0.8
    jitter: float = 0.6
    baseline: float = -0.05
    edge_radius: int = 2
    flying: float = 0.02
    step: float = 0.000125
    least_cosine: float = 0.2
    reach: float = 1.2
    pixel: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator, distance: float) -> CodedLight:
        strength = _random_strength(rng)
        return cls(
            noise=rng.uniform(0.0002, 0.001) * strength,
            drift=rng.uniform(0.0, 0.003) * strength,
            correlation=rng.uniform(0.5, 1.5),
            jitter=rng.uniform(0.1, 1.0),
            baseline=rng.uniform(0.03, 0.06) * _random_side(rng),
            edge_radius=int(rng.integers(0, 5)),
            flying=rng.uniform(0.0, 0.1),
            least_cosine=rng.uniform(0.1, 0.35),
            reach=distance * rng.uniform(1.5, 3.0),
        )

    def sigma(self, depth: Depth, cosines: Depth) -> Depth:
        """Standard deviation of the fine axial noise in metres."""
        sigma: Depth = self.noise * np.square(depth) / np.maximum(cosines, _LEAST_COSINE)
        return sigma

    def apply(self, depth: Depth, camera: Camera, rng: np.random.Generator) -> Depth:
        pixel = self.pixel
        cosines = effects.cosine(depth, camera)
        gone = effects.shadow(depth, camera, self.baseline) | effects.behind_edge(
            depth, round(self.edge_radius * pixel)
        )
        gone |= effects.lost(depth, cosines, self.least_cosine, self.reach, rng)
        measured = depth.copy()
        effects.add_flying_pixels(measured, self.flying * pixel, rng)
        measured[gone] = 0
        measured = effects.jittered(measured, self.jitter * pixel, rng, self.correlation * pixel)
        # Of a coarser image a speck would be a finger's edge.
        measured = effects.despeckled(measured) if pixel > _FINE else measured
        error = self.sigma(depth, cosines) * effects.noise(depth.shape, self.correlation * pixel, rng)
        if self.drift > 0:
            error += self.drift * np.square(depth) * effects.noise(depth.shape, 10.0 * pixel, rng)
        return effects.quantised(_with_error(measured, error), self.step)


SENSORS: dict[str, Sensor] = {
    "structured_light": StructuredLight(),
    "time_of_flight": TimeOfFlight(),
    "stereo": Stereo(),
    "coded_light": CodedLight(),
}


def find_sensor(name: str) -> Sensor | None:
    """The sensor of that name in SENSORS, None for "none", exact depth; ValueError for another name."""
    if name != "none" and name not in SENSORS:
        raise ValueError(f"sensor is '{name}'; accepted: none, {', '.join(sorted(SENSORS))}")
    return SENSORS.get(name)


def _random_strength(rng: np.random.Generator) -> float:
    """Noise relative to the usual: nearly none for one sensor in six."""
    return rng.uniform(0.02, 0.2) if rng.random() < 1 / 6 else rng.uniform(0.4, 1.7)


def _random_side(rng: np.random.Generator) -> float:
    """The projector's side; drivers that mirror the image swap it."""
    return 1.0 if rng.random() < 0.5 else -1.0


def _with_error(depth: Depth, error: Depth) -> Depth:
    measured: Depth = np.where(depth > 0, np.maximum(depth + error, 0), np.float32(0))
    return measured
