"""A robot hand, retargeted by dex-retargeting with pinocchio and nlopt: the extra `retargeting`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.hand import JOINT_COUNT, Handedness
from dense3d_ros.hand_state.conventions import dex_retargeting_joints
from dense3d_ros.retargeting.robot import Entries
from dense3d_ros.retargeting.urdf import Robot

Array = NDArray[np.float64]

NEEDED = "a robot hand needs what requirements/retargeting.txt installs (dex-retargeting, six, torch; Python <= 3.12)"


class DexHand:
    """Solves for the robot's joints from where they were last. See config/robots/four_fingered_hand.yaml."""

    def __init__(self, robot: Robot, handedness: Handedness, urdf: Path, entries: Entries) -> None:
        self.robot, self.handedness = robot, handedness
        settings = entries.take("retargeting", dict, "what dex-retargeting's own files have under that key")
        entries.end()
        if settings.get("type") != "dexpilot" and "target_link_human_indices" not in settings:
            raise ValueError(f"{entries.path}: retargeting has no target_link_human_indices; accepted: joints 0 to 20")
        self._solver = _build({**settings, "urdf_path": str(urdf.absolute())}, entries.path)
        optimizer = self._solver.optimizer
        self.joint_names = tuple(str(name) for name in self._solver.joint_names)
        indices = np.asarray(optimizer.target_link_human_indices)
        if not ((indices >= 0) & (indices < JOINT_COUNT)).all():
            raise ValueError(
                f"{entries.path}: target_link_human_indices has {int(indices.max())}; accepted: 0 to {JOINT_COUNT - 1}"
            )
        self._indices, self._takes_points = indices, optimizer.retargeting_type == "POSITION"
        fixed = list(optimizer.fixed_joint_names)
        self._fixed = np.zeros(len(fixed))
        # Not all need be the URDF's: dex-retargeting can add six with which the hand moves freely.
        free = (-np.inf, np.inf)
        limits = np.array([robot.joints[name].limits if name in robot.joints else free for name in self.joint_names])
        self._low, self._high = limits.T

    def positions(self, joints: NDArray[np.floating]) -> Array:
        """(21, 3) metres -> (N,) positions within the joints' limits. ValueError where the solver finds none."""
        points = dex_retargeting_joints(joints, self.handedness)
        reference = points[self._indices] if self._takes_points else points[self._indices[1]] - points[self._indices[0]]
        found = self._solver.retarget(reference.astype(np.float32), fixed_qpos=self._fixed)
        # It says so on stdout alone and repeats its last result.
        if self._solver.optimizer.opt.last_optimize_result() < 0 or not np.isfinite(found).all():
            raise ValueError("the solver found no joint positions for this hand")
        return np.clip(np.asarray(found, np.float64), self._low, self._high)


def _build(settings: dict[str, Any], path: Path) -> Any:
    try:
        from dex_retargeting.retargeting_config import RetargetingConfig
    except ImportError as error:
        raise ModuleNotFoundError(f"{NEEDED}; {error}", name=error.name) from error
    temporary = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="dense3d_ros") as folder:
        # It leaves a copy of the URDF behind otherwise.
        tempfile.tempdir = folder
        try:
            solver = RetargetingConfig.from_dict(settings).build()
            solver.joint_names  # noqa: B018
            return solver
        except Exception as error:
            raise ValueError(f"{path}: retargeting does not fit the URDF: {excerpt(error, 300)}") from error
        finally:
            tempfile.tempdir = temporary
