"""What the perception node counts and times, for its diagnostics."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping

import numpy as np

_WINDOW = 300
"""Times kept per stage: ten seconds at 30 frames a second."""


class FrameStatistics:
    """Counts events and keeps the latest times of each stage. Any thread may write and read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._times: dict[str, deque[float]] = {}

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
