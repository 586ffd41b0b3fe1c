"""Where hands are in a whole depth image: the image resampled for the detector's network, and its maps read."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.dense.detector_layout import HEIGHT, STRIDE, WIDTH
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.perception.graph_file import check_torch, has_graph, read_recorded
from dense3d_ros.perception.model_description import ModelFileError
from dense3d_ros.perception.model_file import read_any_model
from dense3d_ros.runtime.interface import check_finite
from dense3d_ros.runtime.recorded import RecordedNetwork
from dense3d_ros.runtime.selection import GRAPH_RUNTIMES
from dense3d_ros.runtime.whole_image import make_detector_runtime

if TYPE_CHECKING:
    from dense3d_ros.dense.detector_network import DetectorNetwork

Array = NDArray[np.float32]

APART = 0.06
"""Two candidates are at least this far from each other, metres."""
LEAST_LOG_ODDS = -2.0
"""Of a candidate. Low, because what the network of the crops says of it decides."""
WIDEST_RAY = 1.4
"""x / z up to which an image that is not rectified is searched: the network was trained on 105 degrees."""
_ACROSS, _ALONG = 0.035, 0.2
"""Surface this close to a candidate, metres, across its ray and along it, may be its hand's."""
_SKIN = 0.025
"""Metres from the measured surface to the centre of a hand behind it."""
_AGREES = 0.03
"""A surface whose hand would be this close to the candidate, metres, speaks for the network's depth."""
_SURE_DIRECTION = 0.9
"""Length of a predicted direction, 1 for a sure one, below which the hand may point the other way as well."""
_PEAK = np.ones((3, 3), np.uint8)
"""Cells around a peak of the heat map within which it is the highest."""
DETECTOR_FILE = Path(__file__).parents[1] / "models" / "detector" / "detector.safetensors"


@dataclass(frozen=True)
class Candidate:
    """A place where a hand may be.

    centre: (3,) metres in the camera frame, the mean of its joints. log_odds: of a hand's centre. roll: radians,
    see `hand.upright_roll`. at_surface: (3,) metres, another centre on the same ray, by the depth that is measured
    there; None where that agrees with the network's. is_direction_sure: False where the hand may as well point the
    other way, and is looked for in both turns.
    """

    centre: Array
    log_odds: float
    roll: float
    at_surface: Array | None = None
    is_direction_sure: bool = True

    @property
    def centres(self) -> list[Array]:
        """(3,) centres from which its hand is looked for."""
        return [self.centre] if self.at_surface is None else [self.centre, self.at_surface]

    @property
    def starts(self) -> list[tuple[Array, float]]:
        """Centres (3,) and turns, radians, from which its hand is looked for, the detector's own first."""
        rolls = [self.roll] if self.is_direction_sure else [self.roll, self.roll + np.pi]
        return list(product(self.centres, rolls))


@dataclass(frozen=True)
class Sampling:
    """Which pixels of a camera's image the detector sees.

    rows (HEIGHT,), cols (WIDTH,): pixel indices, inside the image. seen_rows, seen_cols: slices of the samples that
    the image fills; the others are empty. camera: of the samples, with one focal length.
    """

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    seen_rows: slice
    seen_cols: slice
    camera: Camera

    def samples(self, depth: DepthImage) -> Array:
        """(HEIGHT, WIDTH) metres, 0 where nothing was measured."""
        samples = np.zeros((HEIGHT, WIDTH), np.float32)
        samples[self.seen_rows, self.seen_cols] = depth.metres(self.rows, self.cols)
        return samples


@dataclass(frozen=True)
class BentSampling:
    """As Sampling, of an image that is not rectified: rows, cols and seen are (HEIGHT, WIDTH)."""

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    seen: NDArray[np.bool_]
    camera: Camera

    def samples(self, depth: DepthImage) -> Array:
        """(HEIGHT, WIDTH) metres, 0 where nothing was measured."""
        return np.where(self.seen, depth.metres_at(self.rows, self.cols), np.float32(0))


@lru_cache(maxsize=16)
def sampling(camera: Camera) -> Sampling | BentSampling:
    """The samples of a camera: the nearest pixels of a grid that covers the whole image, its middle in the middle."""
    if camera.distortion is not None:
        return _bent_sampling(camera)
    step = max(camera.width / WIDTH, camera.height * camera.fx / camera.fy / HEIGHT)
    (cols, seen_cols, left), (rows, seen_rows, top) = (
        _axis(camera.width, step, WIDTH),
        _axis(camera.height, step * camera.fy / camera.fx, HEIGHT),
    )
    step_y = step * camera.fy / camera.fx
    focal = float(camera.fx / step)
    cells = Camera(
        focal, focal, (camera.cx + 0.5) / step - 0.5 + left, (camera.cy + 0.5) / step_y - 0.5 + top, WIDTH, HEIGHT
    )
    return Sampling(rows, cols, seen_rows, seen_cols, cells)


def _bent_sampling(camera: Camera) -> BentSampling:
    """Of a grid of rays that covers those of the image's four edges, up to WIDEST_RAY."""
    middle_col, middle_row = (camera.width - 1) / 2, (camera.height - 1) / 2
    x, _ = camera.rays(np.array([-0.5, camera.width - 0.5]), np.full(2, middle_row))
    _, y = camera.rays(np.full(2, middle_col), np.array([-0.5, camera.height - 0.5]))
    (left, right), (top, bottom) = (edges.clip(-WIDEST_RAY, WIDEST_RAY) for edges in (x, y))
    step = max((right - left) / WIDTH, (bottom - top) / HEIGHT, 1e-6)
    focal = float(1 / step)
    cx, cy = (WIDTH - 1) / 2 - focal * (left + right) / 2, (HEIGHT - 1) / 2 - focal * (top + bottom) / 2
    rays_x = (np.arange(WIDTH) - cx) / focal
    rays_y = (np.arange(HEIGHT)[:, None] - cy) / focal
    cols, rows = (np.rint(places).astype(np.intp) for places in camera.pixels(rays_x, rays_y))
    seen = (cols >= 0) & (cols < camera.width) & (rows >= 0) & (rows < camera.height)
    cells = Camera(focal, focal, float(cx), float(cy), WIDTH, HEIGHT)
    return BentSampling(rows.clip(0, camera.height - 1), cols.clip(0, camera.width - 1), seen, cells)


def _axis(size: int, step: float, samples: int) -> tuple[NDArray[np.intp], slice, float]:
    """Pixels along one edge, which samples they fill, and where the image's first pixel is among the samples.

    An image much narrower than long may lie between two samples: then there are none.
    """
    before = (samples - size / step) / 2
    places = (np.arange(samples) - before + 0.5) * step - 0.5
    inside = np.flatnonzero((places > -0.5) & (places < size - 0.5))
    pixels = np.rint(places[inside]).astype(np.intp).clip(0, size - 1)
    first = int(inside[0]) if inside.size else 0
    return pixels, slice(first, first + inside.size), before


def candidates(maps: Array, camera: Camera, least_log_odds: float, limit: int) -> list[Candidate]:
    """Up to `limit` peaks of the maps (len(MAPS), H, W) of at least `least_log_odds`, the highest first.

    camera: of the samples.
    """
    heat = maps[0]
    highest = cv2.dilate(heat, _PEAK)
    rows, cols = np.nonzero((heat == highest) & (heat >= least_log_odds))
    order = np.argsort(-heat[rows, cols])[: 2 * limit]
    found: list[Candidate] = []
    for row, col in zip(rows[order], cols[order], strict=True):
        logit, x, y, log_depth, roll_x, roll_y = (float(value) for value in maps[:, row, col])
        middle = (STRIDE - 1) / 2
        pixel = np.array([(col + x) * STRIDE + middle, (row + y) * STRIDE + middle])
        z = np.float64(np.exp(np.clip(log_depth, -3.0, 3.0)))
        centre = camera.back_project(pixel, z).astype(np.float32)
        if all(np.linalg.norm(centre - other.centre) > APART for other in found):
            is_sure = bool(np.hypot(roll_x, roll_y) >= _SURE_DIRECTION)
            found.append(Candidate(centre, logit, float(np.arctan2(roll_x, -roll_y)), is_direction_sure=is_sure))
        if len(found) == limit:
            break
    return found


def at_surface(centre: Array, samples: Array, camera: Camera) -> Array | None:
    """(3,) a candidate's centre, moved along its ray behind the surface that is measured there.

    samples: (HEIGHT, WIDTH) metres that the network saw; camera: of the samples. None if it is there already, or where
    no surface is near.
    """
    (col, row), z = camera.project(centre), float(centre[2])
    reach = max(_ACROSS * camera.fx / z, 1.0)
    rows = np.arange(max(int(row - reach), 0), min(int(row + reach) + 2, HEIGHT))[:, None]
    cols = np.arange(max(int(col - reach), 0), min(int(col + reach) + 2, WIDTH))
    window = samples[rows, cols]
    is_near = (np.square(rows - row) + np.square(cols - col) <= reach**2) & (np.abs(window - z) < _ALONG)
    surface = window[is_near & (window > 0)]
    if not surface.size:
        return None
    measured = float(np.median(surface)) + _SKIN
    return None if abs(measured - z) < _AGREES else (centre * (measured / z)).astype(np.float32)


class Detector:
    """The detector's network in a runtime. Several threads may share one."""

    def __init__(self, network: DetectorNetwork | RecordedNetwork, device: str, runtime: str) -> None:
        self._run = make_detector_runtime(network, device, runtime)
        self._running = threading.Lock()

    def detect(
        self, depth: DepthImage, camera: Camera, limit: int, least_log_odds: float = LEAST_LOG_ODDS
    ) -> list[Candidate]:
        """Up to `limit` places where a hand may be, the likeliest first. NonFiniteOutputError for no numbers."""
        grid = sampling(camera)
        samples = grid.samples(depth)
        with self._running:
            maps = self._run(samples, grid.camera.fx)
        check_finite([maps], "the detector's network")
        named = candidates(maps, grid.camera, least_log_odds, limit)
        return [replace(one, at_surface=at_surface(one.centre, samples, grid.camera)) for one in named]


def load_detector(device: str, runtime: str) -> Detector:
    """The detector that comes with the package. Raises ModelFileError, one sentence about its file."""
    if runtime in GRAPH_RUNTIMES and has_graph(DETECTOR_FILE):
        description, recorded = read_recorded(DETECTOR_FILE)
        if description.network != "detector":
            raise ModelFileError(f"{DETECTOR_FILE} cannot be used here: it holds no detector")
        return Detector(recorded, device, runtime)
    check_torch(DETECTOR_FILE, runtime)
    from dense3d_ros.dense.detector_network import DetectorNetwork

    _, network = read_any_model(str(DETECTOR_FILE))
    if not isinstance(network, DetectorNetwork):
        raise ModelFileError(f"{DETECTOR_FILE} cannot be used here: it holds no detector")
    return Detector(network, device, runtime)
