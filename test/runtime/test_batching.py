"""Threads that share a model: what waits is run together, and everyone gets their own results."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import Crop, HandCrop
from dense3d_ros.runtime.batching import Batcher
from dense3d_ros.runtime.interface import Outputs

CAMERA = Camera(100.0, 100.0, 1.5, 1.5, 4, 4)


def crop(number: int) -> HandCrop:
    return HandCrop(np.zeros((4, 4), np.float32), CAMERA, np.full(3, number, np.float32), 0.15)


class SlowRuntime:
    """Its first run goes on until `go`; joints are the crops' centres."""

    def __init__(self) -> None:
        self.started, self.go = threading.Event(), threading.Event()
        self.batches: list[int] = []
        self.broken = False

    def run(self, crops: Sequence[Crop]) -> Outputs:
        self.batches.append(len(crops))
        self.started.set()
        assert self.go.wait(30)
        if self.broken:
            raise RuntimeError("broken")
        joints = np.stack([np.tile(crop.centre, (21, 1)) for crop in crops])
        return Outputs(joints, joints[:, :, 0], joints[:, 0, :2])


def ask(batcher: Batcher, requests: Sequence[Sequence[int]], runtime: SlowRuntime) -> list[Outputs | RuntimeError]:
    """Each request from a thread of its own, the first of them alone, the others while it runs."""
    answers: dict[int, Outputs | RuntimeError] = {}

    def request(index: int) -> None:
        try:
            answers[index] = batcher.run([crop(number) for number in requests[index]])
        except RuntimeError as error:
            answers[index] = error

    threads = [threading.Thread(target=request, args=(index,)) for index in range(len(requests))]
    threads[0].start()
    assert runtime.started.wait(30)
    for thread in threads[1:]:
        thread.start()
    end = time.monotonic() + 30
    while len(batcher._waiting) < len(requests) - 1 and time.monotonic() < end:
        time.sleep(0.001)
    runtime.go.set()
    for thread in threads:
        thread.join(30)
    return [answers[index] for index in range(len(requests))]


def test_a_lone_request_runs_at_once_and_those_that_wait_run_together() -> None:
    runtime = SlowRuntime()
    requests = [[1], [2, 3], [4], [5, 6, 7]]
    answers = ask(Batcher(runtime.run), requests, runtime)
    assert runtime.batches == [1, 6]
    for numbers, answer in zip(requests, answers, strict=True):
        assert isinstance(answer, Outputs)
        np.testing.assert_array_equal(answer.joints[:, 0, 0], numbers)
        np.testing.assert_array_equal(answer.spread[:, 0], numbers)
        np.testing.assert_array_equal(answer.logits[:, 0], numbers)


def test_an_error_reaches_everyone_and_nobody_waits_for_ever() -> None:
    runtime = SlowRuntime()
    runtime.broken = True
    batcher = Batcher(runtime.run)
    answers = ask(batcher, [[1], [2], [3]], runtime)
    assert [str(answer) for answer in answers] == ["broken"] * 3
    assert runtime.batches == [1, 2]
    runtime.broken = False
    np.testing.assert_array_equal(batcher.run([crop(8)]).joints[:, 0, 0], [8])


def test_many_threads_get_their_own() -> None:
    runtime = SlowRuntime()
    runtime.go.set()
    batcher = Batcher(runtime.run)
    wrong: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 50):
            if batcher.run([crop(number)]).joints[0, 0, 0] != number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(1000 * index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert sum(runtime.batches) == 400


def test_a_model_shared_by_threads_gives_what_it_gives_alone() -> None:
    from dense3d_ros.benchmark.stages import make_scene
    from dense3d_ros.geometry.hand import Handedness
    from dense3d_ros.perception.model import load_model

    model = load_model("hand", "cpu", "torch")
    crops = make_scene(8).crops(model.description.resolution)
    alone = [model.predict([one], [Handedness.UNKNOWN])[0] for one in crops]
    together: dict[int, np.ndarray] = {}

    def work(index: int) -> None:
        for _ in range(3):
            together[index] = model.predict([crops[index]], [Handedness.UNKNOWN])[0].joints

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for index, joints in together.items():
        np.testing.assert_allclose(joints, alone[index].joints, atol=1e-4)
    assert len(together) == 4
