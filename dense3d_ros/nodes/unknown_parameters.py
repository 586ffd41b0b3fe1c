"""Parameters that are given at the start and that no node has: misspelt ones would pass without a word.

rclpy tells a node the values that it is given, but neither all their names nor where they come from. So the names are
read from the arguments, and each node is asked whether it was given what it does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.exceptions import ParameterException

from dense3d_ros.excerpt import excerpt

_OF_ROS = ("use_sim_time", "start_type_description_service")
_OF_TOPICS = "qos_overrides."
"""Names, and how names begin, that are no news: which of them a node has depends on ROS's release and on topics."""
_ANY = ("*", "**")
_NEAR, _MISSPELT = 0.6, 0.88
"""Likeness of names: of one that is worth naming, and of one that differs by about a letter."""
_MOST = 10
"""Names in the warning."""


@dataclass(frozen=True)
class _Given:
    """A parameter that is given to the nodes of a name; to all by -p where that is "", and by a file where it is *."""

    name: str
    node: str = ""


def unknown_parameters(nodes: Sequence[Any], arguments: Sequence[str]) -> str:
    """A sentence on the parameters in a process's arguments that have no effect on its nodes; "" where there are none.

    A name in a section for any node of a file (/**) may be another process's: it only counts where it is nearly one of
    the nodes' own.
    """
    given = dict.fromkeys(entry for entry in _given(arguments) if entry.name and not _is_of_ros(entry.name))
    for_any = {entry.name for entry in given if entry.node in _ANY}
    told: dict[str, None] = {}
    for entry in given:
        is_shared = entry.name in for_any and _Given(entry.name) not in given
        if entry.node in ("", *_ANY):
            lacking = [] if any(node.has_parameter(entry.name) for node in nodes) else list(nodes)
        else:
            lacking = [node for node in nodes if node.get_name() == entry.node and not node.has_parameter(entry.name)]
        if not any(_was_given(node, entry.name) for node in lacking):
            continue
        likeness, nearest = _nearest(entry.name, nodes)
        if likeness >= (_MISSPELT if is_shared else _NEAR):
            told[f"{excerpt(entry.name)} (nearest: {nearest})"] = None
        elif not is_shared:
            told[f"{excerpt(entry.name)} (none is near)"] = None
    if not told:
        return ""
    more = f", and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return f"Unknown parameters, which have no effect: {', '.join(list(told)[:_MOST])}{more}"


def _is_of_ros(name: str) -> bool:
    return name in _OF_ROS or name.startswith(_OF_TOPICS)


def _was_given(node: Any, name: str) -> bool:
    """Whether a node is given a parameter that it does not have."""
    # A name that no parameter may have is not given to anybody.
    with suppress(ParameterException):
        value = node.declare_parameter(name, None, ParameterDescriptor(dynamic_typing=True)).value
        node.undeclare_parameter(name)
        return value is not None
    return False


def _nearest(name: str, nodes: Sequence[Any]) -> tuple[float, str]:
    """Of the parameters of all nodes the one most like a name, with its node, and how like it is, 0 to 1."""
    return max(
        (SequenceMatcher(None, name, known).ratio(), f"{known} of {node.get_name()}")
        for node in nodes
        for known in node.get_parameters_by_prefix("")
    )


def _given(arguments: Sequence[str]) -> Iterator[_Given]:
    """What is given by -p and in files."""
    words, is_for_ros = iter(arguments), False
    for word in words:
        if word in ("--ros-args", "--"):
            is_for_ros = word == "--ros-args"
        elif is_for_ros and word in ("-p", "--param"):
            node, _, name = next(words, "").partition(":=")[0].rpartition(":")
            yield _Given(name, node.rpartition("/")[2])
        elif is_for_ros and word == "--params-file":
            # What cannot be read, ROS refuses itself.
            with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
                text = Path(next(words, "")).read_text(encoding="utf-8")
                # Every key as it is written, such as "on".
                yield from _in_sections(yaml.load(text, Loader=yaml.BaseLoader), "")


def _in_sections(tree: Any, node: str) -> Iterator[_Given]:
    """What is given in a file's section of a node or of a namespace."""
    for key, below in tree.items() if isinstance(tree, dict) else ():
        if key == "ros__parameters":
            yield from (_Given(name, node) for name in _names(below))
        else:
            yield from _in_sections(below, key.rpartition("/")[2])


def _names(tree: Any) -> Iterator[str]:
    """The names of nested parameters, joined by dots."""
    for key, below in tree.items() if isinstance(tree, dict) else ():
        if isinstance(below, dict):
            yield from (f"{key}.{name}" for name in _names(below))
        else:
            yield key
