"""The process of `hand_pose` with its executor's callbacks timed, for the benchmark."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from dense3d_ros.atomic_write import write_text
from dense3d_ros.benchmark.timing import percentiles
from dense3d_ros.nodes.main import make_nodes
from dense3d_ros.nodes.process import run_nodes


class TimedExecutor(SingleThreadedExecutor):  # type: ignore[misc]
    """Notes how long each callback kept the thread, rclpy's taking of the message included.

    taken: "node: topic, service or timer" -> milliseconds of every call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[str, list[float]] = {}
        self._running: tuple[str, float] | None = None

    def wait_for_ready_callbacks(self, *args: Any, **options: Any) -> Any:
        """What the base class says. The callback that it returned last has ended when it is called again."""
        if self._running is not None:
            name, began = self._running
            self.taken.setdefault(name, []).append(1000 * (time.perf_counter() - began))
            self._running = None
        ready = super().wait_for_ready_callbacks(*args, **options)
        self._running = _name(ready[1], ready[2]), time.perf_counter()
        return ready


def _name(entity: Any, node: Node | None) -> str:
    what = getattr(entity, "topic_name", None) or getattr(entity, "srv_name", None) or type(entity).__name__.lower()
    return f"{node.get_name() if node else 'process'}: {what}"


def main() -> int:
    """As `main.main`; the first argument is the file that the times go to when the process ends, as JSON."""
    executors: list[TimedExecutor] = []

    def make_executor() -> TimedExecutor:
        executors.append(TimedExecutor())
        return executors[-1]

    status = run_nodes(make_nodes, make_executor=make_executor)
    times = {name: percentiles(taken) for executor in executors for name, taken in executor.taken.items()}
    write_text(Path(sys.argv[1]), json.dumps(times))
    return status
