"""A timer for what may have to be taken back: often while there is something, seldom otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dense3d_ros.nodes.process import steady_clock

OFTEN_NS, SELDOM_NS = 100_000_000, 250_000_000
"""Nanoseconds between two calls. Each wakes the executor, which costs a process with many services 1 ms of CPU."""


class WatchTimer:
    """Calls `check` on wall time, the sooner again where it returns that there is something to watch."""

    def __init__(self, node: Any, check: Callable[[], bool]) -> None:
        self._check = check
        # With use_sim_time the node's clock may stand still, and a hand must not stay for that.
        self._timer = node.create_timer(SELDOM_NS * 1e-9, self._ring, clock=steady_clock())

    def _ring(self) -> None:
        period = OFTEN_NS if self._check() else SELDOM_NS
        if self._timer.timer_period_ns != period:
            self._timer.timer_period_ns = period
