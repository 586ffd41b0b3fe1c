"""A process of ROS nodes: start, spin on one thread, end cleanly however often it is interrupted."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger

from dense3d_ros.nodes.allocator import keep_freed_memory
from dense3d_ros.nodes.dds_profile import dds_profile


def steady_clock() -> Clock:
    """A clock for timers that must run while the ROS clock stands still or jumps."""
    return Clock(clock_type=ClockType.STEADY_TIME)


def use_dds_profile() -> None:
    """Let Fast DDS use shared memory in which a depth image fits, unless the user chose a profile."""
    os.environ.update(dds_profile())


def run_nodes(
    make: Callable[[], Sequence[Any]],
    arguments: Sequence[str] | None = None,
    make_executor: Callable[[], SingleThreadedExecutor] = SingleThreadedExecutor,
) -> int:
    """Spin the nodes that `make` returns until SIGINT or SIGTERM, then destroy them. Returns the exit status.

    It is 1 where the nodes cannot be made, with the reason as one line in the log. A node may end the process
    by `rclpy.shutdown()`.
    """
    keep_freed_memory()
    use_dds_profile()
    # rclpy's own handler ends the spinning. Python's would raise KeyboardInterrupt wherever the main thread
    # is, and a second SIGINT, which launch sends, would hit the tear-down.
    signal.signal(signal.SIGINT, lambda *_: None)
    rclpy.init(args=list(arguments) if arguments is not None else None)
    nodes: Sequence[Any] = ()
    try:
        nodes = make()
        executor = make_executor()
        for node in nodes:
            executor.add_node(node)
        executor.spin()
    except ExternalShutdownException:
        pass
    except Exception as error:
        # Interrupted while the nodes were made.
        if not rclpy.ok():
            return 0
        if nodes:
            raise
        get_logger("dense3d_ros").fatal(f"Cannot start: {error}")
        return 1
    finally:
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        # Python's exit restores the default action of every handled signal, but leaves ignored ones ignored.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 0
