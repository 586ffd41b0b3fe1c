"""Checkpoints: in small files, whole or not at all, and of this network only."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from dense3d_ros.learning.training import checkpoint
from dense3d_ros.learning.training.checkpoint import Progress, load_checkpoint, save_checkpoint

PART = 4000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PART_BYTES", PART)


def make(seed: int, width: int = 16) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    """A network with some history, its average and its optimiser."""
    torch.manual_seed(seed)
    network = nn.Sequential(*(nn.Linear(width, width) for _ in range(6)))
    average = nn.Sequential(*(nn.Linear(width, width) for _ in range(6)))
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.rand(3, width)).square().sum().backward()
    optimiser.step()
    return network, average, optimiser


def state(network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> list[torch.Tensor]:
    moments = [value for entry in optimiser.state_dict()["state"].values() for value in entry.values()]
    return [*network.state_dict().values(), *average.state_dict().values(), *moments]


def test_parts_are_small_and_come_back(tmp_path: Path) -> None:
    path, saved, other = tmp_path / "checkpoint.safetensors", make(0), make(1)
    save_checkpoint(path, *saved, Progress(640, 20, 1.5))
    files = sorted(tmp_path.iterdir())
    assert len(files) > 4
    assert [files[0].name, files[-1].name] == ["checkpoint-640-2.safetensors", "checkpoint.safetensors"]
    # The header comes on top of the tensors.
    assert all(file.stat().st_size < PART + 2000 for file in files)
    assert load_checkpoint(path, *other) == Progress(640, 20, 1.5)
    for expected, tensor in zip(state(*saved), state(*other), strict=True):
        assert torch.equal(tensor, expected)


def test_a_new_checkpoint_takes_the_old_ones_place(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, *make(0), Progress(640, 20))
    count = len(list(tmp_path.iterdir()))
    save_checkpoint(path, *make(1), Progress(1280, 40))
    assert len(list(tmp_path.iterdir())) == count
    assert not list(tmp_path.glob("checkpoint-640-*"))


def test_a_kill_between_two_files_leaves_the_former_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, saved = tmp_path / "checkpoint.safetensors", make(0)
    save_checkpoint(path, *saved, Progress(640, 20))
    write = checkpoint._write

    def killed(file: Path, *rest: object) -> None:
        if file == path:
            raise KeyboardInterrupt
        write(file, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(path, *make(1), Progress(1280, 40))
    other = make(2)
    assert load_checkpoint(path, *other).samples == 640
    assert all(torch.equal(a, b) for a, b in zip(state(*saved), state(*other), strict=True))
    # The next one clears up what the killed one left.
    save_checkpoint(path, *saved, Progress(1920, 60))
    assert not list(tmp_path.glob("checkpoint-1280-*"))


def test_a_checkpoint_in_one_file_as_it_used_to_be(tmp_path: Path) -> None:
    path, saved, other = tmp_path / "checkpoint.safetensors", make(0), make(1)
    save_file(checkpoint._named(*saved), path, {"progress": '{"samples": 7, "batch": 1, "seconds": 2.0}'})
    assert load_checkpoint(path, *other) == Progress(7, 1, 2.0)
    assert all(torch.equal(a, b) for a, b in zip(state(*saved), state(*other), strict=True))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"progress": "{"},
        {"progress": "[" * 100_000},
        {"progress": "9" * 100_000},
        {"progress": "null"},
        {"progress": "{}", "parts": "3"},
        {"progress": "{}", "parts": '["../checkpoint.safetensors"]'},
        {"progress": '{"samples": 1, "epoch": 2}'},
        {"progress": '{"samples": -4}'},
        {"progress": '{"samples": 1.5}'},
        {"progress": '{"batch": true}'},
        {"progress": '{"batch": 1' + "0" * 20 + "}"},
        {"progress": '{"seconds": NaN}'},
        {"progress": '{"seconds": 1e999}'},
        {"progress": '{"seconds": "long"}'},
    ],
)
def test_damaged_progress_is_one_sentence(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_file(checkpoint._named(*make(0)), path, metadata)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is no checkpoint of a training run") as caught:
        load_checkpoint(path, *make(0))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("name", "value"),
    [("network.0.weight", float("nan")), ("average.3.bias", float("inf")), ("optimiser.2.exp_avg_sq", -1.0)],
)
def test_impossible_tensors_are_refused(tmp_path: Path, name: str, value: float) -> None:
    path, network = tmp_path / "checkpoint.safetensors", make(0)
    tensors = {key: tensor.clone() for key, tensor in checkpoint._named(*network).items()}
    tensors[name].view(-1)[0] = value
    save_file(tensors, path, {"progress": "{}"})
    with pytest.raises(ValueError, match=rf"cannot be continued: {name} holds NaN, Inf or impossible values"):
        load_checkpoint(path, *make(1))


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, *make(0), Progress(640, 20))
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors belongs to another network"):
        load_checkpoint(path, *make(0, width=8))
    part = tmp_path / "checkpoint-640-3.safetensors"
    whole = part.read_bytes()
    part.write_bytes(whole[:-3])
    with pytest.raises(ValueError, match=r"checkpoint-640-3\.safetensors cannot be read as a part of a checkpoint"):
        load_checkpoint(path, *make(0))
    part.unlink()
    with pytest.raises(ValueError, match=r"checkpoint-640-3\.safetensors cannot be read"):
        load_checkpoint(path, *make(0))
    assert load_file(path)
