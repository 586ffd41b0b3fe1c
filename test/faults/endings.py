"""Processes that are interrupted: at any moment, twice, by several signals."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
from node_processes import NodeProcess

from .frames import pick
from .resources import SHARED_MEMORY, left_over, segments
from .subject import PATIENCE_S, Fault

EXECUTABLE = str(Path(__file__).resolve().parents[2] / "scripts" / "hand_pose")

INTERRUPT, TERMINATE = signal.SIGINT, signal.SIGTERM
SIGNALS = ((INTERRUPT,), (TERMINATE,), (INTERRUPT, INTERRUPT), (INTERRUPT, TERMINATE), (TERMINATE, TERMINATE))
"""What a terminal, launch and a supervisor send."""
IMPORTED_AFTER_S = 8.0
"""A process is interrupted anywhere between its start and this."""


def interrupt(rng: np.random.Generator, folder: Path, index: int) -> tuple[Counter[str], list[Fault]]:
    """Start the nodes, end them by signals at a random time. It must be 0, without a traceback, nothing left."""
    sequence = pick(rng, SIGNALS)
    after, between = float(rng.uniform(0.5, IMPORTED_AFTER_S)), float(rng.choice([0.005, 0.02, 0.2, 0.5]))
    kind = " and ".join(number.name for number in sequence)
    arguments = ["--ros-args", "-r", f"__ns:=/ending_{index}", "-p", "device:=cpu"]
    before = {path.name for path in SHARED_MEMORY.iterdir()}
    process = NodeProcess([EXECUTABLE, *arguments], folder / f"ending_{index}.txt")
    held: set[str] = set()
    try:
        time.sleep(after)
        held = segments(process.pid)
        for number in sequence:
            process.send(number)
            time.sleep(between)
        try:
            status = process.wait(PATIENCE_S)
        except Exception:
            return Counter([kind]), [Fault("stuck", f"{kind} after {after:.1f} s did not end the process")]
    finally:
        process.stop()
    when = f"{kind}, {between * 1000:.0f} ms apart, after {after:.1f} s"
    faults = []
    if status:
        faults.append(Fault("exit status", f"{status} after {when}"))
    if "Traceback" in process.output():
        faults.append(Fault("traceback", f"after {when}: {process.output().splitlines()[-1][:100]}"))
    # Fast DDS leaves the files of ports and takes them again with the number.
    if left := left_over({name for name in held - before if "port" not in name}):
        faults.append(Fault("segments left", f"{len(left)} after {when}: {', '.join(left)[:200]}"))
    return Counter([kind]), faults
