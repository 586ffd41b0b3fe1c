"""Whether images are lost on their way, told by the camera infos, which are small and arrive."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

from dense3d_ros.nodes.dds_profile import profile_variable

_LATEST, _SHORTEST_S = 6, 3.0
"""Readings that are compared, the first and the last of them, and seconds that must lie between these."""
TOO_MANY, _FEWEST = 1.5, 6
"""Camera infos for an image that say that images are lost, where at least so many infos came."""


def profile_advice() -> str:
    """What keeps Fast DDS from losing large images, as the end of a sentence."""
    return (
        "; with Fast DDS large images are lost on their way unless the driver is started with "
        f"{profile_variable()} set to config/fastdds.xml of dense3d_ros"
    )


class LostImages:
    """Compares how many images and camera infos came of late. Camera infos that come more rarely are no sign."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, int, int]] = deque(maxlen=_LATEST)

    def rates(self, counts: Mapping[str, int]) -> tuple[float, float] | None:
        """Images and camera infos a second, where clearly more infos come; None where not. Called about once a second.

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
        return new_images / seconds, new_infos / seconds
