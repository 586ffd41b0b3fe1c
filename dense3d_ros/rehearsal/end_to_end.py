"""Camera process -> perception process -> subscriber over DDS, at several frame rates."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import rclpy
from rclpy.executors import SingleThreadedExecutor

from dense3d_ros.benchmark.stages import CAMERA, Scene
from dense3d_ros.benchmark.timing import percentiles
from dense3d_ros.rehearsal.children import (
    INFO_TOPIC,
    NAMESPACE,
    START_TIMEOUT,
    ProcessError,
    camera_arguments,
    isolate,
    node_process,
    perception_arguments,
    spin,
)
from dense3d_ros.rehearsal.latency_observer import LatencyObserver, process_use

CAMERA_PROCESS = "rehearsal.depth_camera_node"
SETTLE = 2.0
"""Seconds after a camera's start that do not count: discovery, and the search for the hand."""
REMAINDER = 0.5
"""Seconds that the last frames may take to be answered."""


@dataclass(frozen=True)
class EndToEnd:
    """What to run: a model on a device in a runtime, `seconds` at each of the rates (Hz)."""

    model: str
    device: str
    runtime: str
    rates: Sequence[float]
    seconds: float


def run_end_to_end(settings: EndToEnd, scene: Scene) -> dict[str, Any]:
    """Start to first pose, and per rate latency, lost frames, processor time and memory. Raises ProcessError.

    The camera plays files of the scene, which costs it less than rendering: a driver does not render either.
    """
    isolate()
    rclpy.init()
    observer = LatencyObserver(NAMESPACE, INFO_TOPIC)
    executor = SingleThreadedExecutor()
    executor.add_node(observer)
    try:
        with tempfile.TemporaryDirectory(prefix="dense3d_benchmark") as name:
            return _run(settings, Path(name), scene, observer, executor)
    finally:
        executor.shutdown()
        observer.destroy_node()
        rclpy.try_shutdown()


def _run(
    settings: EndToEnd, folder: Path, scene: Scene, observer: LatencyObserver, executor: SingleThreadedExecutor
) -> dict[str, Any]:
    for index, depth in enumerate(scene.depths):
        # Not compressed, so that reading costs next to nothing.
        cv2.imwrite(str(folder / f"{index}.png"), depth, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    log, callbacks = folder / "hand_pose.log", folder / "callbacks.json"
    perception = perception_arguments(settings.model, settings.device, settings.runtime)
    rows = []
    with node_process(CAMERA_PROCESS, _camera(folder, settings.rates[0]), folder / "camera.log") as camera:
        _until(lambda: bool(observer.sent), executor, camera, folder / "camera.log")
        started = time.monotonic()
        with node_process("rehearsal.executor_times", [str(callbacks), *perception], log) as nodes:
            _until(lambda: observer.first_hand is not None, executor, nodes, log)
            to_first_pose = (observer.first_hand or 0.0) - started
            rows.append(_measure(settings, settings.rates[0], observer, executor, nodes, camera))
            _stop(camera, executor)
            for rate in settings.rates[1:]:
                observer.forget()
                with node_process(CAMERA_PROCESS, _camera(folder, rate), folder / "camera.log") as next_camera:
                    _until(lambda: bool(observer.sent), executor, next_camera, folder / "camera.log")
                    rows.append(_measure(settings, rate, observer, executor, nodes, next_camera))
                    _stop(next_camera, executor)
    return {
        "runtime": observer.diagnostics.get("runtime", ""),
        "device": observer.diagnostics.get("device", ""),
        "start_to_first_pose_seconds": round(to_first_pose, 2),
        "rates": rows,
        "callbacks": json.loads(callbacks.read_text(encoding="utf-8")) if callbacks.exists() else {},
    }


def _measure(
    settings: EndToEnd,
    rate: float,
    observer: LatencyObserver,
    executor: SingleThreadedExecutor,
    nodes: subprocess.Popen[bytes],
    camera: subprocess.Popen[bytes],
) -> dict[str, Any]:
    """A row of figures of `seconds` at a rate, after the start has settled."""
    spin(executor, SETTLE)
    observer.forget()
    before, camera_before, began = process_use(nodes.pid), process_use(camera.pid), time.monotonic()
    spin(executor, settings.seconds)
    passed = time.monotonic() - began
    after, camera_after = process_use(nodes.pid), process_use(camera.pid)
    # Answers to later frames do not count, late answers to these do.
    sent = set(observer.sent)
    spin(executor, REMAINDER)
    answered = {stamp: latency for stamp, latency in observer.latency_ms.items() if stamp in sent}
    if not answered:
        raise ProcessError(f"no frame was answered at {rate:g} Hz")
    return {
        "rate": rate,
        "frames": len(sent),
        "lost": len(sent) - len(answered),
        "with_hand": len(sent & observer.with_hand),
        "latency_ms": asdict(percentiles(list(answered.values()))),
        "cpu_percent": round(100 * (after.seconds - before.seconds) / passed, 1),
        "camera_cpu_percent": round(100 * (camera_after.seconds - camera_before.seconds) / passed, 1),
        "resident_mib": round(after.resident_mib, 1),
        "largest_resident_mib": round(after.largest_mib, 1),
        "node_stages_p50_ms": {
            key.removesuffix(" p50 ms"): float(value)
            for key, value in observer.diagnostics.items()
            if key.endswith(" p50 ms")
        },
    }


def _camera(folder: Path, rate: float) -> list[str]:
    return camera_arguments(
        {
            "folder": str(folder),
            "depth_unit": 0.001,
            "rate": float(rate),
            "fx": CAMERA.fx,
            "fy": CAMERA.fy,
            "cx": CAMERA.cx,
            "cy": CAMERA.cy,
        }
    )


def _stop(camera: subprocess.Popen[bytes], executor: SingleThreadedExecutor) -> None:
    """End a camera, so that the next one is alone."""
    camera.terminate()
    camera.wait(START_TIMEOUT)
    spin(executor, REMAINDER)


def _until(condition: Any, executor: SingleThreadedExecutor, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not condition():
        executor.spin_once(timeout_sec=0.05)
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise ProcessError(f"a process ended or did nothing for {START_TIMEOUT:.0f} s: {' | '.join(said)}")
