"""Checkpoints: written atomically, and of this network only."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dense3d_ros.learning.training import checkpoint
from dense3d_ros.learning.training.checkpoint import Progress, load_checkpoint, save_checkpoint


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


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path, saved, other = tmp_path / "checkpoint.safetensors", make(0), make(1)
    save_checkpoint(path, *saved, Progress(640, 20, 1.5))
    assert list(tmp_path.iterdir()) == [path]
    assert load_checkpoint(path, *other) == Progress(640, 20, 1.5)
    for expected, tensor in zip(state(*saved), state(*other), strict=True):
        assert torch.equal(tensor, expected)


def test_a_kill_while_it_is_written_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, saved, other = tmp_path / "checkpoint.safetensors", make(0), make(1)
    save_checkpoint(path, *saved, Progress(640, 20))

    def killed(file: Path, data: bytes) -> int:
        with file.open("wb") as half:
            half.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(path, *other, Progress(1280, 40))
    assert load_checkpoint(path, *other).samples == 640
    assert all(torch.equal(a, b) for a, b in zip(state(*saved), state(*other), strict=True))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"progress": "{"},
        {"progress": "[" * 100_000},
        {"progress": "9" * 100_000},
        {"progress": "null"},
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
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors cannot be read as a checkpoint"):
        load_checkpoint(path, *make(0))
    path.unlink()
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors cannot be read"):
        load_checkpoint(path, *make(0))
