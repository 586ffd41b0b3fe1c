"""The whole main job, measured: camera, perception and model nodes over DDS, and an observer of what they say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.executors import SingleThreadedExecutor

from dense3d_ros.model_file import read_model
from dense3d_ros.nodes.demo_observer import DemoObserver, Observation
from dense3d_ros.nodes.process import use_dds_profile
from dense3d_ros.offline import Intrinsics, find_frames

NAMESPACE = "/demo"
START_TIMEOUT = 120.0
"""Seconds: a first start compiles the renderer and reads torch from a cold disk."""
SYNTHETIC_RATE = 30.0
FOLDER_RATE = 5.0
PICTURES = 24
DEPTH_TOPIC = f"{NAMESPACE}/depth_camera/depth/image_rect_raw"
INFO_TOPIC = f"{NAMESPACE}/depth_camera/depth/camera_info"


class DemoError(RuntimeError):
    """The demo could not be run; the message says what to look at."""


@dataclass(frozen=True)
class DemoSettings:
    """What to show: a folder of depth PNGs with its camera, or `seconds` of a rendered hand."""

    output: Path
    model: str
    device: str
    seconds: float
    folder: Path | None
    intrinsics: Intrinsics


def run_demo(settings: DemoSettings) -> Observation:
    """Start the nodes, watch them do their job, stop them.

    Raises ModelFileError or ValueError for settings that cannot work, DemoError where the nodes do not come up.
    """
    # A broken model is said now, in one sentence, instead of in a node's log.
    read_model(settings.model)
    settings.output.mkdir(parents=True, exist_ok=True)
    _isolate()
    rclpy.init()
    frames = len(find_frames(settings.folder)) if settings.folder else 0
    every = max(1, int((frames or settings.seconds * SYNTHETIC_RATE) / PICTURES))
    observer = DemoObserver(NAMESPACE, DEPTH_TOPIC, every)
    executor = SingleThreadedExecutor()
    executor.add_node(observer)
    try:
        started = time.monotonic()
        perception = ["--ros-args", "-r", f"depth:={DEPTH_TOPIC}", "-r", f"camera_info:={INFO_TOPIC}"]
        perception += ["-p", f"hand_model:model:={settings.model}", "-p", f"hand_model:device:={settings.device}"]
        with _node_process("main", perception, settings.output / "hand_pose.log") as nodes:
            _wait_until_active(observer, executor, nodes, settings.output / "hand_pose.log")
            to_active = time.monotonic() - started
            with _node_process("depth_camera_node", _camera(settings), settings.output / "depth_camera.log") as camera:
                _watch(settings, observer, executor, nodes, camera)
            # The last frames and the last diagnostics are still on their way.
            _spin(executor, 1.5)
            running = nodes.poll() is None
        return observer.observation(settings.folder, to_active, survived=running)
    finally:
        executor.shutdown()
        observer.destroy_node()
        rclpy.try_shutdown()


def _camera(settings: DemoSettings) -> list[str]:
    camera = settings.intrinsics
    values: dict[str, object] = {
        "fx": camera.fx,
        "fy": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        "rate": SYNTHETIC_RATE,
    }
    if settings.folder:
        values |= {
            "folder": str(settings.folder),
            "depth_unit": camera.depth_unit,
            "rate": FOLDER_RATE,
            "loop": "false",
            "reliability": "reliable",
        }
    arguments = ["--ros-args"]
    for name, value in values.items():
        arguments += ["-p", f"{name}:={value}"]
    return arguments


def _isolate() -> None:
    """Keep the demo on this machine and, unless the user chose a domain, out of the way of other ROS nodes."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    use_dds_profile()


@contextmanager
def _node_process(module: str, arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of one of our executables, ended like a user's Ctrl-C would, then harder."""
    start = f"import sys; from dense3d_ros.nodes.{module} import main; sys.exit(main())"
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
            for ending, patience in ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
                if process.poll() is None:
                    process.send_signal(ending)
                    try:
                        process.wait(patience)
                    except subprocess.TimeoutExpired:
                        continue
                break


def _wait_until_active(
    observer: DemoObserver, executor: SingleThreadedExecutor, nodes: subprocess.Popen[bytes], log: Path
) -> None:
    """Until the lifecycle node says that it is active."""
    client: Any = observer.create_client(GetState, f"{NAMESPACE}/hand_model/get_state")
    deadline = time.monotonic() + START_TIMEOUT
    label = "not answering"
    while time.monotonic() < deadline:
        if nodes.poll() is not None:
            raise DemoError(f"the perception process ended with status {nodes.returncode}; see {log}")
        if not client.wait_for_service(timeout_sec=0.2):
            continue
        future = client.call_async(GetState.Request())
        executor.spin_until_future_complete(future, timeout_sec=2.0)
        if future.done():
            state = future.result().current_state
            label = state.label
            if state.id == State.PRIMARY_STATE_ACTIVE:
                return
        _spin(executor, 0.1)
    raise DemoError(f"hand_model was not active after {START_TIMEOUT:.0f} s ({label}); see {log}")


def _watch(
    settings: DemoSettings,
    observer: DemoObserver,
    executor: SingleThreadedExecutor,
    nodes: subprocess.Popen[bytes],
    camera: subprocess.Popen[bytes],
) -> None:
    """Until the rendered hand has been seen for the wanted time, or the folder is through."""
    deadline = time.monotonic() + START_TIMEOUT
    while observer.first_answer is None or settings.folder or _seconds_since(observer.first_answer) < settings.seconds:
        executor.spin_once(timeout_sec=0.1)
        if nodes.poll() is not None:
            raise DemoError(f"the perception process ended; see {settings.output / 'hand_pose.log'}")
        if camera.poll() is not None:
            if settings.folder and camera.returncode == 0:
                return
            raise DemoError(f"the camera process ended; see {settings.output / 'depth_camera.log'}")
        if observer.first_answer is None and time.monotonic() > deadline:
            raise DemoError(f"no hands came in {START_TIMEOUT:.0f} s; see the logs in {settings.output}")


def _seconds_since(moment: float) -> float:
    return time.monotonic() - moment


def _spin(executor: SingleThreadedExecutor, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)
