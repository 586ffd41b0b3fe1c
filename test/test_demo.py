"""The demo as a user runs it: real processes over DDS, figures that are measured, and an honest exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")


def demo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dense3d_ros.cli", "demo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_the_rendered_hand_is_found_where_it_is(tmp_path: Path) -> None:
    finished = demo("--seconds", 3, "--output", tmp_path)

    figures = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert finished.returncode == (0 if figures["done"] else 1), finished.stderr
    assert figures["frames_in"] >= figures["frames_out"] > 0
    assert figures["frames_dropped"] == figures["frames_in"] - figures["frames_out"]
    assert figures["frames_with_hand"] > 0
    assert 0 < figures["mean_joint_error_mm"] < 40
    for stage in ("decode", "crop", "network", "publish", "stamp to publish", "stamp to receipt"):
        assert 0 < figures["stages_ms"][stage]["p50"] <= figures["stages_ms"][stage]["p95"]
    pictures = list((tmp_path / "overlays").glob("*.png"))
    assert pictures
    assert cv2.imread(str(pictures[0])).shape == (480, 640, 3)
    assert cv2.imread(str(tmp_path / "contact_sheet.png")) is not None


def test_a_folder_without_a_hand_is_not_called_done(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((120, 160), 16000, np.uint16))

    finished = demo("--input", folder, "--camera", 120, 120, 79.5, 59.5, "--output", tmp_path / "result")

    figures = json.loads((tmp_path / "result" / "report.json").read_text(encoding="utf-8"))
    assert finished.returncode == 1
    assert figures["frames_out"] == 3
    assert figures["frames_with_hand"] == 0
    assert figures["failures"] == ["no hand was found"]
    assert "no hand was found" in finished.stderr


def test_a_model_that_is_not_there_is_said_by_name(tmp_path: Path) -> None:
    finished = demo("--model", "nobody", "--output", tmp_path)
    assert finished.returncode != 0
    assert "nobody" in finished.stderr
    assert "Traceback" not in finished.stderr
