"""A ROS parameter as a field of a dataclass: its description and range, and the checks that its class makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, fields
from typing import Any

from dense3d_ros.excerpt import excerpt


def parameter(
    default: Any,
    description: str,
    limits: tuple[float, float] | None = None,
    constant: bool = False,
    choices: Sequence[float] = (),
) -> Any:
    """A dataclass field that is a ROS parameter.

    limits: range of a number. constant: read once, when the node starts. choices: in place of `limits`, the only
    numbers that are accepted; the description says which, since ROS knows only their range.
    """
    if choices:
        limits = min(choices), max(choices)
    metadata = {"description": description, "limits": limits, "constant": constant, "choices": choices}
    return field(default=default, metadata=metadata)


def check_ranges(settings: Any) -> None:
    """Raise ValueError for a number outside its range. rclpy lets those a little outside pass."""
    for entry in fields(settings):
        if limits := entry.metadata["limits"]:
            value, (low, high) = getattr(settings, entry.name), limits
            if not low <= value <= high:
                raise ValueError(f"{entry.name} is {value}; accepted: {low} to {high}")


def check_choice(name: str, value: str, accepted: Sequence[str]) -> None:
    """Raise ValueError for a text that is none of `accepted`."""
    if value not in accepted:
        raise ValueError(f"{name} is '{excerpt(value)}'; accepted: {', '.join(accepted)}")
