"""A process of nodes over real DDS: what its callbacks raise, signals at any time, and what Fast DDS leaves behind."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from node_processes import Client, NodeProcess
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from std_msgs.msg import String

from dense3d_ros.nodes.process import UNREACHABLE
from dense3d_ros.nodes.shared_memory import CHECKS

TEST = Path(__file__).parents[1]
SHARED = Path("/dev/shm")
UNKNOWN = Parameter(name="number", value=ParameterValue(type=99))
linux = pytest.mark.skipif(sys.platform != "linux", reason="Fast DDS's files lie elsewhere")


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client("test_process")
    yield client
    client.close()


def start(tmp_path: Path, *parameters: str) -> NodeProcess:
    words = [word for parameter in parameters for word in ("-p", parameter)]
    return NodeProcess([str(TEST / "node_plain.py"), "--ros-args", *words], tmp_path / "log.txt")


@pytest.fixture
def plain(client: Client, tmp_path: Path) -> Iterator[NodeProcess]:
    process = start(tmp_path)
    assert client.until(lambda: "plain is there" in process.output()), process.output()
    yield process
    process.kill()


def number(client: Client) -> int:
    answer = client.call(GetParameters, "/plain/get_parameters", GetParameters.Request(names=["number"]))
    return int(answer.values[0].integer_value)


def integer(name: str, value: int) -> Parameter:
    return Parameter(name=name, value=ParameterValue(type=2, integer_value=value))


def locks(process: NodeProcess) -> list[Path]:
    """The lock files that a process holds in /dev/shm, each beside what it owns."""
    targets = (descriptor.readlink() for descriptor in Path(f"/proc/{process.pid}/fd").iterdir())
    return [target for target in targets if target.parent == SHARED and target.name.endswith(("_el", "_sl"))]


def ports(process: NodeProcess) -> list[Path]:
    """The ports that a process reads. Those who write to them keep the files when it has ended."""
    return [owned(lock) for lock in locks(process) if "port" in lock.name]


def segments(process: NodeProcess) -> list[Path]:
    """The shared memory that a process writes to, lock files included."""
    return [path for lock in locks(process) if "port" not in lock.name for path in (lock, owned(lock))]


def owned(lock: Path) -> Path:
    return lock.with_name(lock.name[:-3])


def test_whatever_a_callback_raises_is_logged_and_spinning_goes_on(client: Client, tmp_path: Path) -> None:
    process = start(tmp_path, "ticking:=true")
    try:
        began = time.monotonic()
        assert client.until(lambda: "OSError in a callback: the timer failed" in process.output())
        # The client of a service that failed gets an answer.
        assert not client.call(ChangeState, "/plain/fail", ChangeState.Request()).success
        text = client.node.create_publisher(String, "/plain/text", 10)
        assert client.until(text.get_subscription_count)
        text.publish(String(data="what was sent"))
        assert client.until(lambda: "KeyError in a callback: 'what was sent'" in process.output())
        assert number(client) == 1
        assert process.output().count("the timer failed") <= 1 + (time.monotonic() - began) / 10
        sentence = next(line for line in process.output().splitlines() if "RuntimeError" in line)
        assert "RuntimeError in service /plain/fail: the service failed very very" in sentence
        assert "node_plain.py" in sentence
        assert len(sentence) < 1000
        assert "Traceback" not in process.output()
        assert process.stop() == 0
    finally:
        process.kill()


def test_parameters_of_an_unknown_type_are_refused_and_the_others_set(client: Client, plain: NodeProcess) -> None:
    request = SetParameters.Request(parameters=[UNKNOWN, integer("number", 7), integer("missing", 7)])
    results = client.call(SetParameters, "/plain/set_parameters", request).results
    assert [result.successful for result in results] == [False, True, False]
    assert "99" in results[0].reason
    assert number(client) == 7
    request = SetParametersAtomically.Request(parameters=[integer("number", 8), UNKNOWN])
    result = client.call(SetParametersAtomically, "/plain/set_parameters_atomically", request).result
    assert not result.successful
    assert "99" in result.reason
    assert number(client) == 7
    assert plain.stop() == 0


@linux
@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGTERM],
        [signal.SIGINT, signal.SIGINT],
        [signal.SIGINT, signal.SIGTERM],
        [signal.SIGTERM, signal.SIGTERM, signal.SIGTERM],
    ],
    ids=lambda signals: "+".join(number.name for number in signals),
)
def test_signals_end_the_process_with_0_and_leave_nothing(plain: NodeProcess, signals: list[signal.Signals]) -> None:
    files = segments(plain)
    assert files
    for number in signals:
        plain.send(number)
        time.sleep(0.02)
    while plain.running():
        plain.send(signals[-1])
        time.sleep(0.01)
    assert plain.wait() == 0, plain.output()
    assert "Traceback" not in plain.output()
    assert not [file for file in files if file.exists()]


def test_what_is_at_work_when_the_signal_comes_is_finished(client: Client, plain: NodeProcess) -> None:
    slow = client.node.create_client(ChangeState, "/plain/slow")
    assert client.until(slow.service_is_ready)
    client.spin(0.3)
    answer = slow.call_async(ChangeState.Request(transition=Transition(id=1)))
    assert client.until(lambda: "slow begins" in plain.output())
    plain.interrupt()
    assert client.until(answer.done)
    assert answer.result().success
    assert plain.wait() == 0
    assert "[ERROR]" not in plain.output()


@linux
def test_what_takes_too_long_does_not_keep_the_process(client: Client, plain: NodeProcess) -> None:
    slow = client.node.create_client(ChangeState, "/plain/slow")
    assert client.until(slow.service_is_ready)
    client.spin(0.3)
    slow.call_async(ChangeState.Request(transition=Transition(id=255)))
    assert client.until(lambda: "slow begins" in plain.output())
    files = segments(plain)
    assert files
    plain.interrupt()
    assert plain.wait() == 0
    assert "Traceback" not in plain.output()
    assert not [file for file in files if file.exists()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_imports_ends_the_process_at_once(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(3600)\n")
    command = ["-c", "from dense3d_ros.nodes.executable import run; run('slow_to_import')"]
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    process = NodeProcess(command, tmp_path / "log.txt", {"PYTHONPATH": path})
    try:
        while "importing" not in process.output():
            assert process.running()
            time.sleep(0.05)
        process.send(number)
        assert process.wait() == 0
        assert process.output().strip() == "importing"
    finally:
        process.kill()


@pytest.mark.parametrize("name", ["hand_pose", "depth_camera"])
def test_executables_heed_signals_before_they_import_anything_large(tmp_path: Path, name: str) -> None:
    assert 'from dense3d_ros.nodes.executable import run\n\nif __name__ == "__main__":\n    run("dense3d_ros.' in (
        TEST.parent / "scripts" / name
    ).read_text(encoding="utf-8")
    code = "import sys, dense3d_ros.nodes.executable; print(sorted({name.split('.')[0] for name in sys.modules}))"
    process = NodeProcess(["-c", code], tmp_path / "log.txt")
    assert process.wait() == 0
    assert not any(large in process.output() for large in ("'numpy'", "'rclpy'", "'torch'"))


@linux
def test_a_node_that_cannot_be_made_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, "broken:=true")
    assert process.wait() == 1
    assert "Cannot start: the node is broken" in process.output()
    assert "Traceback" not in process.output()
    files = [Path(line) for line in process.output().splitlines() if re.fullmatch(r"/dev/shm/fast\w+_el", line)]
    locks = [file for file in files if "port" not in file.name]
    assert locks
    assert not [lock for lock in locks if lock.exists() or owned(lock).exists()]


@linux
def test_segments_of_killed_processes_are_removed_and_those_of_living_ones_stay(
    client: Client, plain: NodeProcess, tmp_path: Path
) -> None:
    other = start(tmp_path / "other")
    assert client.until(lambda: "plain is there" in other.output())
    alive, dead = segments(other), segments(plain)
    assert alive
    assert dead
    plain.kill()
    for file in (*alive, *dead):
        if file.exists():  # the other process may have noticed
            os.utime(file, (0, 0))
    process = start(tmp_path / "next")
    try:
        assert client.until(lambda: "plain is there" in process.output())
        assert not [file for file in dead if file.exists()]
        assert all(file.exists() for file in alive)
        assert other.stop() == 0
    finally:
        process.kill()
        other.kill()


@linux
def test_a_process_that_no_message_reaches_ends_and_says_so(client: Client, plain: NodeProcess) -> None:
    """What Fast DDS does to a port that it takes for dead: it removes the file under the process that reads it."""
    files = ports(plain)
    assert files
    assert number(client) == 1
    for file in files:
        file.unlink()
    assert plain.wait() == UNREACHABLE, plain.output()
    assert "[FATAL]" in plain.output()
    assert "No message can reach this process any more" in plain.output()
    assert "Traceback" not in plain.output()


@linux
def test_after_a_pause_the_process_hears_again_or_ends(client: Client, plain: NodeProcess) -> None:
    """Others write to the stopped process meanwhile, and Fast DDS takes its port for dead."""
    text = client.node.create_publisher(String, "/plain/text", 10)
    assert client.until(text.get_subscription_count)
    assert number(client) == 1
    plain.send(signal.SIGSTOP)
    for _ in range(60):
        text.publish(String(data="while it stands still"))
        client.spin(0.05)
    plain.send(signal.SIGCONT)
    getter = client.node.create_client(GetParameters, "/plain/get_parameters")

    def answers() -> bool:
        answer = getter.call_async(GetParameters.Request(names=["number"]))
        return bool(client.until(lambda: answer.done() or not plain.running(), 5.0) and answer.done())

    assert client.until(lambda: answers() or not plain.running()), "deaf without a word"
    if plain.running():
        client.spin(CHECKS * 1.0)
        assert answers()
        assert "No message can reach" not in plain.output()
        assert plain.stop() == 0
    else:
        assert plain.wait() == UNREACHABLE
