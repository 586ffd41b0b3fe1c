"""RVL: lossless coding of 16-bit depth images (Wilson, "Fast Lossless Depth Image Compression", ISS 2017).

Words of 32 bits, little-endian, hold eight nibbles, the highest first. A number is written in groups of three bits, the
lowest first; the fourth bit of a nibble says that another group follows. An image is a sequence of runs: how many
pixels are 0, how many follow that are not, and for each of these the difference from the last one that was not 0, its
sign in the lowest bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LONGEST_NUMBER = 11
"""Nibbles that hold 32 bits."""
_BYTES_PER_PIXEL = 3
"""At the most: a difference of 17 bits takes six nibbles."""


def decode_rvl(data: bytes | memoryview, pixels: int) -> NDArray[np.uint16]:
    """(pixels,) values of an image. Raises ValueError where the data end too early or are none of RVL.

    Python's work is one step a run; everything that is done for each pixel is NumPy's.
    """
    numbers = _numbers(data[: _BYTES_PER_PIXEL * pixels + 64])
    runs, first_of_run = _runs(numbers, pixels)
    used = int(first_of_run[-1] + runs[-1])
    is_difference = np.ones(used, np.bool_)
    is_difference[first_of_run - 1] = is_difference[first_of_run - 2] = False
    coded = numbers[:used][is_difference].astype(np.int64)
    measured = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    values = np.zeros(pixels, np.uint16)
    values[measured] = np.cumsum((coded >> 1) ^ -(coded & 1)).astype(np.uint16)
    return values


def _numbers(data: bytes | memoryview) -> NDArray[np.uint32]:
    """All numbers in the data."""
    words = np.frombuffer(data, "<u4", len(data) // 4)
    pairs = words.astype(">u4").view(np.uint8)
    nibbles = np.stack([pairs >> 4, pairs & 15], axis=-1).reshape(-1)
    last = np.flatnonzero(nibbles < 8)
    first = np.empty_like(last)
    first[:1], first[1:] = 0, last[:-1] + 1
    length = last - first + 1
    if length.max(initial=0) > _LONGEST_NUMBER:
        raise ValueError("a number in it has more than 32 bits, so it is not RVL")
    groups = (nibbles & 7).astype(np.uint32)
    numbers = groups[first]
    longer = np.arange(len(first))
    for place in range(1, int(length.max(initial=0))):
        longer = longer[length[longer] > place]
        numbers[longer] |= groups[first[longer] + place] << np.uint32(3 * place)
    return numbers


def _runs(numbers: NDArray[np.uint32], pixels: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Lengths of the runs, of zeros and of others in turn, and for each pair where its differences begin."""
    number = numbers.data
    lengths: list[int] = []
    begins: list[int] = []
    at, left = 0, pixels
    while left:
        if at + 2 > len(number):
            raise ValueError(f"it ends {left} pixels too early")
        zeros, others = number[at], number[at + 1]
        at += 2
        if not 0 < zeros + others <= left:
            raise ValueError(f"a run of {zeros} + {others} pixels where {left} are left, so it is not RVL")
        if at + others > len(number):
            raise ValueError(f"it ends {left - zeros - (len(number) - at)} pixels too early")
        lengths += zeros, others
        begins.append(at)
        at += others
        left -= zeros + others
    return np.array(lengths, np.intp), np.array(begins, np.intp)
