"""Hand perception: the nodes `hand_pose`, `hand_state` and `hand_model` in one process, and RViz if asked for."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch.substitutions.substitution_failure import SubstitutionFailure
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from dense3d_ros.nodes.dds_profile import dds_profile
from dense3d_ros.nodes.launch_arguments import refuse_unknown

# The topics that config/hand.rviz shows.
RVIZ_DEPTH = "/camera/camera/depth/image_rect_raw"
RVIZ_CAMERA_INFO = "/camera/camera/depth/camera_info"
RVIZ_MARKERS = "/hand_pose/markers"
# Arguments that are parameters of the nodes where they are given.
TEXTS = ("model", "device", "runtime", "transport", "distortion")
NUMBERS = (("views", int), ("max_hands", int), ("min_score", float), ("depth_unit", float), ("sync_slop", float))


def generate_launch_description() -> LaunchDescription:
    share = Path(get_package_share_directory("dense3d_ros"))
    arguments = [
        DeclareLaunchArgument(
            "depth",
            default_value="/camera/camera/depth/image_rect_raw",
            description="Topic of the depth image (16UC1, mono16 or 32FC1).",
        ),
        DeclareLaunchArgument(
            "camera_info",
            default_value="/camera/camera/depth/camera_info",
            description="Topic of the depth image's camera info.",
        ),
        DeclareLaunchArgument(
            "transport",
            default_value="",
            description="Transport of the depth image: raw, or compressedDepth, on the image's topic with "
            "/compressedDepth appended. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "depth_unit",
            default_value="",
            description="Metres per value of the depth image; 0 uses the encoding's. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "distortion",
            default_value="",
            description="How to treat the lens distortion in the camera info: undo, ignore (the image is rectified), "
            "inverse, or auto, which decides by the name of the image's topic. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "sync_slop",
            default_value="",
            description="Maximum difference of the stamps of image and camera info, seconds. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "model",
            default_value="",
            description="Name of a shipped model, or the path of a model file. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "views",
            default_value="",
            description="Crops of each followed hand, 1 or 3: 3 is more accurate and costs about twice the time of a "
            "frame. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "device",
            default_value="",
            description="Device of the network: auto, cpu, cuda or cuda:N. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "runtime",
            default_value="",
            description="What the network runs in: auto, openvino, onnxruntime and so on. Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "max_hands", default_value="", description="Maximum number of hands, 1..6. Empty: as in params_file."
        ),
        DeclareLaunchArgument(
            "min_score",
            default_value="",
            description="New hands below this score, 0..1, are not published; 0 uses the model's own threshold. "
            "Empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=str(share / "config" / "hand.yaml"),
            description="File with the parameters of the nodes.",
        ),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the nodes."),
        DeclareLaunchArgument(
            "cameras",
            default_value="",
            description="Namespaces of several cameras, separated by commas. Each gets a hand_pose; depth and "
            "camera_info are then relative to it. Empty: as in params_file.",
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
            description="Configure and activate hand_model. false: ros2 lifecycle or a lifecycle manager does it.",
        ),
        DeclareLaunchArgument(
            "hand_state",
            default_value="true",
            choices=["true", "false"],
            description="Run hand_state in the same process: smoothed poses, grasp and angles for a robot.",
        ),
        DeclareLaunchArgument(
            "respawn",
            default_value="true",
            choices=["true", "false"],
            description="Restart the process five seconds after it ends by itself.",
        ),
        DeclareLaunchArgument("rviz", default_value="false", choices=["true", "false"], description="Start RViz."),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="Minimum severity that is logged.",
        ),
    ]
    profile = [SetEnvironmentVariable(name, file) for name, file in dds_profile().items()]
    names = {argument.name for argument in arguments}
    check = OpaqueFunction(function=lambda context: refuse_unknown(sys.argv, "hand.launch.py", names))
    nodes = [OpaqueFunction(function=_perception), OpaqueFunction(function=_rviz)]
    return LaunchDescription([*arguments, check, *profile, *nodes])


def _perception(context: LaunchContext) -> list[Action]:
    """The process of both nodes. A function, because empty arguments must not override params_file."""
    overrides: dict[str, str | bool | int | float | list[str]] = {
        name: _given(context, name) == "true" for name in ("autostart", "hand_state")
    }
    overrides |= {name: text for name in TEXTS if (text := _given(context, name))}
    if _given(context, "use_sim_time") == "true":
        overrides["use_sim_time"] = True
    for name, kind in NUMBERS:
        if text := _given(context, name):
            try:
                overrides[name] = kind(text)
            except ValueError as error:
                raise ValueError(f"{name}:={text} is no {'whole number' if kind is int else 'number'}") from error
    if cameras := _cameras(context):
        overrides["cameras"] = cameras
        for name in ("depth", "camera_info"):
            if _given(context, name).startswith("/"):
                raise ValueError(f"with cameras:= {name}:= must be relative to them, such as {name}:={name}")
    return [
        Node(
            package="dense3d_ros",
            executable="hand_pose",
            namespace=LaunchConfiguration("namespace"),
            parameters=[LaunchConfiguration("params_file"), overrides],
            remappings=[(name, LaunchConfiguration(name)) for name in ("depth", "camera_info")],
            ros_arguments=["--log-level", LaunchConfiguration("log_level")],
            respawn=LaunchConfiguration("respawn"),
            respawn_delay=5.0,
            output="screen",
            emulate_tty=True,
        )
    ]


def _rviz(context: LaunchContext) -> list[Action]:
    """RViz if it is asked for; with several cameras one for each, as their hands are in frames of their own."""
    if _given(context, "rviz") != "true":
        return []
    try:
        ExecutableInPackage(package="rviz2", executable="rviz2").perform(context)
    except (PackageNotFoundError, SubstitutionFailure):
        return [LogInfo(msg="RViz is not started: the package rviz2 is not installed. The nodes run without it.")]
    namespace = _given(context, "namespace")
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            namespace=camera if camera.startswith("/") else f"{namespace}/{camera}".strip("/"),
            arguments=["-d", str(Path(get_package_share_directory("dense3d_ros")) / "config" / "hand.rviz")],
            parameters=[{"use_sim_time": LaunchConfiguration("use_sim_time")}],
            remappings=[
                (RVIZ_DEPTH, LaunchConfiguration("depth")),
                (RVIZ_CAMERA_INFO, LaunchConfiguration("camera_info")),
                # Relative, so that it follows the namespace.
                (RVIZ_MARKERS, RVIZ_MARKERS.lstrip("/")),
            ],
        )
        for camera in _cameras(context) or [""]
    ]


def _cameras(context: LaunchContext) -> list[str]:
    """The namespaces of `cameras`, in order."""
    text = _given(context, "cameras")
    names = [name.strip() for name in text.split(",")] if text else []
    if not all(re.fullmatch(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", name) for name in names):
        raise ValueError(f"cameras:={text} are no namespaces separated by commas, such as cameras:=left,right")
    return names


def _given(context: LaunchContext, name: str) -> str:
    return str(LaunchConfiguration(name).perform(context))
