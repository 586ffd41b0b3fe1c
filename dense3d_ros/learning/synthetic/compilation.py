"""Says what numba compiles while one waits for it: everything in this folder is compiled when it is first called."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener

PACKAGE = __name__.partition(".")[0]


class _Announcer(Listener):  # type: ignore[misc]
    """Names each of our functions once, when its compilation starts; what is read from numba's cache has no start.

    seconds: that compiling took so far.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._depth, self._started = 0, 0.0
        self.named: list[str] = []
        self.seconds = 0.0

    def on_start(self, event: Any) -> None:
        if self._depth == 0:
            self._started = time.monotonic()
        self._depth += 1
        function = event.data["dispatcher"].py_func
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        # numba's own functions are compiled as well, hundreds of them.
        if function.__module__.partition(".")[0] != PACKAGE or name in self.named:
            return
        if not self.named:
            self._say("Compiling the renderer: about a minute, once on this machine")
        self.named.append(name)
        self._say(f"  compiling {name}")

    def on_end(self, event: Any) -> None:
        # A function that calls others is being compiled while they are.
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.monotonic() - self._started


@contextmanager
def announced(say: Callable[[str], None]) -> Iterator[None]:
    """Tell `say` which of our functions numba compiles in this block, one sentence each, and how long it took."""
    announcer = _Announcer(say)
    with install_listener("numba:compile", announcer):
        yield
    if announcer.named:
        say(f"Compiled the renderer in {announcer.seconds:.0f} s")
