"""A robot is drawn where a pinhole camera sees its links."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dense3d_ros.recordings.robot_drawing import DISTANCE, FIELD, RobotDrawing
from dense3d_ros.retargeting.robot import robots_folder
from dense3d_ros.retargeting.urdf import read_urdf

# The palm to the camera and the fingers up.
UPRIGHT = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
SIZE = 300


def test_fingertips_are_where_they_project_to_in_their_colour() -> None:
    robot = read_urdf(robots_folder() / "four_fingered_hand.urdf")
    middle = np.array([0.0, 0.0, 0.1])
    positions = {"index_mcp": 0.4, "thumb_opposition": 0.3}
    image = RobotDrawing(robot, middle).draw(positions, UPRIGHT, SIZE)
    assert image.shape == (SIZE, SIZE, 3)
    for tip, brightest in (("thumb_tip", 2), ("middle_tip", 1), ("ring_tip", 0)):
        point = UPRIGHT @ (robot.link_places(positions)[tip][:3, 3] - middle)
        scale = DISTANCE / FIELD * SIZE / (DISTANCE + point[2])
        column, row = (round(scale * value + SIZE / 2) for value in point[:2])
        assert image[row, column].argmax() == brightest, tip
    corner = image[:20, :20]
    assert (corner.max(axis=2) - corner.min(axis=2)).max() <= 1


def test_a_robot_of_meshes_alone_cannot_be_drawn() -> None:
    robot = read_urdf(robots_folder() / "parallel_gripper.urdf")
    with pytest.raises(ValueError, match="robot 'parallel_gripper' has no box, cylinder or sphere to draw"):
        RobotDrawing(replace(robot, links={link: [] for link in robot.links}), np.zeros(3))
