"""What `--help` prints of an executable: its nodes with their topics and parameters. Needs no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from textwrap import wrap
from typing import Any

import yaml

from dense3d_ros.hand_state.frames import FRAME_NAMES
from dense3d_ros.nodes.settings import (
    DepthCameraSettings,
    HandModelSettings,
    HandPoseSettings,
    HandRetargetSettings,
    HandStateSettings,
)

_WIDTH = 100
Topics = dict[str, str]
"""Topic as in the code, before remapping -> its type."""
_HANDS, _JOINTS, _POSE = "dense3d_ros/msg/HandPoseArray", "sensor_msgs/msg/JointState", "geometry_msgs/msg/PoseStamped"
_IMAGE, _INFO, _TF = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage"
_DIAGNOSTICS = {"/diagnostics": "diagnostic_msgs/msg/DiagnosticArray"}


@dataclass(frozen=True)
class NodeAbout:
    """A node: what it is, the class of its parameters, and its topics."""

    name: str
    what: str
    settings: type[Any]
    subscribes: Topics
    publishes: Topics


HAND_POSE = NodeAbout(
    "hand_pose",
    "Depth images and camera infos in, hands out.",
    HandPoseSettings,
    {"depth": _IMAGE, "camera_info": _INFO},
    {
        "~/hands": _HANDS,
        "~/joints": "geometry_msgs/msg/PoseArray",
        "~/points": "sensor_msgs/msg/PointCloud2",
        "~/markers": "visualization_msgs/msg/MarkerArray",
        "~/overlay": _IMAGE,
        **_DIAGNOSTICS,
    },
)
HAND_STATE = NodeAbout(
    "hand_state",
    "Hands in; smoothed hands, poses, grasp and angles of each hand out.",
    HandStateSettings,
    {"hand_pose/hands": _HANDS, "/tf": _TF, "/tf_static": _TF},
    {
        "~/hands": _HANDS,
        **{
            f"~/{hand}/{topic}": kind
            for hand in ("left", "right")
            for topic, kind in {
                **{"power_grasp" if name == "grasp" else name: _POSE for name in FRAME_NAMES},
                "grasp": "dense3d_ros/msg/HandGrasp",
                "angles": _JOINTS,
                "joints": "geometry_msgs/msg/PoseArray",
            }.items()
        },
        "/tf": _TF,
        **_DIAGNOSTICS,
    },
)
HAND_MODEL = NodeAbout(
    "hand_model",
    "The lifecycle node that owns the model of every hand_pose in its process.",
    HandModelSettings,
    {},
    {"~/transition_event": "lifecycle_msgs/msg/TransitionEvent"},
)
HAND_RETARGET = NodeAbout(
    "hand_retarget",
    "Smoothed hands in, joint commands of a robot out.",
    HandRetargetSettings,
    {"hand_state/hands": _HANDS, "~/enable": "std_msgs/msg/Bool"},
    {"~/joint_commands": _JOINTS, **_DIAGNOSTICS},
)
DEPTH_CAMERA = NodeAbout(
    "depth_camera",
    "Publishes depth and camera info like a driver, from files or from a rendered hand.",
    DepthCameraSettings,
    {},
    {
        "~/depth/image_rect_raw": _IMAGE,
        "~/depth/camera_info": _INFO,
        "~/true_joints": "geometry_msgs/msg/PoseArray",
    },
)
EXECUTABLES: dict[str, tuple[str, Sequence[NodeAbout]]] = {
    "dense3d_ros.nodes.main": ("hand_pose", (HAND_POSE, HAND_STATE, HAND_MODEL)),
    "dense3d_ros.nodes.hand_state_node": ("hand_state", (HAND_STATE,)),
    "dense3d_ros.nodes.hand_retarget_node": ("hand_retarget", (HAND_RETARGET,)),
    "dense3d_ros.rehearsal.depth_camera_node": ("depth_camera", (DEPTH_CAMERA,)),
}
"""Module with the `main()` of an executable -> its name and nodes."""


def help_text(module: str) -> str:
    """All that `--help` prints of the executable that runs `main()` of a module."""
    executable, nodes = EXECUTABLES[module]
    names = ", ".join(node.name for node in nodes)
    first = fields(nodes[0].settings)[0]
    example = f"{first.name}:={_default(first)}"
    lines = [
        f"usage: {executable} [--help] [--ros-args -p NODE:PARAMETER:=VALUE -r TOPIC:=OTHER --params-file FILE ...]",
        "",
        f"Runs {'the node' if len(nodes) == 1 else 'the nodes'} {names} until Ctrl-C.",
    ]
    for node in nodes:
        lines += ["", f"{node.name}: {node.what}"]
        lines += _topics("subscribes to", node.subscribes) + _topics("publishes", node.publishes)
        lines += ["  parameters, with their defaults:"]
        lines += [line for entry in fields(node.settings) for line in _parameter(entry)]
    return "\n".join(
        [
            *lines,
            "",
            "Topics that start with ~ are under the node's own name. To set a parameter at the start, or in a file:",
            f"  {executable} --ros-args -p {nodes[0].name}:{example}",
            f"  {executable} --ros-args --params-file hand.yaml",
            "and while it runs, unless it is read at the start:",
            f"  ros2 param set /{nodes[0].name} NAME VALUE",
        ]
    )


def _topics(what: str, topics: Topics) -> list[str]:
    width = max(map(len, topics), default=0)
    return [f"  {what}:", *(f"    {name:{width}}  {kind}" for name, kind in topics.items())] if topics else []


def _parameter(entry: Any) -> list[str]:
    limits = entry.metadata["limits"]
    about = entry.metadata["description"]
    if limits and not entry.metadata["choices"]:
        about += f" {limits[0]} to {limits[1]}."
    if entry.metadata["constant"]:
        about += " Read at the start."
    return [f"    {entry.name}:={_default(entry)}", *(f"        {line}" for line in wrap(about, _WIDTH - 8))]


def _default(entry: Any) -> str:
    """As YAML has it, which is how ROS reads a parameter."""
    value = list(entry.default) if isinstance(entry.default, tuple) else entry.default
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
