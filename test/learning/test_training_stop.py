"""Signals to `dense3d train`, given to the whole process group as a terminal or torchrun does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from safetensors import safe_open
from waiting import wait_until

# A short validation, and log.csv from the first step on.
PROGRAM = """
import sys
from dense3d_ros import cli
from dense3d_ros.learning.training import curves, hourglass
hourglass.VALIDATION_BATCHES, hourglass.VALIDATION_BATCH_SIZE, curves.LOG_STEPS = 1, 4, 1
sys.exit(cli.main(sys.argv[1:]))
"""
RECIPE = "name: tiny\nfeatures: 16\nbatch_size: 4\nstages: [{samples: 1000000, resolution: 64}]\n"


def session(leader: int) -> list[int]:
    """Processes of the leader's session that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, number = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:4]
            if int(number) == leader and state not in "ZX":
                found.append(int(folder.name))
    return found


@pytest.fixture
def training(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run with a worker that has learned something."""
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    arguments = ["train", "--recipe", str(recipe), "--output", str(tmp_path), "--workers", "1", "--device", "cpu"]
    with (tmp_path / "errors.txt").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        wait_until(lambda: (tmp_path / "log.csv").exists() or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "errors.txt").read_text()
        assert len(session(process.pid)) > 1
        yield process
    finally:
        for left in session(process.pid):
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_saves_and_says_so(
    training: subprocess.Popen[str], tmp_path: Path, number: int, status: int
) -> None:
    os.killpg(training.pid, number)
    printed, _ = training.communicate()
    said = (tmp_path / "errors.txt").read_text(encoding="utf-8")
    assert training.returncode == status, said
    assert "stopping after this step, then saving" in said
    assert "the same command goes on" in said
    assert "Traceback" not in said
    assert printed.strip() == str(tmp_path / "model.safetensors")
    with safe_open(tmp_path / "checkpoint.safetensors", "pt") as file:
        assert '"samples": 0' not in file.metadata()["progress"]
    wait_until(lambda: not session(training.pid))


def test_the_workers_of_a_killed_run_end(training: subprocess.Popen[str]) -> None:
    training.kill()
    wait_until(lambda: not session(training.pid))
