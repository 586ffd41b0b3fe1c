"""Retargeting of rendered hands to the shipped robots, with the real dex-retargeting, and bad configurations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from rendered_hands import gesture, rendered_hands

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.hand_state.conventions import dex_retargeting_joints
from dense3d_ros.retargeting.robot import available_robots, load_robot, robots_folder

SCALE = 1.2
"""Of the four-fingered hand against a person's."""
TIPS = {"thumb_tip": 4, "index_tip": 8, "middle_tip": 12, "ring_tip": 16}


def settings(name: str) -> dict[str, object]:
    values = yaml.safe_load((robots_folder() / f"{name}.yaml").read_text())
    return {**values, "urdf": str(robots_folder() / values["urdf"])}


def test_the_shipped_robots_are_known() -> None:
    assert available_robots() == ["four_fingered_hand", "parallel_gripper"]


def test_the_gripper_is_open_and_closed_with_the_hand() -> None:
    gripper = load_robot("parallel_gripper")
    assert (gripper.joint_names, gripper.used) == (("finger_joint",), (4, 8))
    joints = gesture("open")
    for gap, position in ((0.0, 0.0), (0.015, 0.0), (0.0575, 0.02125), (0.10, 0.0425), (0.2, 0.0425)):
        joints[8] = joints[4] + [0.0, gap, 0.0]
        np.testing.assert_allclose(gripper.positions(joints), [position], atol=1e-9)
    with pytest.raises(ValueError, match="index_tip is"):
        gripper.positions(np.where(np.arange(21)[:, None] == 8, np.nan, joints))
    # All joints in one place are no hand that pinches.
    with pytest.raises(ValueError, match=r"the shortest bone has 0.0e\+00 m; accepted: more than 1e-06 m"):
        gripper.positions(np.full((21, 3), 0.5))


def test_the_fingertips_of_the_robot_hand_are_where_the_persons_are() -> None:
    pytest.importorskip("dex_retargeting", reason="the extra retargeting is not installed")
    hand = load_robot("four_fingered_hand")
    assert (hand.handedness, len(hand.joint_names), hand.used) == (Handedness.RIGHT, 16, tuple(TIPS.values()))
    limits = np.array([hand.robot.joints[name].limits for name in hand.joint_names])
    errors = []
    for name in ("open", "relaxed", "pinch_i", "fist", "cylinder"):
        joints = gesture(name)
        for _ in range(5):
            positions = hand.positions(joints)
        assert ((limits[:, 0] <= positions) & (positions <= limits[:, 1])).all()
        places = hand.robot.link_places(dict(zip(hand.joint_names, positions, strict=True)))
        wanted = SCALE * dex_retargeting_joints(joints, Handedness.RIGHT)
        errors += [np.linalg.norm(places[tip][:3, 3] - wanted[index]) for tip, index in TIPS.items()]
        if name == "pinch_i":
            gap = np.linalg.norm(places["thumb_tip"][:3, 3] - places["index_tip"][:3, 3])
            assert abs(gap - np.linalg.norm(wanted[4] - wanted[8])) < 0.008
    assert np.median(errors) < 0.006
    assert np.max(errors) < 0.025


def test_the_solver_always_ends_and_goes_on_with_the_next_hand() -> None:
    pytest.importorskip("dex_retargeting", reason="the extra retargeting is not installed")
    first, second = (load_robot("four_fingered_hand") for _ in range(2))
    joints = gesture("open")
    # As if a configuration let it through: with that the solver alone does not end.
    optimizer = first._solver.optimizer  # type: ignore[attr-defined]
    optimizer.scaling = float("nan")
    with pytest.raises(ValueError, match="the solver found no joint positions for this hand"):
        first.positions(joints)
    optimizer.scaling = SCALE
    with pytest.raises(ValueError, match=r"its joints are 1.83e\+29 m apart; accepted: up to 1 m"):
        first.positions(joints * 1e30)
    np.testing.assert_allclose(first.positions(joints), second.positions(joints), atol=1e-6)


def test_what_is_forgotten_does_not_smooth_the_next_hand(tmp_path: Path) -> None:
    pytest.importorskip("dex_retargeting", reason="the extra retargeting is not installed")
    values = settings("four_fingered_hand")
    values["retargeting"]["low_pass_alpha"] = 0.2  # type: ignore[index]
    path = tmp_path / "smooth.yaml"
    path.write_text(yaml.safe_dump(values))
    robot, fresh = load_robot(str(path)), load_robot(str(path))
    for _ in range(5):
        robot.positions(gesture("open"))
    smoothed = robot.positions(gesture("fist"))
    expected = fresh.positions(gesture("fist"))
    assert np.abs(smoothed - expected).max() > 0.3
    robot.forget()
    np.testing.assert_allclose(robot.positions(gesture("fist")), expected, atol=1e-4)


def test_where_the_hand_is_does_not_matter_to_the_fingers() -> None:
    pytest.importorskip("dex_retargeting", reason="the extra retargeting is not installed")
    turned = rendered_hands("soma", 1)[0]
    first, second = (load_robot("four_fingered_hand") for _ in range(2))
    here, there = turned.joints, (turned.joints - [0.1, 0.0, 0.6]) @ turned.rotation + [0.0, 0.3, 0.9]
    for _ in range(5):
        positions = first.positions(here), second.positions(there)
    np.testing.assert_allclose(*positions, atol=0.02)


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("parallel_gripper", {"type": "tentacle"}, "type is tentacle; accepted: parallel_gripper, hand"),
        ("parallel_gripper", {"type": None}, "type is None; accepted: parallel_gripper, hand"),
        ("parallel_gripper", {"handedness": "both"}, "handedness is both; accepted: left, right"),
        ("parallel_gripper", {"urdf": "none.urdf"}, "none.urdf cannot be read"),
        ("parallel_gripper", {"joint": "thumb_finger_joint"}, "joint is thumb_finger_joint; accepted: finger_joint"),
        ("parallel_gripper", {"aperture": [0.1]}, r"aperture is \[0.1\]; accepted: two numbers of metres"),
        ("parallel_gripper", {"aperture": [10**400, 0.1]}, "two numbers of metres"),
        ("parallel_gripper", {"aperture": [True, False]}, r"aperture is \[True, False\]; accepted: two numbers"),
        ("parallel_gripper", {"aperture": [-0.5, -0.1]}, r"aperture is \[-0.5, -0.1\]; accepted: two numbers"),
        ("parallel_gripper", {"urdf": "a\0b"}, r"urdf is a\\x00b; accepted: the path of a URDF"),
        ("parallel_gripper", {"aperture": [0.1, 0.1]}, "closed and open, that differ"),
        ("parallel_gripper", {"position": [0, 0.2]}, "the limits of finger_joint, 0 to 0.0425"),
        ("parallel_gripper", {"speed": 3}, "has the entry speed, which means nothing"),
        ("four_fingered_hand", {"retargeting": 3}, "retargeting is 3; accepted: what dex-retargeting's own files have"),
        ("four_fingered_hand", {"urdf": str(robots_folder() / "parallel_gripper.urdf")}, "does not fit the URDF: "),
    ],
)
def test_a_bad_configuration_is_told_in_one_sentence(
    name: str, changes: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    if name == "four_fingered_hand":
        pytest.importorskip("dex_retargeting", reason="the extra retargeting is not installed")
    path = tmp_path / "robot.yaml"
    path.write_text(yaml.safe_dump(settings(name) | changes))
    with pytest.raises(ValueError, match=sentence) as error:
        load_robot(str(path))
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"target_task_link_names": ["nowhere"] * 7}, "nowhere is not a link name"),
        ({"target_link_human_indices": [[0] * 7, [30] * 7]}, "target_link_human_indices has 30; accepted: 0 to 20"),
        ({"target_link_human_indices": [[0] * 7, [-1] * 7]}, "target_link_human_indices has -1; accepted: 0 to 20"),
        ({"target_link_human_indices": [[0.5] * 7, [4.5] * 7]}, "accepted: whole numbers from 0 to 20"),
        ({"target_link_human_indices": [[True] * 7, [False] * 7]}, "accepted: whole numbers from 0 to 20"),
        (
            {"target_link_human_indices": [[], []], "target_origin_link_names": [], "target_task_link_names": []},
            r"target_link_human_indices is \[\[\], \[\]\]; accepted: whole numbers from 0 to 20",
        ),
        ({"scaling_factor": float("nan")}, "scaling_factor of retargeting is nan; accepted: a number from 0.01 to 100"),
        ({"scaling_factor": "a"}, "scaling_factor of retargeting is a; accepted: a number from 0.01 to 100"),
        ({"scaling_factor": 0}, "scaling_factor of retargeting is 0; accepted"),
        ({"scaling_factor": -1.0}, "scaling_factor of retargeting is -1.0; accepted"),
        ({"scaling_factor": 10**400}, "scaling_factor of retargeting is 1000"),
        ({"low_pass_alpha": 0.0}, "low_pass_alpha of retargeting is 0.0; accepted: a number from 0.001 to 1"),
        ({"low_pass_alpha": float("nan")}, "low_pass_alpha of retargeting is nan"),
        ({"low_pass_alpha": 5}, "low_pass_alpha of retargeting is 5"),
        ({"huber_delta": float("inf")}, "huber_delta of retargeting is inf; accepted: a number from 0 to 100"),
        ({"urdf_path": "other.urdf"}, "retargeting has the entry urdf_path; accepted: the entry urdf beside"),
        ({"target_link_human_indices": [[0], [4]]}, "dim mismatch"),
        ({"type": "dance"}, "Retargeting type must be one of"),
        ({"tempo": 1}, "tempo"),
    ],
)
def test_what_dex_retargeting_refuses_is_told_in_one_sentence(
    change: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    pytest.importorskip("dex_retargeting", reason="the extra retargeting is not installed")
    values = settings("four_fingered_hand")
    values["retargeting"] = {**values["retargeting"], **change}
    path = tmp_path / "robot.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match=sentence) as error:
        load_robot(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1, 2]", "is no robot configuration"),
        ("a: [", "is no YAML"),
        ("!!python/object/apply:os.system ['true']", "is no YAML"),
        ("[" * 5000, "is no YAML: RecursionError: maximum recursion depth exceeded"),
        ("handedness: 2026-13-45", "is no YAML: month must be in 1..12"),
        ("joint: " + "1" * 5000, "is no YAML: Exceeds the limit"),
        ("handedness: left", "has no entry type; accepted: parallel_gripper, hand"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "robot.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence) as error:
        load_robot(str(path))
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(ValueError, match="robot is 'octopus'; accepted: four_fingered_hand, parallel_gripper"):
        load_robot("octopus")


def test_without_the_extra_a_gripper_works_and_a_hand_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['dex_retargeting', 'pinocchio', 'torch']))\n"
        "from dense3d_ros.retargeting.robot import load_robot\n"
        "load_robot('parallel_gripper')\n"
        "try: load_robot('four_fingered_hand')\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("a robot hand needs what requirements/retargeting.txt installs (dex-retargeting")
