"""Prediction files in the community's format, and the published results of denseReg where its files are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dense3d_ros.cli import main
from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.learning.evaluation.predictions import read_poses, score_predictions

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "benchmarks"


def write_poses(path: Path, points: np.ndarray, dataset: str) -> None:
    """points: (N, J, 3) millimetres."""
    camera = BENCHMARKS[dataset].camera
    u = points[..., 0] / points[..., 2] * camera.fx + camera.cx
    v = points[..., 1] / points[..., 2] * camera.fy + camera.cy
    rows = np.stack([u, v, points[..., 2]], axis=-1).reshape(len(points), -1)
    path.write_text("\n".join(" ".join(f"{value:.5f}" for value in row) for row in rows) + "\n")


@pytest.mark.parametrize(("dataset", "mean"), [("nyu", 10.214), ("icvl", 7.239)])
def test_published_results(tmp_path: Path, dataset: str, mean: float) -> None:
    if not PUBLISHED.is_dir():
        pytest.skip("the prediction files of denseReg are not in ../shared/data/benchmarks")
    output = tmp_path / "result.json"
    arguments = ["--predictions", f"{PUBLISHED}/{dataset}_densereg_uvd.txt", "--dataset", dataset]
    arguments += ["--ground-truth", f"{PUBLISHED}/{dataset}_test_groundtruth_label.txt", "--json", str(output)]
    assert main(["evaluate", *arguments]) == 0
    result = json.loads(output.read_text())
    assert result["mean_joint_error_mm"] == pytest.approx(mean, abs=5e-4)
    assert result["frames"] == BENCHMARKS[dataset].frames["test"]


@pytest.mark.parametrize(("dataset", "joints"), [("nyu", 14), ("icvl", 16), ("msra", 21)])
def test_known_errors(tmp_path: Path, dataset: str, joints: int) -> None:
    """Every joint of frame n is off by n + 1 mm along z and x, the last by 40 mm more."""
    rng = np.random.default_rng(joints)
    truth = rng.uniform([-80, -80, 400], [80, 80, 700], (3, joints, 3))
    predicted = truth.copy()
    predicted[:, :, 0] += 0.6 * np.arange(1, 4)[:, None]
    predicted[:, :, 2] -= 0.8 * np.arange(1, 4)[:, None]
    predicted[1, -1] = truth[1, -1] + [0, 42, 0]
    files = tmp_path / "predicted.txt", tmp_path / "truth.txt"
    for path, points in zip(files, (predicted, truth), strict=True):
        write_poses(path, points, dataset)
    result = score_predictions(*files, dataset)
    assert result["mean_joint_error_mm"] == pytest.approx((6 * joints + 40) / (3 * joints), abs=1e-3)
    assert result["median_joint_error_mm"] == pytest.approx(2, abs=1e-3)
    assert list(result["per_joint_mm"].values()) == pytest.approx([2.0] * (joints - 1) + [46 / 3], abs=1e-3)
    assert result["frames_within"][3] == pytest.approx(2 / 3)
    assert (result["frames_within"][40], result["frames_within"][42]) == (pytest.approx(2 / 3), 1)
    np.testing.assert_allclose(read_poses(files[1], BENCHMARKS[dataset]), truth / 1000, atol=1e-6)


def test_files_are_refused_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    line = " ".join(["100 100 500"] * 14)
    good.write_text(f"{line}\n{line}\n")
    for content, message in (
        (f"{line}\n{line} 1\n", "line 2: 43 numbers, expected 42"),
        (f"{line}\n\n{line[:-3]}abc\n", "line 3: could not convert"),
        (f"{line[:-3]}nan\n", "line 1: holds NaN or Inf"),
        ("\n", "is empty"),
        (f"{line}\n", f"holds 1 frames, {good} 2"),
    ):
        bad.write_text(content)
        arguments = ["--predictions", str(bad), "--ground-truth", str(good), "--dataset", "nyu"]
        assert main(["evaluate", *arguments, "--json", str(tmp_path / "no.json")]) == 2
        error = capsys.readouterr().err
        assert str(bad) in error
        assert message in error
        assert error.count("\n") == 1
    bad.unlink()
    with pytest.raises(ValueError, match=r"bad\.txt cannot be read"):
        score_predictions(bad, good, "nyu")
    with pytest.raises(ValueError, match="dataset 'hands' is unknown; accepted: nyu, icvl, msra"):
        score_predictions(good, good, "hands")
    assert not (tmp_path / "no.json").exists()


def test_arguments_that_do_not_fit_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = ["--json", str(tmp_path / "no.json")]
    assert main(["evaluate", "--predictions", "a.txt", *output]) == 2
    assert "needs --dataset nyu|icvl|msra and either --ground-truth FILE" in capsys.readouterr().err
    assert main(["evaluate", "--model", "hand", "--dataset", "nyu", *output]) == 2
    assert "--dataset needs --root DIR" in capsys.readouterr().err
    assert main(["evaluate", "--model", "hand", "--samples", "0", *output]) == 2
    assert "--samples must be at least 2, got 0" in capsys.readouterr().err


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    truth = np.random.default_rng(3).uniform([-80, -80, 400], [80, 80, 700], (5, 16, 3))
    files = tmp_path / "predicted.txt", tmp_path / "truth.txt"
    for path, points in zip(files, (truth + 5, truth), strict=True):
        write_poses(path, points, "icvl")
    plot = tmp_path / "new" / "curve.png"
    arguments = ["--predictions", str(files[0]), "--ground-truth", str(files[1]), "--dataset", "icvl"]
    assert main(["evaluate", *arguments, "--json", str(tmp_path / "r.json"), "--plot", str(plot)]) == 0
    image = cv2.imread(str(plot))
    assert image is not None
    assert image.std() > 10
    assert sorted(path.name for path in plot.parent.iterdir()) == ["curve.png"]
