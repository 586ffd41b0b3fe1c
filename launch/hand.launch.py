"""Hand perception: the nodes `hand_pose` and `hand_model` in one process, and RViz if asked for."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from dense3d_ros.nodes.dds_profile import dds_profile

# The topics that config/hand.rviz shows.
RVIZ_DEPTH = "/camera/camera/depth/image_rect_raw"
RVIZ_CAMERA_INFO = "/camera/camera/depth/camera_info"
RVIZ_MARKERS = "/hand_pose/markers"


def generate_launch_description() -> LaunchDescription:
    share = Path(get_package_share_directory("dense3d_ros"))
    arguments = [
        DeclareLaunchArgument(
            "depth",
            default_value="/camera/camera/depth/image_rect_raw",
            description="Topic of the rectified depth image (16UC1, mono16 or 32FC1).",
        ),
        DeclareLaunchArgument(
            "camera_info",
            default_value="/camera/camera/depth/camera_info",
            description="Topic of that image's camera info.",
        ),
        DeclareLaunchArgument(
            "model",
            default_value="",
            description="Name of a shipped model or path of a model file. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "device",
            default_value="",
            description="auto, cpu, cuda or cuda:N. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "runtime",
            default_value="",
            description="What the network runs in: auto, openvino, onnxruntime and so on. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=str(share / "config" / "hand.yaml"),
            description="Parameters of the nodes.",
        ),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the nodes."),
        DeclareLaunchArgument(
            "cameras",
            default_value="",
            description="Namespaces of several cameras, separated by commas, for a hand_pose in each; depth and "
            "camera_info are then relative to them. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="false",
            choices=["true", "false"],
            description="Take the time from /clock, for simulation and recorded bags.",
        ),
        DeclareLaunchArgument(
            "autostart",
            default_value="true",
            choices=["true", "false"],
            description="Configure and activate hand_model. Off: left to ros2 lifecycle or a manager.",
        ),
        DeclareLaunchArgument(
            "respawn",
            default_value="true",
            choices=["true", "false"],
            description="Start the process again when it ends by itself.",
        ),
        DeclareLaunchArgument("rviz", default_value="false", choices=["true", "false"], description="Start RViz."),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="Least severity that is logged.",
        ),
    ]
    profile = [SetEnvironmentVariable(name, file) for name, file in dds_profile().items()]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", str(share / "config" / "hand.rviz")],
        parameters=[{"use_sim_time": LaunchConfiguration("use_sim_time")}],
        remappings=[
            (RVIZ_DEPTH, LaunchConfiguration("depth")),
            (RVIZ_CAMERA_INFO, LaunchConfiguration("camera_info")),
            # Relative, so that it follows the namespace.
            (RVIZ_MARKERS, RVIZ_MARKERS.lstrip("/")),
        ],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription([*arguments, *profile, OpaqueFunction(function=_perception), rviz])


def _perception(context: LaunchContext) -> list[Node]:
    """The process of both nodes. A function, because empty arguments must not override params_file."""
    names = ("depth", "camera_info", "model", "device", "runtime", "cameras", "use_sim_time", "autostart", "log_level")
    given = {name: LaunchConfiguration(name).perform(context) for name in names}
    overrides: dict[str, str | bool | list[str]] = {}
    overrides |= {name: given[name] for name in ("model", "device", "runtime") if given[name]}
    overrides["autostart"] = given["autostart"] == "true"
    if given["use_sim_time"] == "true":
        overrides["use_sim_time"] = True
    if given["cameras"]:
        overrides["cameras"] = given["cameras"].split(",")
        for name in ("depth", "camera_info"):
            if given[name].startswith("/"):
                raise ValueError(f"with cameras:= {name}:= must be relative to them, such as {name}:={name}")
    return [
        Node(
            package="dense3d_ros",
            executable="hand_pose",
            namespace=LaunchConfiguration("namespace"),
            parameters=[LaunchConfiguration("params_file"), overrides],
            remappings=[("depth", given["depth"]), ("camera_info", given["camera_info"])],
            ros_arguments=["--log-level", given["log_level"]],
            respawn=LaunchConfiguration("respawn"),
            respawn_delay=5.0,
            output="screen",
            emulate_tty=True,
        )
    ]
