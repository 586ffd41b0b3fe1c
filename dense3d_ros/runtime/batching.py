"""One runtime for several threads: crops that wait at the same time are run together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dense3d_ros.geometry.crop import Crop
from dense3d_ros.runtime.interface import Outputs


@dataclass
class _Request:
    crops: Sequence[Crop]
    outputs: Outputs | None = None
    error: BaseException | None = None

    def done(self) -> bool:
        return self.outputs is not None or self.error is not None


class Batcher:
    """Calls `run` for one batch at a time.

    A request that finds it free runs at once. Those that come meanwhile wait for its end, and the first of them then
    runs all of them as one batch. So nobody waits for company, but whoever has to wait has company.
    """

    def __init__(self, run: Callable[[Sequence[Crop]], Outputs]) -> None:
        self._run = run
        self._running = threading.Lock()
        self._adding = threading.Lock()
        self._waiting: list[_Request] = []

    def run(self, crops: Sequence[Crop]) -> Outputs:
        """The outputs of these crops, at least one. An error is that of everyone who was in the batch."""
        request = _Request(crops)
        with self._adding:
            self._waiting.append(request)
        with self._running:
            if not request.done():
                self._run_waiting()
        if request.error is not None:
            raise request.error
        assert request.outputs is not None
        return request.outputs

    def _run_waiting(self) -> None:
        with self._adding:
            requests, self._waiting = self._waiting, []
        try:
            outputs = self._run([crop for request in requests for crop in request.crops])
        except BaseException as error:
            for request in requests:
                request.error = error
            return
        start = 0
        for request in requests:
            stop = start + len(request.crops)
            request.outputs = Outputs(*(array[start:stop] for array in outputs))
            start = stop
