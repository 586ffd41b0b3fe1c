"""Markers: points, colours and what happens to a hand that is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import points
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from dense3d_ros.geometry.hand import BONES, FINGER_COLOURS, WRIST_COLOUR, HandPose
from dense3d_ros.nodes.markers import HandMarkers

HEADER = Header(frame_id="optical")


def hand(track_id: int) -> HandPose:
    joints = np.random.default_rng(track_id).normal(0.5, 0.1, (21, 3)).astype(np.float32)
    return HandPose(joints, np.ones(21, np.float32), 0.9, track_id=track_id)


def update(markers: HandMarkers, *track_ids: int) -> list[Any]:
    hands = [hand(track_id) for track_id in track_ids]
    return list(markers.update(HEADER, hands, joint_diameter=0.02, bone_width=0.01, lifetime=1.25).markers)


def test_one_sphere_list_and_one_line_list_a_hand() -> None:
    shown = update(HandMarkers(), 3, 5)
    assert [(m.ns, m.id, m.type, m.action) for m in shown] == [
        ("joints", 3, Marker.SPHERE_LIST, Marker.ADD),
        ("bones", 3, Marker.LINE_LIST, Marker.ADD),
        ("joints", 5, Marker.SPHERE_LIST, Marker.ADD),
        ("bones", 5, Marker.LINE_LIST, Marker.ADD),
    ]
    for marker, track_id in zip(shown, (3, 3, 5, 5), strict=True):
        joints = hand(track_id).joints
        expected = joints if marker.ns == "joints" else joints[np.array(BONES).ravel()]
        np.testing.assert_array_equal(points(marker.points).astype(np.float32), expected)
        assert marker.header == HEADER
        assert (marker.lifetime.sec, marker.lifetime.nanosec) == (1, 250_000_000)
        assert marker.pose.orientation.w == 1.0
    assert (shown[0].scale.x, shown[0].scale.y, shown[0].scale.z) == (0.02, 0.02, 0.02)
    assert shown[1].scale.x == 0.01


def test_fingers_have_their_colours() -> None:
    joints, bones = update(HandMarkers(), 0)
    colours = [tuple(round(float(c), 4) for c in (colour.r, colour.g, colour.b)) for colour in joints.colors]
    assert colours[0] == WRIST_COLOUR
    assert colours[1:] == [FINGER_COLOURS[finger] for finger in range(5) for _ in range(4)]
    assert len(bones.colors) == len(bones.points) == 40
    for index, (_, child) in enumerate(BONES):
        for end in (0, 1):
            assert bones.colors[2 * index + end] == joints.colors[child]
    assert all(colour.a == 1.0 for colour in [*joints.colors, *bones.colors])


def test_a_hand_that_is_gone_is_deleted_once() -> None:
    markers = HandMarkers()
    update(markers, 1, 2)
    shown = update(markers, 2)
    assert [(m.ns, m.id, m.action) for m in shown] == [
        ("joints", 2, Marker.ADD),
        ("bones", 2, Marker.ADD),
        ("joints", 1, Marker.DELETE),
        ("bones", 1, Marker.DELETE),
    ]
    np.testing.assert_array_equal(points(shown[0].points).astype(np.float32), hand(2).joints)
    assert len(update(markers, 2)) == 2


def test_no_hand_deletes_all() -> None:
    markers = HandMarkers()
    update(markers, 1)
    shown = update(markers)
    assert [(m.action, m.header) for m in shown] == [(Marker.DELETEALL, HEADER)]
    assert len(update(markers, 4)) == 2
