"""The Fast DDS profile whose shared memory a depth image fits in, and the variable that names it."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError as NotInstalled
from ament_index_python.packages import get_package_share_directory

VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
"""Fast DDS 2 (Jazzy and before) reads the first, Fast DDS 3 the second, and warns of the first."""
_FIRST_WITH_FAST_DDS_3 = 8
"""rclpy's major version: 7 is Jazzy's, 9 Kilted's."""


def profile_variable() -> str:
    """The one of VARIABLES that this ROS distribution's Fast DDS reads."""
    try:
        major = int(version("rclpy").partition(".")[0])
    except PackageNotFoundError:
        return VARIABLES[1]
    return VARIABLES[major >= _FIRST_WITH_FAST_DDS_3]


def dds_profile() -> dict[str, str]:
    """The variable and its value; empty where the user chose a profile, and where this package is not installed."""
    if any(name in os.environ for name in VARIABLES):
        return {}
    if not os.environ.get("AMENT_PREFIX_PATH"):
        # Nobody sets it where ROS 2 comes as wheels.
        os.environ["AMENT_PREFIX_PATH"] = sys.prefix
    try:
        share = Path(get_package_share_directory("dense3d_ros"))
    except NotInstalled:
        return {}
    return {profile_variable(): str(share / "config" / "fastdds.xml")}
