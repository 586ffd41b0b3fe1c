"""Stamps that never go back, for files that are played in the order of their stamps."""

from __future__ import annotations

_SECOND = 1_000_000_000


class GrowingStamps:
    """Moves stamps that go back, as from one folder of images to the next, behind those before; none is 0."""

    def __init__(self) -> None:
        self._latest = self._offset = 0

    def moved(self, nanoseconds: int) -> int:
        """A time of the sequence at hand, such as that of a transform."""
        return max(nanoseconds + self._offset, 0)

    def next(self, nanoseconds: int) -> int:
        """The stamp of the next frame."""
        stamp = nanoseconds + self._offset
        if stamp < self._latest or stamp <= 0:
            self._offset += self._latest + _SECOND - stamp
            stamp = self._latest + _SECOND
        self._latest = stamp
        return stamp
