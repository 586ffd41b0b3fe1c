from __future__ import annotations

import json
import re
import struct
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.evidence import Evidence, Term
from dense3d_ros.perception.model import load_model
from dense3d_ros.perception.model_description import SKELETONS, ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import (
    FORMAT,
    available_models,
    model_path,
    read_any_model,
    read_model,
    save_model,
)

DESCRIPTION = ModelDescription(
    name="small",
    stacks=1,
    features=16,
    half_size=0.15,
    ball_radius=0.1,
    resolution=64,
    licence="Apache-2.0",
    training={"samples": 3},
    errors={"nothing": 12.5},
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model with random weights."""
    path = tmp_path / "small.safetensors"
    torch.manual_seed(0)
    save_model(path, DESCRIPTION.build_network(), DESCRIPTION)
    return path


def test_what_was_saved_comes_back(model: Path) -> None:
    torch.manual_seed(0)
    network = DESCRIPTION.build_network()
    description, read = read_model(str(model))
    assert description == DESCRIPTION
    assert not read.training
    for name, tensor in network.state_dict().items():
        kept = read.state_dict()[name]
        assert kept.dtype == tensor.dtype
        # Matrices are stored in half precision.
        assert torch.equal(kept, tensor.half().float() if tensor.dim() > 1 else tensor), name
    assert [path.name for path in model.parent.iterdir()] == ["small.safetensors"]


def test_confidence_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    fitted = Confidence(
        predictors=(1.0, 3.0), errors_mm=(4.0, 30.0), evidence=Evidence(-1.0, {"presence": Term(0.6)}), min_score=0.7
    )
    confidences = {1: replace(fitted, min_score=0.8), 3: fitted}
    save_model(path, DESCRIPTION.build_network(), replace(DESCRIPTION, confidences=confidences))
    description = read_model(str(path))[0]
    assert description.confidences == confidences
    for views, confidence in confidences.items():
        assert description.confidence(views) == load_model(str(path), "cpu", "torch", views).confidence == confidence


def test_a_model_of_views_that_it_was_not_calibrated_for(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, DESCRIPTION.build_network(), replace(DESCRIPTION, confidences={1: Confidence(min_score=0.7)}))
    model = load_model(str(path), "cpu", "torch", views=3)
    assert model.confidence == Confidence()
    assert "not calibrated for views 3" in model.calibration_doubt
    assert load_model(str(path), "cpu", "torch", views=1).calibration_doubt == ""


@pytest.mark.parametrize("views", [0, 2, 4, -1])
def test_views_that_there_are_not(model: Path, views: int) -> None:
    with pytest.raises(ValueError, match=f"views is {views}; accepted: 1 or 3"):
        load_model(str(model), "cpu", "torch", views)


def test_a_failed_save_keeps_the_old_file(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = model.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("dense3d_ros.perception.model_file.save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_model(model, DESCRIPTION.build_network(), DESCRIPTION)
    assert model.read_bytes() == before


def rewrite(path: Path, *, metadata: dict[str, str] | None = None, **tensors: torch.Tensor | None) -> None:
    """Change the file's metadata and tensors; None removes a tensor."""
    weights: dict[str, Any] = load_file(path) | tensors
    description = json.dumps(asdict(DESCRIPTION))
    save_file(
        {name: tensor for name, tensor in weights.items() if tensor is not None},
        path,
        {"format": FORMAT, "description": description} if metadata is None else metadata,
    )


def with_description(**changes: object) -> dict[str, str]:
    entries = {key: value for key, value in (asdict(DESCRIPTION) | changes).items() if value is not ...}
    return {"format": FORMAT, "description": json.dumps(entries)}


def first_weight(path: Path) -> str:
    return next(name for name in sorted(load_file(path)) if name.endswith("weight"))


def test_an_empty_file(model: Path) -> None:
    model.write_bytes(b"")
    refused(model, "small.safetensors cannot be used as a model: .*[Hh]eader")


@pytest.mark.parametrize("kept", [4, 100, 5000, -1])
def test_a_truncated_file(model: Path, kept: int) -> None:
    model.write_bytes(model.read_bytes()[:kept])
    refused(model, "cannot be used as a model")


def test_a_foreign_file(model: Path) -> None:
    model.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 40)
    refused(model, "cannot be used as a model")


def test_a_header_that_is_no_json(model: Path) -> None:
    model.write_bytes(struct.pack("<Q", 40) + b"{" * 40)
    refused(model, "cannot be used as a model")


def test_somebody_elses_safetensors(model: Path) -> None:
    save_file({"weight": torch.zeros(3)}, model)
    refused(model, f"its format is None, accepted: '{FORMAT}'")


def test_another_version_of_the_format(model: Path) -> None:
    rewrite(model, metadata={"format": "dense3d_ros model 1", "description": "{}"})
    refused(model, f"its format is 'dense3d_ros model 1', accepted: '{FORMAT}'")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "\x00"])
def test_a_description_that_is_none(model: Path, text: str) -> None:
    rewrite(model, metadata={"format": FORMAT, "description": text})
    refused(model, "its description is no JSON")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"licence": ...}, r"lacks \['licence'\]"),
        ({"colour": 3}, r"unknown entries \['colour'\]"),
        ({"stacks": 0}, "stacks must be a whole number within 1..8, got 0"),
        ({"stacks": 1.0}, "stacks must be a whole number within 1..8, got 1.0"),
        ({"stacks": True}, "stacks must be a whole number"),
        ({"features": "16"}, "features must be a whole number within 16..1024, got '16'"),
        ({"features": 17}, "features even"),
        ({"half_size": 15}, "half_size must be a number within 0.05..0.5, got 15"),
        ({"half_size": float("nan")}, "half_size must be a number"),
        ({"ball_radius": None}, "ball_radius must be a number"),
        ({"resolution": 100}, "multiple of 64"),
        ({"views": 1}, r"unknown entries \['views'\]"),
        ({"confidences": [{}]}, r"confidences must be a JSON object, got \[{}\]"),
        ({"confidences": {"2": {}}}, r"confidences must be of 1 or 3 views, got \['2'\]"),
        ({"confidences": {"1": {}, "many": {}}}, r"confidences must be of 1 or 3 views, got \['many'\]"),
        ({"confidences": {"3": []}}, "its confidence of views 3 is wrong: confidence must be an object"),
        ({"confidences": {"1": {"min_score": 2}}}, "its confidence of views 1 is wrong: min_score must lie above 0"),
        ({"skeleton": "nyu14"}, "the skeleton must be hand21"),
        ({"joints": ["wrist"]}, "with its 21 joints"),
        ({"joints": 21}, "joints must be a list of names"),
        ({"name": 5}, "name must be a line of at most 200 characters, got 5"),
        ({"errors": {"nyu": "small"}}, "errors must be numbers"),
        ({"training": "much"}, "must be JSON objects"),
    ],
)
def test_a_description_with_wrong_values(model: Path, changes: dict[str, object], message: str) -> None:
    rewrite(model, metadata=with_description(**changes))
    refused(model, message)


def test_a_missing_weight(model: Path) -> None:
    rewrite(model, **{first_weight(model): None})
    refused(model, "its weights do not fit its description: 1 are missing")


def test_a_foreign_weight(model: Path) -> None:
    rewrite(model, surprise=torch.zeros(2))
    refused(model, r"1 are foreign \(\['surprise'\]\)")


def test_a_weight_of_another_shape(model: Path) -> None:
    name = first_weight(model)
    rewrite(model, **{name: load_file(model)[name][..., None]})
    refused(model, f"{re.escape(name)} is .* expected")


def test_a_weight_of_another_type(model: Path) -> None:
    name = first_weight(model)
    weight = load_file(model)[name]
    rewrite(model, **{name: weight.double()})
    refused(model, f"{re.escape(name)} is no tensor of F16, F32, I64")
    rewrite(model, **{name: weight.half()})
    refused(model, f"{re.escape(name)} is .* float16, expected .* float32")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_no_number(model: Path, value: float) -> None:
    name = first_weight(model)
    weight = load_file(model)[name]
    weight.view(-1)[0] = value
    rewrite(model, **{name: weight})
    refused(model, f"{re.escape(name)} holds NaN or Inf")


def test_a_description_of_another_network(model: Path) -> None:
    rewrite(model, metadata=with_description(stacks=2))
    refused(model, "its weights do not fit its description")


def test_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    with pytest.raises(ModelFileError, match="there is no file"):
        read_model(str(folder))


def test_a_missing_file_and_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"there is no file .*gone.safetensors; accepted: a path that ends in"):
        read_model(str(tmp_path / "gone.safetensors"))
    with pytest.raises(ModelFileError, match="model 'nonsense': there is no file"):
        read_model("nonsense")


def test_a_file_of_another_name_is_judged_by_its_content(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.txt").write_text("no model, but a text that is longer than a header's length")
    Path("model.bin").write_bytes(model.read_bytes())
    Path("hand").write_text("not the shipped one")
    with pytest.raises(ModelFileError, match=r"^model\.txt cannot be used as a model: it is no safetensors file"):
        read_model("model.txt")
    assert read_model("model.bin")[0] == read_model(str(model))[0]
    assert model_path("hand").name == "hand.safetensors"


def test_shipped_models_are_found_by_name() -> None:
    for name in available_models():
        assert model_path(name).stem == name


def test_the_description_refuses_what_cannot_be_built() -> None:
    with pytest.raises(ModelFileError, match="stacks"):
        replace(DESCRIPTION, stacks=9)


def refused(path: Path, message: str) -> None:
    """The file is refused with one line that names it."""
    with pytest.raises(ModelFileError, match=message) as caught:
        read_model(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


PAPER = ModelDescription(
    name="nyu paper",
    stacks=1,
    features=16,
    half_size=0.15,
    ball_radius=0.08,
    resolution=128,
    licence="that of NYU",
    network="paper",
    skeleton="nyu14",
    joints=SKELETONS["nyu14"],
)


def test_the_papers_network_comes_back_and_is_refused_where_a_hand_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "paper.safetensors"
    network = PAPER.build_network()
    save_model(path, network, PAPER)
    description, read = read_any_model(str(path))
    assert description == PAPER
    assert isinstance(read, PaperNetwork)
    assert read.joints == 14
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], tensor, rtol=1e-3, atol=1e-6)
    for load in (read_model, load_model):
        with pytest.raises(
            ModelFileError, match=r"paper\.safetensors cannot be used here: .* skeleton nyu14"
        ) as caught:
            load(str(path))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "transformer"}, "network must be one of hourglass, paper, detector, got 'transformer'"),
        ({"network": "hourglass"}, "the skeleton must be hand21 with its 21 joints, got 'nyu14'"),
        ({"skeleton": "hands2017"}, "the skeleton must be one of hand21, nyu14, icvl16, msra21 with its own joints"),
        ({"skeleton": ["nyu14"]}, "the skeleton must be one of"),
        ({"joints": SKELETONS["icvl16"]}, "the skeleton must be one of"),
        ({"resolution": 64}, "the network paper has"),
        ({"ball_radius": 0.1}, "the network paper has"),
    ],
)
def test_the_papers_description_with_wrong_values(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        replace(PAPER, **changes)


def test_a_file_from_before_there_were_several_networks(model: Path) -> None:
    rewrite(model, metadata=with_description(network=...))
    assert read_model(str(model))[0] == DESCRIPTION


@pytest.mark.parametrize("name", available_models())
def test_followed_hands_are_held_as_long_by_the_calibration_of_new_hands(name: str) -> None:
    """A new place may wait or not by a score of three views and the `hold_score` of one: `would_do_if_followed`."""
    description, _ = read_model(name)
    held = [confidence.hold_score for confidence in description.confidences.values()]
    assert max(held) - min(held) < 0.02
