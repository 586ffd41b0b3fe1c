"""The transform buffer against closed forms and SciPy's rotations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from dense3d_ros.hand_state.transforms import TransformBuffer, TransformError, transform_points

S = 1_000_000_000
NONE = np.array([0.0, 0.0, 0.0, 1.0])
TILT = Rotation.from_euler("x", 1.0, degrees=True)


def random_places(count: int) -> tuple[np.ndarray, Rotation]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(count, 3)), Rotation.random(count, random_state=6)


def test_a_chain_in_both_directions_is_the_product_of_its_transforms() -> None:
    moves, turns = random_places(4)
    buffer = TransformBuffer()
    # base <- arm <- camera, and base <- table <- marker, of which the table does not move.
    for index, (parent, child) in enumerate(
        [("base", "arm"), ("arm", "camera"), ("base", "table"), ("table", "marker")]
    ):
        stamp = None if child == "table" else 7 * S
        buffer.add(f"/{parent}", child, stamp, moves[index], turns[index].as_quat())

    def matrix(index: int) -> np.ndarray:
        whole = np.eye(4)
        whole[:3, :3], whole[:3, 3] = turns[index].as_matrix(), moves[index]
        return whole

    expected = np.linalg.inv(matrix(2) @ matrix(3)) @ matrix(0) @ matrix(1)
    pose = buffer.lookup("marker", "/camera", 7 * S)
    np.testing.assert_allclose(pose.rotation, expected[:3, :3], atol=1e-12)
    np.testing.assert_allclose(pose.position, expected[:3, 3], atol=1e-12)
    point = np.array([[0.1, -0.2, 0.3]])
    np.testing.assert_allclose(transform_points(pose, point), point @ expected[:3, :3].T + expected[:3, 3], atol=1e-12)
    np.testing.assert_allclose(buffer.lookup("camera", "camera", 0).rotation, np.eye(3))


def test_between_two_stamps_it_is_interpolated() -> None:
    moves, turns = random_places(2)
    buffer = TransformBuffer()
    # The later one first: they may come in any order.
    for index in (1, 0):
        buffer.add("base", "camera", (3 + index) * S, moves[index], turns[index].as_quat())
    for share in (0.0, 0.3, 0.9, 1.0):
        pose = buffer.lookup("base", "camera", 3 * S + int(share * S))
        np.testing.assert_allclose(pose.position, moves[0] + share * (moves[1] - moves[0]), atol=1e-9)
        np.testing.assert_allclose(pose.rotation, Slerp([0, 1], turns)(share).as_matrix(), atol=1e-9)


def test_never_the_newest_instead() -> None:
    buffer = TransformBuffer()
    for second in (10, 11):
        buffer.add("base", "camera", second * S, np.zeros(3), NONE)
    with pytest.raises(TransformError, match=r"newest transform of 'camera' is 0.500 s older than the image") as late:
        buffer.lookup("base", "camera", 11 * S + S // 2)
    assert late.value.may_come
    with pytest.raises(TransformError, match=r"image is 2.000 s older than the oldest transform of 'camera'") as early:
        buffer.lookup("base", "camera", 8 * S)
    assert not early.value.may_come


def test_what_is_missing_is_named() -> None:
    buffer = TransformBuffer()
    with pytest.raises(TransformError, match="no transform of the frame 'camera'") as unknown:
        buffer.lookup("base", "camera", S)
    assert unknown.value.may_come
    buffer.add("world", "base", None, np.zeros(3), NONE)
    buffer.add("rig", "camera", None, np.zeros(3), NONE)
    with pytest.raises(TransformError, match="'camera' leads up to 'rig' and 'base' to 'world'"):
        buffer.lookup("base", "camera", S)


def test_circles_are_told_and_not_followed() -> None:
    buffer = TransformBuffer()
    for parent, child in (("b", "a"), ("c", "b"), ("a", "c")):
        buffer.add(parent, child, None, np.zeros(3), NONE)
    with pytest.raises(TransformError, match="go in a circle: 'a' in 'b' in 'c' in 'a'"):
        buffer.lookup("base", "a", S)
    # What does not need the circle's closing is still known.
    np.testing.assert_allclose(buffer.lookup("b", "a", S).position, np.zeros(3))


@pytest.mark.parametrize(
    ("parent", "position", "quaternion", "text"),
    [
        ("base", [0, 0, 0], [0, 0, 0, 0.5], "'camera' in 'base' has a quaternion of length 0.5; accepted: 1"),
        ("base", [0, 0, 0], [0, 0, 0, np.nan], "a quaternion of length nan"),
        ("base", [0, np.inf, 0], [0, 0, 0, 1], "has the translation"),
        ("camera", [0, 0, 0], [0, 0, 0, 1], "does not join two frames"),
        ("", [0, 0, 0], [0, 0, 0, 1], "does not join two frames"),
    ],
)
def test_a_transform_that_is_none_is_refused_until_a_good_one_comes(
    parent: str, position: list[float], quaternion: list[float], text: str
) -> None:
    buffer = TransformBuffer()
    buffer.add("base", "camera", None, np.zeros(3), NONE)
    with pytest.raises(ValueError, match=text):
        buffer.add(parent, "camera", 5 * S, np.array(position, float), np.array(quaternion, float))
    with pytest.raises(TransformError, match=text):
        buffer.lookup("base", "camera", 5 * S)
    buffer.add("base", "camera", 5 * S, np.ones(3), NONE)
    np.testing.assert_allclose(buffer.lookup("base", "camera", 5 * S).position, np.ones(3))


def test_time_that_is_set_back_starts_over_and_memory_is_bounded() -> None:
    buffer = TransformBuffer()
    for tick in range(3000):
        buffer.add("base", "camera", 100 * S + tick * S // 100, np.zeros(3), NONE)
    with pytest.raises(TransformError, match="older than the oldest"):
        buffer.lookup("base", "camera", 119 * S)
    buffer.add("base", "camera", 1 * S, np.ones(3), NONE)
    np.testing.assert_allclose(buffer.lookup("base", "camera", S).position, np.ones(3))


def test_a_frame_that_changes_its_parent_is_where_it_was_until_then() -> None:
    buffer, upright = TransformBuffer(), np.array([0.0, 0.0, 0.0, 1.0])
    buffer.add("base", "rig", None, np.array([10.0, 0.0, 0.0]), upright)
    buffer.add("base", "camera", 1_000_000_000, np.array([11.0, 0.0, 0.0]), upright)
    buffer.add("rig", "camera", 2_000_000_000, np.array([1.0, 0.0, 0.0]), upright)
    for stamp in (1_000_000_000, 1_500_000_000, 2_000_000_000):
        np.testing.assert_allclose(buffer.lookup("base", "camera", stamp).position, [11.0, 0.0, 0.0])


def test_a_bad_transform_does_not_take_a_static_one_away() -> None:
    buffer, upright = TransformBuffer(), np.array([0.0, 0.0, 0.0, 1.0])
    buffer.add("base", "camera", None, np.array([1.0, 0.0, 0.0]), upright)
    with pytest.raises(ValueError, match="camera"):
        buffer.add("base", "camera", None, np.full(3, np.nan), upright)
    np.testing.assert_allclose(buffer.lookup("base", "camera", 5).position, [1.0, 0.0, 0.0])


def test_what_moves_can_be_forgotten_and_what_does_not_stays() -> None:
    buffer = TransformBuffer()
    buffer.add("base", "rig", None, np.ones(3), NONE)
    buffer.add("rig", "camera", 5 * S, np.ones(3), NONE)
    buffer.forget_moving()
    np.testing.assert_allclose(buffer.lookup("base", "rig", 5 * S).position, np.ones(3))
    with pytest.raises(TransformError, match="no transform of the frame 'camera'"):
        buffer.lookup("base", "camera", 5 * S)


def test_the_optical_frame_of_a_body_is_told_by_how_it_is_turned() -> None:
    # REP 103: z of the optical frame is x of the body, its x is -y, its y is -z.
    optical = Rotation.from_matrix([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]).as_quat()
    buffer = TransformBuffer()
    buffer.add("base", "depth_frame", None, np.array([1.0, 2.0, 3.0]), NONE)
    buffer.add("depth_frame", "moved", None, np.array([0.0, 0.05, 0.0]), optical)
    buffer.add("depth_frame", "inverse", None, np.zeros(3), optical * [-1, -1, -1, 1])
    buffer.add("depth_frame", "tilted", None, np.zeros(3), (Rotation.from_quat(optical) * TILT).as_quat())
    assert buffer.optical_frame_of("depth_frame") == ""
    buffer.add("depth_frame", "depth_lens", 7 * S, np.zeros(3), -optical)
    assert buffer.optical_frame_of("/depth_frame") == "depth_lens"
    # Cameras that look straight up or down.
    for name, turn in (("up", NONE), ("down", np.array([1.0, 0.0, 0.0, 0.0]))):
        buffer.add("base", name, None, np.zeros(3), turn)
    assert [buffer.optical_frame_of(name) for name in ("depth_lens", "up", "down", "base", "none")] == [""] * 5
