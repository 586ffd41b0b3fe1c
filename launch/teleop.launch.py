"""A person's hand moves a robot: camera (or rendered hand), hands, their state, and hand_retarget. RViz shows both."""

from __future__ import annotations

import sys
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    SetLaunchConfiguration,
)
from launch.conditions import IfCondition, UnlessCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch.substitutions.substitution_failure import SubstitutionFailure
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from dense3d_ros.nodes.launch_arguments import refuse_unknown
from dense3d_ros.retargeting.robot import robot_urdf
from dense3d_ros.retargeting.urdf import read_urdf

# Beside the hand as the camera sees it: metres, and the turn that has the fingers up and the palm to the camera.
ROBOT_PLACE = ("0.25", "0.1", "0.55")
ROBOT_TURN = ("0.5", "0.5", "-0.5", "0.5")


def generate_launch_description() -> LaunchDescription:
    share = Path(get_package_share_directory("dense3d_ros"))
    arguments = [
        DeclareLaunchArgument(
            "robot",
            default_value="parallel_gripper",
            description="Name of a robot that comes with the package (parallel_gripper, or four_fingered_hand, which "
            "needs the extra retargeting), or the path of a configuration.",
        ),
        DeclareLaunchArgument(
            "rendered",
            default_value="true",
            choices=["true", "false"],
            description="Use a rendered hand. false: use a camera, on the topics depth and camera_info.",
        ),
        DeclareLaunchArgument(
            "robot_parent",
            default_value="camera_depth_optical_frame",
            description="Frame in which the robot is shown beside the hand: that of the depth images.",
        ),
        DeclareLaunchArgument(
            "rviz",
            default_value="true",
            choices=["true", "false"],
            description="Start RViz, which shows hand and robot side by side, and the nodes that it needs for this.",
        ),
    ]
    # Both declare their own arguments: model, views, device, params_file and so on pass through.
    hands = [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(share / "launch" / file)),
            # RViz is started here, and has the robot in it.
            launch_arguments={"rviz": "false"}.items(),
            condition=condition(LaunchConfiguration("rendered")),
        )
        for file, condition in (("demo.launch.py", IfCondition), ("hand.launch.py", UnlessCondition))
    ]
    description = LaunchDescription(arguments)

    def check(context: LaunchContext) -> None:
        names = {argument.name for argument in description.get_launch_arguments()}
        refuse_unknown(sys.argv, "teleop.launch.py", names)
        robot_urdf(_given(context, "robot"))

    # What is included sets `rviz` to false for all that follows.
    shown = SetLaunchConfiguration("robot_in_rviz", LaunchConfiguration("rviz"))
    for action in (OpaqueFunction(function=check), shown, *hands, OpaqueFunction(function=_robot, args=[share])):
        description.add_action(action)
    return description


def _robot(context: LaunchContext, share: Path) -> list[Action]:
    robot = _given(context, "robot")
    urdf = robot_urdf(robot)
    root = read_urdf(urdf).root
    # Not false, which would override params_file.
    sim_time = [{"use_sim_time": True}] if _given(context, "use_sim_time") == "true" else []
    retarget = Node(
        package="dense3d_ros",
        executable="hand_retarget",
        namespace=LaunchConfiguration("namespace"),
        parameters=[LaunchConfiguration("params_file"), {"robot": robot}, *sim_time],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        output="screen",
        emulate_tty=True,
        respawn=LaunchConfiguration("respawn"),
        respawn_delay=5.0,
    )
    if _given(context, "robot_in_rviz") != "true":
        return [retarget]
    needed = (("rviz2", "rviz2"), ("robot_state_publisher",) * 2, ("tf2_ros", "static_transform_publisher"))
    if missing := [package for package, executable in needed if not _is_installed(context, package, executable)]:
        return [retarget, LogInfo(msg=f"RViz is not started: {', '.join(missing)} not installed. The rest runs.")]
    names = ("--x", "--y", "--z", "--qx", "--qy", "--qz", "--qw")
    place = [word for name, value in zip(names, ROBOT_PLACE + ROBOT_TURN, strict=True) for word in (name, value)]
    parent = ["--frame-id", LaunchConfiguration("robot_parent"), "--child-frame-id", root]
    return [
        retarget,
        Node(
            package="robot_state_publisher",
            executable="robot_state_publisher",
            parameters=[{"robot_description": urdf.read_text(encoding="utf-8")}, *sim_time],
            remappings=[("joint_states", "hand_retarget/joint_commands")],
            namespace=LaunchConfiguration("namespace"),
        ),
        Node(package="tf2_ros", executable="static_transform_publisher", arguments=[*place, *parent]),
        Node(
            package="rviz2",
            executable="rviz2",
            namespace=LaunchConfiguration("namespace"),
            arguments=["-d", str(share / "config" / "teleop.rviz")],
            parameters=sim_time,
            remappings=[
                ("/camera/camera/depth/image_rect_raw", LaunchConfiguration("depth")),
                ("/camera/camera/depth/camera_info", LaunchConfiguration("camera_info")),
                # Relative, so that they follow the namespace.
                ("/hand_pose/markers", "hand_pose/markers"),
                ("/robot_description", "robot_description"),
            ],
        ),
    ]


def _is_installed(context: LaunchContext, package: str, executable: str) -> bool:
    try:
        ExecutableInPackage(package=package, executable=executable).perform(context)
    except (PackageNotFoundError, SubstitutionFailure):
        return False
    return True


def _given(context: LaunchContext, name: str) -> str:
    return str(LaunchConfiguration(name).perform(context))
