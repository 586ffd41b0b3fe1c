"""Turn the hand of a recording into joint positions of a robot.

RESULT is a folder that `dense3d run` wrote, or its hands.jsonl. The hand with the robot's handedness is smoothed as in
the node hand_state. FILE gets the robot's joint positions, in radians and metres, for each frame that shows this hand:
as CSV, columns `file`, `index`, `stamp` and one for each joint; as JSON, joint_names and points of file, index, stamp
and positions. `index` counts RESULT's frames from 0; stamps begin anew in each subfolder.

ROBOT is the name of a robot that comes with the package or the path of a configuration (YAML) that names its URDF; see
docs/robots.md. A robot hand needs the extra `retargeting`.

example:
  dense3d retarget result --robot parallel_gripper --output gripper.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "turn the hand of a recording into joint positions of a robot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `dense3d retarget`."""
    parser.add_argument("result", metavar="RESULT", type=Path, help="folder of dense3d run, or its hands.jsonl")
    parser.add_argument("--robot", metavar="ROBOT", required=True, help="name or configuration of a robot")
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="file to write, .csv or .json")


def run(arguments: argparse.Namespace) -> int:
    """Retarget, write, and say how it went; 1 where no frame shows the hand."""
    from dense3d_ros.atomic_write import check_writable
    from dense3d_ros.excerpt import printable
    from dense3d_ros.recordings.trajectories import SUFFIXES, read_hands, retarget, write_trajectory
    from dense3d_ros.retargeting.certainty import MIN_JOINT_SCORE
    from dense3d_ros.retargeting.robot import load_robot

    if arguments.output.suffix not in SUFFIXES:
        raise ValueError(f"--output is {arguments.output}; accepted: a name that ends in {' or '.join(SUFFIXES)}")
    check_writable(arguments.output)
    robot = load_robot(arguments.robot)
    trajectory = retarget(read_hands(arguments.result), robot)
    write_trajectory(arguments.output, trajectory)
    points = len(trajectory.shown)
    handedness = robot.handedness.name.lower()
    print(f"{trajectory.frames} frames, {points} with a {handedness} hand; positions in {printable(arguments.output)}")
    if trajectory.lost:
        print(f"for {trajectory.lost} of them the solver found no positions")
    if trajectory.uncertain:
        limit = f"a mean score below {MIN_JOINT_SCORE:g}"
        print(f"{trajectory.uncertain} more have joints too uncertain to move the robot: {limit}")
    return 0 if points else 1
