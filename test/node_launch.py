"""Runs a launch file as `ros2 launch` does: node_launch.py FILE NAME:=VALUE..."""

from __future__ import annotations

import sys

from ros2launch.api import launch_a_launch_file

if __name__ == "__main__":
    # Not interactive: SIGINT to launch is passed on to the nodes, which no terminal sends it.
    status = launch_a_launch_file(launch_file_path=sys.argv[1], launch_file_arguments=sys.argv[2:], noninteractive=True)
    sys.exit(status)
