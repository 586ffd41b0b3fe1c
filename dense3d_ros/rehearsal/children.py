"""Processes of our executables, started and watched from outside: by the demo and the benchmark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.nodes.process import use_dds_profile
from dense3d_ros.nodes.statistics import stage_times
from dense3d_ros.perception.model import read_for_runtime
from dense3d_ros.recordings.offline import Intrinsics
from dense3d_ros.runtime.selection import choose_device

NAMESPACE = "/demo"
DEPTH_TOPIC = f"{NAMESPACE}/depth_camera/depth/image_rect_raw"
INFO_TOPIC = f"{NAMESPACE}/depth_camera/depth/camera_info"
START_TIMEOUT = 120.0
"""Seconds: a first start compiles the renderer and reads torch from a cold disk."""

ObserverT = TypeVar("ObserverT", bound=Any)


class ProcessError(RuntimeError):
    """A process did not do its part; the message says where the reason is."""


@dataclass(frozen=True)
class ModelChoice:
    """The parameters of hand_model: a model's name or file, its views, and the device and the runtime it is for."""

    model: str
    views: int
    device: str
    runtime: str

    def check(self) -> None:
        """ValueError where the model cannot be loaded so: what cannot work is said before a node is started."""
        read_for_runtime(self.model, choose_device(self.device), self.runtime)


def perception_arguments(choice: ModelChoice) -> list[str]:
    """Arguments of `main` that connect it to the depth camera of this namespace."""
    remaps = ["-r", f"depth:={DEPTH_TOPIC}", "-r", f"camera_info:={INFO_TOPIC}"]
    return [*parameter_arguments(vars(choice)), *remaps]


def camera_arguments(camera: Camera | Intrinsics, values: Mapping[str, object]) -> list[str]:
    """Arguments of `depth_camera_node` that set the camera that it is, and other parameters."""
    pinhole = {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy")}
    return parameter_arguments({**pinhole, **values})


def parameter_arguments(values: Mapping[str, object]) -> list[str]:
    """Arguments of any node that set parameters."""
    # JSON, because ROS reads values as YAML: a folder named 2024 has to stay a text.
    return ["--ros-args", *(word for name, value in values.items() for word in ("-p", f"{name}:={json.dumps(value)}"))]


def median_stages(diagnostics: Mapping[str, str]) -> dict[str, float]:
    """Stage of a frame -> median milliseconds, of the values in the perception node's diagnostics."""
    return {stage: median for stage, (median, _) in stage_times(diagnostics).items()}


def isolate() -> None:
    """Keep what follows on this machine and, unless the user chose a domain, out of the way of other ROS nodes."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    use_dds_profile()


@contextmanager
def watching(make_observer: Callable[[], ObserverT]) -> Iterator[tuple[ObserverT, SingleThreadedExecutor]]:
    """An observer of nodes on this machine, and what spins it. KeyboardInterrupt where a signal ends the spinning."""
    isolate()
    rclpy.init()
    observer = make_observer()
    executor = SingleThreadedExecutor()
    executor.add_node(observer)
    try:
        yield observer, executor
    except ExternalShutdownException as error:
        # rclpy's handler of SIGINT and SIGTERM ends the spinning.
        raise KeyboardInterrupt from error
    finally:
        executor.shutdown()
        observer.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def node_process(module: str, arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `main` of a module of this package, ended like a user's Ctrl-C would, then harder."""
    start = f"from dense3d_ros.nodes.executable import run; run('dense3d_ros.{module}')"
    namespace = ["-r", f"__ns:={NAMESPACE}"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", start, *arguments, *namespace],
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            for ending, patience in ((signal.SIGINT, 30.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
                if process.poll() is None:
                    process.send_signal(ending)
                    try:
                        process.wait(patience)
                    except subprocess.TimeoutExpired:
                        continue
                break


def wait_until_active(
    observer: Node, executor: SingleThreadedExecutor, nodes: subprocess.Popen[bytes], log: Path
) -> None:
    """Until the lifecycle node says that it is active."""
    client: Any = observer.create_client(GetState, f"{NAMESPACE}/hand_model/get_state")
    deadline = time.monotonic() + START_TIMEOUT
    label = "not answering"
    while time.monotonic() < deadline:
        if nodes.poll() is not None:
            raise ProcessError(f"the perception process ended with status {nodes.returncode}; see {log}")
        if not client.wait_for_service(timeout_sec=0.2):
            continue
        future = client.call_async(GetState.Request())
        executor.spin_until_future_complete(future, timeout_sec=2.0)
        if future.done():
            state = future.result().current_state
            label = state.label
            if state.id == State.PRIMARY_STATE_ACTIVE:
                return
        spin(executor, 0.1)
    raise ProcessError(f"hand_model was not active after {START_TIMEOUT:.0f} s ({label}); see {log}")


def wait_for_publisher(observer: Node, executor: SingleThreadedExecutor, topic: str) -> None:
    """Until the observer knows who publishes a topic: what is published before does not reach it."""
    deadline = time.monotonic() + START_TIMEOUT
    while not observer.count_publishers(topic):
        if time.monotonic() > deadline:
            raise ProcessError(f"nobody published {topic} in {START_TIMEOUT:.0f} s")
        spin(executor, 0.1)


def spin(executor: SingleThreadedExecutor, seconds: float) -> None:
    """Execute callbacks for so long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)
