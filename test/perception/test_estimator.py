from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle import SPREAD, Oracle
from room import CAMERA, Room, make_room

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import HandCrop
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, angle_between, hand_centre, upright_roll
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space
from dense3d_ros.learning.synthetic.primitives import sphere
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.evidence import NAMES, Evidence
from dense3d_ros.perception.frame import FEWEST_CANDIDATES, SPARE_CANDIDATES
from dense3d_ros.perception.model import Prediction

EMPTY = DepthImage(np.zeros((480, 640), np.float32))
UPRIGHT = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)


@pytest.fixture(scope="module")
def mesh() -> HandMesh:
    return HandMesh.load()


def frame(
    mesh: HandMesh, *places: tuple[float, float, float], left: bool = False, turn: NDArray[np.float32] = UPRIGHT
) -> tuple[DepthImage, Oracle]:
    """Hands turned by `turn` whose centres are at `places`, and a model that knows them."""
    depth = np.zeros((480, 640), np.float32)
    oracle = Oracle()
    for place in places:
        hand = mesh.pose(pose_space().gestures["open"], forearm=0.3, left=left)
        joints = hand.joints @ turn.T
        shift = np.float32(place) - hand_centre(joints)
        render_depth(hand.vertices @ turn.T + shift, hand.faces, CAMERA, depth)
        oracle.hands.append(((joints + shift).astype(np.float32), not left))
    return DepthImage(depth), oracle


def test_a_hand_is_found_in_every_room(mesh: HandMesh) -> None:
    found = 0
    for seed in range(20):
        room: Room = make_room(np.random.default_rng(seed), mesh, person=seed % 2 == 0, wall=seed % 3 == 0)
        estimate = HandPoseEstimator(Oracle(hands=[(room.joints, room.right)])).estimate(room.depth, room.camera)
        if estimate.hands:
            (hand,) = estimate.hands
            found += 1
            np.testing.assert_allclose(hand.joints, room.joints, atol=0.003)
            assert hand.handedness == (Handedness.RIGHT if room.right else Handedness.LEFT)
            assert hand.score == pytest.approx(0.99, abs=0.001)
            assert estimate.reason == ""
    assert found >= 19


def test_a_settled_track_needs_one_pass_on_one_crop(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle, max_hands=1)
    first = estimator.estimate(depth, CAMERA, 0.0)
    oracle.batches.clear()
    for number in range(1, 6):
        estimate = estimator.estimate(depth, CAMERA, number / 30)
        assert estimate.hands[0].track_id == first.hands[0].track_id
        assert estimate.passes == 1
        assert estimate.stage_ms["find"] == 0
        assert estimate.stage_ms["network"] > 0
    assert oracle.batches == [1] * 5


@pytest.mark.parametrize(("views", "more"), [(1, 0), (3, 1)])
def test_a_new_hand_on_three_crops_is_looked_at_once_more(mesh: HandMesh, views: int, more: int) -> None:
    """Whatever judges it; one crop alone, as of a model that knows no three, is judged as it settled."""
    depth, oracle = frame(mesh, (0, 0, 0.5))
    settled = HandPoseEstimator(oracle).estimate(depth, CAMERA).passes
    oracle.views = views
    assert HandPoseEstimator(oracle).estimate(depth, CAMERA).passes == settled + more


def test_two_followed_hands_are_one_batch(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.7))
    estimator = HandPoseEstimator(oracle, max_hands=2)
    for number in range(6):
        oracle.batches.clear()
        estimate = estimator.estimate(depth, CAMERA, number / 30)
    assert len(estimate.hands) == 2
    assert oracle.batches == [2]


def test_an_evenly_moving_hand_needs_one_pass(mesh: HandMesh) -> None:
    estimator = None
    passes = []
    for number in range(6):
        depth, oracle = frame(mesh, (-0.1 + 0.03 * number, 0, 0.5))
        estimator = estimator or HandPoseEstimator(oracle)
        estimator.model = oracle
        passes.append(estimator.estimate(depth, CAMERA, number / 30).passes)
    assert passes[2:] == [1] * 4


def test_candidates_are_one_batch(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    values = depth.values.copy()
    for x in (-0.35, 0.35):
        render_depth(*moved(sphere(0.05, 16), (x, 0, 0.6)), CAMERA, values)
        oracle.distractors.append(np.float32([x, 0, 0.6]))
    estimate = HandPoseEstimator(oracle).estimate(DepthImage(values), CAMERA)
    assert len(estimate.hands) == 1
    assert oracle.batches[0] == 3, "two balls and a hand"
    assert oracle.batches[1] <= 6
    assert len(oracle.batches) == estimate.passes <= 4


@pytest.mark.parametrize("sure", [False, True])
def test_a_hand_is_found_at_the_surface_where_the_detector_is_wrong_about_its_depth(mesh: HandMesh, sure: bool) -> None:
    class FarSighted(Oracle):
        """Names each hand 12 cm too near, further than it can be centred from, and the surface behind it."""

        def detect(self, depth: DepthImage, camera: Camera, limit: int) -> list[Candidate]:
            return [
                replace(
                    named,
                    centre=named.centre * np.float32(1 - 0.12 / named.centre[2]),
                    at_surface=named.centre,
                    is_direction_sure=sure,
                )
                for named in super().detect(depth, camera, limit)
            ]

    depth, oracle = frame(mesh, (0, 0, 1.2))
    far_sighted = FarSighted(hands=oracle.hands)
    estimate = HandPoseEstimator(far_sighted).estimate(depth, CAMERA)
    np.testing.assert_allclose(estimate.hands[0].joints, oracle.hands[0][0], atol=0.003)
    assert far_sighted.batches[0] == (2 if sure else 4), "all starts in one batch"
    assert far_sighted.batches[1] <= 2, "of which the better one goes on"


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("sure", [False, True])
def test_a_hand_is_found_the_other_way_round_where_the_detector_is_not_sure_of_its_direction(
    mesh: HandMesh, sure: bool, left: bool
) -> None:
    class UpsideDown(Oracle):
        """Names each hand in the opposite turn, in which it sees none."""

        def detect(self, depth: DepthImage, camera: Camera, limit: int) -> list[Candidate]:
            roll = upright_roll(self.hands[0][0]) + np.pi
            return [replace(named, roll=roll, is_direction_sure=sure) for named in super().detect(depth, camera, limit)]

        def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
            prediction = super()._of(crop, handedness)
            if angle_between(crop.roll, upright_roll(self.hands[0][0])) < 1.0:
                return prediction
            centre = hand_centre(prediction.joints)
            upside_down = (prediction.joints - centre) * np.float32([-1, -1, 1]) + centre
            return replace(prediction, joints=upside_down, presence=-4.6, log_likelihood=-5.0)

    depth, oracle = frame(mesh, (0, 0, 0.5), left=left)
    upside_down = UpsideDown(hands=oracle.hands)
    hands = HandPoseEstimator(upside_down).estimate(depth, CAMERA).hands
    assert [hand.handedness.name for hand in hands] == ([] if sure else ["LEFT" if left else "RIGHT"])
    assert upside_down.batches[0] == (1 if sure else 2)


def test_the_networks_verdict_on_a_place_is_the_mean_of_both_sides(mesh: HandMesh) -> None:
    class OneEyed(Oracle):
        """Sees no hand in the mirror."""

        def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
            prediction = super()._of(crop, handedness)
            return replace(prediction, presence=prediction.presence * (1.0 if handedness == Handedness.RIGHT else -0.5))

    depth, oracle = frame(mesh, (0, 0, 0.5))
    (place,) = HandPoseEstimator(OneEyed(hands=oracle.hands)).places(depth, CAMERA, 1)
    assert place.terms[NAMES.index("presence")] == pytest.approx(4.6 * (1 - 0.5) / 2)


def test_a_left_hand(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0.02, 0, 0.5), left=True)
    estimator = HandPoseEstimator(oracle)
    estimate = estimator.estimate(depth, CAMERA, 0.0)
    assert estimate.hands[0].handedness == Handedness.LEFT
    np.testing.assert_allclose(estimate.hands[0].joints, oracle.hands[0][0], atol=0.003)
    assert estimator.estimate(depth, CAMERA, 0.03).passes == 1


@pytest.mark.parametrize("left", [False, True])
def test_no_hand_starts_in_the_turn_that_it_has_as_the_other_one(mesh: HandMesh, left: bool) -> None:
    class UprightOnly(Oracle):
        """Turns a hand by a quarter when it takes it for the other one, and sees none that is far from upright."""

        def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
            prediction = super()._of(crop, handedness)
            centre = hand_centre(prediction.joints)
            turned = replace(prediction, joints=(prediction.joints - centre) @ UPRIGHT + centre)
            if handedness != (Handedness.LEFT if left else Handedness.RIGHT):
                return turned
            is_upright = angle_between(crop.roll, upright_roll(self.hands[0][0])) < 0.5
            return prediction if is_upright else replace(turned, presence=-4.6, log_likelihood=-5.0)

    depth, oracle = frame(mesh, (0, 0, 0.5), left=left)
    (hand,) = HandPoseEstimator(UprightOnly(hands=oracle.hands)).estimate(depth, CAMERA).hands
    assert hand.handedness == (Handedness.LEFT if left else Handedness.RIGHT)
    np.testing.assert_allclose(hand.joints, oracle.hands[0][0], atol=0.003)


def test_a_hand_that_is_lost_for_a_moment_keeps_its_number(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle, max_lost=0.2)
    first = estimator.estimate(depth, CAMERA, 0.0).hands[0]
    assert estimator.estimate(EMPTY, CAMERA, 0.1).hands == []
    depth, oracle.hands = (moved := frame(mesh, (0.05, 0, 0.5)))[0], moved[1].hands
    assert estimator.estimate(depth, CAMERA, 0.2).hands[0].track_id == first.track_id
    assert estimator.estimate(EMPTY, CAMERA, 0.3).hands == []
    assert estimator.estimate(depth, CAMERA, 0.41).hands[0].track_id != first.track_id


def test_a_hand_that_comes_back_elsewhere_is_another_one(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle)
    first = estimator.estimate(depth, CAMERA, 0.0).hands[0]
    estimator.estimate(EMPTY, CAMERA, 0.03)
    depth, oracle.hands = (moved := frame(mesh, (0.3, 0, 0.5)))[0], moved[1].hands
    assert estimator.estimate(depth, CAMERA, 0.06).hands[0].track_id != first.track_id


def test_a_followed_hand_may_be_less_sure_than_a_new_one(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    oracle.confidence = Confidence(min_score=0.9, hold_score=0.3)
    estimator = HandPoseEstimator(oracle)
    first = estimator.estimate(depth, CAMERA, 0.0).hands[0]
    unsure = Constant(Prediction(oracle.hands[0][0], np.ones(21, np.float32), -0.4, 0.9, 0.0, SPREAD), oracle.hands)
    unsure.confidence = oracle.confidence
    estimator.model = unsure
    (second,) = estimator.estimate(depth, CAMERA, 0.03).hands
    assert second.track_id == first.track_id
    assert second.score == pytest.approx(0.40, abs=0.01)
    estimator.reset()
    assert estimator.estimate(depth, CAMERA, 0.06).hands == []


def test_depths_hold_for_followed_hands(mesh: HandMesh) -> None:
    oracle = Oracle()
    estimator = HandPoseEstimator(oracle, min_depth=0.3, max_depth=0.6)
    seen = []
    for number, z in enumerate((0.5, 0.55, 0.59, 0.62, 0.66, 0.57)):
        depth, knowing = frame(mesh, (0, 0, z))
        oracle.hands = knowing.hands
        estimate = estimator.estimate(depth, CAMERA, number / 30)
        seen.append(len(estimate.hands))
    assert seen == [1, 1, 1, 0, 0, 1]


def test_a_hand_that_comes_to_the_lens_does_not_stop_the_estimator(mesh: HandMesh) -> None:
    """Its speed points behind the camera when the next frame is late."""
    oracle = Oracle()
    estimator = HandPoseEstimator(oracle, min_depth=0.05)
    for stamp, z in ((0.0, 0.25), (0.033, 0.2), (0.066, 0.15), (0.4, 0.12), (0.43, 0.5), (0.46, 0.5)):
        depth, knowing = frame(mesh, (0, 0, z))
        oracle.hands = knowing.hands
        last = estimator.estimate(depth, CAMERA, stamp)
    np.testing.assert_allclose(last.hands[0].centre, [0, 0, 0.5], atol=0.01)


def test_an_error_ends_the_tracks(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle)
    first = estimator.estimate(depth, CAMERA, 0.0).hands[0]
    estimator.model = Failing()
    with pytest.raises(RuntimeError, match="the network failed"):
        estimator.estimate(depth, CAMERA, 0.03)
    estimator.model = oracle
    assert estimator.estimate(depth, CAMERA, 0.06).hands[0].track_id != first.track_id


def test_a_left_hand_does_not_take_a_right_hands_number(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle)
    for number in range(5):
        (right,) = estimator.estimate(depth, CAMERA, number / 30).hands
    assert estimator.estimate(EMPTY, CAMERA, 5 / 30).hands == []
    depth, other = frame(mesh, (0.1, 0, 0.5), left=True)
    oracle.hands = other.hands
    (left,) = estimator.estimate(depth, CAMERA, 7 / 30).hands
    assert left.handedness == Handedness.LEFT
    assert left.track_id != right.track_id
    np.testing.assert_allclose(left.joints, other.hands[0][0], atol=0.003)


def test_one_hand_too_many_does_not_come_back_in_place_of_another(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.6))
    estimator = HandPoseEstimator(oracle, max_hands=1)
    numbers = []
    for number in range(30):
        if number == 5:
            oracle.hands = oracle.hands[1:]  # the first one is not seen for a frame
        hands = estimator.estimate(depth, CAMERA, number / 30).hands
        if number == 5:
            oracle.hands = frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.6))[1].hands
        numbers.append([hand.track_id for hand in hands])
    assert all(pair == numbers[0] for pair in numbers[:5])
    assert all(pair == numbers[6] for pair in numbers[6:])


def test_two_centres_are_two_hands(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.05, 0, 0.6), (0.06, 0, 0.6))
    estimator = HandPoseEstimator(oracle)
    estimator.estimate(depth, CAMERA, 0.0, [np.array([-0.05, 0, 0.6])])
    centres = np.array([[-0.05, 0, 0.6], [0.06, 0, 0.6]])
    numbers = [hand.track_id for hand in estimator.estimate(depth, CAMERA, 0.03, centres).hands]
    assert len(set(numbers)) == 2


def test_steady_candidates_do_not_hide_a_hand(mesh: HandMesh) -> None:
    """Six balls, two of them beyond max_depth, are likelier for the detector than the hand."""
    depth, oracle = frame(mesh, (0, 0, 0.5))
    values = depth.values.copy()
    balls = [np.float32(place) for place in ((-0.3, 0.1, 0.7), (0.3, 0.1, 0.7), (0.3, -0.15, 0.7), (-0.3, -0.15, 0.7))]
    far = [np.float32(place) for place in ((-0.5, 0, 1.8), (0.5, 0, 1.8))]
    for place in [*far, *balls]:
        render_depth(*moved(sphere(0.05, 16), tuple(place)), CAMERA, values)
    stubborn = Stubborn(oracle.hands, [*far, *balls])
    estimator = HandPoseEstimator(stubborn, max_hands=1)
    counts = [len(estimator.estimate(DepthImage(values), CAMERA, number / 30).hands) for number in range(3)]
    assert counts[-1] == 1


class Stubborn(Oracle):
    """Names what is no hand first."""

    def detect(self, depth: DepthImage, camera: Camera, limit: int) -> list[Candidate]:
        return super().detect(depth, camera, 100)[::-1][:limit]


def test_numbers_go_on_from_one_estimator_to_the_next(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    numbers = count(7)
    seen = [HandPoseEstimator(oracle, numbers=numbers).estimate(depth, CAMERA).hands[0].track_id for _ in range(3)]
    assert seen == [7, 8, 9]


class Failing(Oracle):
    def predict(self, crops: Sequence[HandCrop], handednesses: Sequence[Handedness]) -> list[Prediction]:
        raise RuntimeError("the network failed")


def test_joints_come_from_the_handedness_that_is_published(mesh: HandMesh) -> None:
    """A right hand that is a little likelier a left one in single frames: whose joints are published?"""
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle)
    doubtful = Doubtful(oracle.hands)
    for number in range(40):
        estimator.model = doubtful if number % 10 == 9 or 20 < number < 26 else oracle
        (hand,) = estimator.estimate(depth, CAMERA, number / 30).hands
        assert hand.handedness == Handedness.RIGHT
        np.testing.assert_allclose(hand.joints, oracle.hands[0][0], atol=0.003, err_msg=f"frame {number}")


class Doubtful(Oracle):
    """Finds the wrong handedness a little likelier."""

    def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        prediction = super()._of(crop, handedness)
        return replace(prediction, log_likelihood=-1.0 if prediction.log_likelihood == 0 else -0.5)


def test_a_rejected_place_gets_a_pass_less_and_less_often(mesh: HandMesh) -> None:
    values = np.zeros((480, 640), np.float32)
    render_depth(*moved(sphere(0.05, 16), (0.1, 0, 0.6)), CAMERA, values)
    oracle = Oracle(distractors=[np.float32([0.1, 0, 0.6])])
    estimator = HandPoseEstimator(oracle)
    passes = []
    for number in range(45):
        estimate = estimator.estimate(DepthImage(values), CAMERA, number / 30)
        passes.append(estimate.passes)
        assert estimate.reason.startswith(("best score 0.01 at", "implausible pose"))
    gaps = np.diff(np.flatnonzero(passes))
    np.testing.assert_allclose(gaps, [3, 6, 12, 15], atol=1, err_msg="0.1 s, twice as long each time, up to 0.5 s")


def test_a_rejected_place_waits_though_its_depth_wavers(mesh: HandMesh) -> None:
    values = np.zeros((480, 640), np.float32)
    place = np.array([0.3, 0.1, 0.8], np.float32)
    render_depth(*moved(sphere(0.05, 16), place), CAMERA, values)
    oracle = Oracle()
    estimator = HandPoseEstimator(oracle)
    passes = []
    for number in range(30):
        oracle.distractors = [place * np.float32(1.04 if number % 2 else 0.98)]
        passes.append(estimator.estimate(DepthImage(values), CAMERA, number / 30).passes)
    assert np.count_nonzero(passes) <= 4
    oracle.distractors = [place + np.float32([0.05, 0, 0])]
    assert estimator.estimate(DepthImage(values), CAMERA, 1.0).passes, "beside it is another place"


def test_more_places_are_looked_at_in_a_first_frame_than_beside_rejected_ones(mesh: HandMesh) -> None:
    values = np.zeros((480, 640), np.float32)
    places = [np.float32([x, y, 0.8]) for y in (-0.3, 0.0, 0.3) for x in (-0.45, -0.15, 0.15, 0.45)]
    for place in places:
        render_depth(*moved(sphere(0.05, 16), place), CAMERA, values)
    oracle = Oracle(distractors=places)
    estimator = HandPoseEstimator(oracle)
    screened = []
    for number in range(3):
        oracle.batches.clear()
        estimator.estimate(DepthImage(values), CAMERA, number / 100)
        screened.append(oracle.batches[0])
    assert screened == [2 + SPARE_CANDIDATES, FEWEST_CANDIDATES, FEWEST_CANDIDATES]


def test_things_that_are_always_there_do_not_keep_a_new_hand_from_its_turn(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.6))
    values = depth.values.copy()
    places = [np.float32([x, y, 0.9]) for y in (-0.35, 0.35) for x in (-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6)]
    for place in places:
        render_depth(*moved(sphere(0.05, 16), place), CAMERA, values)

    class Cluttered(Oracle):
        """Names the things before the hands."""

        def detect(self, depth: DepthImage, camera: Camera, limit: int) -> list[Candidate]:
            return sorted(super().detect(depth, camera, limit), key=lambda one: float(-one.centre[2]))[:limit]

    cluttered = Cluttered(distractors=places)
    estimator = HandPoseEstimator(cluttered)
    for number in range(12):
        assert not estimator.estimate(DepthImage(values), CAMERA, number / 15).hands
    cluttered.hands = oracle.hands
    assert estimator.estimate(DepthImage(values), CAMERA, 0.8).hands, "at once"


@pytest.mark.parametrize("was_followed", [True, False])
def test_a_place_that_is_almost_a_hand_does_not_wait_if_one_was_followed(mesh: HandMesh, was_followed: bool) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    oracle.confidence = Confidence(min_score=0.9, hold_score=0.3)
    unsure = Constant(Prediction(oracle.hands[0][0], np.ones(21, np.float32), -0.4, 0.9, 0.0, SPREAD), oracle.hands)
    unsure.confidence = oracle.confidence
    estimator = HandPoseEstimator(oracle, max_lost=0.1)
    passes = []
    for number in range(16):
        estimator.model = oracle if was_followed and number < 2 else unsure
        estimate = estimator.estimate(EMPTY if 2 <= number <= 5 else depth, CAMERA, number / 30)
        if number > 5:
            assert estimate.reason.startswith("best score 0.40 at")
            passes.append(estimate.passes)
    assert np.count_nonzero(passes) == 10 if was_followed else np.count_nonzero(passes) <= 3


class Overstretched(Oracle):
    """Finds the hands on the image's right a little likelier left ones, of which it says twice the size."""

    def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        prediction = super()._of(crop, handedness)
        centre = hand_centre(prediction.joints)
        if centre[0] < 0 or handedness == Handedness.RIGHT:
            return prediction
        return replace(prediction, joints=centre + 2 * (prediction.joints - centre), log_likelihood=1.0)


@pytest.mark.parametrize(
    ("model", "z", "reason"),
    [(Oracle, 0.615, "the hand is 0.6. m away, accepted: 0.15-0.6 m"), (Overstretched, 0.5, "implausible pose: ")],
)
def test_an_impossible_place_waits_though_another_hand_is_followed(
    mesh: HandMesh, model: type[Oracle], z: float, reason: str
) -> None:
    """The first pass finds it as good as a followed hand."""
    depth, knowing = frame(mesh, (-0.15, 0, 0.5), (0.15, 0, z))
    alone = HandPoseEstimator(model(knowing.hands[1:]), max_depth=0.6).estimate(depth, CAMERA)
    assert re.match(reason, alone.reason)
    estimator = HandPoseEstimator(model(knowing.hands), max_depth=0.6)
    passes = []
    for number in range(45):
        estimate = estimator.estimate(depth, CAMERA, number / 30)
        assert len(estimate.hands) == 1
        passes.append(estimate.passes)
    # From the sixteenth frame on only every fifth one is searched.
    gaps = np.diff(np.flatnonzero(np.array(passes) > 1))
    np.testing.assert_allclose(gaps[:2], [3, 6], atol=1, err_msg="0.1 s, twice as long each time")
    assert all(10 <= gap <= 20 for gap in gaps[2:])


def test_a_hand_that_jumps_is_found_in_the_same_frame(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.2, 0, 0.5))
    estimator = HandPoseEstimator(oracle)
    estimator.estimate(depth, CAMERA, 0.0)
    depth, oracle = frame(mesh, (0.15, 0.05, 0.8))
    estimator.model = oracle
    (hand,) = estimator.estimate(depth, CAMERA, 0.03).hands
    np.testing.assert_allclose(hand.centre, [0.15, 0.05, 0.8], atol=0.003)


@pytest.mark.parametrize("second", [-0.1, 0.6])
def test_time_that_jumps_ends_the_track(mesh: HandMesh, second: float) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle)
    numbers = [estimator.estimate(depth, CAMERA, stamp).hands[0].track_id for stamp in (0.0, 0.1, 0.1 + second)]
    assert numbers[0] == numbers[1] != numbers[2]


def test_reset_ends_the_track(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimator = HandPoseEstimator(oracle)
    first = estimator.estimate(depth, CAMERA).hands[0]
    estimator.reset()
    assert estimator.estimate(depth, CAMERA).hands[0].track_id != first.track_id


def test_two_hands_keep_their_numbers(mesh: HandMesh) -> None:
    estimator = None
    numbers = []
    for step in range(8):
        depth, oracle = frame(mesh, (-0.15 + 0.01 * step, 0, 0.6), (0.15, 0.01 * step, 0.7))
        estimator = estimator or HandPoseEstimator(oracle, max_hands=2)
        estimator.model = oracle
        hands = estimator.estimate(depth, CAMERA, step / 30).hands
        by_place = sorted(hands, key=lambda hand: hand.centre[0])
        numbers.append([hand.track_id for hand in by_place])
    assert len(numbers[0]) == 2
    assert all(pair == numbers[0] for pair in numbers)


def test_no_more_hands_than_asked_for(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.7))
    assert len(HandPoseEstimator(oracle, max_hands=1).estimate(depth, CAMERA).hands) == 1


def test_a_second_hand_is_found_soon(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.15, 0, 0.6))
    estimator = HandPoseEstimator(oracle, max_hands=2)
    for stamp in (0.0, 0.3, 0.6):
        estimator.estimate(depth, CAMERA, stamp)
    depth, oracle = frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.7))
    estimator.model = oracle
    counts = [len(estimator.estimate(depth, CAMERA, 0.6 + number / 30).hands) for number in range(1, 7)]
    assert counts[-1] == 2
    assert sum(batch > 1 for batch in oracle.batches) <= 3


def test_other_hands_are_searched_on_every_frame_after_a_new_one(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.15, 0, 0.6))
    estimator = HandPoseEstimator(oracle, max_hands=3)
    searched = [estimator.estimate(depth, CAMERA, number / 30).stage_ms["find"] > 0 for number in range(31)]
    assert searched == [number <= 15 or number % 5 == 0 for number in range(31)]
    both, oracle.hands = (later := frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.7)))[0], later[1].hands
    counts = [len(estimator.estimate(both, CAMERA, number / 30).hands) for number in range(31, 36)]
    assert counts == [1, 1, 1, 1, 2]
    assert estimator.estimate(both, CAMERA, 36 / 30).stage_ms["find"] > 0, "after the second one for a third one"


@pytest.mark.parametrize("stamp", [10.0, 1000.0])
def test_what_was_seen_before_time_jumped_does_not_speed_the_search(mesh: HandMesh, stamp: float) -> None:
    """As in a bag that starts again."""
    depth, oracle = frame(mesh, (0, 0, 0.5))
    oracle.confidence = Confidence(min_score=0.9, hold_score=0.3)
    unsure = Constant(Prediction(oracle.hands[0][0], np.ones(21, np.float32), -0.4, 0.9, 0.0, SPREAD), oracle.hands)
    unsure.confidence = oracle.confidence
    estimator = HandPoseEstimator(oracle)
    for number in range(3):
        assert estimator.estimate(depth, CAMERA, 100 + number / 30).hands
    estimator.model = unsure
    passes = [estimator.estimate(depth, CAMERA, stamp + number / 30).passes for number in range(10)]
    assert np.count_nonzero(passes) <= 3, "a place that is almost a hand waits"
    estimator.model = oracle
    hands = [bool(estimator.estimate(depth, CAMERA, stamp + number / 30).hands) for number in range(10, 50)]
    assert all(hands[20:])
    searched = [estimator.estimate(depth, CAMERA, stamp + number / 30).stage_ms["find"] > 0 for number in range(50, 60)]
    assert sum(searched) == 2, "every fifth frame"


def test_a_second_hand_that_follows_the_first_is_found_at_once(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.15, 0, 0.6))
    estimator = HandPoseEstimator(oracle)
    assert [len(estimator.estimate(depth, CAMERA, number / 30).hands) for number in range(3)] == [1, 1, 1]
    depth, oracle.hands = (later := frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.7)))[0], later[1].hands
    assert len(estimator.estimate(depth, CAMERA, 3 / 30).hands) == 2


def test_one_hand_is_not_followed_as_a_right_and_as_a_left_one(mesh: HandMesh) -> None:
    """The detector names it once more, 6 cm off, and from there it looks like the other one, upside down."""

    class TwoFaced(Oracle):
        odds = -5.0

        def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
            prediction = super()._of(crop, Handedness.RIGHT)
            if handedness == Handedness.RIGHT:
                return replace(prediction, log_likelihood=self.odds)
            centre = hand_centre(prediction.joints)
            upside_down = centre + (prediction.joints - centre) * np.float32([1, -1, 1])
            return replace(prediction, joints=upside_down, log_likelihood=0.0)

    depth, oracle = frame(mesh, (0, 0, 0.5))
    two_faced = TwoFaced(oracle.hands)
    estimator = HandPoseEstimator(two_faced)
    first = [estimator.estimate(depth, CAMERA, number / 30).hands for number in range(3)][-1]
    assert [hand.handedness for hand in first] == [Handedness.LEFT]
    two_faced.odds, two_faced.distractors = 5.0, [np.float32([0.06, 0, 0.5])]
    for number in range(3, 8):
        estimate = estimator.estimate(depth, CAMERA, number / 30)
        assert estimate.passes > 1, "the other place is tried"
        assert [hand.track_id for hand in estimate.hands] == [first[0].track_id]


def test_one_hand_is_not_followed_twice(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    estimate = HandPoseEstimator(oracle, max_hands=2).estimate(
        depth, CAMERA, centres=[np.array([0.02, 0, 0.5]), np.array([-0.02, 0.01, 0.5])]
    )
    assert len(estimate.hands) == 1


SIDEWAYS = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
"""The mesh's own frame: fingers along x, to the right."""


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("centres", [None, [np.array([0.01, 0.0, 0.5])]])
def test_crops_are_turned_until_the_hand_is_upright(
    mesh: HandMesh, left: bool, centres: list[NDArray[np.float64]] | None
) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5), left=left, turn=SIDEWAYS)
    true = oracle.hands[0][0]
    estimator = HandPoseEstimator(oracle)
    first = estimator.estimate(depth, CAMERA, 0.0, centres)
    np.testing.assert_allclose(first.hands[0].joints, true, atol=0.003)
    assert first.hands[0].handedness == (Handedness.LEFT if left else Handedness.RIGHT)
    assert oracle.rolls[0] == 0
    own = first.hands[0].handedness
    last = [roll for roll, one in zip(oracle.rolls, oracle.taken_for, strict=True) if one == own][-1]
    assert last == pytest.approx(upright_roll(true), abs=0.05)
    assert abs(last) > 1
    oracle.rolls.clear()
    second = estimator.estimate(depth, CAMERA, 0.1, centres)
    assert second.passes == 1
    hypotheses = 1 if centres is None else 2
    assert oracle.rolls == [pytest.approx(upright_roll(true), abs=0.05)] * hypotheses


def test_a_hand_that_points_at_the_camera_settles(mesh: HandMesh) -> None:
    away = np.float32([[0, 1, 0], [0, 0, -1], [-1, 0, 0]])
    depth, oracle = frame(mesh, (0, 0, 0.5), turn=away)
    estimator = HandPoseEstimator(oracle)
    estimator.estimate(depth, CAMERA, 0.0)
    assert estimator.estimate(depth, CAMERA, 0.1).passes == 1


def test_a_model_of_three_views_gets_three_crops_of_each_place(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    oracle.views = 3
    estimator = HandPoseEstimator(oracle)
    (hand,) = estimator.estimate(depth, CAMERA, 0.0).hands
    np.testing.assert_allclose(hand.joints, oracle.hands[0][0], atol=0.003)
    assert all(count % 3 == 0 for count in oracle.batches)
    assert len(np.unique(np.round(oracle.rolls[-3:], 3))) == 3


def test_a_new_hand_is_judged_on_three_crops_and_followed_on_one(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    oracle.judge = replace(oracle, views=3)
    estimator = HandPoseEstimator(oracle)
    (hand,) = estimator.estimate(depth, CAMERA, 0.0).hands
    np.testing.assert_allclose(hand.joints, oracle.hands[0][0], atol=0.003)
    *before, last = oracle.batches
    assert max(before) <= 2, "a right and a left hand"
    assert last == 3, "of the right one, since it is surely no left one"
    assert len(np.unique(np.round(oracle.rolls[-3:], 3))) == 3
    oracle.batches.clear()
    assert estimator.estimate(depth, CAMERA, 0.01).hands
    assert max(oracle.batches) <= 2


@pytest.mark.parametrize(("least", "spare"), [(0.5, SPARE_CANDIDATES), (0.999, 0)])
def test_every_new_hand_is_judged_on_three_crops(mesh: HandMesh, least: float, spare: int) -> None:
    """Of the places that are spare, those that would be hands without it."""
    depth, oracle = frame(mesh, (-0.3, 0, 0.7), (-0.1, 0, 0.7), (0.1, 0, 0.7), (0.3, 0, 0.7))
    oracle.judge = replace(oracle, views=3, confidence=replace(oracle.confidence, evidence=Evidence(10.0)))
    for wanted in (1, 2):
        oracle.batches.clear()
        estimator = HandPoseEstimator(oracle, max_hands=wanted, min_score=least)
        assert len(estimator.estimate(depth, CAMERA).hands) == wanted
        assert oracle.batches[-1] == 3 * min(wanted + spare, 4)


def test_the_judge_of_new_hands_has_the_last_word(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    assert HandPoseEstimator(oracle).estimate(depth, CAMERA).hands
    oracle.judge = replace(oracle, views=3, confidence=Confidence(evidence=Evidence(-50.0)))
    estimate = HandPoseEstimator(oracle).estimate(depth, CAMERA)
    assert not estimate.hands
    assert estimate.reason.startswith("best score 0.00")


def test_centres_from_outside_replace_the_search(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (-0.15, 0, 0.6), (0.15, 0, 0.7))
    estimator = HandPoseEstimator(oracle)
    first = estimator.estimate(depth, CAMERA, 0.0, [np.array([0.18, 0.03, 0.7])])
    np.testing.assert_allclose(first.hands[0].centre, [0.15, 0, 0.7], atol=0.003)
    assert first.stage_ms["find"] == 0
    second = estimator.estimate(depth, CAMERA, 0.1, [np.array([-0.15, 0.03, 0.6])])
    np.testing.assert_allclose(second.hands[0].centre, [-0.15, 0, 0.6], atol=0.003)
    third = estimator.estimate(depth, CAMERA, 0.2, [np.array([-0.12, 0.03, 0.6])])
    assert first.hands[0].track_id != second.hands[0].track_id == third.hands[0].track_id
    none = estimator.estimate(depth, CAMERA, 0.3, [])
    assert none.hands == []
    assert none.reason == "no centres were given"


class Constant(Oracle):
    """Says the same of every crop."""

    def __init__(self, prediction: Prediction, hands: list[tuple[NDArray[np.float32], bool]]) -> None:
        super().__init__(hands)
        self.prediction = prediction

    def _of(self, crop: HandCrop, handedness: Handedness) -> Prediction:
        return self.prediction


def test_reasons(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    joints = oracle.hands[0][0]
    scores = np.ones(21, np.float32)

    def reason(image: DepthImage, prediction: Prediction) -> str:
        estimate = HandPoseEstimator(Constant(prediction, oracle.hands)).estimate(image, CAMERA)
        assert estimate.hands == []
        assert set(estimate.stage_ms) == {"find", "crop", "network", "check"}
        return estimate.reason

    good = Prediction(joints, scores, 4.6, 0.9, 0.0, SPREAD)
    assert reason(EMPTY, good) == "no depth within 0.15-1.5 m"
    assert reason(DepthImage(np.full((480, 640), 2.0, np.float32)), good) == "no depth within 0.15-1.5 m"
    wall = DepthImage(np.full((480, 640), 1.0, np.float32))
    assert reason(wall, good) == "the detector names no hand within 0.15-1.5 m"
    unsure = reason(depth, replace(good, presence=-1.3))
    assert unsure.startswith("best score 0.21 at ")
    assert unsure.endswith("most against it: the network's own verdict")
    stretched = (joints - joints[0]) * 3 + joints[0]
    assert reason(depth, replace(good, joints=stretched)).startswith("implausible pose: ")
    assert "not numbers" in reason(depth, replace(good, joints=joints * np.float32(np.nan)))
    assert "not numbers" in reason(depth, replace(good, joints=joints * np.float32([np.nan, 1, 1])))
    assert "best score nan" in reason(depth, replace(good, presence=float("nan")))


def test_min_score(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    unsure = Constant(Prediction(oracle.hands[0][0], np.ones(21, np.float32), 0.405, 0.9, 0.0, SPREAD), oracle.hands)
    assert HandPoseEstimator(unsure, min_score=0.59).estimate(depth, CAMERA).hands
    assert not HandPoseEstimator(unsure, min_score=0.61).estimate(depth, CAMERA).hands


def test_the_least_score_is_the_models_unless_given() -> None:
    model = Oracle()
    assert HandPoseEstimator(model).limits.min_score == model.confidence.min_score
    assert HandPoseEstimator(model, min_score=0.0).limits.min_score == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 640), (480, 1)])
def test_odd_images_give_no_hand(size: tuple[int, int]) -> None:
    height, width = size
    camera = Camera(476.0, 476.0, 320, 240, 640, 480).cropped(320, 240, width, height)
    estimate = HandPoseEstimator(Oracle()).estimate(DepthImage(np.full(size, 0.5, np.float32)), camera)
    assert estimate.hands == []
    assert estimate.reason


def test_a_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="the depth image is 320x240 but its camera is 640x480"):
        HandPoseEstimator(Oracle()).estimate(DepthImage(np.zeros((240, 320), np.float32)), CAMERA)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((EMPTY.values, CAMERA), r"depth must be a DepthImage, got a ndarray; .* DepthImage\(array, unit=0.001\)$"),
        ((EMPTY, np.eye(3)), r"camera must be a Camera, got a ndarray; .* Camera\(fx, fy, cx, cy, width, height\)$"),
        ((EMPTY, Camera(1.0, 1.0, 0.0, 0.0, 640, 480)), "give 640x480 pixels a field of view of 179.6 x 179.5 degrees"),
        ((EMPTY, replace(CAMERA, cx=3000.0)), "the principal point .* outside the image"),
        ((EMPTY, CAMERA, float("nan")), "stamp must be a finite number of seconds or None, got nan$"),
        ((EMPTY, CAMERA, float("inf")), "got inf$"),
        ((EMPTY, CAMERA, "x"), "got 'x'$"),
    ],
)
def test_other_arguments_are_refused_in_one_sentence(arguments: tuple[Any, ...], message: str) -> None:
    estimator = HandPoseEstimator(Oracle())
    for _ in range(2):  # the camera is not accepted when it comes again
        with pytest.raises(ValueError, match=message):
            estimator.estimate(*arguments)
    assert estimator.estimate(EMPTY, CAMERA, 1.0).reason == "no depth within 0.15-1.5 m"


@pytest.mark.parametrize("model", ["hand", Path("hand")])
def test_a_models_name_is_no_model(model: Any) -> None:
    with pytest.raises(ValueError, match=r"^the model must be loaded: HandPoseEstimator\(load_model\('hand'\)\)$"):
        HandPoseEstimator(model)


def test_the_unit_is_doubted_until_a_hand_is_found_by_it(mesh: HandMesh) -> None:
    depth, oracle = frame(mesh, (0, 0, 0.5))
    far = DepthImage(np.where(depth.values > 0, 600, 0).astype(np.uint16), 1.0)
    estimator = HandPoseEstimator(oracle)
    estimate = estimator.estimate(far, CAMERA)
    assert estimate.reason == (
        "no depth within 0.15-1.5 m; the nearest things are 600 m away when a value counts 1 m: set the depth unit to "
        "what the camera's values count, such as 0.001 (then they are 0.6 m away), unless nothing is before the camera"
    )
    assert estimate.cause == "no depth within 0.15-1.5 m"
    found = estimator.estimate(depth, CAMERA)
    assert found.hands
    assert found.reason == ""
    assert estimator.estimate(far, CAMERA).reason == estimate.cause


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_hands": 0}, "max_hands must be at least 1, got 0"),
        ({"min_score": 1.5}, "min_score must lie in 0..1, got 1.5"),
        ({"min_depth": 0.0}, "depths must be"),
        ({"min_depth": 2.0}, "depths must be"),
        ({"max_depth": float("nan")}, "depths must be"),
        ({"max_lost": -0.1}, "max_lost must be at least 0 seconds, got -0.1"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HandPoseEstimator(Oracle(), **settings)  # type: ignore[arg-type]


def moved(mesh: tuple[np.ndarray, np.ndarray], place: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    return mesh[0] + np.float32(place), mesh[1]
