"""The paper's training: losses in closed form, augmentation, schedule, and a tiny data set that is learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dataset_files
import numpy as np
import pytest
import torch

from dense3d_ros import cli
from dense3d_ros.dense.maps import PAPER, Maps, map_points, sample_depth
from dense3d_ros.dense.paper_crop import (
    Box,
    EmptyCropError,
    crop_millimetres,
    joint_box,
    joint_depth_limit,
    normalise_depth,
    reference_point,
)
from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import SKELETON
from dense3d_ros.learning.datasets.frames import PaperFrame
from dense3d_ros.learning.training.paper import PaperMethod, paper_loss, squared_weights
from dense3d_ros.learning.training.paper_augmentation import (
    augment,
    rotate_image,
    rotate_pixels,
    stretch_image,
    stretch_pixels,
)
from dense3d_ros.learning.training.paper_data import Cropping, PaperBatch, PaperBatches
from dense3d_ros.learning.training.paper_frames import DatasetFrames, PaperData, open_data
from dense3d_ros.learning.training.paper_recipe import PaperRecipe
from dense3d_ros.learning.training.processes import Processes
from dense3d_ros.learning.training.train import _Run, train
from dense3d_ros.perception.model_file import read_any_model

TINY = PaperRecipe(name="tiny", stacks=1, features=16, epochs=2, batch_size=2, accumulate=2, l2=0.0)


@pytest.fixture(scope="module")
def icvl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames to learn and two to test, all the same: a disc in front of nothing, joints on it."""
    root = tmp_path_factory.mktemp("icvl")
    joints = dataset_files.random_joints(np.random.default_rng(0), 1, 16)[0] * [0.5, 0.5, 1.0]
    depth = np.zeros((240, 320), np.uint16)
    rows, columns = np.mgrid[:240, :320]
    depth[(rows - 120) ** 2 + (columns - 160) ** 2 < 45**2] = 440

    def frames(folder: str, count: int) -> dict[str, np.ndarray]:
        return {f"{folder}/image_{n:04d}.png": joints for n in range(count)}

    lists = {
        "Training/labels.txt": frames("201403121135", 6),
        "Testing/test_seq_1.txt": frames("test_seq_1", 1),
        "Testing/test_seq_2.txt": frames("test_seq_2", 1),
    }
    dataset_files.write_icvl(root, lists, depth)
    return root


def disc_frame() -> PaperFrame:
    depth = np.zeros((240, 320), np.float32)
    depth[80:150, 120:200] = 500.0
    camera = Camera(240.0, 240.0, 160.0, 120.0, 320, 240)
    pixels = np.array([[130.0, 90.0], [190.0, 100.0], [150.0, 140.0], [165.0, 112.0]])
    return PaperFrame(depth, camera, camera.back_project(pixels, np.full(4, 510.0)).astype(np.float32))


def one_batch() -> PaperBatch:
    crop, joints = Cropping().training_crop(np.random.default_rng(4), disc_frame())
    return PaperBatch.from_crops([crop, crop], [joints, joints])


def test_loss_of_empty_maps_is_half_the_squared_targets() -> None:
    batch = one_batch()
    nothing = Maps(torch.zeros(2, 4, 32, 32), torch.zeros(2, 4, 32, 32), torch.zeros(2, 4, 3, 32, 32))
    loss, parts = paper_loss([nothing, nothing], batch)

    points = map_points(sample_depth(batch.images, PAPER), batch.cameras, batch.centres, PAPER)
    metres = points[0].double().numpy() * 100 + batch.centres[0].double().numpy()[:, None, None]
    fx, fy, cx, cy = batch.cameras[0].double().numpy()
    rows, columns = np.mgrid[:32, :32]
    cone = ball = inside = 0.0
    for x, y, z in batch.joints[0].double().numpy():
        u, v = (x / z * fx + cx) / 4, (y / z * fy + cy) / 4
        cone += (np.maximum(0, 4 - np.hypot(columns - u, rows - v)) ** 2 / 16).sum()
        distance = np.linalg.norm(metres - np.array([x, y, z])[:, None, None], axis=0)
        ball += (np.maximum(0, 80 - distance) ** 2 / 6400).sum()
        # Inside the ball the target is a unit vector, whose square is 1.
        inside += np.count_nonzero(distance < 79)
    # Two samples, two stacks, one half.
    assert float(parts["heat_2d"]) == pytest.approx(2 * cone, rel=1e-4)
    assert float(parts["heat_3d"]) == pytest.approx(2 * ball, rel=1e-4)
    assert float(parts["vectors"]) == pytest.approx(2 * inside, abs=2.1)
    assert float(loss) == pytest.approx(2 * (cone + ball + inside), rel=1e-3)


def test_weights_that_are_drawn_to_zero_are_all_convolutions_but_those_between_stacks() -> None:
    network = PaperNetwork(joints=3, stacks=2, features=8)
    with torch.no_grad():
        for module in (*network.maps_to_next, *network.features_to_next):
            module.weight.fill_(1e3)
    expected = sum(
        float(parameter.detach().double().square().sum())
        for name, parameter in network.named_parameters()
        if parameter.dim() == 4 and "to_next" not in name
    )
    assert float(squared_weights(network).detach()) == pytest.approx(expected, rel=1e-4)


def test_mean_loss_is_the_sum_over_the_number_of_map_pixels(icvl: Path) -> None:
    losses = {}
    for kind in ("sum", "mean"):
        recipe = replace(TINY, loss=kind, l2=0.1)
        method = PaperMethod(recipe, open_data(recipe, "icvl", icvl))
        batch = next(iter(method.batches(method.stages[0], 0, 1, 1)))
        torch.manual_seed(0)
        network = method.build_network().eval()
        losses[kind], parts = method.loss(network, batch)
    assert float(parts["weights"]) == pytest.approx(0.05 * float(squared_weights(network).detach()), rel=1e-5)
    assert float(losses["sum"]) == pytest.approx(float(losses["mean"]) * 2 * 16 * 32 * 32, rel=1e-5)


def test_schedule_clipping_and_optimiser(icvl: Path) -> None:
    recipe = replace(TINY, epochs=80)
    method = PaperMethod(recipe, open_data(recipe, "icvl", icvl))
    epoch = 6
    assert method.stages[0].samples == 80 * epoch
    # ICVL decays every 20 epochs.
    rates = [method.learning_rate(epoch * number) for number in (0, 19, 20, 39, 40, 79)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-6])
    group = method.optimiser(method.build_network()).param_groups[0]
    assert (group["lr"], group["betas"], group["eps"]) == (1e-3, (0.5, 0.999), 1e-8)
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([3.0, -4.0, 0.1])
    assert float(method.clip_gradients([weight])) == pytest.approx(np.sqrt(25.01))
    torch.testing.assert_close(weight.grad, torch.tensor([0.2, -0.2, 0.1]))
    by_norm = PaperMethod(replace(recipe, clip="norm"), method.frames)
    weight.grad = torch.tensor([3.0, -4.0, 0.0])
    by_norm.clip_gradients([weight])
    torch.testing.assert_close(weight.grad, torch.tensor([0.12, -0.16, 0.0]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("angle", [0.0, 0.5, np.pi / 2, -2.0, np.pi])
def test_a_turned_dot_is_where_its_pixel_was_turned_to(angle: float) -> None:
    for row, column in ((64, 64), (40, 70), (90, 52)):
        crop = np.zeros((128, 128), np.float32)
        crop[row, column] = 1.0
        turned = np.argwhere(rotate_image(crop, angle) > 0)
        expected = rotate_pixels(np.array([[column, row]], float), angle)[0]
        # Nearest sampling may repeat a pixel or skip it.
        assert all(np.hypot(*(dot[::-1] - expected)) < 1.01 for dot in turned)
    crop = np.zeros((128, 128), np.float32)
    crop[40:43, 70:73] = 1.0
    middle = np.argwhere(rotate_image(crop, angle) > 0).mean(axis=0)[::-1]
    np.testing.assert_allclose(middle, rotate_pixels(np.array([[71.0, 41.0]]), angle)[0], atol=0.35)


def test_a_quarter_turn_is_counter_clockwise_on_screen() -> None:
    # What is right of the middle goes up.
    np.testing.assert_allclose(rotate_pixels(np.array([[74.0, 64.0]]), np.pi / 2), [[64.0, 54.0]], atol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(128, 128), (115, 140), (140, 115), (121, 137)])
def test_a_stretched_patch_is_where_its_pixels_went(height: int, width: int) -> None:
    crop = np.zeros((128, 128), np.float32)
    crop[30:41, 80:91] = 1.0
    middle = np.argwhere(stretch_image(crop, height, width) > 0).mean(axis=0)[::-1]
    np.testing.assert_allclose(middle, stretch_pixels(np.array([[85.0, 35.0]]), height, width)[0], atol=0.6)
    image = stretch_image(np.ones((128, 128), np.float32), height, width)
    assert image.sum() == pytest.approx(min(height, 128) * min(width, 128), abs=300)


def test_augmentation_keeps_depths_and_moves_joints_with_the_image() -> None:
    crop, camera = np.zeros((128, 128), np.float32), Camera(240.0, 240.0, 64.0, 64.0, 128, 128)
    crop[50:60, 70:80] = 500.0
    joint = camera.back_project(np.array([[74.5, 54.5]]), np.array([505.0])).astype(np.float32)
    for seed in range(20):
        moved, joints = augment(np.random.default_rng(seed), crop, camera, joint)
        assert joints[0, 2] == pytest.approx(505.0)
        middle = np.argwhere(moved > 0).mean(axis=0)[::-1]
        assert np.hypot(*(camera.project(joints)[0] - middle)) < 1.0
        assert set(np.unique(moved)) <= {0.0, 500.0}


def test_the_rotation_quirk_turns_the_image_about_another_point() -> None:
    crop = np.zeros((128, 128), np.float32)
    crop[60:69, 60:69] = 1.0
    right = np.argwhere(rotate_image(crop, np.pi) > 0).mean(axis=0)
    published = np.argwhere(rotate_image(crop, np.pi, 63.5) > 0).mean(axis=0)
    np.testing.assert_allclose(right - published, 1.0)
    camera, joints = Camera(240.0, 240.0, 64.0, 64.0, 128, 128), np.array([[0.0, 0.0, 500.0]], np.float32)
    turned = {
        quirk: [
            augment(np.random.default_rng(seed), crop, camera, joints, half_pixel_rotation=quirk) for seed in range(6)
        ]
        for quirk in (False, True)
    }
    assert not all(np.array_equal(a[0], b[0]) for a, b in zip(*turned.values(), strict=True))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(*turned.values(), strict=True))


def test_the_centre_is_that_of_the_turned_crop_unless_stale() -> None:
    frame = disc_frame()
    # Deeper to the right, so that what a stretch cuts off changes the mean.
    frame.depth[80:150, 120:200] += np.arange(80, dtype=np.float32)
    fresh, _ = Cropping().training_crop(np.random.default_rng(2), frame)
    stale, _ = Cropping(stale_centre=True).training_crop(np.random.default_rng(2), frame)
    pixels = frame.camera.project(frame.joints)
    limit = joint_depth_limit(frame.depth, pixels)
    crop, camera = crop_millimetres(frame.depth, frame.camera, joint_box(pixels, frame.camera), limit)
    np.testing.assert_array_equal(stale.centre, reference_point(crop, camera))
    turned, _ = augment(np.random.default_rng(2), crop, camera, frame.joints)
    np.testing.assert_array_equal(fresh.centre, reference_point(turned, camera))
    assert abs(stale.centre[2] - fresh.centre[2]) > 0.01


def test_near_holes_are_surface_only_if_asked_for() -> None:
    crop = np.array([[0.0, 240.0]], np.float32)
    assert normalise_depth(crop, 250.0)[0, 0] == -1
    assert normalise_depth(crop, 250.0, near_holes_are_surface=True)[0, 0] == pytest.approx(-100 / 300)
    assert normalise_depth(crop, 350.0, near_holes_are_surface=True)[0, 0] == -1
    frame = disc_frame()
    near = PaperFrame(frame.depth * np.float32(0.5), frame.camera, frame.joints * np.float32(0.5))
    images = [
        Cropping(near_holes_are_surface=quirk).training_crop(np.random.default_rng(1), near)[0].image
        for quirk in (False, True)
    ]
    assert (images[0] == -1).any()
    assert not (images[1] == -1).any()


def test_jittered_boxes_move_and_stay_in_the_image() -> None:
    frame = disc_frame()
    cameras = {
        jitter: {
            Cropping(box_jitter=jitter).training_crop(np.random.default_rng(seed), frame)[0].camera.cx
            for seed in range(6)
        }
        for jitter in (0.0, 5.0)
    }
    assert (len(cameras[0.0]), len(cameras[5.0])) == (1, 6)
    rng = np.random.default_rng(0)
    for _ in range(50):
        box = Cropping(box_jitter=300.0)._jittered(rng, Box(100, 100, 180, 200), frame.camera)
        assert 0 <= box.top <= box.bottom - 40 <= 200
        assert 0 <= box.left <= box.right - 40 <= 280


def test_msra_can_be_trained_on_its_test_subject_as_published(tmp_path: Path) -> None:
    joints = dataset_files.random_joints(np.random.default_rng(0), 9 * 17, 21).reshape(9, 17, 1, 21, 3)
    dataset_files.write_msra(tmp_path, joints, np.full((100, 100), 450, np.float32), left=110, top=70)
    for quirks, subjects in (
        ((), {f"P{subject}" for subject in (0, 1, 2, 4, 5, 6, 7, 8)}),
        (("train_on_test_subject",), {"P3"}),
    ):
        data = open_data(replace(TINY, quirks=quirks), "msra", tmp_path, held_out=3)
        assert len(data.training) == 8 * 17
        assert isinstance(data.training, DatasetFrames)
        dataset = data.training.dataset
        assert {dataset.image(n).parents[1].name for n in range(len(dataset))} == subjects
        assert data.skeleton == "msra21"
    first = [data.training.frame(number).joints for number in range(17)]
    second = [data.training.frame(number).joints for number in range(17, 34)]
    assert not np.array_equal(first, second), "every round has its own order"
    np.testing.assert_array_equal(np.sort(np.ravel(first)), np.sort(np.ravel(second)))


def test_published_cameras(icvl: Path) -> None:
    plain, published = (
        open_data(replace(TINY, quirks=quirks), "icvl", icvl).training.frame(0)
        for quirks in ((), ("published_cameras",))
    )
    assert (plain.camera.fx, published.camera.fx, published.camera.fy) == (240.99, 241.42, 241.42)
    np.testing.assert_allclose(
        plain.camera.project(plain.joints), published.camera.project(published.joints), atol=1e-3
    )
    assert (plain.depth_limit, plain.joints.shape) == (500.0, (16, 3))


def test_batches_depend_on_their_number_only(icvl: Path) -> None:
    data = open_data(TINY, "icvl", icvl)

    def images(first: int, count: int, stride: int) -> list[torch.Tensor]:
        batches = PaperBatches(data.training, Cropping(), seed=1, batch_size=2, first=first, count=count, stride=stride)
        return [batch.images for batch in batches]

    one_by_one, every_other = images(0, 5, 1), images(0, 3, 2)
    for a, b in zip(one_by_one[::2], every_other, strict=True):
        assert torch.equal(a, b)
    assert torch.equal(images(4, 1, 1)[0], one_by_one[4])
    # Turned anew in the next round, three batches later.
    assert not any(torch.equal(one_by_one[0], image) for image in one_by_one[1:])


def test_frames_without_depth_are_replaced() -> None:
    class Flaky:
        def __len__(self) -> int:
            return 2

        def frame(self, number: int) -> PaperFrame:
            frame = disc_frame()
            return frame if number % 2 else PaperFrame(frame.depth * 0, frame.camera, frame.joints)

    (batch,) = PaperBatches(Flaky(), Cropping(), seed=0, batch_size=4, first=0, count=1)
    assert (batch.images > -1).flatten(1).any(1).all()

    class Empty(Flaky):
        def frame(self, number: int) -> PaperFrame:
            return super().frame(0)

    with pytest.raises(ValueError, match="100 training frames in a row cannot be cropped: no joint pixel"):
        next(iter(PaperBatches(Empty(), Cropping(), seed=0, batch_size=1, first=0, count=1)))
    data = PaperData("synthetic", SKELETON, Empty(), "nothing", Empty(), "nothing")
    with pytest.raises(ValueError, match="none of nothing can be cropped"):
        next(PaperMethod(TINY, data).validation())
    assert issubclass(EmptyCropError, ValueError)


def test_a_tiny_data_set_is_learned(icvl: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, epochs=4, accumulate=1, learning_rate=3e-3)
    method = PaperMethod(recipe, open_data(recipe, "icvl", icvl))
    fixed = next(iter(method.batches(method.stages[0], 0, 1, 1)))
    run = _Run(method, tmp_path, Processes(torch.device("cpu")))
    before, _ = method.loss(run.state.network.train(), fixed)
    run.learn(method.stages[0], until=24, workers=0)
    after, parts = method.loss(run.state.network.train(), fixed)
    assert float(after.detach()) < 0.9 * float(before.detach())
    assert float(parts["joint_mm"]) > 0
    description, network = read_any_model(str(run.finish()))
    assert isinstance(network, PaperNetwork)
    assert (description.network, description.skeleton, len(description.joints)) == ("paper", "icvl16", 16)
    assert description.training["samples"] == 24
    assert "ICVL" in description.training["data"]
    assert list(description.errors) == ["ICVL test, true crop, 2 frames"]


def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    icvl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = PaperMethod(TINY, open_data(TINY, "icvl", icvl))
    train(method, tmp_path / "whole", workers=0)
    with monkeypatch.context() as patch:
        patch.setattr(_Run, "_is_over", lambda run, deadline: run.progress.samples >= 4)
        train(method, tmp_path / "stopped", workers=0, seconds=1.0)
    description, _ = read_any_model(str(tmp_path / "stopped" / "model.safetensors"))
    assert description.training["samples"] == 4
    train(method, tmp_path / "stopped", workers=0)

    whole, resumed = (
        read_any_model(str(tmp_path / name / "model.safetensors"))[1].state_dict() for name in ("whole", "stopped")
    )
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, msg=name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "paper", "--data", "nyu"], "--data nyu needs --root DIR"),
        (["--recipe", "paper", "--root", "."], "--root goes with --data"),
        (
            ["--recipe", "paper", "--data", "nyu", "--root", "nowhere"],
            "nowhere does not hold NYU: expected nowhere/test",
        ),
        (["--recipe", "paper", "--data", "msra", "--root", ".", "--held-out", "9"], "subjects 0..8"),
        (["--recipe", "hand", "--data", "icvl", "--root", "."], "--data icvl needs a recipe of the paper's network"),
        (["--recipe", "paper", "--seconds", "-1"], "--seconds must be at least 0, got -1"),
        (["--recipe", "empty.yaml"], "empty.yaml is empty; expected a training recipe"),
    ],
)
def test_wrong_arguments(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.yaml").touch()
    assert cli.main(["train", *arguments, "--output", "run", "--device", "cpu"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not Path("run").exists()
