"""The test set of hands at work is fixed and labelled truly, and its errors are added up rightly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from dense3d_ros.geometry.crop import HandCrop
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.evaluation.synthetic import HandFrame
from dense3d_ros.learning.evaluation.tables import working
from dense3d_ros.learning.evaluation.working_hands import (
    KINDS,
    MESHES,
    WorkingHandsTestSet,
    evaluate_on_working_hands,
)
from dense3d_ros.perception.model import HandModel, Prediction
from dense3d_ros.perception.model_description import ModelDescription

COUNT = 3 * len(KINDS)


@pytest.fixture(scope="module")
def frames() -> list[HandFrame]:
    test_set = WorkingHandsTestSet()
    return [test_set.frame(number) for number in range(COUNT)]


class KnowingModel:
    """Answers with the joints of the frame whose centre a crop is at, 10 mm off."""

    description = ModelDescription("knowing", 1, 16, 0.15, 0.1, 64, "Apache-2.0")
    crops_itself, views = False, 1

    def __init__(self, frames: list[HandFrame]) -> None:
        self.joints = np.stack([frame.sample.joints for frame in frames])
        self.handednesses: list[Handedness] = []

    def predict(self, crops: Sequence[HandCrop], handednesses: Sequence[Handedness]) -> list[Prediction]:
        self.handednesses += handednesses
        centres = [crop.in_camera(crop.centre) for crop in crops]
        own = [np.linalg.norm(hand_centre(self.joints) - centre, axis=1).argmin() for centre in centres]
        off = np.float32([0.006, 0.0, 0.008])
        scores, spread = np.full(21, 0.9, np.float32), np.full(21, 0.01, np.float32)
        return [Prediction(self.joints[index] + off, scores, 4.6, 0.5, 0.0, spread) for index in own]


def test_a_frame_depends_on_its_number_alone(frames: list[HandFrame]) -> None:
    again = WorkingHandsTestSet().frame(4)
    np.testing.assert_array_equal(again.sample.depth.values, frames[4].sample.depth.values)
    np.testing.assert_array_equal(again.sample.joints, frames[4].sample.joints)
    assert again.labels == frames[4].labels


def test_kinds_and_meshes_take_turns(frames: list[HandFrame]) -> None:
    assert [frame.labels["work"] for frame in frames] == [*KINDS] * 3
    unseen = [frame.labels["mesh"] == "never trained on" for frame in frames]
    assert np.mean(unseen) == pytest.approx(1 / len(MESHES))
    assert all(frame.labels["holds"] == "a thing" for frame in frames if "grasp" in frame.labels["work"])
    assert {frame.labels["holds"] for frame in frames} == {"a thing", "nothing"}
    assert {frame.labels["handedness"] for frame in frames} == {"left", "right"}


def test_kinds_are_what_they_say(frames: list[HandFrame]) -> None:
    for frame in frames:
        length = np.linalg.norm(np.diff(frame.sample.joints[[0, 9, 10, 11, 12]], axis=0), axis=1).sum()
        assert (length < 0.1451) == (frame.labels["work"] == "child")
        if frame.labels["work"].endswith("view"):
            assert hand_centre(frame.sample.joints)[2] <= 0.7


def test_the_hand_is_in_the_image_where_its_label_says(frames: list[HandFrame]) -> None:
    """Depth at a joint that nothing covers is the skin in front of it: a finger's or palm's half thickness away."""
    gaps = []
    for frame in frames:
        camera, joints = frame.sample.camera, frame.sample.joints
        columns, rows = np.rint(camera.project(joints)).astype(int).T
        use = (rows >= 0) & (rows < camera.height) & (columns >= 0) & (columns < camera.width) & ~frame.hidden
        seen = frame.sample.depth.metres(slice(None), slice(None))[rows[use], columns[use]]
        gaps.append((joints[use, 2] - seen)[seen > 0])
    assert 0.003 < np.median(np.concatenate(gaps)) < 0.018


def test_errors_add_up(frames: list[HandFrame]) -> None:
    model = KnowingModel(frames)
    result = evaluate_on_working_hands(cast(HandModel, model), COUNT)
    assert [handedness.name.lower() for handedness in model.handednesses] == [
        frame.labels["handedness"] for frame in frames
    ]
    assert result["frames"] == COUNT
    assert result["mean_joint_error_mm"] == pytest.approx(10, abs=1e-3)
    assert [result["seen_joints_mm"], result["hidden_joints_mm"]] == pytest.approx([10, 10], abs=1e-3)
    for kind in frames[0].labels:
        assert sum(group["frames"] for group in result[f"by_{kind}"].values()) == COUNT
    assert set(result["by_work"]) == set(KINDS)
    rows = working({"working_hands": result}).splitlines()
    assert f"| all | {COUNT} | 10.0 | 10.0 |" in rows
    assert "| kind: head view | 3 | 10.0 | 10.0 |" in rows


def test_the_set_stays_what_it_is(frames: list[HandFrame]) -> None:
    # Written down when it was made: tips of the index finger, millimetres.
    tips = [1000 * frames[number].sample.joints[8] for number in (0, 3, 7)]
    np.testing.assert_allclose(tips, [[-60.8, -17.9, 558.2], [13.3, -106.0, 506.0], [-80.7, 51.5, 279.9]], atol=0.5)
