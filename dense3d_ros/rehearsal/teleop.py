"""Teleoperation of robots by the rendered hand, measured and drawn: camera, perception, and a node for each robot."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rclpy.executors import SingleThreadedExecutor

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.recordings.offline import Intrinsics
from dense3d_ros.recordings.result_folder import prepare_results
from dense3d_ros.rehearsal.children import (
    NAMESPACE,
    START_TIMEOUT,
    ModelChoice,
    ProcessError,
    camera_arguments,
    node_process,
    parameter_arguments,
    perception_arguments,
    spin,
    wait_until_active,
    watching,
)
from dense3d_ros.rehearsal.renderer import compile_renderer
from dense3d_ros.rehearsal.teleop_observer import Moment, TeleopObserver, Values
from dense3d_ros.retargeting.robot import Retargeting, load_robot

FOLLOWED = Handedness.RIGHT
"""The hand that is rendered."""
SETTLE_S = 2.0
"""Seconds after the first command that do not count: discovery, and the search for the hand."""
IMAGES_S = 5.0
RENDERED_S = 4.0
"""Of the hand's movement, which is shown forth and back."""
CAMERA = f"{NAMESPACE}/depth_camera"


@dataclass(frozen=True)
class TeleopSettings:
    """robots: names or configurations. rate: images a second. seconds: of measuring; images are kept afterwards.

    mesh: of the rendered hand.
    """

    output: Path
    choice: ModelChoice
    robots: Sequence[str]
    rate: float
    seconds: float
    intrinsics: Intrinsics
    mesh: str


@dataclass(frozen=True)
class TeleopObservation:
    """frames: depth images while it was measured. measured: of these, what was heard of them. shown: with images.

    robots: what the names of the nodes stand for. counted: the first and the last values of each node's diagnostics in
    that time.
    """

    frames: int
    measured: list[Moment]
    shown: list[Moment]
    robots: dict[str, Retargeting]
    counted: dict[str, tuple[Values, Values]]
    rate: float


def run_teleop(settings: TeleopSettings) -> TeleopObservation:
    """Start the nodes, watch them do their job, stop them.

    Raises ValueError for settings that cannot work, ProcessError where the nodes do not come up.
    """
    robots = {f"robot_{number}": load_robot(name) for number, name in enumerate(settings.robots, 1)}
    for robot in robots.values():
        if robot.handedness is not FOLLOWED:
            raise ValueError(f"{robot.robot.name} is driven by a left hand, and the rendered hand is a right one")
    HandMesh.load(settings.mesh)
    settings.choice.check()
    prepare_results(settings.output, None)
    compile_renderer(lambda line: print(line, flush=True))
    make_observer = partial(TeleopObserver, NAMESPACE, CAMERA, list(robots), FOLLOWED)
    with watching(make_observer) as (observer, executor), ExitStack() as children:
        log = settings.output / "hand_pose.log"
        perception = perception_arguments(settings.choice)
        nodes = children.enter_context(node_process("nodes.main", perception, log))
        processes = {log: nodes}
        for name, file in zip(robots, settings.robots, strict=True):
            log = settings.output / f"{name}.log"
            arguments = [*parameter_arguments({"robot": file}), "-r", f"__node:={name}"]
            processes[log] = children.enter_context(node_process("nodes.hand_retarget_node", arguments, log))
        wait_until_active(observer, executor, nodes, settings.output / "hand_pose.log")
        values: dict[str, object] = {
            "rate": settings.rate,
            "mesh": settings.mesh,
            # A driver does not render either.
            "rendered_before": RENDERED_S,
        }
        log = settings.output / "depth_camera.log"
        arguments = camera_arguments(settings.intrinsics, values)
        processes[log] = children.enter_context(node_process("rehearsal.depth_camera_node", arguments, log))
        return _watch(settings, observer, executor, processes, robots)


def _watch(
    settings: TeleopSettings,
    observer: TeleopObserver,
    executor: SingleThreadedExecutor,
    processes: dict[Path, subprocess.Popen[bytes]],
    robots: dict[str, Retargeting],
) -> TeleopObservation:
    def all_robots_move() -> bool:
        return any(set(robots) <= set(moment.commands) for moment in observer.moments.values())

    deadline = time.monotonic() + START_TIMEOUT
    while not all_robots_move():
        spin(executor, 0.1)
        for log, process in processes.items():
            if process.poll() is not None:
                raise ProcessError(f"a process ended with status {process.returncode}; see {log}")
        if time.monotonic() > deadline:
            raise ProcessError(f"no commands came in {START_TIMEOUT:.0f} s; see the logs in {settings.output}")
    spin(executor, SETTLE_S)
    observer.forget()
    spin(executor, settings.seconds)
    frames = set(observer.frames)
    # The last ones are still on their way, and diagnostics come once a second.
    spin(executor, 1.2)
    counted = dict(observer.counted)
    measured = [observer.moments[stamp] for stamp in sorted(frames & set(observer.moments))]
    observer.keep_images()
    spin(executor, 0.5)
    observer.forget()
    spin(executor, min(IMAGES_S, settings.seconds))
    shown = [observer.moments[stamp] for stamp in sorted(observer.moments)]
    spin(executor, 1.0)
    return TeleopObservation(len(frames), measured, shown, robots, counted, settings.rate)
