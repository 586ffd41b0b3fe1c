"""The table of docs/cameras.md: each driver's messages, made from rendered hands, over real DDS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")
pytest.importorskip("dense3d_ros.msg", reason="the messages are not built (make setup)")

from driver_messages import DRIVERS, Driver, Scene
from node_processes import Client, NodeProcess, Source, points

from dense3d_ros.geometry.camera_info import is_named_rectified
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import load_model
from dense3d_ros.perception.model_file import available_models

pytestmark = pytest.mark.skipif("hand" not in available_models(), reason="the shipped model 'hand' is not there")

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["-c", "import sys; from dense3d_ros.nodes.main import main; sys.exit(main())"]
FRAMES = ((2.5, (0.11, -0.05, 0.45)), (1.9, (-0.13, 0.04, 0.5)))
"""Seconds of the animation, and where the hand's centre is then.

The network has one answer for these poses. In the first second the index finger points at the camera, and it has two,
2 mm apart in the mean: which one comes changes with every pixel, with an ideal lens too.
"""
WITHIN_M = 0.001
"""By which the mean error of the joints may differ from that of the same camera with an ideal lens and exact depth."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client("test_nodes_drivers")
    yield client
    client.close()


@pytest.fixture(scope="module")
def source(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """Of one process for all rows. It gets what `auto` would find by the topic's name from each row."""
    parameters = ("model:=hand", "device:=cpu", "max_age:=20.0", "max_hands:=1")
    arguments = [text for parameter in parameters for text in ("-p", parameter)]
    process = NodeProcess([*COMMAND, "--ros-args", *arguments], tmp_path_factory.mktemp("drivers") / "log.txt")
    source = Source(client)
    assert client.until(source.connected), process.output()
    yield source
    assert process.stop() == 0, process.output()


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("hand", "cpu")


def test_the_documents_table_has_these_topics_and_launch_lines() -> None:
    table = (ROOT / "docs" / "cameras.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(): row for row in table.splitlines() if row.startswith("| ")}
    for driver in DRIVERS:
        options = [f"depth:={driver.depth}", f"camera_info:={driver.info}"]
        options += [f"{name}:={value}" for name, value in driver.options]
        assert f"`{' '.join(options)}" in rows[driver.name] or driver.name == "RealSense D4xx"
        assert f" {driver.encoding}" in rows[driver.name]
        assert (f" {driver.model} " in rows[driver.name]) == any(driver.d)


@pytest.mark.parametrize("driver", DRIVERS, ids=[driver.name for driver in DRIVERS])
def test_a_drivers_hands_are_those_of_an_ideal_camera(
    driver: Driver, client: Client, source: Source, scene: Scene, model: Any
) -> None:
    lens = dict(driver.options).get("distortion", "ignore" if is_named_rectified(driver.depth) else "undo")
    assert client.set_parameter("/hand_pose", "distortion", lens).successful
    camera, rays = driver.camera, driver.rays()
    cols, rows = np.meshgrid(np.arange(camera.width, dtype=float), np.arange(camera.height, dtype=float))
    straight = np.stack(camera.rays(cols, rows), -1)
    errors: list[tuple[float, float]] = []
    for seconds, place in FRAMES:
        metres, joints = scene.image(camera, rays, seconds, place)
        exact = scene.image(camera, straight, seconds, place)[0] if driver.bends else metres
        ideal = HandPoseEstimator(model, max_hands=1).estimate(DepthImage(exact), camera).hands
        assert ideal, "the ideal camera shows no hand"

        def message(metres: Any = metres) -> Any:
            return driver.messages(metres, client.now())

        answer = source.send_until_answered(message)
        assert answer is not None
        assert answer.header.frame_id == driver.frame
        assert len(answer.hands) == 1, [s.message for m in client.diagnostics[-2:] for s in m.status]
        both = points(answer.hands[0].joints), ideal[0].joints
        errors.append(tuple(float(np.linalg.norm(found - joints, axis=1).mean()) for found in both))
    found, ideal_error = np.mean(errors, axis=0)
    print(f"{driver.name}: {1000 * found:.2f} mm, ideal {1000 * ideal_error:.2f} mm")
    assert found < ideal_error + WITHIN_M
