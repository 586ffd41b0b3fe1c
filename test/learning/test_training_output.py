"""Model files in the folder of a run: a calibrated one and another recipe's are never overwritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dense3d_ros import cli
from dense3d_ros.learning.training import hourglass
from dense3d_ros.learning.training.checkpoint import Progress
from dense3d_ros.learning.training.curves import LOG_STEPS, Curves, drop_later_rows
from dense3d_ros.learning.training.hourglass import HourglassMethod
from dense3d_ros.learning.training.recipe import Recipe, Stage
from dense3d_ros.learning.training.train import train
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.model_file import available_models, model_path, read_model, save_model

SHORT = Recipe(name="short", stages=(Stage(samples=8, resolution=64),), features=16, batch_size=4, warm_up_samples=4)
LONGER = replace(SHORT, stages=(Stage(samples=16, resolution=64),))
FITTED = Confidence(min_score=0.5, fitted={"images_with_hand": 1})


@pytest.fixture(autouse=True)
def small_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hourglass, "VALIDATION_BATCHES", 1)
    monkeypatch.setattr(hourglass, "VALIDATION_BATCH_SIZE", 4)


@pytest.fixture
def calibrated(tmp_path: Path) -> Path:
    """A finished run whose model was calibrated since."""
    model = train(HourglassMethod(SHORT), tmp_path, workers=0)
    assert model == tmp_path / "model.safetensors"
    description, network = read_model(str(model))
    save_model(model, network, replace(description, confidences={1: FITTED}))
    return model


def models(folder: Path) -> list[str]:
    names = (file.name for file in folder.glob("*.safetensors"))
    return sorted(name for name in names if not name.startswith("checkpoint"))


def test_finishing_a_run_again_keeps_the_calibration(calibrated: Path) -> None:
    before = calibrated.read_bytes()
    assert train(HourglassMethod(SHORT), calibrated.parent, workers=0) == calibrated
    assert calibrated.read_bytes() == before
    assert models(calibrated.parent) == ["model.safetensors"]


def test_another_recipe_writes_a_file_of_its_own(calibrated: Path) -> None:
    before = calibrated.read_bytes()
    second = train(HourglassMethod(replace(SHORT, name="other")), calibrated.parent, workers=0)
    assert second == calibrated.with_name("other.safetensors")
    assert read_model(str(second))[0].name == "other"
    assert calibrated.read_bytes() == before


def test_a_run_that_goes_on_leaves_the_calibrated_model(calibrated: Path) -> None:
    before = calibrated.read_bytes()
    for _ in range(2):
        later = train(HourglassMethod(LONGER), calibrated.parent, workers=0)
        assert later == calibrated.with_name("short.safetensors")
    assert read_model(str(later))[0].training["samples"] == 16
    assert calibrated.read_bytes() == before
    assert models(calibrated.parent) == ["model.safetensors", "short.safetensors"]


def test_new_weights_do_not_pass_for_the_calibrated_ones(calibrated: Path) -> None:
    (calibrated.parent / "checkpoint.safetensors").unlink()
    second = train(HourglassMethod(replace(SHORT, seed=1)), calibrated.parent, workers=0)
    assert second == calibrated.with_name("short.safetensors")


def test_a_file_that_is_no_model_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "model.safetensors"
    foreign.write_bytes(b"something else")
    model = train(HourglassMethod(replace(SHORT, name="by me/2")), tmp_path, workers=0)
    assert model == tmp_path / "by_me_2.safetensors"
    assert foreign.read_bytes() == b"something else"


@pytest.mark.parametrize("spelled", [str, lambda name: str(model_path(name))], ids=["name", "path"])
def test_calibrating_a_shipped_model_needs_an_output(
    spelled: Callable[[str], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dense3d_ros.learning.calibration.calibrate.calibrate_file", None)
    name = available_models()[0]
    assert cli.main(["calibrate", "--model", spelled(name)]) == 2
    assert "is a shipped model; name the file to write with --output" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["nowhere/fitted.safetensors", "fitted.txt"])
def test_a_calibration_that_cannot_be_written_is_refused_beforehand(
    output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dense3d_ros.learning.calibration.calibrate.calibrate_file", None)
    assert cli.main(["calibrate", "--model", available_models()[0], "--output", str(tmp_path / output)]) == 2
    assert "--output must be a file in an existing folder, named *.safetensors" in capsys.readouterr().err


def test_rows_of_steps_that_a_killed_run_did_not_keep_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    drop_later_rows(path, 9600)
    assert not path.exists()
    path.write_text("")
    drop_later_rows(path, 9600)
    path.write_text("samples,loss\n70000,2.0\n4800,1.0\n9600,0.9\n14400,0.8\n960")
    drop_later_rows(path, 4000)
    assert path.read_text().splitlines() == ["samples,loss", "70000,2.0"], "another run's"
    path.write_text("samples,loss\n4800,1.0\n9600,0.9\n14400,0.8\n960")
    drop_later_rows(path, 9600)
    assert path.read_text().splitlines() == ["samples,loss", "4800,1.0", "9600,0.9"]
    curves = Curves(path, 128)
    for step in range(LOG_STEPS):
        curves.add({"loss": torch.tensor(0.5)}, Progress(samples=9600 + 96 * (step + 1)), 0.01)
    assert [row.split(",")[0] for row in path.read_text().splitlines()] == ["samples", "4800", "9600", "14400"]


@pytest.mark.parametrize("warm_up", [0, 10_000, 20_000])
def test_a_rate_without_warm_up_or_of_nothing_else_is_a_number(warm_up: int) -> None:
    recipe = Recipe("short", (Stage(10_000, 128),), learning_rate=0.02, warm_up_samples=warm_up)
    rates = [recipe.rate_after(samples) for samples in range(0, 10_001, 100)]
    assert all(0 < rate <= 0.02 for rate in rates)
