"""A robot as its URDF has it: links with primitive shapes, joints, and where the links are at given joint positions.

As much as grippers, checks and images need; hands are retargeted with pinocchio's model of the same file.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt
from dense3d_ros.parsing import parsing, read_bounded

Array = NDArray[np.float64]

MOVING = ("revolute", "continuous", "prismatic")
MOST_BYTES = 10 << 20


@dataclass(frozen=True)
class Shape:
    """kind: box (size x, y, z), cylinder (radius, length along z) or sphere (radius), metres.

    place: (4, 4) in its link. colour: RGB in 0..1.
    """

    kind: str
    size: tuple[float, ...]
    place: Array
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Joint:
    """origin: (4, 4) of the joint in `parent` at position 0. axis: (3,) unit vector. limits: radians or metres.

    mimic: the joint that it follows, with multiplier and offset.
    """

    name: str
    kind: str
    parent: str
    child: str
    origin: Array
    axis: Array
    limits: tuple[float, float]
    mimic: tuple[str, float, float] | None = None

    def motion(self, position: float) -> Array:
        """(4, 4) of the child in the parent."""
        moved = np.eye(4)
        if self.kind == "prismatic":
            moved[:3, 3] = position * self.axis
        elif self.kind in MOVING:
            moved[:3, :3] = _turn(self.axis, position)
        return np.asarray(self.origin @ moved)


@dataclass(frozen=True)
class Robot:
    """links: shapes by link. joints: by name, each after that of its parent link. root: the link without parent."""

    name: str
    root: str
    links: dict[str, list[Shape]]
    joints: dict[str, Joint] = field(default_factory=dict)

    @property
    def commanded(self) -> dict[str, Joint]:
        """The joints that move and do not mimic others."""
        return {name: joint for name, joint in self.joints.items() if joint.kind in MOVING and joint.mimic is None}

    def link_places(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """Joint positions by name, 0 where not given -> (4, 4) of each link in the root link."""
        places = {self.root: np.eye(4)}
        for joint in self.joints.values():
            places[joint.child] = places[joint.parent] @ joint.motion(self._position(joint, positions))
        return places

    def _position(self, joint: Joint, positions: Mapping[str, float]) -> float:
        """A joint that mimics another one may mimic one that does so itself."""
        if joint.mimic is None:
            return float(positions.get(joint.name, 0.0))
        source, multiplier, offset = joint.mimic
        return multiplier * self._position(self.joints[source], positions) + offset


def read_urdf(path: Path) -> Robot:
    """The robot in a file; ValueError says what is wrong with it."""
    content = read_bounded(path, "URDF", MOST_BYTES)
    with parsing(f"{path} is no URDF"):
        root = ElementTree.fromstring(content)
    if root.tag != "robot":
        raise ValueError(f"{path} is no URDF: its root is <{excerpt(root.tag)}>; accepted: <robot>")
    with parsing(str(path)):
        return _robot(root)


def _robot(element: ElementTree.Element) -> Robot:
    colours = {entry.get("name", ""): colour for entry in element.findall("material") if (colour := _colour(entry))}
    links = {_name(entry): [*_shapes(entry, colours)] for entry in element.findall("link")}
    if not links:
        raise ValueError("there is no link; accepted: one or more")
    joints = {_name(entry): _joint(entry) for entry in element.findall("joint")}
    for joint in joints.values():
        for link in (joint.parent, joint.child):
            if link not in links:
                raise ValueError(f"joint '{joint.name}' joins the link '{link}', which is not there")
        if joint.mimic is not None and joint.mimic[0] not in joints:
            raise ValueError(f"joint '{joint.name}' mimics the joint '{joint.mimic[0]}', which is not there")
        _check_mimicry(joint, joints)
    children = [joint.child for joint in joints.values()]
    roots = [link for link in links if link not in children]
    if len(roots) != 1 or len(set(children)) < len(children):
        raise ValueError(f"the links without a parent are {roots}; accepted: a tree with one")
    return Robot(element.get("name", ""), roots[0], links, _from_the_root(roots[0], joints))


def _check_mimicry(joint: Joint, joints: dict[str, Joint]) -> None:
    """ValueError where a joint mimics itself, be it by others."""
    followed = [joint.name]
    while (mimic := joints[followed[-1]].mimic) is not None and mimic[0] in joints:
        if mimic[0] in followed:
            raise ValueError(f"the joints {', '.join(followed)} mimic each other in a circle; accepted: none that do")
        followed.append(mimic[0])


def _from_the_root(root: str, joints: dict[str, Joint]) -> dict[str, Joint]:
    ordered: dict[str, Joint] = {}
    reached = {root}
    while len(ordered) < len(joints):
        here = {n: joint for n, joint in joints.items() if n not in ordered and joint.parent in reached}
        if not here:
            circle = sorted(set(joints) - set(ordered))
            raise ValueError(f"the joints {', '.join(circle)} go in a circle; accepted: a tree")
        ordered |= here
        reached |= {joint.child for joint in here.values()}
    return ordered


def _joint(element: ElementTree.Element) -> Joint:
    name, kind = _name(element), element.get("type", "")
    if kind not in (*MOVING, "fixed"):
        raise ValueError(f"joint '{name}' has the type '{excerpt(kind)}'; accepted: {', '.join(MOVING)}, fixed")
    parent, child = (_child(element, name, tag).get("link", "") for tag in ("parent", "child"))
    place = element.find("axis")
    axis = np.array(_numbers(place.get("xyz", "") if place is not None else "1 0 0", 3, f"the axis of joint '{name}'"))
    if kind != "fixed" and np.linalg.norm(axis) < 1e-6:
        raise ValueError(f"the axis of joint '{name}' is {axis.tolist()}; accepted: a direction")
    limits = (-np.inf, np.inf)
    if kind in ("revolute", "prismatic"):
        limit = _child(element, name, "limit")
        what = f"the limits of joint '{name}'"
        low, high = (_numbers(limit.get(key, "0"), 1, what)[0] for key in ("lower", "upper"))
        if low > high:
            raise ValueError(f"{what} are {low:g} to {high:g}; accepted: lower at most upper")
        limits = (low, high)
    mimic = None
    if (entry := element.find("mimic")) is not None:
        what = f"the mimic of joint '{name}'"
        factor, offset = (
            _numbers(entry.get(key, other), 1, what)[0] for key, other in (("multiplier", "1"), ("offset", "0"))
        )
        mimic = (entry.get("joint", ""), factor, offset)
    unit = axis / max(float(np.linalg.norm(axis)), 1e-9)
    return Joint(name, kind, parent, child, _origin(element, f"joint '{name}'"), unit, limits, mimic)


def _shapes(link: ElementTree.Element, colours: Mapping[str, tuple[float, float, float]]) -> list[Shape]:
    """The primitive shapes of a link's visuals. Meshes are left out."""
    what = f"a visual of link '{_name(link)}'"
    shapes = []
    for visual in link.findall("visual"):
        material = visual.find("material")
        colour = (0.7, 0.7, 0.7)
        if material is not None:
            colour = _colour(material) or colours.get(material.get("name", ""), colour)
        for tag, keys in (("box", ("size",)), ("cylinder", ("radius", "length")), ("sphere", ("radius",))):
            for shape in visual.findall(f"geometry/{tag}"):
                count = 3 if tag == "box" else 1
                size = [number for key in keys for number in _numbers(shape.get(key, ""), count, what)]
                shapes.append(Shape(tag, tuple(size), _origin(visual, what), colour))
    return shapes


def _origin(element: ElementTree.Element, what: str) -> Array:
    place = np.eye(4)
    if (origin := element.find("origin")) is not None:
        roll, pitch, yaw = _numbers(origin.get("rpy", "0 0 0"), 3, f"the origin of {what}")
        z, y, x = np.eye(3)[[2, 1, 0]]
        place[:3, :3] = _turn(z, yaw) @ _turn(y, pitch) @ _turn(x, roll)
        place[:3, 3] = _numbers(origin.get("xyz", "0 0 0"), 3, f"the origin of {what}")
    return place


def _colour(material: ElementTree.Element) -> tuple[float, float, float] | None:
    colour = material.find("color")
    if colour is None:
        return None
    red, green, blue, _ = _numbers(colour.get("rgba", ""), 4, "a colour")
    return red, green, blue


def _name(element: ElementTree.Element) -> str:
    name = element.get("name")
    if not name:
        raise ValueError(f"a <{element.tag}> has no name")
    return name


def _child(element: ElementTree.Element, name: str, tag: str) -> ElementTree.Element:
    found = element.find(tag)
    if found is None:
        raise ValueError(f"joint '{name}' has no <{tag}>")
    return found


def _numbers(text: str, count: int, what: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{what} has '{excerpt(text)}'; accepted: {count} finite numbers")
    return numbers


def _turn(axis: Array, angle: float) -> Array:
    """(3, 3) rotation about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross)
