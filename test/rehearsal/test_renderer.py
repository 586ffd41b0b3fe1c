"""The minute in which the renderer is compiled: announced, and interrupted at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")


def test_compilation_is_announced_and_can_be_interrupted(tmp_path: Path) -> None:
    """Of `make setup` and of the demo, which start side by side."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / command[-1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in (["dense3d_ros.rehearsal.renderer"], ["dense3d_ros.cli", "demo"])
    ]
    said = []
    for process in processes:
        assert process.stdout is not None
        said.append([process.stdout.readline() for _ in range(2)])
        process.send_signal(signal.SIGINT)
    ends = [process.communicate(timeout=60) for process in processes]
    for process, first, (rest, errors) in zip(processes, said, ends, strict=True):
        assert first == ["Compiling the renderer: about a minute, once on this machine\n", "  compiling render._draw\n"]
        assert process.returncode == 130
        assert "Compiled" not in rest
        assert errors == ""
