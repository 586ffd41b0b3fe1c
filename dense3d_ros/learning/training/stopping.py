"""Ctrl-C and SIGTERM as a request: the step in progress is finished and everything saved."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_MESSAGE = b"\nstopping after this step, then saving; Ctrl-C again stops at once without saving\n"


class StopSignals:
    """A context that notes the first SIGINT or SIGTERM; calling it tells whether one came. For the main thread.

    A second SIGINT raises KeyboardInterrupt as usual, a second SIGTERM changes nothing.
    """

    def __init__(self) -> None:
        self.status = 0
        """Exit status as of a program that the signal ended: 130 or 143, 0 without a signal."""

    def __enter__(self) -> StopSignals:
        self._handlers = {number: signal.signal(number, self._note) for number in STOP_SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        return self.status != 0

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
        if not self.status:
            self.status = 128 + number
            # Not print: a handler may run in the middle of another print.
            os.write(2, _MESSAGE)
