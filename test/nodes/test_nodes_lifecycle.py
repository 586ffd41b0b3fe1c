"""hand_model through its real services: every transition, every way to fail, another model without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import Client, NodeProcess, Source, depth_message, info_message
from node_rigid_model import BALLAST_BYTES, CAMERA, scene
from visualization_msgs.msg import Marker

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client("test_nodes_lifecycle")
    yield client
    client.close()


@pytest.fixture(scope="module")
def process(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    process = start(tmp_path_factory.mktemp("lifecycle") / "log.txt")
    yield process
    process.stop()


def start(log: Path, namespace: str = "/") -> NodeProcess:
    arguments = ["-r", f"__ns:={namespace}", "-p", "autostart:=false", "-p", "model:=rigid_a", "-p", "max_age:=60.0"]
    return NodeProcess([SCRIPT, "--ros-args", *arguments], log)


@pytest.fixture
def unconfigured(client: Client, process: NodeProcess) -> None:
    """Every test starts here, and no model has failed to load since one was loaded."""
    for transition, state in (("deactivate", "active"), ("cleanup", "inactive")):
        if client.state() == state:
            assert client.change_state(transition)
    assert client.set_parameter("/hand_model", "model", "rigid_a").successful
    # What a test before failed to load stays in the diagnostics until something is loaded.
    assert client.change_state("configure")
    assert client.change_state("cleanup")
    assert client.state() == "unconfigured"


@pytest.fixture(scope="module")
def source(client: Client, process: NodeProcess) -> Source:
    source = Source(client)
    assert client.until(source.connected), process.output()
    return source


def frame(client: Client) -> tuple[Any, Any]:
    image = depth_message(scene((0.0, 0.0, 0.5))[0], client.now())
    return image, info_message(image, CAMERA)


def unanswered(client: Client, source: Source) -> bool:
    return source.send(*frame(client), timeout=0.5) is None


def warns(client: Client, text: str) -> bool:
    """Whether a warning that contains `text` was heard in diagnostics."""
    statuses = [status for message in client.diagnostics for status in message.status]
    return any(text in status.message and status.level == b"\x01" for status in statuses)


def answer(client: Client, source: Source) -> Any:
    return source.send_until_answered(lambda: frame(client))


def memory(client: Client, model: str) -> float:
    """MiB of the process in the next diagnostics that name `model`; earlier ones may still be on their way."""

    def reported() -> dict[str, str]:
        values = {value.key: value.value for value in client.diagnostic("").values}
        return values if values["model"] == model else {}

    return float(client.until(reported)["memory MiB"])


@pytest.mark.usefixtures("unconfigured")
def test_only_the_active_state_gives_hands(client: Client, source: Source) -> None:
    # Diagnostics tell of the frames of the last second.
    client.diagnostics.clear()
    assert client.until(lambda: unanswered(client, source) and warns(client, "no active model"))
    assert client.change_state("configure")
    assert client.state() == "inactive"
    assert unanswered(client, source)
    assert client.change_state("activate")
    assert client.state() == "active"
    assert answer(client, source).model == "rigid_a"

    # Taken away: the hands that were shown are taken back, and nothing comes any more.
    assert client.change_state("deactivate")
    assert client.until(lambda: len(client.hands[-1].hands) == 0)
    assert client.until(lambda: len(client.joints[-1].poses) == 0)
    assert client.until(lambda: client.markers[-1].markers[0].action == Marker.DELETEALL)
    assert unanswered(client, source)
    assert client.change_state("activate")
    assert answer(client, source).hands


@pytest.mark.usefixtures("unconfigured")
def test_another_model_without_a_restart_and_the_memory_of_the_first_is_freed(client: Client, source: Source) -> None:
    assert client.change_state("configure")
    assert client.change_state("activate")
    assert answer(client, source).model == "rigid_a"
    before = memory(client, "rigid_a")
    assert client.change_state("deactivate")
    assert client.change_state("cleanup")
    assert client.state() == "unconfigured"
    assert client.until(lambda: before - memory(client, "") > 0.9 * BALLAST_BYTES / 2**20)
    assert client.set_parameter("/hand_model", "model", "rigid_b").successful
    assert client.change_state("configure")
    assert client.change_state("activate")
    assert answer(client, source).model == "rigid_b"


@pytest.mark.usefixtures("unconfigured")
def test_other_views_without_a_restart(client: Client, process: NodeProcess, source: Source) -> None:
    refused = client.set_parameter("/hand_model", "views", 2)
    assert (refused.successful, refused.reason) == (False, "views is 2; accepted: 1 or 3")
    assert client.set_parameter("/hand_model", "views", 3).successful
    try:
        assert client.change_state("configure")
        assert client.change_state("activate")
        assert client.until(lambda: "Model 'rigid_a', views 3, is ready on cpu" in process.output())
        assert len(answer(client, source).hands) == 1
    finally:
        client.set_parameter("/hand_model", "views", 1)


@pytest.mark.usefixtures("unconfigured")
def test_illegal_transitions_are_refused_and_do_no_harm(client: Client, process: NodeProcess) -> None:
    assert not client.change_state("activate")
    assert not client.change_state("deactivate")
    assert not client.change_state("cleanup")
    assert client.state() == "unconfigured"
    assert client.change_state("configure")
    assert not client.change_state("configure")
    assert client.state() == "inactive"
    assert process.running()


@pytest.mark.usefixtures("unconfigured")
def test_a_model_that_is_not_there(client: Client, process: NodeProcess, tmp_path: Path) -> None:
    missing = tmp_path / "missing.safetensors"
    assert client.set_parameter("/hand_model", "model", str(missing)).successful
    assert not client.change_state("configure")
    assert client.state() == "unconfigured"
    assert client.until(lambda: f"Cannot configure: model '{missing}'" in process.output())
    assert client.set_parameter("/hand_model", "model", "rigid_a").successful
    assert client.change_state("configure")


@pytest.mark.usefixtures("unconfigured")
def test_a_broken_model_file(client: Client, process: NodeProcess, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{not json at all")
    assert client.set_parameter("/hand_model", "model", str(broken)).successful
    assert not client.change_state("configure")
    assert client.state() == "unconfigured"
    assert client.until(lambda: f"Cannot configure: {broken} cannot be used as a model" in process.output())


@pytest.mark.usefixtures("unconfigured")
@pytest.mark.parametrize("name", ["device", "runtime"])
def test_a_device_or_runtime_that_is_not_there(client: Client, process: NodeProcess, name: str) -> None:
    assert client.set_parameter("/hand_model", "model", "hand").successful
    assert client.set_parameter("/hand_model", name, "abacus").successful
    try:
        assert not client.change_state("configure")
        assert client.until(lambda: f"Cannot configure: {name} 'abacus'" in process.output())
        assert client.state() == "unconfigured"
    finally:
        client.set_parameter("/hand_model", name, "auto")


@pytest.mark.usefixtures("unconfigured")
def test_an_unexpected_error_is_logged_with_its_traceback(client: Client, process: NodeProcess) -> None:
    """It goes through ErrorProcessing back to unconfigured, from where everything works again."""
    assert client.set_parameter("/hand_model", "model", "rigid_that_breaks").successful
    assert not client.change_state("configure")
    assert client.state() == "unconfigured"
    assert client.until(lambda: "RuntimeError: the network cannot run" in process.output())
    assert "Traceback" in process.output()
    assert client.set_parameter("/hand_model", "model", "rigid_a").successful
    assert client.change_state("configure")
    assert client.change_state("activate")


@pytest.mark.usefixtures("unconfigured")
def test_an_unexpected_error_in_a_frame_is_reported_and_does_not_end_the_node(
    client: Client, process: NodeProcess, source: Source
) -> None:
    assert client.set_parameter("/hand_model", "model", "rigid_that_fails_in_a_frame").successful
    assert client.change_state("configure")
    assert client.change_state("activate")
    source.publish(*frame(client))
    status = client.diagnostic("unexpected RuntimeError in a frame, see the log: the network failed")
    assert status is not None
    assert status.level == b"\x02"
    assert client.until(lambda: "RuntimeError: the network failed" in process.output())
    for transition in ("deactivate", "cleanup"):
        assert client.change_state(transition)
    assert client.set_parameter("/hand_model", "model", "rigid_a").successful
    for transition in ("configure", "activate"):
        assert client.change_state(transition)
    assert answer(client, source).hands


@pytest.mark.usefixtures("unconfigured")
def test_a_network_without_numbers_is_an_error_and_not_a_frame_without_a_hand(
    client: Client, process: NodeProcess, source: Source
) -> None:
    assert client.set_parameter("/hand_model", "model", "rigid_that_is_not_finite").successful
    assert client.change_state("configure")
    assert client.change_state("activate")

    def refused() -> Any:
        assert unanswered(client, source)
        said = (status for message in client.diagnostics for status in message.status)
        return next((status for status in said if status.message == "the network gives NaN or infinity"), None)

    assert client.until(refused).level == b"\x02"
    assert "NonFiniteOutputError" not in process.output()


def test_shutdown_and_an_interrupt_that_comes_twice(tmp_path: Path) -> None:
    """In a process of its own, which ends."""
    client = Client("test_nodes_shutdown", "/ending/hand_pose", "/ending/hand_model")
    process = start(tmp_path / "log.txt", "/ending")
    try:
        assert client.change_state("shutdown")
        assert client.state() == "finalized"
        assert not client.change_state("configure")
        assert client.diagnostic("no active model") is not None
        process.interrupt()
        process.interrupt()
        assert process.wait() == 0, process.output()
        assert "Traceback" not in process.output()
    finally:
        process.stop()
        client.close()
