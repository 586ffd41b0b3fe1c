"""Declares what `settings` writes down as a node's ROS parameters, and takes their changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult

from dense3d_ros.nodes.settings import (
    DepthCameraSettings,
    HandModelSettings,
    HandPoseSettings,
    HandRetargetSettings,
    HandStateSettings,
)

Settings = TypeVar(
    "Settings", HandPoseSettings, HandModelSettings, DepthCameraSettings, HandStateSettings, HandRetargetSettings
)


def _descriptor(entry: Any) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=entry.metadata["description"], read_only=entry.metadata["constant"])
    limits = entry.metadata["limits"]
    if limits is not None and isinstance(entry.default, int):
        descriptor.integer_range = [IntegerRange(from_value=limits[0], to_value=limits[1])]
    elif limits is not None:
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(limits[0]), to_value=float(limits[1]))]
    return descriptor


class NodeParameters(Generic[Settings]):
    """Declares a node's parameters and keeps `settings` up to date.

    A change that breaks a rule of the settings class is refused with that class's sentence as the reason.
    `settings` is replaced as a whole, so a thread that reads it once sees one consistent state.
    """

    def __init__(self, node: Any, defaults: Settings) -> None:
        values = {
            entry.name: node.declare_parameter(entry.name, getattr(defaults, entry.name), _descriptor(entry)).value
            for entry in fields(defaults)
        }
        self.settings: Settings = replace(defaults, **values)
        node.add_on_set_parameters_callback(self._take)

    def _take(self, parameters: Iterable[Any]) -> SetParametersResult:
        """Take over a change, or refuse it.

        Not in two steps, with a callback for after the change: Humble has none. Nothing can refuse it once this has
        been called: rclpy checks types and ranges before, and calls a later callback of another owner earlier.
        """
        known = {entry.name for entry in fields(self.settings)}
        changes = {changed.name: changed.value for changed in parameters if changed.name in known}
        try:
            self.settings = replace(self.settings, **changes)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
