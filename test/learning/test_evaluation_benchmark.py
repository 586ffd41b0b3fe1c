"""Models scored on data sets in their true formats, by crops from the labels and by their own detector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import dataset_files
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from oracle import Oracle

from dense3d_ros import cli
from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_NAMES
from dense3d_ros.learning.datasets.frames import open_dataset
from dense3d_ros.learning.datasets.icvl import IcvlDataset
from dense3d_ros.learning.datasets.sample import DatasetSample
from dense3d_ros.learning.evaluation.benchmark import evaluate_on_benchmark, write_poses
from dense3d_ros.learning.evaluation.benchmark_models import HandOnBenchmark, common_joints, load_benchmark_model
from dense3d_ros.learning.evaluation.predictions import read_poses
from dense3d_ros.learning.evaluation.synthetic_right_hands import mirrored
from dense3d_ros.perception.model_description import SKELETONS, ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import save_model

FRAMES = 5


@pytest.fixture
def icvl(tmp_path: Path) -> Path:
    """Test frames alone: a disc in front of nothing with joints on it."""
    rng = np.random.default_rng(0)
    depth = np.zeros((240, 320), np.uint16)
    rows, columns = np.mgrid[:240, :320]
    depth[(rows - 120) ** 2 + (columns - 160) ** 2 < 45**2] = 440
    joints = dataset_files.random_joints(rng, FRAMES, 16)
    names = [f"test_seq_1/image_{number:04d}.png" for number in range(FRAMES)]
    lists = {
        "Testing/test_seq_1.txt": dict(zip(names[:3], joints[:3], strict=True)),
        "Testing/test_seq_2.txt": dict(zip(names[3:], joints[3:], strict=True)),
    }
    dataset_files.write_icvl(tmp_path / "icvl", lists, depth)
    return tmp_path / "icvl"


def paper_model(path: Path, skeleton: str) -> Path:
    """A paper's network with random weights."""
    torch.manual_seed(0)
    joints = SKELETONS[skeleton]
    description = ModelDescription(
        "random", 1, 16, 0.15, 0.08, 128, "none", network="paper", skeleton=skeleton, joints=joints
    )
    save_model(path, description.build_network(), description)
    return path


class Shifted:
    """Knows the truth: crops from the labels are 3 mm off, found hands 5 mm, the third is 1 m off, the last unseen."""

    name = "shifted"
    places: tuple[int, ...] = (0, 3, 6)

    def __init__(self) -> None:
        self.seen = 0

    def true_crops(self, samples: Sequence[DatasetSample]) -> list[NDArray[np.floating] | None]:
        joints = [sample.joints[list(self.places)] + np.array([0.003, 0, 0]) for sample in samples]
        return [*joints[:-1], None]

    def found(self, sample: DatasetSample) -> NDArray[np.floating] | None:
        self.seen += 1
        shift = 1.0 if self.seen == 3 else 0.005
        return None if self.seen == FRAMES else sample.joints[list(self.places)] + np.array([0, 0, shift])


def test_both_crops_are_told_apart(icvl: Path) -> None:
    result = evaluate_on_benchmark(Shifted(), IcvlDataset(icvl, "test"))
    assert result.frames == FRAMES
    assert result.scored_joints == ["palm", "thumb_tip", "index_tip"]
    assert len(result.joints_without_prediction) == 13
    oracle, detected = result.oracle_crop, result.detected_crop
    assert oracle["mean_joint_error_mm"] == pytest.approx(3.0, abs=1e-4)
    assert (oracle["frames"], detected["frames"]) == (4, 3)
    assert detected["mean_joint_error_mm"] == pytest.approx(5.0, abs=1e-4)
    assert (detected["found"], detected["in_a_wrong_place"]) == (0.6, 0.2)
    # What was not found is never within D.
    assert detected["frames_within"][9] == pytest.approx(0.6)
    assert evaluate_on_benchmark(Shifted(), IcvlDataset(icvl, "test"), frames=2).frames == 2


def test_too_few_joints_for_a_prediction_file(icvl: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gives 3 of the 16 joints that ICVL scores.*missing: thumb_root"):
        evaluate_on_benchmark(Shifted(), IcvlDataset(icvl, "test"), predictions=tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()


def test_written_poses_are_read_back(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["icvl"]
    joints = dataset_files.random_joints(np.random.default_rng(1), 3, 16) * 0.001
    joints[1] = np.nan
    write_poses(tmp_path / "poses.txt", joints, benchmark)
    back = read_poses(tmp_path / "poses.txt", benchmark)
    np.testing.assert_allclose(back[[0, 2]], joints[[0, 2]], atol=1e-6)
    assert not back[1].any()


def test_a_model_is_scored_and_its_predictions_score_the_same(icvl: Path, tmp_path: Path) -> None:
    model = paper_model(tmp_path / "icvl.safetensors", "icvl16")
    common = ["--dataset", "icvl", "--root", str(icvl)]
    written = tmp_path / "predictions.txt"
    arguments = ["evaluate", "--model", str(model), *common, "--device", "cpu", "--write-predictions", str(written)]
    plot = tmp_path / "plot.png"
    assert cli.main([*arguments, "--json", str(tmp_path / "model.json"), "--plot", str(plot)]) == 0
    result = json.loads((tmp_path / "model.json").read_text())
    assert (result["dataset"], result["frames"], len(result["scored_joints"])) == ("icvl", FRAMES, 16)
    oracle = result["oracle_crop"]
    assert oracle["frames"] == FRAMES
    assert len(oracle["per_joint_mm"]) == 16
    assert 0 <= result["detected_crop"]["found"] <= 1
    assert cv2.imread(str(plot)) is not None

    again = ["evaluate", "--predictions", str(written), *common, "--json", str(tmp_path / "file.json")]
    assert cli.main(again) == 0
    from_file = json.loads((tmp_path / "file.json").read_text())
    assert from_file["mean_joint_error_mm"] == pytest.approx(oracle["mean_joint_error_mm"], abs=1e-3)


def test_a_model_of_another_skeleton_is_refused(tmp_path: Path) -> None:
    model = paper_model(tmp_path / "nyu.safetensors", "nyu14")
    with pytest.raises(ModelFileError, match="gives the joints nyu14; ICVL needs icvl16 or hand21"):
        load_benchmark_model(str(model), BENCHMARKS["icvl"], "cpu")
    with pytest.raises(ValueError, match=f"views is 3; accepted for the paper's network in {model}: 1"):
        load_benchmark_model(str(model), BENCHMARKS["nyu"], "cpu", views=3)


def test_the_joints_that_a_hand_shares_with_the_benchmarks() -> None:
    for name, expected in (
        ("nyu", {"thumb_tip", "thumb_ip", "thumb_mcp"}),
        ("icvl", {"thumb_tip"}),
        ("msra", {"wrist", *(name for name in JOINT_NAMES if name.startswith("thumb"))}),
    ):
        places, indices = common_joints(BENCHMARKS[name])
        shared = {JOINT_NAMES[index] for index in indices}
        assert {joint for joint in shared if joint.startswith(("thumb", "wrist"))} == expected
        assert {"index_tip", "middle_tip", "ring_tip", "little_tip"} <= shared
        assert len(places) == {"nyu": 11, "icvl": 5, "msra": 21}[name]


def test_a_hand_model_is_scored_on_msra(tmp_path: Path) -> None:
    joints = dataset_files.random_joints(np.random.default_rng(0), 9 * 17, 21).reshape(9, 17, 1, 21, 3)
    joints += [0, 0, 20]
    dataset_files.write_msra(tmp_path, joints, np.full((60, 70), 440, np.float32), left=125, top=90)
    dataset = open_dataset("msra", tmp_path, "test", held_out=2)
    benchmark = dataset.benchmark
    truth = Oracle()
    model = HandOnBenchmark(truth, benchmark)
    order = [benchmark.hand_joints[name] for name in JOINT_NAMES]
    sample = dataset[4]
    truth.hands = [(sample.joints[order], True)]
    # The crop's centre is the mean of the labels, from which the oracle's answer is exact.
    np.testing.assert_allclose(model.true_crops([sample])[0], sample.joints, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "hand", "--dataset", "nyu"], "needs --root DIR"),
        (["--model", "hand", "--root", "x"], "go with --dataset nyu|icvl|msra"),
        (["--model", "hand", "--dataset", "nyu", "--root", "nowhere"], "nowhere does not hold NYU"),
        (["--model", "hand", "--dataset", "nyu", "--root", "nowhere", "--samples", "0"], "must be at least 1, got 0"),
        (["--predictions", "a.txt", "--dataset", "nyu"], "either --ground-truth FILE or --root DIR"),
        (["--predictions", "a.txt", "--root", "b"], "--predictions needs --dataset"),
        (["--predictions", "a.txt", "--dataset", "msra", "--root", ".", "--held-out", "9"], "subjects 0..8"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", *arguments, "--json", str(tmp_path / "x.json")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_paper_model_of_21_joints_is_scored_on_synthetic_hands(tmp_path: Path) -> None:
    model = paper_model(tmp_path / "hand.safetensors", "hand21")
    arguments = ["evaluate", "--model", str(model), "--samples", "2", "--device", "cpu"]
    assert cli.main([*arguments, "--json", str(tmp_path / "hand.json")]) == 0
    result = json.loads((tmp_path / "hand.json").read_text())
    assert (result["dataset"], result["frames"]) == ("synthetic-test", 2)
    assert result["scored_joints"] == list(JOINT_NAMES)
    assert result["oracle_crop"]["mean_joint_error_mm"] > 0


def test_a_mirrored_frame_has_its_joints_where_the_image_has_them() -> None:
    camera = Camera(300.0, 310.0, 150.0, 118.0, 320, 240)
    joints = np.array([[0.05, 0.02, 0.5], [-0.03, 0.01, 0.6]], np.float32)
    depth = np.zeros((240, 320), np.float32)
    for (u, v), z in zip(np.rint(camera.project(joints)).astype(int), joints[:, 2], strict=True):
        depth[v, u] = z
    seen = mirrored(DatasetSample(DepthImage(depth), camera, joints, "frame"))
    np.testing.assert_allclose(seen.joints, joints * [-1, 1, 1])
    for (u, v), z in zip(np.rint(seen.camera.project(seen.joints)).astype(int), joints[:, 2], strict=True):
        assert seen.depth.values[v, u] == z
