"""The floors of the house: a room imports only from rooms below it, and a robot needs nothing of the desk's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "dense3d_ros"
FLOORS = (
    "atomic_write",
    "excerpt",
    "parsing",
    "geometry",
    "skeleton_drawing",
    "dense",
    "runtime",
    "perception",
    "hand_state",
    "retargeting",
    "recordings",
    "learning",
    "benchmark",
    "nodes",
    "rehearsal",
    "commands",
    "cli",
)
ROS = {
    "rclpy", "builtin_interfaces", "std_msgs", "sensor_msgs", "geometry_msgs", "visualization_msgs", "diagnostic_msgs",
    "lifecycle_msgs", "rcl_interfaces", "cv_bridge", "message_filters", "bondpy", "tf2_msgs",
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(module: Path) -> Iterator[str]:
    """Dotted names that a module imports anywhere in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            # `from dense3d_ros import commands` names a room, too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms_imported(module: Path) -> set[str]:
    names = [name.split(".") for name in imported(module)]
    return {name[1] for name in names if name[0] == "dense3d_ros"} - {"msg"}


def test_every_room_has_its_floor() -> None:
    assert {room_of(module) for module in MODULES} - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize("room", FLOORS)
def test_imports_run_downwards(room: str) -> None:
    below = set(FLOORS[: FLOORS.index(room) + 1])
    for module in MODULES:
        if room_of(module) == room:
            assert rooms_imported(module) <= below, module


def test_a_robot_needs_nothing_of_the_desk() -> None:
    needed = {
        "atomic_write",
        "excerpt",
        "parsing",
        "geometry",
        "skeleton_drawing",
        "dense",
        "runtime",
        "perception",
        "hand_state",
        "retargeting",
        "nodes",
    }
    for module in MODULES:
        if room_of(module) in needed:
            assert rooms_imported(module) <= needed, module


def test_only_nodes_and_rehearsal_know_ros() -> None:
    for module in MODULES:
        if room_of(module) not in ("nodes", "rehearsal"):
            assert not {name.split(".")[0] for name in imported(module)} & ROS, module
