"""The ablation: perfect maps give the joints back, variants differ in what they say, and a stopped run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_files import random_joints, write_nyu
from torch import Tensor

from dense3d_ros import cli
from dense3d_ros.dense.maps import project
from dense3d_ros.learning.ablation import report, run
from dense3d_ros.learning.ablation.crops import RESOLUTION, Crops, cached_crops
from dense3d_ros.learning.ablation.field import (
    FUSIONS,
    GEOMETRY,
    PAPER_FUSION,
    SOFTMAX,
    Fusion,
    Truth,
    decode,
    surface_gap,
    training_loss,
    truth_of,
)
from dense3d_ros.learning.ablation.network import AblationNetwork, Output
from dense3d_ros.learning.ablation.variants import CLAIMS, REFERENCE, VARIANTS, Variant, find_variants

COUNT = 24
BY_NAME = {variant.name: variant for variant in VARIANTS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crops")


@pytest.fixture(scope="module")
def crops(folder: Path) -> Crops:
    return cached_crops(folder / "train.safetensors", "train", COUNT, None)


@pytest.fixture(scope="module")
def truth(crops: Crops) -> Truth:
    return truth_of(crops)


def perfect(variant: Variant, truth: Truth) -> Output:
    """What a network that makes no error says; without masking, zero outside the ball."""
    if variant.holistic:
        return Output(joints=truth.joints)
    hm, h3, um = truth.maps
    offsets = um * (1 - h3)[:, :, None]
    vectors = {"unit": um, "offset": offsets, "none": None}[variant.vectors]
    return Output(hm if variant.heat_2d else None, h3 if variant.heat_3d else None, vectors)


def test_crops_hold_a_right_hand_near_their_centre(crops: Crops) -> None:
    assert crops.images.shape == (COUNT, 1, RESOLUTION, RESOLUTION)
    assert (crops.joints.mean(dim=1) - crops.centres).norm(dim=1).max() < 0.05
    pixels = crops.joints[..., :2] / crops.joints[..., 2:] * crops.cameras[:, None, :2] + crops.cameras[:, None, 2:]
    inside = ((pixels > 0) & (pixels < RESOLUTION - 1)).all(dim=2)
    assert inside.float().mean() > 0.97
    # A mirrored crop whose camera or joints stayed behind would have its joints off the measured surface.
    truth = truth_of(crops)
    cells = project(truth.joints, truth.cameras, truth.centres, GEOMETRY).round().long().clamp(0, RESOLUTION // 4 - 1)
    seen = truth.seen[torch.arange(COUNT)[:, None], 0, cells[..., 1], cells[..., 0]]
    assert seen.float().mean() > 0.75


def test_turned_crops_show_the_same_scene(crops: Crops) -> None:
    """Every measured point and joint is where the turned camera's axes put it; four quarters are none."""
    turned = crops.turned(1)
    points, others = truth_of(crops), truth_of(turned)
    torch.testing.assert_close(others.joints[..., 0], points.joints[..., 1], atol=1e-4, rtol=0)
    torch.testing.assert_close(others.joints[..., 1], -points.joints[..., 0], atol=1e-4, rtol=0)
    shown = project(others.joints, others.cameras, others.centres, GEOMETRY) * GEOMETRY.stride + GEOMETRY.first
    pixels = project(points.joints, points.cameras, points.centres, GEOMETRY) * GEOMETRY.stride + GEOMETRY.first
    torch.testing.assert_close(shown[..., 0], pixels[..., 1], atol=1e-3, rtol=0)
    torch.testing.assert_close(shown[..., 1], RESOLUTION - 1 - pixels[..., 0], atol=1e-3, rtol=0)
    assert torch.equal(turned.images[:, 0, RESOLUTION - 1 - 20, 7], crops.images[:, 0, 7, 20])
    whole = crops.turned(4)
    assert torch.equal(whole.images, crops.images)
    torch.testing.assert_close(whole.cameras, crops.cameras)


def test_crops_are_read_back_and_depend_on_their_number_alone(crops: Crops, folder: Path) -> None:
    again = cached_crops(folder / "train.safetensors", "train", COUNT, None)
    fewer = cached_crops(folder / "fewer.safetensors", "train", 3, None)
    other = cached_crops(folder / "test.safetensors", "test", 3, None)
    assert torch.equal(again.images, crops.images)
    assert torch.equal(fewer.joints, crops.joints[:3])
    assert not torch.equal(other.joints, fewer.joints)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("fusion", [PAPER_FUSION, Fusion("weighted average", 5), SOFTMAX], ids=lambda f: f.name)
def test_perfect_maps_give_the_joints_back(variant: Variant, fusion: Fusion, truth: Truth, crops: Crops) -> None:
    gap = surface_gap(crops)
    found = decode(variant, perfect(variant, truth), truth, gap, fusion)
    error = (found - truth.joints).norm(dim=-1) * 100
    if variant.holistic:
        assert error.max() == 0
        return
    # Joints that no pixel within the ball sees are lost; a surface point is no joint.
    reachable = (truth.maps.h3 * truth.seen).flatten(2).amax(2) > 0.3
    limit = 20 if variant.vectors == "none" else 12
    assert error[reachable].median() < limit, error[reachable].median()
    if variant.vectors == "unit" and fusion == PAPER_FUSION:
        assert error[reachable].median() < 0.01


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_loss_is_least_for_perfect_maps(variant: Variant, truth: Truth, crops: Crops) -> None:
    gap = surface_gap(crops)
    best = training_loss(variant, [perfect(variant, truth)], truth, gap)
    wrong = Output(*(None if part is None else part + 0.3 for part in perfect(variant, truth)))
    assert best < (0.15 if variant.joint_loss else 1e-6)
    assert training_loss(variant, [wrong], truth, gap) > best + 0.05


@pytest.mark.parametrize(("name", "counts"), [("masked", False), (REFERENCE, True)])
def test_masked_vectors_outside_the_ball_do_not_count(name: str, counts: bool, truth: Truth, crops: Crops) -> None:
    variant = BY_NAME[name]
    outside = (truth.maps.um == 0).all(dim=2, keepdim=True)
    right = perfect(variant, truth)
    assert right.vectors is not None
    wrong = right._replace(vectors=right.vectors + 0.5 * outside)
    losses = [training_loss(variant, [output], truth, surface_gap(crops)) for output in (right, wrong)]
    assert (losses[1] > losses[0]) == counts


def test_weighted_average_is_the_weighted_mean_of_the_best_votes(truth: Truth, crops: Crops) -> None:
    variant = BY_NAME["no_2d"]
    output = perfect(variant, truth)
    assert output.h3 is not None
    assert output.vectors is not None
    noisy = output._replace(vectors=output.vectors * 0.5)
    found = decode(variant, noisy, truth, surface_gap(crops), Fusion("weighted average", 1))
    score = (output.h3 * truth.seen).flatten(2)
    best = score.argmax(dim=2)
    index = best[:, :, None, None].expand(-1, -1, 3, 1)
    votes = truth.points[:, None] + noisy.vectors * (0.8 - 0.8 * output.h3)[:, :, None]  # type: ignore[operator]
    expected = votes.flatten(3).gather(3, index)[..., 0]
    torch.testing.assert_close(found, expected)


def test_variants_share_their_trunk_and_say_what_they_are_asked(truth: Truth, crops: Crops) -> None:
    stems: list[Tensor] = []
    for variant in VARIANTS:
        torch.manual_seed(3)
        network = AblationNetwork(variant, 21, 16, RESOLUTION)
        outputs = network(crops.images.float(), truth.points)
        stems.append(torch.cat([parameter.flatten() for parameter in network.trunks[0].parameters()]))
        assert len(outputs) == variant.stacks
        said = [part is not None for part in outputs[-1]]
        dense = not variant.holistic
        vectors = dense and variant.vectors != "none"
        assert said == [dense and variant.heat_2d, dense and variant.heat_3d, vectors, variant.holistic]
        training_loss(variant, outputs, truth, torch.zeros(21)).backward()
        assert all(parameter.grad is not None for parameter in network.stem.parameters())
    assert all(torch.equal(stem, stems[0]) for stem in stems)


def test_claims_name_variants() -> None:
    assert all(claim.better in BY_NAME and claim.worse in BY_NAME for claim in CLAIMS)
    assert find_variants(None) == VARIANTS
    assert [variant.name for variant in find_variants(["direct", "holistic"])] == ["holistic", "direct"]
    with pytest.raises(ValueError, match="no variant is named 'x'; accepted: holistic, "):
        find_variants(["x"])


def test_summary_against_numbers_by_hand() -> None:
    def one(variant: str, seed: int, error: float) -> run.Run:
        fused = {"none": error} if variant == "holistic" else {fusion.name: error for fusion in FUSIONS}
        return run.Run(
            variant=variant,
            seed=seed,
            parameters=1000,
            mean_joint_error_mm=fused,
            median_joint_error_mm=error,
            frame_errors_mm=[error - 1, error + 1],
            training_cpu_seconds=1.0,
            cpu_seconds=2.0,
            wall_seconds=3.0,
        )

    errors = {("holistic", 0): 20.0, ("holistic", 1): 23.0, (REFERENCE, 0): 18.0, (REFERENCE, 1): 24.0}
    summary = report.summarise(run.Settings(8, 2), {}, [one(*key, error) for key, error in errors.items()])
    reference = summary.variants[REFERENCE]
    assert reference.mean_mm == 21
    assert reference.sd_mm == pytest.approx(np.std([18, 24], ddof=1))
    assert reference.frame_standard_error_mm == pytest.approx(1.0)
    (claim,) = summary.claims
    assert claim.claim == "dense beats holistic"
    assert claim.mean_mm == pytest.approx(0.5)
    assert claim.sd_mm == pytest.approx(np.std([2, -1], ddof=1))
    assert (claim.seeds_for, claim.seeds) == (1, 2)
    assert (summary.runs, summary.cpu_seconds) == (4, 8.0)


def test_the_command_goes_on_where_it_was_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["ablate", "--output", str(tmp_path), "--samples", "64", "--test", "6", "--seeds", "2"]
    names = ["holistic", "decomposed", "two_stacks"]
    assert cli.main([*arguments, "--variants", *names[:2]]) == 0
    first = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    assert cli.main([*arguments, "--variants", *names]) == 0
    for name, changed in first.items():
        assert (tmp_path / "runs" / name).stat().st_mtime_ns == changed

    summary = json.loads((tmp_path / "ablation.json").read_text(encoding="utf-8"))
    assert list(summary["variants"]) == names
    assert summary["settings"]["samples"] == 64
    assert "| holistic: coordinates from the features | **" in (tmp_path / "ablation.md").read_text(encoding="utf-8")
    assert (tmp_path / "ablation.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()

    assert cli.main(["ablate", "--output", str(tmp_path), "--samples", "96"]) == 2
    assert "settings.json has other settings" in capsys.readouterr().err


def test_a_run_is_a_function_of_its_seed(crops: Crops) -> None:
    settings = run.Settings(COUNT, COUNT, features=16, batch_size=8)
    gap = surface_gap(crops)
    results = []
    for seed in (0, 0, 1):
        with run.tqdm(total=COUNT, disable=True) as progress:
            network = run.train_variant(BY_NAME[REFERENCE], seed, settings, crops, gap, "cpu", progress)
        errors = run.frame_errors(BY_NAME[REFERENCE], network, crops, gap, "cpu")[PAPER_FUSION.name]
        assert errors.shape == (COUNT, 21)
        results.append(errors)
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


@pytest.mark.parametrize("name", ["holistic", "joint_loss"])
def test_more_samples_are_learned_better(name: str, crops: Crops) -> None:
    variant, gap = BY_NAME[name], surface_gap(crops)
    errors = []
    for times in (1, 30):
        repeated = crops.pick(torch.arange(COUNT).repeat(times))
        settings = run.Settings(len(repeated), COUNT, features=16, batch_size=16, learning_rate=5e-3)
        with run.tqdm(total=len(repeated), disable=True) as progress:
            network = run.train_variant(variant, 0, settings, repeated, gap, "cpu", progress)
        found = run.frame_errors(variant, network, crops, gap, "cpu")
        errors.append(found["none" if variant.holistic else SOFTMAX.name].mean())
    assert errors[1] < 0.9 * errors[0]


def test_nyu_frames_become_crops(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    joints = np.stack([random_joints(rng, 5, 36)] * 3)
    write_nyu(tmp_path, "train", joints, np.full((480, 640), 450, np.uint16))
    crops = cached_crops(tmp_path / "crops.safetensors", "train", 3, tmp_path)
    assert crops.joints.shape == (3, 14, 3)
    scored = [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]
    expected = torch.from_numpy(joints[0, [0, 2, 4]][:, scored] / 1000).float()
    torch.testing.assert_close(crops.joints, expected)
    assert (crops.centres - expected.mean(dim=1)).norm(dim=1).max() < 0.05
    with pytest.raises(ValueError, match="has 5 NYU train frames; 6 were asked for"):
        cached_crops(tmp_path / "more.safetensors", "train", 6, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--samples", "1"], "--samples must be at least 32, got 1"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--dataset", "nyu"], "--dataset nyu needs --root DIR"),
        (["--variants", "x"], "no variant is named 'x'"),
    ],
)
def test_wrong_arguments_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["ablate", "--output", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
