"""Fast DDS's files in /dev/shm: clears away what dead processes left, notices when this process's own were replaced.

Fast DDS 3 names a segment fastdds_<16 hexadecimal digits> and a port fastdds_port<number>; Fast DDS 2 begins with
fastrtps. Beside each lies NAME_el (beside a port that several read, NAME_sl), locked by the owner as long as it lives.
"""

from __future__ import annotations

import fcntl
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_FOLDER = Path("/dev/shm")
_SEGMENT_LOCK = re.compile(r"((?:fastdds|fastrtps)_[0-9a-f]{16})_el")
_PORT = re.compile(r"/dev/shm/((?:fastdds|fastrtps)_port\d{1,5})(_[es]l)?( \(deleted\))?")
_AGE_S = 10.0
"""Between creating a lock file and locking it a living process needs microseconds."""
PERIOD_S = 2.0
CHECKS = 3
"""So many checks in a row have to find a port lost: Fast DDS itself replaces one that a stopped process neglected."""


def remove_leftovers() -> int:
    """Remove segments whose owner is dead: it no longer holds its lock. Returns how many bytes they had.

    That is how Fast DDS itself, and its `fastdds shm clean`, tell a dead owner. Ports are left to Fast DDS, which
    resets a dead one when its number is used again: removing it here could meet another process that does so.
    """
    if sys.platform != "linux":
        return 0
    size = 0
    for lock in _FOLDER.glob("fast*_el"):
        if match := _SEGMENT_LOCK.fullmatch(lock.name):
            # Gone in the meantime, locked by its owner, or another user's.
            with suppress(OSError):
                size += _remove_if_dead(_FOLDER / match[1], lock)
    return size


def _remove_if_dead(segment: Path, lock: Path) -> int:
    with lock.open("rb") as file:
        if time.time() - os.fstat(file.fileno()).st_mtime < _AGE_S:
            return 0
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = 0
        for path in (segment, lock):
            with suppress(FileNotFoundError):
                size += path.stat().st_size
                path.unlink()
        return size


def remove_own_segments() -> None:
    """For the very end of a process in which a thread still keeps a node, and with it its segments."""
    if sys.platform != "linux":
        return
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            lock = descriptor.readlink()
            if lock.parent == _FOLDER and (match := _SEGMENT_LOCK.fullmatch(lock.name)):
                for path in (_FOLDER / match[1], lock):
                    path.unlink(missing_ok=True)


def _ports() -> tuple[set[str], set[str]]:
    """Names of the ports that this process reads, by the locks it holds, and of those that it has mapped and exist."""
    read = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        # The descriptor of the folder itself is closed by now.
        with suppress(OSError):
            match = _PORT.fullmatch(str(descriptor.readlink()))
            if match and match[2]:
                read.add(match[1])
    with Path("/proc/self/maps").open(errors="replace") as maps:
        mapped = {match[1] for line in maps if (match := _PORT.search(line)) and not match[3]}
    return read, mapped


def watch_ports(lost: Callable[[str], None]) -> None:
    """Call `lost(port)`, once and on another thread, when what others send can no longer reach this process.

    After a pause (SIGSTOP, a suspended computer) another process may declare a port of this one dead, remove it and
    make a new one. Fast DDS then replaces it here, too, but now and then it misses that and reads the removed one for
    ever. A message to oneself does not show it, because the writer has the removed port as well.
    """
    if sys.platform == "linux":
        threading.Thread(target=_watch, args=(lost,), name="ports", daemon=True).start()


def _watch(lost: Callable[[str], None]) -> None:
    # Fast DDS takes the locks of other processes' ports, too, for a moment: those are not there twice.
    first, _ = _ports()
    time.sleep(PERIOD_S)
    second, _ = _ports()
    misses = dict.fromkeys(first & second, 0)
    while True:
        time.sleep(PERIOD_S)
        read, mapped = _ports()
        for port in misses:
            misses[port] = 0 if port in read and port in mapped else misses[port] + 1
            if misses[port] >= CHECKS:
                lost(port)
                return
