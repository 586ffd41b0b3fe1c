"""Runs the campaign: batch after batch, each followed by a check that the nodes still do their work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy as np

from .areas import AREAS, ENDINGS_SHARE, FILES_SHARE, Area, start
from .endings import interrupt
from .resources import SHARED_MEMORY, Resources, left_over
from .subject import Fault, Stuck, Subject

_TESTS = Path(__file__).resolve().parents[1]
GROWTH_MIB, GROWTH_COUNT = 300.0, 10
"""What a process may hold more at its end than when it was ready: an allocator's reserves for large images, and threads
or descriptors that come and go. The soak is what measures growth."""


@dataclass(frozen=True)
class Batch:
    """`number` counts an area's batches, so that one can be run again alone."""

    area: Area
    number: int
    count: int

    @property
    def name(self) -> str:
        return f"{self.area.name}:{self.number}"


@dataclass
class Result:
    """What was tried and what came of it. `faults`: name of the batch, fault."""

    seed: int
    seconds: float = 0.0
    inputs: dict[str, Counter[str]] = field(default_factory=dict)
    counted: dict[str, Counter[str]] = field(default_factory=dict)
    processes: dict[str, list[tuple[Resources, Resources]]] = field(default_factory=dict)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    batches: int = 0

    def add_inputs(self, area: str, kinds: Counter[str]) -> None:
        self.inputs.setdefault(area, Counter()).update(kinds)

    @property
    def total(self) -> int:
        return sum(counter.total() for counter in self.inputs.values())


def plan(inputs: int, first: Counter[str]) -> list[Batch]:
    """Batches that hold about `inputs` inputs, at least one an area; `first` numbers the next one of each area."""
    batches = []
    for area in AREAS:
        wanted = max(1, round(inputs * area.share))
        while wanted > 0:
            batches.append(Batch(area, first[area.name], min(wanted, area.batch)))
            first[area.name] += 1
            wanted -= area.batch
    return batches


class Campaign:
    """`say` gets a line of progress. `only`: the name of the one batch to run, or of an area; "" for all."""

    def __init__(self, seed: int, folder: Path, say: Callable[[str], None], only: str = "") -> None:
        self.result = Result(seed)
        self._folder, self._say, self._only = folder, say, only
        self._numbers: Counter[str] = Counter()
        self._processes = 0

    def run(self, inputs: int, until: float = float("inf")) -> None:
        """About `inputs` inputs, or fewer where `time.monotonic()` passes `until`."""
        started = time.monotonic()
        batches = [batch for batch in plan(inputs, self._numbers) if self._wanted(batch.name)]
        order = np.random.default_rng([self.result.seed, self._numbers.total()])
        # Areas that share a process are mixed: a fault may need something of several.
        ranks = order.permutation(len(batches))
        batches = [batches[index] for index in np.argsort(ranks)]
        batches.sort(key=lambda batch: batch.area.process)
        for process, group in groupby(batches, lambda batch: batch.area.process):
            self._with_process(process, list(group), until)
        if self._wanted("model files") and find_spec("faults.model_files"):
            self._model_files(max(20, round(inputs * FILES_SHARE)), until)
        if self._wanted("endings"):
            self._endings(max(2, round(inputs * ENDINGS_SHARE)), until)
        self.result.seconds += time.monotonic() - started

    def _wanted(self, name: str) -> bool:
        return not self._only or name == self._only or name.startswith(f"{self._only}:")

    def _with_process(self, name: str, batches: Iterable[Batch], until: float) -> None:
        """Batches on one process, which is started anew where a batch ended it."""
        left: Iterator[Batch] = iter(batches)
        while (batch := next(left, None)) is not None and time.monotonic() < until:
            self._processes += 1
            folder = self._folder / f"{self._processes:03d}_{name.replace(' ', '_')}"
            folder.mkdir(parents=True)
            others = {path.name for path in SHARED_MEMORY.iterdir()}
            process, subject = start(name, folder / "nodes.txt")
            try:
                subject.wait_until_ready()
                before = subject.resources()
                while batch is not None and time.monotonic() < until:
                    self._run(batch, subject, folder)
                    batch = next(left, None)
                self._compare(name, before, subject.resources())
            except Stuck as stuck:
                self._fault(batch.name if batch else name, stuck.fault)
            finally:
                held = subject.segments - subject.kept_by_the_killed
                self.result.counted.setdefault(name, Counter()).update(subject.counted)
                alive = process.running()
                status = process.stop()
                subject.close()
            if alive and status:
                self._fault(name, Fault("exit status", f"{status} after SIGINT"))
            if left_segments := left_over(held - others):
                self._fault(name, Fault("segments left", ", ".join(left_segments)[:200]))

    def _run(self, batch: Batch, subject: Subject, folder: Path) -> None:
        rng = np.random.default_rng([self.result.seed, AREAS.index(batch.area), batch.number])
        try:
            batch.area.run(subject, rng, batch.count, folder)
            subject.check()
        finally:
            self.result.batches += 1
            self.result.add_inputs(batch.area.name, subject.inputs)
            for fault in subject.faults:
                self._fault(batch.name, fault)
            subject.inputs.clear()
            subject.faults.clear()
        self._say(f"{batch.name}: {self.result.total} inputs, {len(self.result.faults)} faults")

    def _model_files(self, count: int, until: float) -> None:
        """Damaged model files, read by a process of its own, which takes care of its memory."""
        if time.monotonic() > until:
            return
        number = self._numbers["model files"]
        self._numbers["model files"] += 1
        name = f"model files:{number}"
        command = [sys.executable, "-m", "faults.model_files", "--files", str(count), "--seed"]
        seed = self.result.seed * 1000 + number
        # Also where pytest found this folder, and PYTHONPATH does not name it.
        path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [*command, str(seed)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
        try:
            report = json.loads(done.stdout)
        except ValueError:
            self._fault(name, Fault("dead", f"the reader of damaged files ended with status {done.returncode}"))
            return
        answers = report["answers"].items()
        self.result.add_inputs("model files", Counter({damage: sum(counts.values()) for damage, counts in answers}))
        self.result.batches += 1
        for text in report["faults"]:
            self._fault(name, Fault("model file", text[-300:]))
        self._say(f"{name}: {self.result.total} inputs, {len(self.result.faults)} faults")

    def _endings(self, count: int, until: float) -> None:
        for _ in range(count):
            if time.monotonic() > until:
                return
            rng = np.random.default_rng([self.result.seed, len(AREAS), self._numbers["endings"]])
            name = f"endings:{self._numbers['endings']}"
            self._numbers["endings"] += 1
            kinds, faults = interrupt(rng, self._folder, self._numbers["endings"])
            self.result.batches += 1
            self.result.add_inputs("endings", kinds)
            for fault in faults:
                self._fault(name, fault)
            self._say(f"{name}: {self.result.total} inputs, {len(self.result.faults)} faults")

    def _compare(self, name: str, before: Resources, after: Resources) -> None:
        self.result.processes.setdefault(name, []).append((before, after))
        grown = after.mebibytes - before.mebibytes
        if grown > GROWTH_MIB:
            self._fault(name, Fault("growth", f"{grown:.0f} MiB"))
        for what in ("threads", "descriptors"):
            more = getattr(after, what) - getattr(before, what)
            if more > GROWTH_COUNT:
                self._fault(name, Fault("growth", f"{more} {what}"))

    def _fault(self, batch: str, fault: Fault) -> None:
        self.result.faults.append((batch, fault))
        self._say(f"{batch}: FAULT: {fault.kind}: {fault.text}")
