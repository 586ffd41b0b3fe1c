"""Aperture against the renderer's truth, closures of gestures, and states that do not flicker."""

from __future__ import annotations

import numpy as np
import pytest
from rendered_hands import gesture, rendered_hands

from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.hand_state.angles import hand_angles
from dense3d_ros.hand_state.grasp import SHORTEST_STATE, GraspStates, Switch, aperture, finger_closures


def closures(name: str) -> np.ndarray:
    return finger_closures(hand_angles(gesture(name), Handedness.RIGHT))


def test_aperture_is_the_distance_of_the_true_tips() -> None:
    for hand in rendered_hands("webxr", 20):
        assert aperture(hand.joints) == pytest.approx(np.linalg.norm(hand.joints[8] - hand.joints[4]))
    joints = np.zeros((21, 3))
    joints[8] = [0.03, 0.04, 0.0]
    assert aperture(joints) == pytest.approx(0.05)


def test_closures_are_0_flat_and_1_in_a_fist() -> None:
    np.testing.assert_allclose(closures("fist"), 1.0, atol=0.01)
    assert closures("open").max() < 0.15
    np.testing.assert_allclose(closures("peace")[[1, 2]], 0.05, atol=0.03)
    np.testing.assert_allclose(closures("peace")[[3, 4]], 1.0, atol=0.01)


def test_a_switch_needs_the_far_threshold_to_go_back() -> None:
    switch = Switch()
    values = [0.05, 0.03, 0.021, 0.03, 0.034, 0.036, 0.03]
    states = [switch.update(value, 0.2 * k, on_from=0.022, off_from=0.035) for k, value in enumerate(values)]
    assert states == [False, False, True, True, True, False, False]


def test_a_switch_that_goes_on_upwards() -> None:
    switch = Switch()
    values = [0.5, 0.7, 0.8, 0.7, 0.5]
    states = [switch.update(value, 0.2 * k, on_from=0.75, off_from=0.6) for k, value in enumerate(values)]
    assert states == [False, False, True, True, False]


def test_no_state_is_shorter_than_promised() -> None:
    rng, switch = np.random.default_rng(0), Switch()
    stamps = np.arange(3000) / 60.0
    states = [switch.update(rng.uniform(0.0, 0.06), stamp, on_from=0.022, off_from=0.035) for stamp in stamps]
    changes = stamps[1:][np.diff(np.array(states, int)) != 0]
    assert len(changes) > 100
    assert np.diff(changes).min() >= SHORTEST_STATE - 1e-9


@pytest.mark.parametrize(
    ("name", "pinch", "fist"),
    [("pinch_i", True, False), ("ok", True, False), ("fist", False, True), ("open", False, False)],
)
@pytest.mark.parametrize("mesh", ["soma", "webxr"])
def test_gestures_have_their_states(name: str, pinch: bool, fist: bool, mesh: str) -> None:
    joints = gesture(name, mesh=mesh)
    scores = np.full(21, 0.9)
    scores[4], scores[20] = 0.3, 0.2
    found = GraspStates().update(
        joints, hand_angles(joints, Handedness.RIGHT), scores, 0.0, pinch=(0.022, 0.035), fist=(0.75, 0.6)
    )
    assert (found.pinch, found.fist) == (pinch, fist)
    assert (found.pinch_confidence, found.fist_confidence) == (0.3, 0.2)
