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


FARTHEST = 1.0
"""Metres that joints of a hand are apart at the most."""

_NUMBERS = {
    "scaling_factor": (0.01, 100.0),
    "low_pass_alpha": (0.001, 1.0),
    **dict.fromkeys(("normal_delta", "huber_delta", "project_dist", "escape_dist"), (0.0, 100.0)),
}
"""Entries of dex-retargeting that are numbers, and from where to where they make sense."""

LONGEST_SOLVE_S = 1.0
"""Seconds after which the solver ends with the best that it has: no input may hold it for good."""


class DexHand:
    """Solves for the robot's joints from where they were last. See config/robots/four_fingered_hand.yaml."""

    def __init__(self, robot: Robot, handedness: Handedness, urdf: Path, entries: Entries) -> None:
        self.robot, self.handedness = robot, handedness
        settings = entries.take("retargeting", dict, "what dex-retargeting's own files have under that key")
        entries.end()
        _check(settings, entries.path)
        self._solver = _build({**settings, "urdf_path": str(urdf.absolute())}, entries.path)
        optimizer = self._solver.optimizer
        optimizer.opt.set_maxtime(LONGEST_SOLVE_S)
        self.joint_names = tuple(str(name) for name in self._solver.joint_names)
        self._indices = _joint_indices(optimizer.target_link_human_indices, entries.path)
        self._takes_points = optimizer.retargeting_type == "POSITION"
        # Directions go to these joints; where they begin is the wrist or another of them.
        self.used = tuple(np.unique(self._indices if self._takes_points else self._indices[1]).tolist())
        fixed = list(optimizer.fixed_joint_names)
        self._fixed = np.zeros(len(fixed))
        # Not all need be the URDF's: dex-retargeting can add six with which the hand moves freely.
        free = (-np.inf, np.inf)
        limits = np.array([robot.joints[name].limits if name in robot.joints else free for name in self.joint_names])
        self._low, self._high = limits.T
        self._try(entries.path)

    def positions(self, joints: NDArray[np.floating]) -> Array:
        """(21, 3) metres -> (N,) positions within the joints' limits. ValueError where the solver finds none."""
        return self._solve(dex_retargeting_joints(joints, self.handedness))

    def _solve(self, points: Array) -> Array:
        """The same for joints in the operator frame."""
        reference = points[self._indices] if self._takes_points else points[self._indices[1]] - points[self._indices[0]]
        if np.abs(reference).max() > FARTHEST:
            raise ValueError(f"its joints are {np.abs(reference).max():.3g} m apart; accepted: up to {FARTHEST:g} m")
        found = self._solver.retarget(reference.astype(np.float32), fixed_qpos=self._fixed)
        is_finite = bool(np.isfinite(found).all())
        if not is_finite:
            # It would stay there for good.
            self.forget()
        # It says so on stdout alone and repeats its last result.
        if self._solver.optimizer.opt.last_optimize_result() < 0 or not is_finite:
            raise ValueError("the solver found no joint positions for this hand")
        return np.clip(np.asarray(found, np.float64), self._low, self._high)

    def _try(self, path: Path) -> None:
        """Solve for a flat hand: what a configuration asks for shows only then. It loads what torch loads late, too."""
        points = np.zeros((JOINT_COUNT, 3))
        across, along = np.meshgrid(np.linspace(0.04, -0.04, 5), np.linspace(0.06, 0.18, 4), indexing="ij")
        points[1:, 1], points[1:, 2] = across.ravel(), along.ravel()
        try:
            self._solve(points)
        except Exception as error:
            raise ValueError(f"{path}: retargeting cannot be solved: {excerpt(error, 300)}") from error
        self.forget()

    def forget(self) -> None:
        """See `Retargeting.forget`: the solver begins at its last result, and dex-retargeting may have a filter."""
        self._solver.reset()
        if self._solver.filter is not None:
            self._solver.filter.reset()


def _check(settings: dict[str, Any], path: Path) -> None:
    """ValueError for what dex-retargeting takes and cannot work with."""
    if "urdf_path" in settings:
        raise ValueError(f"{path}: retargeting has the entry urdf_path; accepted: the entry urdf beside retargeting")
    if settings.get("type") != "dexpilot" and "target_link_human_indices" not in settings:
        raise ValueError(f"{path}: retargeting has no target_link_human_indices; accepted: joints 0 to 20")
    for name, (low, high) in _NUMBERS.items():
        value = settings.get(name, high)
        if type(value) not in (int, float) or not low <= value <= high:
            accepted = f"a number from {low:g} to {high:g}"
            raise ValueError(f"{path}: {name} of retargeting is {excerpt(value)}; accepted: {accepted}")


def _joint_indices(value: Any, path: Path) -> NDArray[np.int_]:
    indices = np.asarray(value)
    if indices.dtype.kind not in "iu" or not indices.size:
        accepted = f"whole numbers from 0 to {JOINT_COUNT - 1}"
        raise ValueError(f"{path}: target_link_human_indices is {excerpt(indices.tolist())}; accepted: {accepted}")
    wrong = indices[(indices < 0) | (indices >= JOINT_COUNT)]
    if wrong.size:
        raise ValueError(f"{path}: target_link_human_indices has {wrong[0]}; accepted: 0 to {JOINT_COUNT - 1}")
    return indices


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
