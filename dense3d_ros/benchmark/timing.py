"""Times of many calls, taken in turns so that a busy moment hits all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from dense3d_ros.benchmark.figures import Times

ROUNDS = 10
_WARM_UP = 10


def percentiles(milliseconds: list[float]) -> Times:
    """The figures of at least one time."""
    p50, p95, p99 = (round(float(value), 4) for value in np.percentile(milliseconds, [50, 95, 99]))
    least, most, mean = (
        round(float(value), 4) for value in (min(milliseconds), max(milliseconds), np.mean(milliseconds))
    )
    return Times(p50=p50, p95=p95, p99=p99, least=least, most=most, mean=mean, calls=len(milliseconds))


def time_calls(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Times]:
    """Each call `repeats` times after a warm-up, in ROUNDS rounds over all of them."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(_WARM_UP):
            call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            for _ in range(max(1, repeats // ROUNDS)):
                start = time.perf_counter()
                call()
                taken[name].append(1000 * (time.perf_counter() - start))
    return {name: percentiles(times) for name, times in taken.items()}
