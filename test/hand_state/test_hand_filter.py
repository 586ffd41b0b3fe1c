"""A hand's joints filtered together: doubtful fingertips go where the hand goes, and a doubtful wrist moves nothing."""

from __future__ import annotations

import numpy as np
from rendered_hands import gesture

from dense3d_ros.hand_state.hand_filter import HandFilter
from dense3d_ros.hand_state.one_euro import OneEuroFilter

SETTINGS = {"min_cutoff": 0.2, "beta": 25.0}
PERIOD = 1.0 / 30.0
TIP = 8


def filtered(track: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """(T, 21, 3) metres -> the same filtered; errors: (T, 21)."""
    hand, result = HandFilter(), []
    for frame, joints in enumerate(track):
        hand.update(joints, frame * PERIOD, **SETTINGS, errors=errors[frame])
        result.append(hand.predict(0.0))
    return np.array(result)


def test_a_doubtful_fingertip_follows_a_small_move_of_the_hand_as_fast_as_the_wrist() -> None:
    rng = np.random.default_rng(4)
    errors = np.full((150, 21), 0.004)
    errors[:, TIP] = 0.012
    noise = np.zeros((150, 21, 3))
    noise[:, TIP] = rng.normal(0.0, 0.006, (150, 3))
    # 6 mm in 0.1 s, less than the fingertip's own noise.
    way = np.clip((np.arange(150) - 90) / 3.0, 0.0, 1.0)[:, None] * [0.006, 0.0, 0.0]
    rest = gesture("pinch_i") + noise
    moved, resting = filtered(rest + way[:, None], errors), filtered(rest, errors)
    behind = np.linalg.norm(moved - resting - way[:, None], axis=2)
    np.testing.assert_allclose(behind, np.repeat(behind[:, :1], 21, axis=1), atol=1e-9)
    assert behind[100, TIP] < 0.001
    # By itself the same fingertip is still on its way.
    alone = OneEuroFilter()
    for frame in range(101):
        place = alone.update(
            (rest + way[:, None])[frame, TIP : TIP + 1], frame * PERIOD, **SETTINGS, errors=errors[frame, TIP : TIP + 1]
        )
    assert np.linalg.norm(place[0] - resting[100, TIP] - way[100]) > 0.002


def test_a_hand_that_moves_keeps_its_shape() -> None:
    errors = np.linspace(0.003, 0.02, 21)[None].repeat(60, axis=0)
    joints = gesture("open")
    way = np.cumsum(np.where(np.arange(60) < 40, 0.5 * PERIOD, 0.0))[:, None] * [1.0, 0.0, 0.0]
    result = filtered(joints + way[:, None], errors)
    shape = result - result[:, :1]
    np.testing.assert_allclose(shape, np.broadcast_to(joints - joints[0], shape.shape), atol=1e-9)


def test_a_doubtful_wrist_hardly_moves_the_fingers() -> None:
    errors = np.full((40, 21), 0.005)
    errors[30, 0] = 0.03
    track = np.broadcast_to(gesture("open"), (40, 21, 3)).copy()
    track[30, 0] += [0.03, 0.0, 0.0]
    off = np.linalg.norm(filtered(track, errors) - gesture("open"), axis=2)
    assert off.max() < 0.001
