"""What a process holds: memory, threads, descriptors, and shared memory that outlives it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Resources:
    """Of one process at one time."""

    mebibytes: float
    threads: int
    descriptors: int


def resources(pid: int) -> Resources:
    """Raises OSError where the process has ended."""
    process = Path("/proc") / str(pid)
    status = dict(re.findall(r"^(\w+):\s+(\d+)", (process / "status").read_text(), re.MULTILINE))
    return Resources(int(status["VmRSS"]) / 1024, int(status["Threads"]), len(list((process / "fd").iterdir())))


def segments(pid: int) -> set[str]:
    """Names of the Fast DDS segments that a process owns, with those of their locks and semaphores.

    It holds the lock of each open; the segments of others are only mapped.
    """
    names = set()
    with suppress(OSError):
        for descriptor in (Path("/proc") / str(pid) / "fd").iterdir():
            with suppress(OSError):
                names.update(re.findall(r"^/dev/shm/(fastdds_\w+)_el", str(descriptor.readlink())))
    return {name for one in names for name in (one, f"{one}_el", f"sem.{one}_mutex")}


def mapped_ports(pid: int) -> set[str]:
    """Names of the Fast DDS ports that a process has mapped to read or to write, with those of their semaphores.

    Fast DDS counts who has a port open and the last one to close it removes it; a killed process is counted for ever.
    """
    maps = (Path("/proc") / str(pid) / "maps").read_text(errors="replace")
    return {name for port in re.findall(r"/dev/shm/(fastdds_port\d+)", maps) for name in (port, f"sem.{port}_mutex")}


def left_over(names: set[str]) -> list[str]:
    """Those of the segments that are still there although no process uses them."""
    there = {name for name in names if (SHARED_MEMORY / name).exists()}
    for process in Path("/proc").glob("[0-9]*"):
        if there:
            there -= segments(int(process.name))
    return sorted(there)
