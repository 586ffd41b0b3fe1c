"""What a user without ROS writes: the names of the package, and the README's example as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import dense3d_ros
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import HandAnimation

README = Path(__file__).parents[1] / "README.md"
CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)


def test_every_public_name_is_there() -> None:
    names: dict[str, Any] = {}
    exec("from dense3d_ros import *", names)
    assert set(dense3d_ros.__all__) == set(names) - {"__builtins__"}
    assert names["JOINT_NAMES"][8] == "index_tip"
    assert names["Handedness"].LEFT.name == "LEFT"
    for name in ("HandPose", "Estimate", "Camera", "DepthImage", "HandPoseEstimator", "load_model"):
        assert names[name].__name__ == name


def test_the_readmes_example_finds_the_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    metres, joints = HandAnimation(CAMERA, seed=3, sensor="structured_light").frame(0.7)
    cv2.imwrite(str(tmp_path / "frame.png"), np.rint(metres * 1000).astype(np.uint16))
    monkeypatch.chdir(tmp_path)
    (example,) = (text for text in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S) if "cv2" in text)
    names: dict[str, Any] = {}
    exec(example, names)
    (hand,) = names["estimate"].hands
    assert np.linalg.norm(hand.joints - joints, axis=1).mean() < 0.02
    assert hand.handedness.name in capsys.readouterr().out
    # Again, as a user who has a file in a Path and no unit.
    with pytest.raises(ValueError, match=r"0\.001 for millimetres"):
        dense3d_ros.DepthImage(names["values"])


def test_a_model_file_is_named_by_text_or_path(tmp_path: Path) -> None:
    for name in (tmp_path / "none.safetensors", str(tmp_path / "none.safetensors"), 3, None):
        with pytest.raises(ValueError, match=rf"^model '{name}': there is no file .*; accepted: a path"):
            dense3d_ros.load_model(name)  # type: ignore[arg-type]
    shipped = Path(dense3d_ros.__file__).parent / "models" / "hand.safetensors"
    assert dense3d_ros.load_model(shipped).description.name == "hand"
