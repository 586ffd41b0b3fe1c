"""Which of several hands of one handedness is followed."""

from __future__ import annotations

import numpy as np
import pytest
from rendered_hands import gesture, hand_pose

from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.hand_state.followed import FollowedHand
from dense3d_ros.hand_state.state import HandState, StateSettings

RIGHT = Handedness.RIGHT
PERIOD = 1.0 / 30.0
ASIDE = np.array([0.6, 0.0, 0.0])


def hand(track: int, score: float = 0.9, joints: np.ndarray | None = None) -> HandPose:
    """The operator's hand is open and has number 1; that of a bystander is a fist, 0.6 m beside."""
    if joints is None:
        joints = gesture("open") if track == 1 else gesture("fist") + ASIDE
    pose = hand_pose(joints)
    pose.track_id, pose.score = track, score
    return pose


def test_the_hand_stays_whatever_another_scores() -> None:
    followed, alone = FollowedHand(RIGHT), HandState(RIGHT)
    for frame in range(60):
        moved = hand(1, 0.998, gesture("open") + 0.002 * frame)
        others = [hand(2, 0.9985 if frame else 0.5), hand(3, 0.9)]
        estimate = followed.update(frame * PERIOD, [*others, moved] if frame % 2 else [moved, *others])
        expected = alone.update(frame * PERIOD, moved)
        assert estimate is not None
        assert expected is not None
        np.testing.assert_array_equal(estimate.joints, expected.joints)
        assert (followed.track_id, followed.change, followed.hand) == (1, "", moved)


def test_another_is_taken_once_the_hand_is_lost_and_starts_over() -> None:
    followed = FollowedHand(RIGHT, StateSettings(max_hold=0.1))
    followed.update(10.0, [hand(1), hand(2, 0.5), hand(3, 0.6)])
    held = followed.update(10.05, [hand(2, 0.99), hand(3)])
    assert held is not None
    assert (held.age, followed.change) == (pytest.approx(0.05), "")
    # A gap that is short enough, and others that were seen in it, change nothing.
    assert followed.update(10.1, [hand(2, 0.99), hand(1, 0.3)]) is not None
    assert followed.track_id == 1
    taken = followed.update(10.45, [hand(2, 0.6), hand(3, 0.7)])
    assert taken is not None
    assert (taken.age, followed.track_id) == (0.0, 3)
    assert followed.change == "another one is followed: track_id 3 instead of 1 (last seen 0.350 s before)"
    np.testing.assert_allclose(taken.joints, gesture("fist") + ASIDE, atol=1e-6)
    # The first one is back, and has to wait.
    assert followed.update(10.48, [hand(1, 0.99), hand(3, 0.7)]) is not None
    assert (followed.track_id, followed.change) == (3, "")


def test_a_hand_that_comes_back_after_a_loss_is_taken_before_others() -> None:
    followed = FollowedHand(RIGHT)
    followed.update(10.0, [hand(1)])
    # Not held any more, and its number may still come back.
    assert followed.update(10.2, [hand(2, 0.99)]) is None
    assert followed.track_id == 1
    assert followed.update(10.4, []) is None
    assert followed.track_id is None
    assert followed.update(10.5, [hand(2, 0.99), hand(1, 0.5)]) is not None
    assert (followed.track_id, followed.change) == (1, "")
    followed.lose()
    followed.lose()
    assert followed.track_id is None
    assert followed.update(15.5, [hand(2)]) is not None
    assert followed.change == "another one is followed: track_id 2 instead of 1 (last seen 5.000 s before)"


def test_a_lone_hand_that_comes_back_is_no_change() -> None:
    """Its number is a new one wherever it was unseen for longer than hand_pose keeps it."""
    followed = FollowedHand(RIGHT)
    followed.update(10.0, [hand(1)])
    for stamp in (10.1, 10.5, 11.0):
        followed.update(stamp, [])
    assert followed.update(11.2, [hand(7)]) is not None
    assert (followed.track_id, followed.change, followed.back) == (7, "", "is back (track_id 7) after 1.2 s")
    assert followed.update(11.3, [hand(7)]) is not None
    assert followed.back == ""
    # Also where the new number comes while the former one may still return.
    assert followed.update(11.4, [hand(8)]) is not None
    assert followed.track_id == 7
    assert followed.update(11.7, [hand(8)]) is not None
    assert (followed.track_id, followed.change, followed.back) == (8, "", "is back (track_id 8) after 0.4 s")


@pytest.mark.parametrize("when", ["followed", "unseen", "taken"])
def test_a_change_is_told_where_another_hand_was_in_view_meanwhile(when: str) -> None:
    followed = FollowedHand(RIGHT)
    bystander = hand(2, 0.5)
    followed.update(10.0, [hand(1)])
    followed.update(10.1, [hand(1), bystander] if when == "followed" else [hand(1)])
    followed.update(10.2, [hand(3), bystander] if when == "unseen" else [])
    assert followed.update(11.1, [hand(7), bystander] if when == "taken" else [hand(7)]) is not None
    assert followed.change == "another one is followed: track_id 7 instead of 1 (last seen 1.000 s before)"
    assert followed.back == ""
    # The next loss counts for itself.
    followed.update(11.2, [hand(7)])
    assert followed.update(12.2, [hand(9)]) is not None
    assert bool(followed.back) == (when != "taken")


def doubts(own: float, other: float, seconds: float = 1.5, **settings: object) -> tuple[list[float], FollowedHand]:
    """When a doubt of the followed hand, number 1, beside number 2 is told, by the mean scores of both."""
    followed = FollowedHand(RIGHT, StateSettings(**settings))  # type: ignore[arg-type]
    followed.update(0.0, [hand(1, own)])
    told = []
    for frame in range(1, round(seconds / PERIOD) + 1):
        wave = 0.04 * (-1) ** frame
        estimate = followed.update(frame * PERIOD, [hand(2, other), hand(1, own + wave)])
        assert (estimate is not None, followed.track_id) == (True, 1)
        if followed.doubt:
            told.append(frame * PERIOD)
    return told, followed


def test_a_doubtful_hand_is_told_beside_a_sure_one_and_is_still_followed() -> None:
    told, followed = doubts(0.84, 0.99)
    assert told[0] == pytest.approx(1.05, abs=0.03)
    assert told == pytest.approx(np.arange(told[0], 1.51, PERIOD))
    assert followed.doubt == (
        "track_id 1 is followed, but track_id 2 is more likely to be a hand: their scores were 0.84 and 0.99 for 1.0 "
        "s. It is only followed once the former is lost"
    )
    # It ends with the hand that it is of.
    followed.update(1.9, [hand(2, 0.99)])
    assert (followed.track_id, followed.doubt) == (2, "")
    followed.update(1.95, [hand(1, 0.84), hand(2, 0.99)])
    assert followed.doubt == ""


@pytest.mark.parametrize(("own", "other"), [(0.95, 0.999), (0.84, 0.96), (0.84, 0.8)])
def test_hands_that_are_both_likely_are_not_doubted(own: float, other: float) -> None:
    assert doubts(own, other)[0] == []


def test_a_sure_hand_that_is_seen_for_a_moment_or_outside_is_no_rival() -> None:
    assert doubts(0.84, 0.99, 0.9)[0] == []
    assert doubts(0.84, 0.99, workspace_max=(0.3, 1.0, 1.0), workspace_min=(-0.3, -1.0, 0.0))[0] == []


def test_stamps_that_go_far_back_forget_the_track() -> None:
    followed = FollowedHand(RIGHT)
    followed.update(10.0, [hand(1)])
    estimate = followed.update(8.9, [hand(1, 0.5), hand(2)])
    assert estimate is not None
    assert (estimate.age, followed.track_id, followed.change) == (0.0, 2, "")
    with pytest.raises(ValueError, match="stamp is nan; accepted: a finite number"):
        followed.update(float("nan"), [])


@pytest.mark.parametrize("stamp", [10.0, 9.99])
def test_a_frame_out_of_order_changes_nothing(stamp: float) -> None:
    """Be it the same again: the filter would start over, and another hand might be taken."""
    followed = FollowedHand(RIGHT)
    for number in range(30):
        before = followed.update(9.0 + number / 29, [hand(1, 0.5), hand(2, 0.6)][: number + 1])
    assert followed.is_out_of_order(stamp, [hand(2)])
    assert followed.update(stamp, [hand(2)]) is None
    assert (followed.track_id, followed.hand, followed.change) == (1, None, "")
    after = followed.update(10.03, [hand(1, 0.5, joints=gesture("open") + 0.001)])
    assert before is not None
    assert after is not None
    assert np.abs(after.joints - before.joints).max() < 0.0009, "still smoothed"


def test_a_frame_without_hands_takes_those_of_its_stamp_back() -> None:
    followed = FollowedHand(RIGHT)
    followed.update(10.0, [hand(1)])
    assert not followed.is_out_of_order(10.0, [])
    estimate = followed.update(10.0, [])
    assert estimate is None or estimate.age == 0.0
    assert followed.hand is None


def test_a_hand_outside_the_workspace_gives_way_at_once() -> None:
    followed = FollowedHand(RIGHT, StateSettings(workspace_min=(-0.3, -1.0, 0.0), workspace_max=(0.3, 1.0, 1.0)))
    # The bystander is more certain and outside: the operator is taken.
    assert followed.update(0.0, [hand(2, 0.99), hand(1, 0.5)]) is not None
    assert (followed.track_id, followed.outside) == (1, "")
    out = hand(1, joints=gesture("open") + ASIDE)
    assert followed.update(1.0, [out, hand(2, 0.99)]) is None
    assert followed.track_id is None
    assert followed.outside == followed.reason
    assert followed.outside.endswith("outside the workspace")
    assert followed.update(1.1, [out, hand(2), hand(3, 0.4, gesture("fist"))]) is not None
    assert followed.change.startswith("another one is followed: track_id 3 instead of 1 (the wrist is at [")


def test_a_hand_that_is_refused_counts_as_unseen() -> None:
    followed = FollowedHand(RIGHT)
    followed.update(0.0, [hand(1)])
    broken = hand(1)
    broken.joint_scores[3] = np.nan
    held = followed.update(0.05, [broken, hand(2)])
    assert held is not None
    assert held.age == pytest.approx(0.05)
    assert len(followed.refused) == 1
    assert followed.update(0.35, [broken, hand(2)]) is not None
    assert followed.track_id == 2
    alone = FollowedHand(RIGHT)
    assert alone.update(0.0, [broken]) is None
    assert alone.reason.startswith("joint_scores are [")
    # The other hand of the person is none of its business.
    left = hand_pose(gesture("open"), Handedness.LEFT)
    left.score = 2.0
    assert alone.update(0.1, [left]) is None
    assert (alone.refused, alone.reason) == ([], "the hand is not seen")


def test_a_hand_that_cannot_be_placed_is_not_seen_and_keeps_its_track() -> None:
    followed = FollowedHand(RIGHT)
    followed.update(0.0, [hand(1, 0.5), hand(2, 0.4)])
    for frame in range(1, 20):
        estimate = followed.update(0.03 * frame, [hand(1, 0.5), hand(2)], are_placed=False)
        assert (estimate is not None) == (frame < 4)
    estimate = followed.update(0.6, [hand(1, 0.5), hand(2)])
    assert estimate is not None
    assert (estimate.age, followed.track_id, followed.change) == (0.0, 1, "")
