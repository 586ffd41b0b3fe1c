"""How often the timer looks, on a real executor."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import Client

from dense3d_ros.nodes.watch_timer import WatchTimer


def test_it_looks_seldom_while_there_is_nothing_and_often_while_there_is() -> None:
    client, looks, busy = Client("test_watch_timer"), [], [False]

    def look() -> bool:
        looks.append(time.monotonic())
        return busy[0]

    def intervals(looks_until: int) -> list[float]:
        """A busy machine makes one interval longer and the next one shorter."""
        del looks[:-1]
        assert client.until(lambda: len(looks) >= looks_until)
        return [later - sooner for sooner, later in pairwise(looks)]

    try:
        timer = WatchTimer(client.node, look)
        assert max(intervals(2)) > 0.2
        busy[0] = True
        # The first one still comes as late as it was set to.
        assert min(intervals(4)) < 0.15
        busy[0] = False
        assert max(intervals(4)) > 0.2
        del timer
    finally:
        client.close()
