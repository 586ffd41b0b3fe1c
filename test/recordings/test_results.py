"""Results that are there as soon as they are made, whatever ends the run."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from dense3d_ros.recordings.results import LineFile

RUN = """
import os, resource, signal, sys
from pathlib import Path
from oracle import Oracle
from dense3d_ros import cli
from dense3d_ros.perception import model
from dense3d_ros.perception.estimator import HandPoseEstimator

ending, *arguments = sys.argv[1:]
results = Path(arguments[-1], "hands.jsonl")
estimate = HandPoseEstimator.estimate

def estimate_until_the_third(*given):
    if ending != "full" and results.read_bytes().count(b"\\n") == 2:
        os.kill(os.getpid(), signal.Signals[ending])
    return estimate(*given)

HandPoseEstimator.estimate = estimate_until_the_third
model.load_model = lambda *_: Oracle()
if ending == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
sys.exit(cli.main(arguments))
"""


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As on a full disk: whatever would make a file larger than this fails."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_line_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    lines = LineFile(path)
    lines.append("one\n")
    with largest_file(6), pytest.raises(OSError, match="too large"):
        lines.append("two\n")
    assert path.read_text() == "one\n"
    lines.append("three\n")
    assert path.read_text() == "one\nthree\n"
    lines.close()


@pytest.mark.parametrize(
    ("ending", "status", "said", "frames"),
    [
        ("SIGKILL", -9, "", 2),
        ("SIGTERM", -15, "", 2),
        ("SIGINT", 130, "interrupted; {output} has the first 2 of 4 frames", 2),
        ("full", 2, "dense3d: error: ", 1),
    ],
)
def test_a_run_that_is_ended_leaves_what_it_did(
    tmp_path: Path, ending: str, status: int, said: str, frames: int
) -> None:
    recording, output = tmp_path / "recording", tmp_path / "result"
    recording.mkdir()
    noise = np.random.default_rng(0).integers(600, 900, (480, 640)).astype(np.uint16)
    for index in range(4):
        cv2.imwrite(str(recording / f"{index}.png"), noise)
    camera = ["--fx", "476", "--fy", "476", "--cx", "319.5", "--cy", "239.5", "--depth-unit", "0.001"]
    ended = subprocess.run(
        [sys.executable, "-c", RUN, ending, "run", str(recording), *camera, "--output", str(output)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert said.format(output=output) in ended.stderr
    assert json.loads((output / "run.json").read_text())["frames"] == 4
    lines = (output / "hands.jsonl").read_text().splitlines()
    assert [json.loads(line)["file"] for line in lines] == [f"{index}.png" for index in range(frames)]
    assert (output / "hands.csv").read_text().endswith("little_tip_score\n")
    images = [path.name for path in (output / "overlays").glob("[0-9]*")]
    assert sorted(images) == ([] if ending == "full" else ["0.png", "1.png"])
