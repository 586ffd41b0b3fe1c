"""Which camera info belongs to which depth image.

`message_filters` pairs equal or similar stamps, but not an image with a camera info that came once, long ago.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from dense3d_ros.nodes.messages import stamp_nanoseconds

WAITING = 5
"""Messages of each kind that may wait for the other kind. More is of no use: only the newest pair counts."""
RARE_S, RARE_IMAGES = 0.5, 5
"""Without a camera info for so long, and for so many images, infos come more rarely than images."""


class StampPairing:
    """Calls `on_pair(image, info)` for every image that has a camera info, at once when both are there.

    Equal stamps make a pair; with a `slop()` over 0, stamps that differ by no more seconds. An image takes the last
    info where infos come without a stamp, or more rarely than images.
    """

    def __init__(self, on_pair: Callable[[Any, Any], None], slop: Callable[[], float] = lambda: 0.0) -> None:
        self._on_pair = on_pair
        self._slop = slop
        self._images: dict[int, Any] = {}
        self._infos: dict[int, Any] = {}
        self.last_info: Any = None
        self._last_info_came = -RARE_S
        self._images_since_info = 0
        self._each_with_an_info = 0
        self._are_rare = False
        self.nearest: float | None = None
        """Seconds between the closest stamps of an image and an info that were no pair; None where there were none."""

    @property
    def keeps_the_last_info(self) -> str:
        """Why an image takes the last camera info, whatever its stamp; "" where it does not."""
        if self.last_info is not None and _stamp(self.last_info) == 0:
            return "camera infos have no stamp"
        return "camera infos come more rarely than images" if self._are_rare else ""

    @property
    def info_age(self) -> float:
        """Seconds since the last camera info came; infinite where none came."""
        return math.inf if self.last_info is None else time.monotonic() - self._last_info_came

    def image(self, image: Any) -> None:
        """An image came."""
        self._watch_the_rate()
        info = self._info_for(_stamp(image))
        if info is None and self.keeps_the_last_info:
            info = self.last_info
        if info is None:
            _queue(self._images, image)
        else:
            self._pair(image, info)

    def info(self, info: Any) -> None:
        """A camera info came."""
        self.last_info, self._last_info_came, self._images_since_info = info, time.monotonic(), 0
        _queue(self._infos, info)
        for stamp in sorted(self._images):
            if (partner := self._info_for(stamp)) is not None:
                self._pair(self._images.pop(stamp), partner)

    def _pair(self, image: Any, info: Any) -> None:
        self.nearest = None
        # What waits and is older would come after a newer one, as if the time had been set back.
        for stamp in [stamp for stamp in self._images if stamp < _stamp(image)]:
            del self._images[stamp]
        self._on_pair(image, info)

    def _info_for(self, stamp: int) -> Any:
        """The waiting info that is nearest in time, if near enough; None else."""
        if not self._infos:
            return None
        nearest = min(self._infos, key=lambda other: abs(other - stamp))
        seconds = abs(nearest - stamp) / 1e9
        if nearest == stamp or seconds <= self._slop():
            return self._infos[nearest]
        self.nearest = seconds if self.nearest is None else min(self.nearest, seconds)
        return None

    def _watch_the_rate(self) -> None:
        """Judge at each image whether infos come as often."""
        self._each_with_an_info = 0 if self._images_since_info else self._each_with_an_info + 1
        self._images_since_info += 1
        if self._images_since_info > RARE_IMAGES and time.monotonic() - self._last_info_came > RARE_S:
            self._are_rare = self.last_info is not None
        elif self._each_with_an_info > RARE_IMAGES:
            self._are_rare = False

    def forget_after(self, stamp: int) -> None:
        """Stamps went back to `stamp`: what waits with a later one belongs to a recording that has ended."""
        for waiting in (self._images, self._infos):
            for later in [other for other in waiting if other > stamp]:
                del waiting[later]


def _stamp(message: Any) -> int:
    return stamp_nanoseconds(message.header.stamp)


def _queue(waiting: dict[int, Any], message: Any) -> None:
    """Add a message, and drop the earliest ones over WAITING."""
    waiting[_stamp(message)] = message
    while len(waiting) > WAITING:
        del waiting[min(waiting)]
