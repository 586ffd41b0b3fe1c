"""What the perception node counts and times, for its diagnostics."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping

import numpy as np

_WINDOW = 300
"""Times kept per stage: ten seconds at 30 frames a second."""
_P50, _P95 = " p50 ms", " p95 ms"
"""Ends of the keys of a stage's median and 95th percentile."""


class Rates:
    """Events a second between two readings of the counts."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._read = time.monotonic()

    def since_last(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Event -> events a second since the last call."""
        now = time.monotonic()
        seconds = max(now - self._read, 1e-6)
        rates = {event: (count - self._counts[event]) / seconds for event, count in counts.items()}
        self._counts, self._read = Counter(counts), now
        return rates


class FrameStatistics:
    """Counts events and keeps the latest times of each stage. Any thread may write and read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._times: dict[str, deque[float]] = {}
        self._rates = Rates()

    def count(self, event: str) -> None:
        """One more of `event`."""
        with self._lock:
            self._counts[event] += 1

    def time(self, stages: Mapping[str, float]) -> None:
        """Add one frame's times, stage -> milliseconds."""
        with self._lock:
            for stage, milliseconds in stages.items():
                self._times.setdefault(stage, deque(maxlen=_WINDOW)).append(milliseconds)

    def counts(self) -> Counter[str]:
        """How often each event happened since the start."""
        with self._lock:
            return self._counts.copy()

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """Stage -> (median, 95th percentile) in milliseconds, over the latest frames."""
        with self._lock:
            times = {stage: list(values) for stage, values in self._times.items()}
        return {
            stage: (float(np.percentile(values, 50)), float(np.percentile(values, 95)))
            for stage, values in times.items()
        }

    def values(self, others: Mapping[str, int]) -> dict[str, object]:
        """Each event's count and its rate since the last call, by name, then the stages' percentiles, each by its key.

        others: further events -> how often they happened.
        """
        counts = {**self.counts(), **others}
        rates = self._rates.since_last(counts)
        values: dict[str, object] = {}
        for event in sorted(counts):
            values[event] = counts[event]
            values[f"{event} per second"] = rates[event]
        for stage, (median, high) in self.percentiles().items():
            values[f"{stage}{_P50}"] = median
            values[f"{stage}{_P95}"] = high
        return values


def stage_times(values: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Stage -> (median, 95th percentile) in milliseconds, of the values in a perception node's diagnostics."""
    stages = [key.removesuffix(_P50) for key in values if key.endswith(_P50)]
    return {stage: (float(values[stage + _P50]), float(values[stage + _P95])) for stage in stages}
