"""Loading a model takes seconds, in which everything else is answered, and what becomes of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import Client, NodeProcess, Source, depth_message, info_message
from node_rigid_model import CAMERA, scene

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")


class Load:
    """A model whose loading lasts until `finish`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "load"
        self._path.touch()
        self.name = f"rigid_loading_while:{self._path}"

    def begun(self) -> bool:
        return self._path.with_suffix(".held").exists()

    def finish(self) -> None:
        self._path.unlink(missing_ok=True)


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    load = Load(tmp_path)
    yield load
    load.finish()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client("test_nodes_loading")
    yield client
    client.close()


def start(tmp_path: Path, model: str, autostart: bool) -> NodeProcess:
    parameters = ["-p", f"model:={model}", "-p", f"autostart:={str(autostart).lower()}", "-p", "max_age:=60.0"]
    return NodeProcess([SCRIPT, "--ros-args", *parameters], tmp_path / "log.txt")


def frame(client: Client) -> tuple[Any, Any]:
    image = depth_message(scene((0.0, 0.0, 0.5))[0], client.now())
    return image, info_message(image, CAMERA)


def test_all_else_is_answered_while_a_model_is_loaded(client: Client, load: Load, tmp_path: Path) -> None:
    process = start(tmp_path, load.name, autostart=True)
    try:
        assert client.until(load.begun), process.output()
        assert client.state() == "configuring"
        assert client.set_parameter("/hand_pose", "max_hands", 2).successful
        source = Source(client)
        assert client.until(source.connected)
        source.publish(*frame(client))
        status = client.diagnostic("loading model 'rigid_loading_while:")
        assert status.level == b"\x00"
        for message in client.diagnostics:
            for other in message.status:
                # Nobody else is to blame.
                assert other.message.startswith("loading model"), other.message
        load.finish()
        assert client.until(lambda: client.state() == "active"), process.output()
        assert client.until(lambda: source.send(*frame(client), timeout=1.0)).hands
    finally:
        load.finish()
        process.stop()


def test_the_service_answers_when_the_model_is_loaded(client: Client, load: Load, tmp_path: Path) -> None:
    process = start(tmp_path, load.name, autostart=False)
    try:
        answer = client.ask_to_change_state("configure")
        assert client.until(load.begun), process.output()
        assert client.state() == "configuring"
        # Its turn comes when the first one is done.
        second = client.ask_to_change_state("activate")
        assert client.diagnostic("loading model")
        assert not answer.done()
        assert not second.done()
        load.finish()
        assert client.until(answer.done)
        assert answer.result().success
        assert client.until(second.done)
        assert second.result().success
        assert client.state() == "active"
    finally:
        load.finish()
        process.stop()


def test_a_model_that_would_not_load_is_remembered(client: Client, tmp_path: Path) -> None:
    missing = tmp_path / "missing.safetensors"
    process = start(tmp_path, str(missing), autostart=True)
    try:
        for _ in range(2):
            status = client.diagnostic(f"no model: model '{missing}'")
            assert status.level == b"\x02"
        assert client.set_parameter("/hand_model", "model", "rigid_that_breaks").successful
        assert not client.change_state("configure")
        assert client.diagnostic("no model: unexpected RuntimeError, see the log: the network cannot run")
        assert client.set_parameter("/hand_model", "model", "rigid_a").successful
        assert client.change_state("configure")
        assert client.diagnostic("no active model: hand_model is not in its active state").level == b"\x01"
    finally:
        process.stop()


def test_an_interrupt_while_a_model_is_loaded(client: Client, load: Load, tmp_path: Path) -> None:
    process = start(tmp_path, load.name, autostart=True)
    try:
        assert client.until(load.begun), process.output()
        process.interrupt()
        load.finish()
        assert process.wait() == 0, process.output()
        assert "Traceback" not in process.output()
    finally:
        process.stop()
