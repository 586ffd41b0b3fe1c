"""A process of one plain node whose callbacks fail or take long, run as our executables are."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from std_msgs.msg import String

from dense3d_ros.nodes import shared_memory
from dense3d_ros.nodes.executable import run
from dense3d_ros.nodes.process import run_nodes, steady_clock


class PlainNode(Node):
    """`~/fail` raises, `~/slow` takes `transition.id` seconds, a message on `~/text` raises.

    With `ticking` a timer raises, too. With `broken` it tells which files it has open, and cannot be made.
    """

    def __init__(self) -> None:
        super().__init__("plain")
        self.declare_parameter("number", 1)
        if self.declare_parameter("broken", False).value:
            print(*(descriptor.resolve() for descriptor in Path("/proc/self/fd").iterdir()), sep="\n", flush=True)
            raise ValueError("the node is broken")
        self.create_service(ChangeState, "~/fail", self._fail)
        self.create_service(ChangeState, "~/slow", self._slow)
        self.create_subscription(String, "~/text", self._read, 10)
        if self.declare_parameter("ticking", False).value:
            self.create_timer(0.05, self._tick, clock=steady_clock())
        self.get_logger().info("plain is there")

    def _fail(self, request: Any, response: Any) -> Any:
        raise RuntimeError("the service failed " + 10_000 * "very ")

    def _slow(self, request: Any, response: Any) -> Any:
        self.get_logger().info("slow begins")
        time.sleep(request.transition.id)
        response.success = True
        return response

    def _read(self, message: Any) -> None:
        raise KeyError(message.data)

    def _tick(self) -> None:
        raise OSError("the timer failed")


def main() -> int:
    shared_memory.PERIOD_S = 0.3
    return run_nodes(lambda: [PlainNode()], sys.argv)


if __name__ == "__main__":
    run("node_plain")
