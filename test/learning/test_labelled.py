"""What is said to be seen of a hand, against images whose coverage is known."""

from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh, PosedHand
from dense3d_ros.learning.synthetic.labelled import HandPainter, LabelledHand, joints_inside
from dense3d_ros.learning.synthetic.primitives import box
from dense3d_ros.learning.synthetic.render import render_depth

CAMERA = Camera(240.0, 240.0, 159.5, 119.5, 320, 240)


def hand_at(x: float, z: float = 0.5) -> PosedHand:
    """An open hand whose fingers point along the rows and whose back faces away."""
    hand = HandMesh.load().pose(np.zeros(25), forearm=0.8)
    shift = np.float32([x, 0, z]) - hand_centre(hand.joints)
    return PosedHand(hand.vertices + shift, hand.faces, hand.joints + shift)


def label_of(painter: HandPainter) -> LabelledHand:
    (label,) = painter.labels(painter.depth)
    return label


def painter_with(*hands: PosedHand) -> HandPainter:
    painter = HandPainter(CAMERA, np.zeros((240, 320), np.float32))
    for hand in hands:
        painter.add(hand, Handedness.RIGHT)
    return painter


def test_a_hand_alone_is_fully_visible() -> None:
    hand = hand_at(0.0)
    painter = painter_with(hand)
    assert label_of(painter) == LabelledHand(hand.joints, Handedness.RIGHT, 1.0, 1.0, 1.0)
    assert label_of(painter).to_be_found
    np.testing.assert_array_equal(painter.depth > 0, render_depth(hand.vertices, hand.faces, CAMERA) > 0)


def test_what_covers_the_forearm_does_not_hide_the_hand() -> None:
    painter = painter_with(hand := hand_at(0.0))
    vertices, faces = box(0.2, 0.3, 0.01)
    wrist = hand.joints[0]
    render_depth(vertices + wrist - np.float32([0.12, 0, 0.15]), faces, CAMERA, painter.depth, ids=painter.ids)
    assert label_of(painter).visible > 0.97
    render_depth(vertices + wrist + np.float32([0.12, 0, -0.15]), faces, CAMERA, painter.depth, ids=painter.ids)
    assert label_of(painter).visible < 0.03
    assert not label_of(painter).to_be_found


def test_half_a_hand_is_covered() -> None:
    """Everything on one side of a column: the share is that of the hand's own pixels there."""
    alone = painter_with(hand := hand_at(0.0)).ids >= 10
    column = int(CAMERA.project(hand_centre(hand.joints))[0])
    painter = painter_with(hand)
    painter.ids[:, :column] = 0
    assert label_of(painter).visible == pytest.approx(alone[:, column:].sum() / alone.sum())


def test_what_the_sensor_does_not_measure_need_not_be_found() -> None:
    painter = painter_with(hand_at(0.0))
    (label,) = painter.labels(np.zeros_like(painter.depth))
    assert (label.visible, label.measured, label.to_be_found) == (1.0, 0.0, False)


def test_the_nearer_hand_hides_the_further_one() -> None:
    near, far = painter_with(hand_at(0.0, 0.4), hand_at(0.0, 0.55)).labels(np.ones((240, 320), np.float32))
    assert near.visible == 1.0
    assert far.visible < 0.15


def test_joints_inside() -> None:
    edge = CAMERA.back_project(np.array([[0.0, 0.0], [319.0, 239.0], [-0.1, 5.0], [5.0, 239.1]]), np.full(4, 0.5))
    assert joints_inside(edge.astype(np.float64), CAMERA) == 0.5
    gone = painter_with(hand_at(0.9))
    assert (label_of(gone).visible, label_of(gone).inside, label_of(gone).to_be_found) == (0.0, 0.0, False)
