"""Camera process -> perception process -> subscriber over DDS, at several frame rates and with several hands."""

from __future__ import annotations

import gc
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient

from dense3d_ros.benchmark.figures import EndToEndFigures, RateFigures
from dense3d_ros.benchmark.four_hands import HandsScene
from dense3d_ros.benchmark.stages import CAMERA
from dense3d_ros.benchmark.timing import percentiles
from dense3d_ros.nodes.messages import read_hand
from dense3d_ros.rehearsal.children import (
    INFO_TOPIC,
    NAMESPACE,
    START_TIMEOUT,
    ModelChoice,
    ProcessError,
    camera_arguments,
    median_stages,
    node_process,
    perception_arguments,
    spin,
    watching,
)
from dense3d_ros.rehearsal.latency_observer import LatencyObserver, process_use

CAMERA_PROCESS = "rehearsal.depth_camera_node"
SETTLE = 2.0
"""Seconds after a camera's start that do not count: discovery, and the search for the hand."""
REMAINDER = 0.5
"""Seconds that the last frames may take to be answered."""
SAME_HAND = 0.03
"""Metres, mean over the joints, within which a hand is a true one."""


@dataclass(frozen=True)
class Showing:
    """What the camera plays: a scene at each of the rates (Hz), to nodes that look for `max_hands`."""

    scene: HandsScene
    max_hands: int
    rates: Sequence[float]


@dataclass(frozen=True)
class EndToEnd:
    """What to run: a model, for `seconds` of each rate of each showing."""

    choice: ModelChoice
    showings: Sequence[Showing]
    seconds: float


@dataclass(frozen=True)
class _Run:
    """One showing at one of its rates, with the folder of its images."""

    showing: Showing
    folder: Path
    rate: float


def run_end_to_end(settings: EndToEnd) -> EndToEndFigures:
    """Start to first pose, and per rate latency, lost frames, processor time and memory. Raises ProcessError.

    The camera plays files of a scene, which costs it less than rendering: a driver does not render either.
    """
    # Else a collection of all that this process has loaded holds the observer for a tenth of a second.
    gc.collect()
    gc.freeze()
    try:
        with (
            watching(partial(LatencyObserver, NAMESPACE, INFO_TOPIC)) as (observer, executor),
            tempfile.TemporaryDirectory(prefix="dense3d_benchmark") as name,
        ):
            return _run(settings, Path(name), observer, executor)
    finally:
        gc.unfreeze()


def _run(
    settings: EndToEnd, folder: Path, observer: LatencyObserver, executor: SingleThreadedExecutor
) -> EndToEndFigures:
    log, camera_log, callbacks = (folder / name for name in ("hand_pose.log", "camera.log", "callbacks.json"))
    perception = perception_arguments(settings.choice)
    runs = _runs(settings, folder)
    first = runs[0]
    perception += ["-p", f"max_hands:={first.showing.max_hands}"]
    rows = []
    with node_process(CAMERA_PROCESS, _camera(first), camera_log) as camera:
        _until(lambda: bool(observer.sent), executor, camera, camera_log)
        started = time.monotonic()
        with node_process("rehearsal.executor_times", [str(callbacks), *perception], log) as nodes:
            _until(lambda: observer.first_hand is not None, executor, nodes, log)
            to_first_pose = (observer.first_hand or 0.0) - started
            rows.append(_measure(settings, first, observer, executor, nodes, camera))
            _stop(camera, executor)
            for before, run in pairwise(runs):
                if run.showing is not before.showing:
                    _look_for(run.showing.max_hands, observer, executor)
                observer.forget()
                with node_process(CAMERA_PROCESS, _camera(run), camera_log) as next_camera:
                    _until(lambda: bool(observer.sent), executor, next_camera, camera_log)
                    rows.append(_measure(settings, run, observer, executor, nodes, next_camera))
                    _stop(next_camera, executor)
    return {
        "views": observer.diagnostics.get("views", ""),
        "runtime": observer.diagnostics.get("runtime", ""),
        "device": observer.diagnostics.get("device", ""),
        "start_to_first_pose_seconds": round(to_first_pose, 2),
        "rates": rows,
        "callbacks": json.loads(callbacks.read_text(encoding="utf-8")) if callbacks.exists() else {},
    }


def _runs(settings: EndToEnd, folder: Path) -> list[_Run]:
    """All runs in their order; writes the images."""
    runs = []
    for number, showing in enumerate(settings.showings):
        images = folder / f"scene{number}"
        images.mkdir()
        for index, depth in enumerate(showing.scene.depths):
            # Not compressed, so that reading costs next to nothing.
            cv2.imwrite(str(images / f"{index}.png"), depth, [cv2.IMWRITE_PNG_COMPRESSION, 0])
        runs += [_Run(showing, images, rate) for rate in showing.rates]
    return runs


def _look_for(max_hands: int, observer: LatencyObserver, executor: SingleThreadedExecutor) -> None:
    client = AsyncParameterClient(observer, f"{NAMESPACE}/hand_pose")
    future = client.set_parameters([Parameter("max_hands", value=max_hands)])
    executor.spin_until_future_complete(future, timeout_sec=START_TIMEOUT)
    response = future.result() if future.done() else None
    if response is None or not response.results[0].successful:
        raise ProcessError(f"hand_pose did not take max_hands {max_hands}")


def _measure(
    settings: EndToEnd,
    run: _Run,
    observer: LatencyObserver,
    executor: SingleThreadedExecutor,
    nodes: subprocess.Popen[bytes],
    camera: subprocess.Popen[bytes],
) -> RateFigures:
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
        raise ProcessError(f"no frame was answered at {run.rate:g} Hz")
    truth = run.showing.scene.joints
    with_hand = {stamp: observer.hands[stamp] for stamp in sent & observer.hands.keys()}
    return {
        "hands": truth.shape[1],
        "rate": run.rate,
        "frames": len(sent),
        "lost": len(sent) - len(answered),
        "with_hand": len(with_hand),
        "with_all_hands": sum(
            are_all_there(np.stack([read_hand(hand).joints for hand in hands]), truth) for hands in with_hand.values()
        ),
        "latency_ms": percentiles(list(answered.values())),
        "cpu_percent": round(100 * (after.seconds - before.seconds) / passed, 1),
        "camera_cpu_percent": round(100 * (camera_after.seconds - camera_before.seconds) / passed, 1),
        "resident_mib": round(after.resident_mib, 1),
        "largest_resident_mib": round(after.largest_mib, 1),
        "node_stages_p50_ms": median_stages(observer.diagnostics),
    }


def are_all_there(hands: NDArray[np.float32], truth: NDArray[np.float32]) -> bool:
    """Whether (hands, 21, 3) joints are those of one frame of the truth (frames, hands, 21, 3), each hand once.

    Of any frame, because a stamp does not tell which of the images the camera played.
    """
    if len(hands) != truth.shape[1]:
        return False
    errors = np.linalg.norm(truth[:, :, None] - hands, axis=-1).mean(axis=-1)
    is_true = errors < SAME_HAND
    return bool((is_true.any(axis=2) & is_true.any(axis=1)).all(axis=1).any())


def _camera(run: _Run) -> list[str]:
    return camera_arguments(CAMERA, {"folder": str(run.folder), "depth_unit": 0.001, "rate": float(run.rate)})


def _stop(camera: subprocess.Popen[bytes], executor: SingleThreadedExecutor) -> None:
    """End a camera, so that the next one is alone."""
    camera.terminate()
    camera.wait(START_TIMEOUT)
    spin(executor, REMAINDER)


def _until(
    condition: Callable[[], bool], executor: SingleThreadedExecutor, process: subprocess.Popen[bytes], log: Path
) -> None:
    """Spin until the condition holds; ProcessError where the process ends before, or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while not condition():
        executor.spin_once(timeout_sec=0.05)
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise ProcessError(f"a process ended or did nothing for {START_TIMEOUT:.0f} s: {' | '.join(said)}")
