"""The graph beside a model's weights: made, checked, refused, and the same joints as eager torch's."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from dense3d_ros import cli
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import Crop, crop_hand
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.perception import graph_file
from dense3d_ros.perception.confidence import Confidence
from dense3d_ros.perception.detector import DETECTOR_FILE
from dense3d_ros.perception.graph_export import refresh_graph
from dense3d_ros.perception.graph_file import graph_path, read_recorded
from dense3d_ros.perception.model import HandModel, load_model
from dense3d_ros.perception.model_description import ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import available_models, model_path, read_model, read_weights, save_model
from dense3d_ros.runtime.onnx_file import split_metadata, with_metadata
from dense3d_ros.runtime.selection import GRAPH_RUNTIMES, available_runtimes

CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
DESCRIPTION = ModelDescription("small", 1, 16, 0.15, 0.1, 64, "Apache-2.0")
TOLERANCE_M = 1e-4
FULL_PRECISION = [
    pytest.param(
        name, marks=pytest.mark.skipif(name not in available_runtimes("cpu"), reason=f"{name} is not installed")
    )
    for name in GRAPH_RUNTIMES
    if name != "openvino_bf16"
]
needs_onnx = pytest.mark.skipif(find_spec("onnx") is None, reason="onnx is not installed")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the shipped model with its graph."""
    path = tmp_path / "mine.safetensors"
    shutil.copyfile(model_path("hand"), path)
    shutil.copyfile(graph_path(model_path("hand")), graph_path(path))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small model with random weights and no graph."""
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_model(path, DESCRIPTION.build_network(), DESCRIPTION)
    return path


@pytest.fixture(scope="module")
def crops() -> list[Crop]:
    """Seven moments of a rendered hand."""
    description = read_model("hand")[0]
    animation = HandAnimation(CAMERA, seed=5, sensor="time_of_flight")
    made: list[Crop] = []
    for index in range(7):
        metres, joints = animation.frame(0.7 * index)
        depth = DepthImage(metres)
        made.append(crop_hand(depth, CAMERA, hand_centre(joints), description.half_size, description.resolution))
    return made


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_recorded(path)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert str(graph_path(path)) in sentence
    assert sentence.endswith(f"make it again with `dense3d export --model {path}`")
    return sentence


@pytest.mark.parametrize("path", [*map(model_path, available_models()), DETECTOR_FILE], ids=lambda path: path.stem)
def test_every_shipped_model_has_its_graph(path: Path) -> None:
    description, _ = read_recorded(path)
    _, metadata = split_metadata(graph_path(path).read_bytes())
    assert json.loads(metadata["description"]) == json.loads(json.dumps(asdict(description)))
    assert graph_path(path).stat().st_size < 1 << 20


@pytest.mark.parametrize("runtime", FULL_PRECISION)
def test_joints_are_those_of_eager_torch(runtime: str, model: Path, crops: list[Crop]) -> None:
    handednesses = [Handedness.RIGHT, Handedness.LEFT, Handedness.UNKNOWN, *[Handedness.RIGHT] * 4]
    expected = HandModel(*read_model(str(model)), "cpu", "torch")
    found = load_model(str(model), "cpu", runtime)
    for size in (1, 7, 3):
        of_torch, of_graph = (one.predict(crops[:size], handednesses[:size]) for one in (expected, found))
        for one, other in zip(of_graph, of_torch, strict=True):
            assert np.linalg.norm(one.joints - other.joints, axis=1).max() < TOLERANCE_M
            np.testing.assert_allclose(one.spread, other.spread, atol=TOLERANCE_M)
            assert one.presence == pytest.approx(other.presence, abs=1e-2)


def test_other_weights_are_refused(model: Path) -> None:
    description, network = read_model(str(model))
    with torch.no_grad():
        next(network.parameters())[0, 0, 0, 0] += 1
    save_model(model, network, description)
    assert "does not belong to mine.safetensors: it was made from other weights" in refusal(model)
    with pytest.raises(ModelFileError, match="it was made from other weights"):
        load_model(str(model), "cpu", available_runtimes("cpu")[-1])


def test_a_description_that_computes_something_else_is_refused(model: Path) -> None:
    description, network = read_model(str(model))
    save_model(model, network, replace(description, half_size=0.16))
    assert "it was made from other weights" in refusal(model)


def test_scores_are_not_in_the_graph(model: Path) -> None:
    description, network = read_model(str(model))
    changed = replace(description, name="mine", confidences={3: Confidence(min_score=0.123)})
    save_model(model, network, changed)
    assert read_recorded(model)[0] == changed


def test_another_version_of_the_export_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_file, "FORMAT", "dense3d_ros graph 2")
    assert "its format is 'dense3d_ros graph 1', accepted: 'dense3d_ros graph 2'" in refusal(model)


def test_damaged_graphs_are_refused(model: Path) -> None:
    path = graph_path(model)
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    body, metadata = split_metadata(data)
    for damaged, reason in (
        (b"", "its format is None"),
        (data[:-1], "no ONNX model, or not all of one"),
        (data[: len(data) // 2], "no ONNX model, or not all of one"),
        (bytes(flipped), "damaged|no ONNX model"),
        (with_metadata(body, metadata | {"sha256": "0" * 64}), "it is damaged"),
        (b"PK\x03\x04" + bytes(range(256)), "no ONNX model"),
    ):
        path.write_bytes(damaged)
        assert any(part in refusal(model) for part in reason.split("|"))


def test_a_model_without_graph_runs_by_torch(small: Path) -> None:
    for runtime in set(available_runtimes("cpu")) & {"openvino"}:
        assert load_model(str(small), "cpu", runtime).runtime == runtime


def test_a_model_without_graph_and_no_torch(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "openvino" not in available_runtimes("cpu"):
        pytest.skip("openvino is not installed")
    monkeypatch.setattr(graph_file, "find_spec", lambda name: None)
    with pytest.raises(
        ModelFileError, match=r"has no graph small\.onnx beside it, .* package torch .* `dense3d export`"
    ):
        load_model(str(small), "cpu", "openvino")
    text = small.with_name("text.safetensors")
    text.write_text("no model, but a text that is longer than a header's length")
    with pytest.raises(ModelFileError, match=r"text\.safetensors cannot be used as a model: it is no safetensors file"):
        load_model(str(text), "cpu", "openvino")


@needs_onnx
def test_the_command_makes_a_graph(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", "--model", str(small)]) == 0
    assert capsys.readouterr().out.strip() == str(graph_path(small))
    assert read_recorded(small)[0] == DESCRIPTION


@needs_onnx
def test_a_graph_with_its_weights_for_others(small: Path, tmp_path: Path) -> None:
    import onnx

    output = tmp_path / "whole.onnx"
    assert cli.main(["export", "--model", str(small), "--output", str(output)]) == 0
    assert not graph_path(small).exists()
    whole = onnx.load(output)
    onnx.checker.check_model(whole, full_check=True)
    stored = {f"network.{name}": values for name, values in read_weights(small)[1].items()}
    for tensor in whole.graph.initializer:
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(tensor), stored[tensor.name].astype(np.float32))
    output.rename(graph_path(small))
    assert read_recorded(small)[0] == DESCRIPTION


def test_an_output_that_is_no_graph(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", "--model", "hand", "--output", "hand.safetensors"]) == 2
    assert (
        "--output must be a file in an existing folder, named *.onnx, got hand.safetensors" in capsys.readouterr().err
    )


def test_a_written_model_has_no_graph_of_others(model: Path) -> None:
    """As after training: its graph is made anew, or removed where the package is missing that makes it."""
    description, network = read_model(str(model))
    with torch.no_grad():
        next(network.parameters())[0, 0, 0, 0] += 1
    save_model(model, network, description)
    refresh_graph(model)
    if find_spec("onnx") is None:
        assert not graph_path(model).exists()
    else:
        assert read_recorded(model)[0] == description
