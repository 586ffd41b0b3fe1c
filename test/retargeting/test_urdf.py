"""URDFs against pinocchio's reading of the same files, and broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dense3d_ros.retargeting.robot import robots_folder
from dense3d_ros.retargeting.urdf import read_urdf

LINK = '<link name="a"/>'
LIMIT = '<limit lower="0" upper="1"/>'


def hinge(kind: str = "revolute", parent: str = "a", more: str = LIMIT) -> str:
    """A robot of two links and a joint."""
    joint = f'<joint name="j" type="{kind}"><parent link="{parent}"/><child link="b"/>{more}</joint>'
    return f'<robot>{LINK}<link name="b"/>{joint}</robot>'


@pytest.mark.parametrize("name", ["four_fingered_hand", "parallel_gripper"])
def test_links_are_where_pinocchio_has_them(name: str) -> None:
    pinocchio = pytest.importorskip("pinocchio", reason="the extra retargeting is not installed")
    path = robots_folder() / f"{name}.urdf"
    robot = read_urdf(path)
    model = pinocchio.buildModelFromUrdf(str(path))
    data = model.createData()
    rng = np.random.default_rng(1)
    for _ in range(10):
        positions = {joint.name: rng.uniform(*joint.limits) for joint in robot.commanded.values()}
        # pinocchio leaves mimicking to others.
        every = positions | {
            joint.name: joint.mimic[1] * positions[joint.mimic[0]] + joint.mimic[2]
            for joint in robot.joints.values()
            if joint.mimic
        }
        pinocchio.framesForwardKinematics(model, data, np.array([every[joint] for joint in model.names[1:]]))
        for link, place in robot.link_places(positions).items():
            frame = data.oMf[model.getFrameId(link)]
            np.testing.assert_allclose(place, frame.homogeneous, atol=1e-9)


def test_a_joint_that_mimics_a_mimicking_joint_moves_with_both(tmp_path: Path) -> None:
    path = tmp_path / "chain.urdf"
    joints = "".join(
        f'<joint name="{name}" type="prismatic"><parent link="a"/><child link="{name}"/>{LIMIT}{mimic}</joint>'
        for name, mimic in (
            ("j", ""),
            ("k", '<mimic joint="j" multiplier="2"/>'),
            ("l", '<mimic joint="k" multiplier="-1" offset="0.5"/>'),
        )
    )
    path.write_text(f"<robot>{LINK}{''.join(f'<link name={name!r}/>' for name in 'jkl')}{joints}</robot>")
    places = read_urdf(path).link_places({"j": 0.1})
    assert [places[link][0, 3] for link in "jkl"] == pytest.approx([0.1, 0.2, 0.3])


def test_shapes_and_colours_are_read() -> None:
    gripper = read_urdf(robots_folder() / "parallel_gripper.urdf")
    kinds = [shape.kind for shape in gripper.links["gripper_base"]]
    assert kinds == ["cylinder", "box"]
    assert gripper.links["index_finger"][1].colour == (0.15, 0.55, 0.85)
    assert gripper.links["gripper_base"][1].size == (0.045, 0.12, 0.04)
    assert list(gripper.commanded) == ["finger_joint"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no element found"),
        ("<robot", "is no URDF: "),
        ("<model/>", "its root is <model>; accepted: <robot>"),
        ('<?xml version="1.0" encoding="foo"?><robot/>', "is no URDF: LookupError: unknown encoding: foo"),
        ('<?xml version="1.0" encoding="shift_jis"?><robot/>', "is no URDF: multi-byte encodings are not supported"),
        ("<robot/>", "there is no link"),
        ("<robot><link/></robot>", "a <link> has no name"),
        (f"<robot>{LINK}<link name='b'/></robot>", r"without a parent are \['a', 'b'\]; accepted: a tree with one"),
        (hinge().replace('<link name="b"/>', "", 1), "joint 'j' joins the link 'b', which is not there"),
        (hinge("magic"), "joint 'j' has the type 'magic'; accepted: revolute, continuous, prismatic, fixed"),
        (hinge(more=""), "joint 'j' has no <limit>"),
        (hinge(parent="b"), "the joints j go in a circle"),
        (hinge(more=f'{LIMIT}<mimic joint="j"/>'), "the joints j mimic each other in a circle"),
        (
            hinge(more=LIMIT + '<axis xyz="0 nan 0"/>'),
            "the axis of joint 'j' has '0 nan 0'; accepted: 3 finite numbers",
        ),
        (hinge(more=LIMIT + '<axis xyz="0 0 0"/>'), r"the axis of joint 'j' is .*; accepted: a direction"),
        (hinge(more='<limit lower="2" upper="1"/>'), "the limits of joint 'j' are 2 to 1"),
        (hinge(more=LIMIT + '<mimic joint="k"/>'), "joint 'j' mimics the joint 'k', which is not there"),
    ],
)
def test_a_broken_urdf_is_told_in_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "robot.urdf"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence) as error:
        read_urdf(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_urdf_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere.urdf cannot be read: No such file"):
        read_urdf(tmp_path / "nowhere.urdf")
    with pytest.raises(ValueError, match=f"^the URDF {tmp_path} is a folder; accepted: a file$"):
        read_urdf(tmp_path)
