from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dense3d_ros.dense.maps import metric_geometry
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import BACKGROUND, HandCrop, crop_hand
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, expected_errors
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.model import (
    HandModel,
    NonFiniteOutputError,
    crops_of,
    fuse_crops,
    load_model,
)
from dense3d_ros.perception.model_description import ModelDescription
from dense3d_ros.perception.model_file import save_model
from dense3d_ros.runtime import cuda_devices
from dense3d_ros.runtime.interface import Outputs
from dense3d_ros.runtime.selection import DeviceError, choose_device

DESCRIPTION = ModelDescription(
    name="small", stacks=2, features=16, half_size=0.15, ball_radius=0.1, resolution=64, licence="Apache-2.0"
)
CAMERA = Camera(300.0, 300.0, 159.5, 119.5, 320, 240)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """Random weights; batch norms whose statistics matter."""
    torch.manual_seed(1)
    network = DESCRIPTION.build_network().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    return network


@pytest.fixture
def model(network: torch.nn.Module) -> HandModel:
    return HandModel(DESCRIPTION, copy.deepcopy(network), "cpu")


def crops(count: int = 3) -> list[HandCrop]:
    rng = np.random.default_rng(6)
    depth = DepthImage(rng.uniform(0.5, 0.7, (240, 320)).astype(np.float32))
    centres = np.array([[0, 0, 0.6], [0.05, -0.02, 0.55], [-0.08, 0.03, 0.65]])
    return [crop_hand(depth, CAMERA, centre, 0.15, 64) for centre in centres[:count]]


def test_predictions_are_the_regressors(network: torch.nn.Module, model: HandModel) -> None:
    """The folded batch norms, cameras and centres against the plain modules."""
    regressor = DenseRegressor(network, metric_geometry(0.15, 0.1)).eval()
    for crop, prediction in zip(crops(), model.predict(crops(), [Handedness.RIGHT] * 3), strict=True):
        camera = crop.camera
        with torch.inference_mode():
            joints, spread, logits = regressor(
                torch.from_numpy(crop.image)[None, None],
                torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]]),
                torch.from_numpy(crop.centre)[None],
            )
        np.testing.assert_allclose(prediction.joints, joints[0], atol=2e-5)
        np.testing.assert_allclose(prediction.joint_scores, 0.02 / (0.02 + spread[0].numpy()), atol=2e-4)
        assert prediction.presence == pytest.approx(float(logits[0, 0]), abs=1e-4)
        np.testing.assert_allclose(prediction.spread, spread[0], rtol=1e-3)
        assert prediction.right_hand == pytest.approx(float(logits[0, 1].sigmoid()), abs=1e-4)


def test_joints_stay_in_reach_of_the_crop(model: HandModel) -> None:
    for crop, prediction in zip(crops(), model.predict(crops(), [Handedness.RIGHT] * 3), strict=True):
        assert prediction.joints.shape == (21, 3)
        assert np.abs(prediction.joints - crop.centre).max() < 0.15 * np.sqrt(3) + 0.1
        assert ((prediction.joint_scores >= 0) & (prediction.joint_scores <= 1)).all()


def test_a_left_hand_is_a_right_hand_in_the_mirror(model: HandModel) -> None:
    mirrored = [crop.mirrored() for crop in crops()]
    right = model.predict(crops(), [Handedness.RIGHT] * 3)
    left = model.predict(mirrored, [Handedness.LEFT] * 3)
    for one, other in zip(right, left, strict=True):
        np.testing.assert_allclose(other.joints, one.joints, atol=1e-5)
        assert other.presence == pytest.approx(one.presence, abs=1e-5)
        assert other.right_hand == pytest.approx(1 - one.right_hand, abs=1e-5)


def test_unknown_handedness_takes_the_better_view(model: HandModel) -> None:
    right, left, unknown = (
        model.predict(crops(), [handedness] * 3)
        for handedness in (Handedness.RIGHT, Handedness.LEFT, Handedness.UNKNOWN)
    )
    for one, other, best in zip(right, left, unknown, strict=True):
        logits = [np.log(p / (1 - p)) for p in (one.right_hand, other.right_hand)]
        agreement = [-np.log(expected_errors(view.joint_scores)).mean() for view in (one, other)]
        evidence = np.sum(logits) + DESCRIPTION.confidence(1).handedness[1] * (agreement[0] - agreement[1])
        np.testing.assert_allclose(best.joints, (one if evidence >= 0 else other).joints, atol=1e-5)
        assert best.right_hand == pytest.approx(1 / (1 + np.exp(-evidence)), abs=1e-4)


def test_handedness_may_be_mixed_in_a_batch(model: HandModel) -> None:
    handednesses = [Handedness.LEFT, Handedness.UNKNOWN, Handedness.RIGHT]
    together = model.predict(crops(), handednesses)
    for crop, handedness, prediction in zip(crops(), handednesses, together, strict=True):
        np.testing.assert_allclose(prediction.joints, model.predict([crop], [handedness])[0].joints, atol=1e-5)


def test_no_crops_no_predictions(model: HandModel) -> None:
    assert model.predict([], []) == []


def test_an_empty_crop_gives_its_centre_without_confidence(model: HandModel) -> None:
    crop = crops(1)[0]
    empty = HandCrop(np.full((64, 64), BACKGROUND, np.float32), crop.camera, crop.centre, 0.15)
    prediction = model.predict([empty], [Handedness.RIGHT])[0]
    np.testing.assert_allclose(prediction.joints, np.broadcast_to(crop.centre, (21, 3)), atol=1e-6)
    assert prediction.joint_scores.max() < 0.15


def test_warm_up_runs_the_network_and_the_detector(network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[object] = []
    watched = copy.deepcopy(network)
    watched.register_forward_hook(lambda *_: runs.append("network"))
    model = HandModel(DESCRIPTION, watched, "cpu")
    detect = model.detect
    monkeypatch.setattr(model, "detect", lambda *arguments: runs.append("detector") or detect(*arguments))
    model.warm_up()
    assert {"network", "detector"} == set(runs)


def test_a_network_that_gives_no_numbers_is_not_one_that_sees_no_hand(network: torch.nn.Module) -> None:
    damaged = copy.deepcopy(network)
    next(damaged.parameters()).data.fill_(float("nan"))
    model = HandModel(replace(DESCRIPTION, name="damaged"), damaged, "cpu")
    with pytest.raises(NonFiniteOutputError, match="the network of model 'damaged' gives NaN or infinity"):
        model.predict(crops(1), [Handedness.RIGHT])


def test_load_model(tmp_path: Path, network: torch.nn.Module) -> None:
    path = tmp_path / "small.safetensors"
    save_model(path, network, DESCRIPTION)
    model = load_model(str(path), "cpu")
    assert model.description.name == "small"
    assert model.device == "cpu"
    expected = HandModel(DESCRIPTION, copy.deepcopy(network), "cpu").predict(crops(), [Handedness.RIGHT] * 3)
    for one, other in zip(model.predict(crops(), [Handedness.RIGHT] * 3), expected, strict=True):
        np.testing.assert_allclose(one.joints, other.joints, atol=2e-4)


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_devices, "has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    for device in ("cuda", "cuda:0"):
        with pytest.raises(DeviceError, match=f"device '{device}' is not there: this machine has 0 CUDA devices"):
            choose_device(device)
    for device in ("gpu", "", "cuda:", "cuda:x", "CPU"):
        with pytest.raises(DeviceError, match="accepted: auto, cpu, cuda, cuda:N"):
            choose_device(device)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == "cuda"
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(DeviceError, match="has 2 CUDA devices"):
        choose_device("cuda:2")
    monkeypatch.setattr(cuda_devices, "has_driver", lambda: False)
    assert choose_device("auto") == "cpu"


def test_the_crop_whose_votes_agree_counts_most() -> None:
    joints = np.array([[[0.0, 0.0, 0.5]], [[0.1, 0.0, 0.5]]], np.float32)
    fused = fuse_crops(Outputs(joints, np.array([[0.0], [0.06]], np.float32), np.zeros((2, 2), np.float32)), 2)
    # Weights 1 / 0.02^2 and 1 / 0.08^2, so 16 : 1.
    np.testing.assert_allclose(fused.joints, [[[0.1 / 17, 0.0, 0.5]]], rtol=1e-5)
    between = (16 * (0.1 / 17) ** 2 + (0.1 * 16 / 17) ** 2) / 17
    np.testing.assert_allclose(fused.spread, [[(between + 0.06**2 / 17) ** 0.5]], rtol=1e-5)


def test_a_model_of_three_views_fuses_three_crops_in_the_camera_frame(network: torch.nn.Module) -> None:
    depth = DepthImage(np.random.default_rng(2).uniform(0.5, 0.7, (240, 320)).astype(np.float32))
    centre = np.array([0.02, -0.03, 0.6])
    alone = HandModel(DESCRIPTION, copy.deepcopy(network), "cpu")
    three = HandModel(DESCRIPTION, copy.deepcopy(network), "cpu", views=3)
    for handedness in (Handedness.RIGHT, Handedness.LEFT):
        turned = [crops_of(alone, depth, CAMERA, centre, roll)[0] for roll in (0.5, 0.25, 0.75)]
        parts = alone.predict(turned, [handedness] * 3)
        together = three.predict(crops_of(three, depth, CAMERA, centre, 0.5), [handedness])
        assert len(together) == 1
        weights = np.stack([1 / (expected_errors(part.joint_scores) + 0.02) ** 2 for part in parts])[..., None]
        mean = (np.stack([part.joints for part in parts]) * weights).sum(0) / weights.sum(0)
        np.testing.assert_allclose(together[0].joints, mean, atol=1e-5)


def test_new_hands_are_judged_on_three_crops_where_the_model_is_calibrated_for_them(network: torch.nn.Module) -> None:
    of_one, of_three = Confidence(min_score=0.6), Confidence(min_score=0.7)
    both = replace(DESCRIPTION, confidences={1: of_one, 3: of_three})
    model = HandModel(both, copy.deepcopy(network), "cpu")
    judge = model.for_new_hands
    assert (model.views, model.confidence) == (1, of_one)
    assert (judge.views, judge.confidence) == (3, of_three)
    assert judge.for_new_hands is judge
    crops = crops_of(judge, DepthImage(np.ones((240, 320), np.float32)), CAMERA, np.array([0, 0, 1.0]))
    assert len(crops) == 3
    assert len(judge.predict(crops, [Handedness.RIGHT])) == 1
    refitted = model.with_confidence(Confidence())
    assert refitted.for_new_hands is refitted, "a calibration sees what it is for, and nothing else"
    for description, views in ((replace(both, confidences={1: of_one}), 1), (both, 3), (DESCRIPTION, 1)):
        alone = HandModel(description, copy.deepcopy(network), "cpu", views=views)
        assert alone.for_new_hands is alone


def test_crops_that_do_not_fit_the_sides_are_refused(model: HandModel) -> None:
    with pytest.raises(ValueError, match="2 hands need 2 crops of this model, got 3"):
        model.predict(crops(), [Handedness.RIGHT] * 2)
