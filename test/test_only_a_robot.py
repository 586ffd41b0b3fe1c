"""What runs on a robot without GPU gets poses where torch, SciPy, Matplotlib, numba and tqdm are not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.runtime.selection import available_runtimes

SCRIPT = str(Path(__file__).parent / "only_a_robot.py")
CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
RUNTIMES = [
    pytest.param(
        name, marks=pytest.mark.skipif(name not in available_runtimes("cpu"), reason=f"{name} is not installed")
    )
    for name in ("openvino", "onnxruntime")
]
NEAR_M = 0.02
"""Mean distance of the joints: the network's error, which others measure."""


@pytest.fixture(scope="module")
def frame() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A rendered hand as a sensor sees it, (480, 640) metres, and its joints, (21, 3) metres."""
    return HandAnimation(CAMERA, seed=3, sensor="structured_light").frame(0.7)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("views", ["1", "3"])
def test_a_recording_is_estimated(
    views: str, runtime: str, frame: tuple[NDArray[np.float32], NDArray[np.float32]], tmp_path: Path
) -> None:
    metres, joints = frame
    (tmp_path / "frames").mkdir()
    for index in range(2):
        cv2.imwrite(str(tmp_path / "frames" / f"{index}.png"), np.rint(metres * 1000).astype(np.uint16))
    intrinsics = {"fx": CAMERA.fx, "fy": CAMERA.fy, "cx": CAMERA.cx, "cy": CAMERA.cy, "depth-unit": 0.001}
    command = [sys.executable, SCRIPT, "dense3d", "run", "frames", "--output", "result"]
    command += [text for name, value in intrinsics.items() for text in (f"--{name}", str(value))]
    # The device is found out, not named: that must not take torch either.
    command += ["--views", views, "--device", "auto", "--runtime", runtime]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "result" / "hands.jsonl").read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        (hand,) = json.loads(line)["hands"]
        assert np.linalg.norm(np.array(hand["joints"]) - joints, axis=1).mean() < NEAR_M


def test_what_needs_torch_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "0.png"), np.full((48, 64), 500, np.uint16))
    command = [sys.executable, SCRIPT, "dense3d", "run", "frames", "--output", "result", "--runtime", "torch"]
    command += ["--fx", "47", "--fy", "47", "--cx", "32", "--cy", "24", "--depth-unit", "0.001"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "dense3d: error: runtime 'torch' needs the Python package torch, which is not installed; try runtime auto\n"
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_nodes_give_a_pose(
    runtime: str, frame: tuple[NDArray[np.float32], NDArray[np.float32]], tmp_path: Path
) -> None:
    pytest.importorskip("rclpy", reason="ROS 2 is not installed")
    pytest.importorskip("dense3d_ros.msg", reason="the messages are not built (make setup)")
    from node_processes import Client, NodeProcess, Source, depth_message, info_message, points

    metres, joints = frame
    client = Client("test_only_a_robot")
    parameters = {"model": "hand", "device": "auto", "runtime": runtime, "max_age": 5.0}
    arguments = [text for name, value in parameters.items() for text in ("-p", f"{name}:={value}")]
    process = NodeProcess([SCRIPT, "hand_pose", "--ros-args", *arguments], tmp_path / "robot" / "log.txt")
    try:
        source = Source(client)
        assert client.until(source.connected), process.output()

        def hand() -> object:
            image = depth_message(metres, client.now())
            message = source.send(image, info_message(image, CAMERA), timeout=3.0)
            return message.hands[0] if message and message.hands else None

        found = client.until(hand)
        assert found, process.output()
        assert np.linalg.norm(points(found.joints) - joints, axis=1).mean() < NEAR_M
    finally:
        status = process.stop()
        client.close()
    assert status == 0, process.output()
