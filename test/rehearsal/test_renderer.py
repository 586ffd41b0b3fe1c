"""The minute in which the renderer is compiled: announced, and interrupted at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")


@pytest.mark.parametrize("command", [["dense3d_ros.rehearsal.renderer"], ["dense3d_ros.cli", "demo"]])
def test_compilation_is_announced_and_can_be_interrupted(command: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "empty")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert first == ["Compiling the renderer: about a minute, once on this machine\n", "  compiling render._draw\n"]
    assert process.returncode == 130
    assert "Compiled" not in rest
    assert errors == ""
