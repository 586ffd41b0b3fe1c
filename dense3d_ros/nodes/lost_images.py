"""Whether images are lost on their way, told by the camera infos, which are small and arrive."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from dense3d_ros.nodes.dds_profile import profile_variable

_LATEST, _SHORTEST_S = 6, 3.0
"""Readings that are compared, the first and the last of them, and seconds that must lie between these."""
TOO_MANY, _FEWEST = 1.5, 6
"""Camera infos for an image that say that images are lost, where at least so many infos came."""
_STAMPS, _FEWEST_GAPS, _EVEN = 31, 12, 0.35
"""Latest images whose stamps are compared; how many gaps between them tell whether they are even, and their standard
deviation over their mean up to which they are. Images that each get lost by chance have 0.6 to 1, those that Fast DDS
loses had 1.3 to 1.7; where a throttle drops one of three they have 0.33."""


def profile_advice() -> str:
    """What keeps Fast DDS from losing large images, as the end of a sentence."""
    return (
        "; with Fast DDS large images are lost on their way unless the driver is started with "
        f"{profile_variable()} set to config/fastdds.xml of dense3d_ros"
    )


def are_even(stamps: Sequence[int]) -> bool:
    """Whether images come evenly, as from a slow camera or through a throttle, and not as where some are lost.

    stamps: of the latest ones in the order in which they came, nanoseconds.
    """
    gaps = np.diff(stamps)
    return len(gaps) >= _FEWEST_GAPS and bool(gaps.std() < _EVEN * gaps.mean())


class LostImages:
    """Compares how many images and camera infos came of late. Camera infos that come more rarely are no sign.

    Nor are images that come more rarely, but evenly.
    """

    def __init__(self) -> None:
        self._readings: deque[tuple[float, int, int]] = deque(maxlen=_LATEST)
        self._stamps: deque[int] = deque(maxlen=_STAMPS)

    def image(self, stamp: int) -> None:
        """An image of `stamp` nanoseconds came."""
        if self._stamps and stamp < self._stamps[-1]:
            # A bag started again.
            self._stamps.clear()
        self._stamps.append(stamp)

    def rates(self, counts: Mapping[str, int]) -> tuple[float, float] | None:
        """Images and camera infos a second, where images are lost; None where not. Called about once a second.

        counts: how many "images" and "camera infos" came so far.
        """
        images, infos = counts["images"], counts["camera infos"]
        if not images:
            # A camera may warm up, and its infos come meanwhile.
            return None
        self._readings.append((time.monotonic(), images, infos))
        first, last = self._readings[0], self._readings[-1]
        seconds, new_images, new_infos = (after - before for before, after in zip(first, last, strict=True))
        if seconds < _SHORTEST_S or new_infos < max(_FEWEST, TOO_MANY * new_images):
            return None
        # The stamps come on another thread.
        if are_even(list(self._stamps)):
            return None
        return new_images / seconds, new_infos / seconds
