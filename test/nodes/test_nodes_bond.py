"""The bond for nav2's lifecycle manager, with a `bondpy` like the real one that writes down what is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import Client, NodeProcess

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")
BONDPY = """
import pathlib

from std_msgs.msg import String

NOTES = pathlib.Path(__file__).with_name("notes.txt")


class Bond:
    def __init__(self, node, topic, bond_id, on_broken=None, on_formed=None):
        self.node, self.topic = node, topic
        self.name = f"{topic} {bond_id} {node.get_fully_qualified_name()}"
        self.pub = node.create_publisher(String, topic, 1)

    def note(self, what):
        with NOTES.open("a") as file:
            print(what, self.name, file=file)

    def start(self):
        self.sub = self.node.create_subscription(String, self.topic, lambda message: None, 1)
        self.note("start")

    def shutdown(self):
        self.sub.destroy()
        self.pub.publish(String())
        self.pub.destroy()
        self.note("shutdown")
"""
"""With the signature of bond_core's branch for ROS 2, its attributes, and its way of destroying them."""


def test_a_bond_while_the_node_is_active(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "bondpy"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "bondpy.py").write_text(BONDPY, encoding="utf-8")
    notes = package / "notes.txt"
    notes.touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    client = Client("test_nodes_bond", "/robot/hand_pose", "/robot/hand_model")
    arguments = ["-r", "__ns:=/robot", "-p", "model:=rigid", "-p", "autostart:=false"]
    process = NodeProcess([SCRIPT, "--ros-args", *arguments], tmp_path / "log.txt")
    started, ended = (f"{what} bond hand_model /robot/hand_model" for what in ("start", "shutdown"))

    def noted() -> list[str]:
        return notes.read_text(encoding="utf-8").splitlines()

    try:
        assert client.change_state("configure"), process.output()
        assert noted() == []
        assert client.change_state("activate")
        assert noted() == [started]
        assert client.change_state("deactivate")
        assert noted() == [started, ended]
        assert client.change_state("activate")
    finally:
        process.stop()
        client.close()
    assert "[ERROR]" not in process.output()
    # The end of the process is the bond's, too.
    assert noted() == [started, ended, started, ended]
