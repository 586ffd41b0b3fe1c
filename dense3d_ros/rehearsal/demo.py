"""The whole main job, measured: camera, perception and model nodes over DDS, and an observer of what they say."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rclpy.executors import SingleThreadedExecutor

from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.depth import DepthFormatError
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.recordings.offline import Intrinsics
from dense3d_ros.recordings.png_folder import ImageReader, check_camera, find_frames
from dense3d_ros.recordings.result_folder import prepare_results
from dense3d_ros.rehearsal.children import (
    DEPTH_TOPIC,
    NAMESPACE,
    START_TIMEOUT,
    ModelChoice,
    ProcessError,
    camera_arguments,
    node_process,
    perception_arguments,
    spin,
    wait_for_publisher,
    wait_until_active,
    watching,
)
from dense3d_ros.rehearsal.demo_observer import DemoObservation, DemoObserver
from dense3d_ros.rehearsal.renderer import compile_renderer

SYNTHETIC_RATE = 30.0
FOLDER_RATE = 5.0
IMAGES = 24


@dataclass(frozen=True)
class DemoSettings:
    """What to show: a folder of depth PNGs with its camera, or `seconds` of a rendered hand of `mesh`.

    The rendered hand's fingers move each by itself, as in none of the gestures that training begins with.
    """

    output: Path
    choice: ModelChoice
    seconds: float
    folder: Path | None
    intrinsics: Intrinsics
    mesh: str


def run_demo(settings: DemoSettings) -> DemoObservation:
    """Start the nodes, watch them do their job, stop them.

    Raises ValueError for settings that cannot work, ProcessError where the nodes do not come up.
    """
    # What cannot work is said now, in one sentence, instead of in a node's log.
    images = _readable(settings.folder, settings.intrinsics) if settings.folder else None
    if not settings.folder:
        HandMesh.load(settings.mesh)
    settings.choice.check()
    prepare_results(settings.output, settings.folder)
    if not settings.folder:
        # Here, where it is seen and can be interrupted, and not in the camera's process, which has a log.
        compile_renderer(lambda line: print(line, flush=True))
    every = max(1, int((images or settings.seconds * SYNTHETIC_RATE) / IMAGES))
    is_folder = settings.folder is not None
    make_observer = partial(DemoObserver, NAMESPACE, DEPTH_TOPIC, every, reliable=is_folder)
    with watching(make_observer) as (observer, executor):
        started = time.monotonic()
        perception = perception_arguments(settings.choice)
        if settings.folder:
            # A folder's frames are all wanted, however busy the machine is.
            perception += [
                "-p",
                "max_age:=0.0",
                "-p",
                f"qos_overrides.{DEPTH_TOPIC}.subscription.reliability:=reliable",
            ]
        with node_process("nodes.main", perception, settings.output / "hand_pose.log") as nodes:
            wait_until_active(observer, executor, nodes, settings.output / "hand_pose.log")
            wait_for_publisher(observer, executor, observer.hands_topic)
            to_active = time.monotonic() - started
            with node_process(
                "rehearsal.depth_camera_node", _camera(settings), settings.output / "depth_camera.log"
            ) as camera:
                _watch(settings, observer, executor, nodes, camera)
            # The last frames and the last diagnostics are still on their way.
            spin(executor, 1.5)
            running = nodes.poll() is None
        return observer.observation(settings.folder, settings.mesh, images, to_active, survived=running)


def _readable(folder: Path, intrinsics: Intrinsics) -> int:
    """How many of the folder's images the camera will be able to publish."""
    try:
        str(folder).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"ROS takes no folder whose name is not UTF-8: '{printable(folder)}'") from error
    frames = find_frames(folder)
    if doubt := check_camera(frames, intrinsics):
        print(doubt, flush=True)
    reader = ImageReader(intrinsics.depth_unit)
    count = 0
    for frame in frames:
        # What is wrong with the others is in the camera's log.
        with suppress(DepthFormatError):
            reader.read(frame.path)
            count += 1
    return count


def _camera(settings: DemoSettings) -> list[str]:
    camera = settings.intrinsics
    values: dict[str, object] = {"rate": SYNTHETIC_RATE, "mesh": settings.mesh, "motion": "fingers"}
    if settings.folder:
        values |= {
            "folder": str(settings.folder),
            "depth_unit": camera.depth_unit,
            "rate": FOLDER_RATE,
            "loop": False,
            # The nodes and the observer.
            "subscribers": 2,
            "reliability": "reliable",
        }
    return camera_arguments(camera, values)


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
            raise ProcessError(f"the perception process ended; see {settings.output / 'hand_pose.log'}")
        if camera.poll() is not None:
            if settings.folder and camera.returncode == 0:
                return
            raise ProcessError(f"the camera process ended; see {settings.output / 'depth_camera.log'}")
        if observer.first_answer is None and time.monotonic() > deadline:
            missing = "answer to a depth image" if observer.saw_images else "depth image"
            raise ProcessError(f"no {missing} came in {START_TIMEOUT:.0f} s; see the logs in {settings.output}")


def _seconds_since(moment: float) -> float:
    return time.monotonic() - moment
