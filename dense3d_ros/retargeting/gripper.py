"""A parallel gripper: how far thumb and index finger are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.hand_state.frames import check_bones
from dense3d_ros.hand_state.grasp import PINCH_JOINTS, aperture
from dense3d_ros.retargeting.robot import Entries
from dense3d_ros.retargeting.urdf import Robot

Array = NDArray[np.float64]


class ParallelGripper:
    """Maps a range of apertures to a range of one joint's positions. See config/robots/parallel_gripper.yaml."""

    def __init__(self, robot: Robot, handedness: Handedness, entries: Entries) -> None:
        self.robot, self.handedness, self.used = robot, handedness, PINCH_JOINTS
        joint = entries.take("joint", str, "the name of a joint of the URDF")
        if joint not in robot.commanded:
            accepted = ", ".join(robot.commanded) or "none of this URDF"
            raise ValueError(f"{entries.path}: joint is {joint}; accepted: {accepted}")
        self.joint_names: tuple[str, ...] = (joint,)
        self._apertures = entries.pair("aperture", "two numbers of metres, closed and open, that differ")
        self._positions = entries.pair("position", "two positions of the joint, closed and open, that differ")
        if min(self._apertures) < 0.0:
            accepted = "two numbers of metres from 0 on"
            raise ValueError(f"{entries.path}: aperture is {list(self._apertures)}; accepted: {accepted}")
        entries.end()
        low, high = robot.joints[joint].limits
        if not low <= min(self._positions) <= max(self._positions) <= high:
            accepted = f"the limits of {joint}, {low:g} to {high:g}"
            raise ValueError(f"{entries.path}: position is {list(self._positions)}; accepted: {accepted}")

    def forget(self) -> None:
        """See `Retargeting.forget`: the aperture alone counts."""

    def positions(self, joints: NDArray[np.floating]) -> Array:
        """(21, 3) metres -> (1,) position, within the two of the configuration."""
        (closed, opened), (first, last) = self._apertures, self._positions
        share = (aperture(check_bones(joints)) - closed) / (opened - closed)
        return np.array([first + float(np.clip(share, 0.0, 1.0)) * (last - first)])
