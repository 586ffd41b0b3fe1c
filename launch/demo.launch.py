"""hand.launch.py with a camera: a rendered hand, or a folder of depth PNGs. RViz shows both."""

import sys
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, SetLaunchConfiguration
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from dense3d_ros.nodes.launch_arguments import refuse_unknown

CAMERA = {
    "folder": ("", str, "Folder of 16-bit depth PNGs to publish. Empty: render a moving hand."),
    "fx": ("475.0", float, "Focal length of the camera along x, pixels."),
    "fy": ("475.0", float, "Focal length of the camera along y, pixels."),
    "cx": ("319.5", float, "Principal point of the camera, x, pixels."),
    "cy": ("239.5", float, "Principal point of the camera, y, pixels."),
    "depth_unit": ("0.001", float, "Metres per value of the PNGs."),
    "rate": ("30.0", float, "Frames per second."),
}
"""Parameters of depth_camera that are launch arguments: default, type, description."""
PNG_UNIT = "png_unit"


def generate_launch_description() -> LaunchDescription:
    share = Path(get_package_share_directory("dense3d_ros"))
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, _, description) in CAMERA.items()
    ]
    arguments += [
        DeclareLaunchArgument("rviz", default_value="true", choices=["true", "false"], description="Start RViz.")
    ]
    # Includes declare their own arguments: model, views, device, runtime, namespace, autostart and so on pass through.
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(share / "launch" / "hand.launch.py")),
        # The camera publishes millimetres, whatever the PNGs count.
        launch_arguments={"rviz": LaunchConfiguration("rviz"), "depth_unit": ""}.items(),
    )
    kinds = {name: kind for name, (_, kind, _) in CAMERA.items()} | {"use_sim_time": bool}
    # The names that RealSense's driver has, so that hand.launch.py's defaults fit.
    camera = Node(
        package="dense3d_ros",
        executable="depth_camera",
        namespace="camera",
        name="camera",
        parameters=[
            {
                name: ParameterValue(LaunchConfiguration(PNG_UNIT if name == "depth_unit" else name), value_type=kind)
                for name, kind in kinds.items()
            }
        ],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        respawn=LaunchConfiguration("respawn"),
        respawn_delay=5.0,
        output="screen",
        emulate_tty=True,
    )
    description = LaunchDescription(arguments)

    def check(context: LaunchContext) -> None:
        names = {argument.name for argument in description.get_launch_arguments()}
        refuse_unknown(sys.argv, "demo.launch.py", names)

    # What an include is given stays set behind it, where the camera is started.
    unit = SetLaunchConfiguration(PNG_UNIT, LaunchConfiguration("depth_unit"))
    for action in (OpaqueFunction(function=check), unit, perception, camera):
        description.add_action(action)
    return description
