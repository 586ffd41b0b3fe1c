"""A process of ROS nodes: start, spin on one thread, end cleanly however often it is interrupted."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions

from dense3d_ros.nodes.allocator import keep_freed_memory
from dense3d_ros.nodes.dds_profile import dds_profile
from dense3d_ros.nodes.executable import ignore_signals, leave, on_signal
from dense3d_ros.nodes.guard import FatalError, Faults, answer_failures, spin
from dense3d_ros.nodes.shared_memory import remove_leftovers, watch_ports
from dense3d_ros.nodes.unknown_parameters import unknown_parameters

PATIENCE_S = 4.0
"""So long what is at work may take to end; launch sends the next signal after five seconds."""
FAREWELL_S = 0.2
"""Seconds that the last messages have to arrive: who hears first that the sender is gone drops its reply."""
UNREACHABLE = 3
"""Exit status of a process that no message reaches any more."""


def steady_clock() -> Clock:
    """A clock for timers that must run while the ROS clock stands still or jumps."""
    return Clock(clock_type=ClockType.STEADY_TIME)


def use_dds_profile() -> None:
    """Let Fast DDS use shared memory in which a depth image fits, unless the user chose a profile."""
    os.environ.update(dds_profile())


class _End:
    """Whether the process is to end, and with which status. Any thread may ask for it; the first one decides."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.executor: SingleThreadedExecutor | None = None

    def ask(self, status: int) -> None:
        if self.status is None:
            self.status = status
            timer = threading.Timer(PATIENCE_S, leave, [status])
            timer.daemon = True
            timer.start()
        if (executor := self.executor) is not None:
            # Wakes it, and lets what it is doing come to its end.
            executor.create_task(lambda: None)

    def asked(self) -> bool:
        return self.status is not None


def run_nodes(
    make: Callable[[], Sequence[Any]],
    arguments: Sequence[str] | None = None,
    make_executor: Callable[[], SingleThreadedExecutor] = SingleThreadedExecutor,
) -> int:
    """Spin the nodes that `make` returns until SIGINT or SIGTERM, then destroy them. Returns the exit status.

    It is 0 then, and where a node ends the process by `rclpy.shutdown()`. It is 1 where the nodes cannot be made or a
    callback raises FatalError, and UNREACHABLE, each with the reason as one line in the log. Any other exception of a
    callback is logged, and spinning goes on. What does not end within PATIENCE_S is left where it is.
    """
    keep_freed_memory()
    use_dds_profile()
    logger = get_logger("dense3d_ros")
    end = _End()
    # A callback that is at work when the signal comes, such as a transition, ends with the context still valid.
    on_signal(lambda: end.ask(0))
    removed = remove_leftovers()
    try:
        rclpy.init(
            args=list(arguments) if arguments is not None else None, signal_handler_options=SignalHandlerOptions.NO
        )
        if removed:
            logger.info(f"Removed {removed / 2**20:.1f} MiB of shared memory that dead processes had left in /dev/shm")
        _spin_nodes(make, sys.argv if arguments is None else arguments, make_executor, logger, end)
    except FatalError as error:
        logger.fatal(str(error))
        end.ask(1)
    except Exception as error:
        logger.fatal(f"Cannot start: {error}")
        end.ask(1)
    finally:
        # A lifecycle node, and one that could not be made whole, holds shared memory as long as its object is there.
        gc.collect()
        rclpy.try_shutdown()
        ignore_signals()
    return end.status or 0


def _spin_nodes(
    make: Callable[[], Sequence[Any]],
    arguments: Sequence[str],
    make_executor: Callable[[], SingleThreadedExecutor],
    logger: Any,
    end: _End,
) -> None:
    faults = Faults(logger)
    nodes = make()
    executor = make_executor()
    try:
        if nodes and (unknown := unknown_parameters(nodes, arguments)):
            # A node's logger: /rosout has it, too.
            nodes[0].get_logger().warning(unknown)
        for node in nodes:
            answer_failures(node, faults)
            executor.add_node(node)
        watch_ports(lambda port: _unreachable(logger, end, port))
        end.executor = executor
        spin(executor, end.asked, faults)
        time.sleep(FAREWELL_S)
    finally:
        end.executor = None
        for node in nodes:
            node.destroy_node()
        executor.shutdown()


def _unreachable(logger: Any, end: _End, port: str) -> None:
    if end.asked():
        return
    logger.fatal(
        f"No message can reach this process any more: another one replaced its port {port} in /dev/shm, as happens "
        f"after a pause. It ends with status {UNREACHABLE} and has to be started again"
    )
    end.ask(UNREACHABLE)
