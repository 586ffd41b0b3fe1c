"""How an executable starts and ends: SIGINT and SIGTERM end it with status 0, from its first line to its last.

This module is imported before rclpy and torch, so it imports next to nothing itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from dense3d_ros.nodes.shared_memory import remove_own_segments

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Watcher:
    """Calls back from a thread of its own, so that nothing is interrupted in the middle of what it does.

    A handler in Python would wait until the main thread leaves the C code that it is in: the wait for messages,
    or a compiler.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callback: Callable[[], None] = lambda: None
        self._started = False

    def call(self, callback: Callable[[], None]) -> None:
        with self._lock:
            self._callback = callback
        if not self._started:
            self._started = True
            read, write = os.pipe()
            os.set_blocking(write, False)
            threading.Thread(target=self._watch, args=(read,), name="signals", daemon=True).start()
            # Python's C handler writes the number of each signal here, whatever the main thread is doing.
            signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)

    def _watch(self, read: int) -> None:
        while True:
            if os.read(read, 1)[0] in _SIGNALS:
                with self._lock:
                    self._callback()


_watcher = _Watcher()


def on_signal(callback: Callable[[], None]) -> None:
    """Call `callback` on another thread at every SIGINT and SIGTERM, in place of what was called before.

    To be called on the main thread.
    """
    _watcher.call(callback)


def ignore_signals() -> None:
    """For the end of the process. Python's exit restores the default action of handled signals, not of ignored ones."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def run(module: str) -> NoReturn:
    """Import `module`, call its `main()` and end the process with the status that it returns.

    `--help` prints what the executable is instead.

    A signal during the import ends the process at once; nothing of DDS is there yet. `main` decides about later ones.
    """
    if {"-h", "--help"} & set(sys.argv[1:]):
        with suppress(BrokenPipeError):
            print(import_module("dense3d_ros.nodes.node_help").help_text(module), flush=True)
        os._exit(0)
    on_signal(lambda: os._exit(0))
    status = 1
    try:
        status = import_module(module).main()
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    leave(status)


def leave(status: int) -> NoReturn:
    """End the process at once, whatever its threads are doing.

    Not through Python's exit: a thread that compiles or loads may be in C++, whose globals that would destroy.
    """
    remove_own_segments()
    os._exit(status)
