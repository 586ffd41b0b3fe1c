"""Messages from and to ROS against SciPy's rotations and values written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import depth_message, points
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from dense3d_ros.geometry.depth import DepthFormatError
from dense3d_ros.geometry.hand import JOINT_NAMES, SKELETON, Handedness, HandPose
from dense3d_ros.geometry.rotation import quaternion
from dense3d_ros.msg import HandPose as HandPoseMessage
from dense3d_ros.nodes.messages import HandMessages, depth_image, stamp_seconds


def hand(seed: int, handedness: Handedness = Handedness.LEFT) -> HandPose:
    rng = np.random.default_rng(seed)
    joints = rng.normal(0.5, 0.1, (21, 3)).astype(np.float32)
    return HandPose(joints, rng.random(21).astype(np.float32), 0.75, handedness, 40 + seed)


@pytest.mark.parametrize("seed", range(50))
def test_quaternion_is_that_of_scipy(seed: int) -> None:
    expected = Rotation.random(random_state=seed)
    found = np.array(quaternion(expected.as_matrix()))
    assert found[3] >= 0
    np.testing.assert_allclose(found, expected.as_quat(canonical=True), atol=1e-12)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
def test_half_turns(axis: list[int]) -> None:
    """Where the trace is -1 the usual formula divides by zero."""
    found = np.array(quaternion(Rotation.from_rotvec(np.pi * np.array(axis)).as_matrix()))
    np.testing.assert_allclose(np.abs(found), [*axis, 0], atol=1e-9)


def test_hands_are_filled_field_by_field() -> None:
    messages, header = HandMessages(), Header(frame_id="optical")
    message = messages.hands(header, [hand(0), hand(1, Handedness.RIGHT)], "hand")
    assert (message.header, message.model, len(message.hands)) == (header, "hand", 2)
    for source, filled in zip((hand(0), hand(1, Handedness.RIGHT)), message.hands, strict=True):
        np.testing.assert_array_equal(points(filled.joints).astype(np.float32), source.joints)
        np.testing.assert_array_equal(filled.joint_scores, source.joint_scores)
        assert (filled.track_id, filled.handedness, filled.score) == (source.track_id, source.handedness, 0.75)
        assert filled.skeleton == SKELETON
        q = filled.wrist.orientation
        axes = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
        np.testing.assert_allclose(axes, source.wrist_axes, atol=1e-9)
        assert (filled.wrist.position.x, filled.wrist.position.z) == tuple(source.joints[0, [0, 2]].tolist())
    assert len(messages.hands(header, [hand(2)], "hand").hands) == 1
    assert len(messages.hands(header, [], "hand").hands) == 0


def test_joints_are_21_poses_a_hand_with_identity_orientation() -> None:
    messages, header = HandMessages(), Header(frame_id="optical")
    message = messages.joints(header, [hand(0), hand(1)])
    expected = np.concatenate([hand(0).joints, hand(1).joints])
    np.testing.assert_array_equal(points([pose.position for pose in message.poses]).astype(np.float32), expected)
    assert {(p.orientation.x, p.orientation.y, p.orientation.z, p.orientation.w) for p in message.poses} == {
        (0.0, 0.0, 0.0, 1.0)
    }
    assert len(messages.joints(header, [hand(2)]).poses) == 21
    assert len(messages.joints(header, []).poses) == 0


def test_joint_constants_of_the_message_are_those_of_the_package() -> None:
    for index, name in enumerate(JOINT_NAMES):
        assert getattr(HandPoseMessage, name.upper()) == index
    assert len(JOINT_NAMES) == HandPoseMessage.JOINT_COUNT
    for handedness in Handedness:
        assert getattr(HandPoseMessage, handedness.name) == handedness


@pytest.mark.parametrize("options", [{}, {"encoding": "32FC1"}, {"padding": 4, "big_endian": True}])
def test_depth_image_reads_metres(options: dict[str, object]) -> None:
    metres = np.array([[0.0, 0.5, 1.25], [2.0, 0.001, 0.0]], np.float32)
    depth = depth_image(depth_message(metres, Header().stamp, **options))  # type: ignore[arg-type]
    np.testing.assert_allclose(depth.metres(slice(None), slice(None)), metres, atol=1e-7)


def test_depth_image_refuses_what_is_none() -> None:
    message = depth_message(np.ones((2, 2), np.float32), Header().stamp)
    message.encoding = "bgr8"
    with pytest.raises(DepthFormatError, match=r"encoding 'bgr8'.*16UC1"):
        depth_image(message)


def test_stamp_seconds() -> None:
    header = Header()
    header.stamp.sec, header.stamp.nanosec = 1_700_000_000, 250_000_000
    assert stamp_seconds(header.stamp) == 1_700_000_000.25
