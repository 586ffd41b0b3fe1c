"""Crops made where the network runs: the pixels of depth images in one buffer, to be uploaded at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dense3d_ros.geometry.crop import BACKGROUND, CropRegion
from dense3d_ros.geometry.depth import NOTHING

_FLOATS = 9
"""fx, fy, cx, cy of the crop, its centre (3), half its cube's edge, metres per value."""
_FIXED = _FLOATS + 2
"""And, as integers, whether the values are float32, and where the first of them is."""
_OUTSIDE = -1


def header_words(resolution: int) -> int:
    """32-bit words that describe a crop: what is fixed, and a place for each pixel."""
    return _FIXED + resolution**2


def words_needed(regions: Sequence[CropRegion], batch: int, resolution: int) -> int:
    """32-bit words that `pack` needs at the most."""
    pixels = sum(_box(region).nbytes // 4 + 1 for region in regions)
    return batch * header_words(resolution) + pixels


def pack(regions: Sequence[CropRegion], batch: int, resolution: int, words: NDArray[np.int32]) -> int:
    """Write the crops' descriptions and, behind them, their pixels as they are; returns how many words that is.

    `batch` is at least the number of crops: the last one's description fills it up. Crops of the same pixels, such as
    the left and the right hypothesis of a hand, share them. Places are counted in half words, uint16 pixels.
    """
    header = words[: batch * header_words(resolution)].reshape(batch, -1)
    floats = header.view(np.float32)
    halves = words.view(np.uint16)
    used = header.size
    places: dict[tuple[int, ...], int] = {}
    for index, region in enumerate(regions):
        box = _box(region)
        is_float = box.dtype == np.float32
        key = (box.__array_interface__["data"][0], *box.shape, *box.strides)
        if key not in places:
            places[key] = 2 * used
            size = box.nbytes // 2
            halves[2 * used : 2 * used + size].view(box.dtype).reshape(box.shape)[...] = box
            used += (size + 1) // 2
        step = 1 + is_float
        floats[index, :4] = region.camera.pinhole
        floats[index, 4:7] = region.centre
        floats[index, 7:_FLOATS] = region.half_size, region.depth.unit
        header[index, _FLOATS:_FIXED] = is_float, places[key]
        header[index, _FIXED:] = _places(region, step * box.shape[1], step).ravel()
    header[len(regions) :] = header[len(regions) - 1]
    return used


def unpack(words: Tensor, batch: int, resolution: int) -> tuple[Tensor, Tensor, Tensor]:
    """On any device, from the words of `pack`: images (B, 1, S, S) as in HandCrop, cameras (B, 4), centres (B, 3)."""
    header = words[: batch * header_words(resolution)].view(batch, -1)
    floats = header[:, :_FLOATS].contiguous().view(torch.float32)
    cameras, centres, half_size, unit = floats[:, :4], floats[:, 4:7], floats[:, 7], floats[:, 8]
    is_float, first = header[:, _FLOATS], header[:, _FLOATS + 1]
    places = header[:, _FIXED:].view(batch, resolution, resolution)
    inside = places != _OUTSIDE
    place = torch.where(inside, _per_crop(first) + places, 0).long()
    halves = words.view(torch.int16)
    low = halves[place].int() & 0xFFFF
    # A float32 is two half words, the lower one first.
    high = halves[place + _per_crop(is_float)].int() << 16
    # Nothing was measured where 16 bits are all set.
    whole = torch.where(low == int(NOTHING), 0, low).float()
    values = torch.where(_per_crop(is_float) != 0, (low | high).view(torch.float32), whole)
    metres = values * _per_crop(unit)
    image = (metres - _per_crop(centres[:, 2])) / _per_crop(half_size)
    # NaN compares as false.
    seen = inside & (metres > 0) & (image.abs() < 1)
    return torch.where(seen, image, float(BACKGROUND)).unsqueeze(1), cameras, centres


def _per_crop(values: Tensor) -> Tensor:
    return values[:, None, None]


def _box(region: CropRegion) -> NDArray[np.uint16] | NDArray[np.float32]:
    """The pixels from the first to the last row and column that lie in the image."""
    height, width = region.depth.shape
    return region.depth.values[_span(region.rows, height), _span(region.cols, width)]


def _span(places: NDArray[np.intp], size: int) -> slice:
    return slice(max(0, int(places.min())), max(0, min(size, int(places.max()) + 1)))


def _places(region: CropRegion, row_step: int, col_step: int) -> NDArray[np.intp]:
    """(S, S) distances from the box's first pixel in half words."""
    rows = (region.rows - max(0, int(region.rows.min()))) * row_step
    cols = (region.cols - max(0, int(region.cols.min()))) * col_step
    return np.where(region.inside, rows + cols, _OUTSIDE)
