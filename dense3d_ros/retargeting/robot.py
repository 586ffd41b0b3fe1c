"""A robot's configuration file, and what retargets to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.parsing import parsing, read_bounded
from dense3d_ros.retargeting.urdf import Robot, read_urdf

Array = NDArray[np.float64]

SUFFIX = ".yaml"
HANDEDNESS = {"left": Handedness.LEFT, "right": Handedness.RIGHT}
MOST_BYTES = 1 << 20
LARGEST = 1e6
"""Metres or radians that a configuration may have."""


class Retargeting(Protocol):
    """Moves a robot like a hand. handedness: of that hand. joint_names: the joints that it commands.

    used: indices of the hand's joints that decide the positions, whose scores say how far these can be relied on.
    """

    robot: Robot
    handedness: Handedness
    joint_names: tuple[str, ...]
    used: tuple[int, ...]

    def positions(self, joints: NDArray[np.floating]) -> Array:
        """(21, 3) metres of a smoothed hand in any frame -> (N,) positions of `joint_names`, radians or metres."""
        ...

    def forget(self) -> None:
        """Start over, as after a loss: the next positions are not smoothed towards the last ones."""
        ...


class Entries:
    """The entries of a configuration, each taken once; ValueErrors name the file and the entry."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self.path, self._values = path, dict(values)

    def take(self, name: str, kind: type, accepted: str) -> Any:
        """A value of that kind."""
        if name not in self._values:
            raise ValueError(f"{self.path} has no entry {name}; accepted: {accepted}")
        value = self._values.pop(name)
        if not isinstance(value, kind):
            raise ValueError(f"{self.path}: {name} is {excerpt(value)}; accepted: {accepted}")
        return value

    def pair(self, name: str, accepted: str) -> tuple[float, float]:
        """Two different finite numbers."""
        value = self.take(name, list, accepted)
        # A bool is an int, and a long int is more than a float can hold.
        numbers = [float(entry) for entry in value if type(entry) in (int, float) and abs(entry) < LARGEST]
        if len(numbers) != 2 or len(value) != 2 or numbers[0] == numbers[1]:
            raise ValueError(f"{self.path}: {name} is {excerpt(value)}; accepted: {accepted}")
        return numbers[0], numbers[1]

    def file(self, name: str, accepted: str) -> Path:
        """A path, seen from the configuration."""
        value = self.take(name, str, accepted)
        if "\0" in value:
            raise ValueError(f"{self.path}: {name} is {excerpt(value)}; accepted: {accepted}")
        return self.path.parent / str(value)

    def end(self) -> None:
        """ValueError where an entry is left that nobody takes."""
        if self._values:
            raise ValueError(f"{self.path} has the entry {excerpt(next(iter(self._values)))}, which means nothing")


def available_robots() -> list[str]:
    """Names of the robots that come with the package."""
    return sorted(path.stem for path in robots_folder().glob(f"*{SUFFIX}"))


def robots_folder() -> Path:
    """config/robots of the source tree or of the installation that this module is in."""
    for folder in Path(__file__).parents:
        for place in (folder / "config" / "robots", folder / "share" / "dense3d_ros" / "config" / "robots"):
            if place.is_dir():
                return place
    return Path("config", "robots")


def robot_urdf(name_or_path: str) -> Path:
    """The URDF of a robot; ValueError where its configuration does not say."""
    entries = _read(_path(name_or_path))
    return entries.file("urdf", "the path of a URDF")


def load_robot(name_or_path: str) -> Retargeting:
    """What retargets to the robot of a shipped name or of a configuration's path.

    ValueError where the file, its URDF, or what they say together cannot be used; ModuleNotFoundError where a hand
    needs packages that are not there.
    """
    entries = _read(_path(name_or_path))
    kind = entries.take("type", str, "parallel_gripper, hand")
    if kind not in ("parallel_gripper", "hand"):
        raise ValueError(f"{entries.path}: type is {excerpt(kind)}; accepted: parallel_gripper, hand")
    handedness = entries.take("handedness", str, "left, right")
    if handedness not in HANDEDNESS:
        raise ValueError(f"{entries.path}: handedness is {excerpt(handedness)}; accepted: left, right")
    urdf = entries.file("urdf", "the path of a URDF")
    robot = read_urdf(urdf)
    if kind == "parallel_gripper":
        from dense3d_ros.retargeting.gripper import ParallelGripper

        return ParallelGripper(robot, HANDEDNESS[handedness], entries)
    from dense3d_ros.retargeting.hand import DexHand

    return DexHand(robot, HANDEDNESS[handedness], urdf, entries)


def _path(name_or_path: str) -> Path:
    if name_or_path.endswith((".yaml", ".yml")) or os.sep in name_or_path:
        return Path(name_or_path).expanduser()
    if name_or_path not in available_robots():
        names = ", ".join(available_robots())
        raise ValueError(f"robot is '{excerpt(name_or_path)}'; accepted: {names}, or the path of a .yaml file")
    return robots_folder() / (name_or_path + SUFFIX)


def _read(path: Path) -> Entries:
    content = read_bounded(path, "robot configuration", MOST_BYTES)
    with parsing(f"{path} is no YAML"):
        values = yaml.safe_load(content.decode("utf-8"))
    if not isinstance(values, dict):
        raise ValueError(f"{path} is no robot configuration; accepted: type, urdf, handedness and more as YAML")
    return Entries(path, values)
