"""Ages of frames whose stamps come from another machine's clock."""

from __future__ import annotations

from collections import deque

NOTEWORTHY = 0.2
"""Seconds that a clock has to be ahead to be reported: more than a slow /clock is behind."""
_FRAMES = 100
"""Frames that are remembered. Counted, not timed: after a pause the late frames must not become the measure."""
_EARLIEST = 10
"""One of so many frames may have a wrong stamp."""
_LONGEST_QUEUE = 5
"""Frames that wait at most for a node that was held up."""
_STEADY = 0.2
"""Seconds by which the ages of frames differ whose clock is off by a constant time."""
_TOO_LATE = 10.0
"""Seconds."""


class CameraClock:
    """Tells how old a frame is by its stamp, also where the camera's clock is ahead of the node's.

    A frame cannot come before it was taken. Where stamps lie in the future, the clock is ahead by about as much as the
    earliest tenth of the latest frames, and these are taken to be new: a single wrong stamp says nothing. When more
    frames in a row are too late than can have waited, the clock was set, or the stamps before were wrong.
    """

    def __init__(self) -> None:
        self._ages: deque[float] = deque(maxlen=_FRAMES)
        self._late = 0

    def came(self, age: float) -> None:
        """A frame came `age` seconds after its stamp on the node's clock; negative if the stamp is in the future."""
        self._late = self._late + 1 if age + self.ahead > _TOO_LATE else 0
        if self._late > _LONGEST_QUEUE:
            self._ages.clear()
            self._late = 0
        self._ages.append(age)

    @property
    def ahead(self) -> float:
        """Seconds by which the camera's clock is ahead; 0 if it is not."""
        earliest = sorted(self._ages)[len(self._ages) // _EARLIEST] if self._ages else 0.0
        return max(0.0, -earliest)

    def doubt(self) -> str:
        """What is wrong with the clock and to be reported though frames are used; "" if nothing is."""
        if (ahead := self.ahead) < NOTEWORTHY:
            return ""
        return (
            f"the camera's clock is {ahead:.2f} s ahead of this node's, so ages are told by its latest frames; "
            "synchronise the two, by NTP or PTP"
        )

    def why_old(self, stamp: float) -> str:
        """What makes frames old, the last of them with so many seconds as its stamp, and what to set."""
        if stamp <= 0.0:
            return "the images have no stamp: set max_age to 0.0 if the driver gives none"
        if self.ahead >= NOTEWORTHY:
            return f"the camera's clock is {self.ahead:.2f} s ahead of this node's: synchronise the two, by NTP or PTP"
        ages = list(self._ages)[-_LONGEST_QUEUE:]
        if len(ages) == _LONGEST_QUEUE and max(ages) - min(ages) < _STEADY:
            return (
                "all by the same time: if the camera's clock is behind this node's, synchronise the two, by NTP or "
                "PTP, or set max_age to 0.0; play a recorded bag with --clock and set use_sim_time"
            )
        return "they wait longer each time or came late; play a recorded bag with --clock and set use_sim_time"
