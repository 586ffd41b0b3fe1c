"""Model files that are damaged, hostile or cannot be read: one bounded sentence each, within bounds of memory."""

from __future__ import annotations

import json
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dense3d_ros.perception.model import HandModel, load_model
from dense3d_ros.perception.model_description import SKELETONS, ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import available_models, model_path, read_model, save_model
from dense3d_ros.runtime.interface import RuntimeUnavailableError
from dense3d_ros.runtime.selection import DeviceError
from faults.model_damages import ModelFile
from faults.model_files import LONGEST_SENTENCE, Campaign

DESCRIPTION = ModelDescription("small", 1, 16, 0.15, 0.1, 64, "Apache-2.0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small model with random weights."""
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_model(path, DESCRIPTION.build_network(), DESCRIPTION)
    return path


def refusal(name_or_path: str | Path) -> str:
    """The sentence that a file is refused with, within its bounds."""
    with pytest.raises(ModelFileError) as caught:
        read_model(str(name_or_path))
    sentence = str(caught.value)
    assert len(sentence) < LONGEST_SENTENCE
    assert sentence.isprintable()
    return sentence


def rewritten(path: Path, *, signed: bool = False, **changes: Any) -> Path:
    """With another description, and no digest or one that fits."""
    file = ModelFile.from_bytes(path.read_bytes())
    file.describe(**changes)
    file.sign() if signed else file.forget_the_digest()
    path.write_bytes(file.to_bytes())
    return path


def test_shipped_models_carry_a_digest() -> None:
    for name in available_models():
        data = model_path(name).read_bytes()
        assert re.fullmatch("[0-9a-f]{64}", ModelFile.from_bytes(data).metadata["sha256"])


def test_a_flipped_bit_of_a_weight(path: Path) -> None:
    file = ModelFile.from_bytes(path.read_bytes())
    file.body[1000] ^= 1
    path.write_bytes(file.to_bytes())
    assert "it is damaged: weights and description are not those that were written" in refusal(path)


def test_a_changed_number_in_the_description(path: Path) -> None:
    file = ModelFile.from_bytes(path.read_bytes())
    file.describe(half_size=0.16)
    path.write_bytes(file.to_bytes())
    assert "it is damaged" in refusal(path)


def test_two_weights_under_each_others_names(path: Path) -> None:
    file = ModelFile.from_bytes(path.read_bytes())
    one, other = (f"stacks.0.hourglass.{part}.0.body.0.1.weight" for part in ("skip", "up"))
    file.tensors[one], file.tensors[other] = file.tensors[other], file.tensors[one]
    file.values(one)[0] = 3  # they were equal
    file.sign()
    path.write_bytes(file.to_bytes())
    read_model(str(path))
    file.tensors[one], file.tensors[other] = file.tensors[other], file.tensors[one]
    path.write_bytes(file.to_bytes())
    assert "it is damaged" in refusal(path)


def test_a_file_from_before_there_were_digests(path: Path) -> None:
    before = read_model(str(path))[1].state_dict()
    description, network = read_model(str(rewritten(path)))
    assert description == DESCRIPTION
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_damaged_name_of_the_digest(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"sha256"', b'"sha257"'))
    assert "its metadata have unknown entries ['sha257']" in refusal(path)


def test_a_negative_variance(path: Path) -> None:
    file = ModelFile.from_bytes(path.read_bytes())
    file.values("stem.0.1.running_var")[3] = -1e-3
    file.forget_the_digest()
    path.write_bytes(file.to_bytes())
    assert "stem.0.1.running_var holds a variance below 0" in refusal(path)


def test_a_network_that_gives_no_numbers(path: Path) -> None:
    """Its weights are finite; what comes of them is not."""
    description, network = read_model(str(path))
    with torch.no_grad():
        network.hand_head.layers[-1].weight.fill_(3e38)  # type: ignore[operator, union-attr]
    with pytest.raises(ModelFileError, match="the network of model 'small' gives NaN or infinity"):
        HandModel(description, network, "cpu").warm_up()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000 + "]" * 100_000, "levels"),
        ('{"a":' * 30 + "1" + "}" * 30, "levels"),
        ('{"stacks": ' + "1" * 100_000 + "}", "an integer of 100000 digits"),
        ('{"stacks": 1, "stacks": 1}', "a name comes twice"),
        (" " * (1 << 20) + "{}", "longer than 1048576 characters"),
        (json.dumps({"x" * 1_000_000: 1}), "unknown entries"),
        (json.dumps(asdict(DESCRIPTION) | {"name": "x" * 1_000_000}), "name must be a line of at most 200"),
        (json.dumps(asdict(DESCRIPTION) | {"name": "a\nb"}), "name must be a line of at most 200"),
        (json.dumps(asdict(DESCRIPTION)).replace("0.15", "1e999"), "half_size must be a number .* got inf"),
        (json.dumps(asdict(DESCRIPTION)).replace("0.15", "9" * 400), "an integer of 400 digits"),
        (json.dumps(asdict(DESCRIPTION) | {"confidences": {"x" * 900_000: {}}}), "confidences must be of 1 or 3 views"),
        (json.dumps(asdict(DESCRIPTION) | {"errors": {"nyu": True}}), "errors must be numbers"),
        (
            json.dumps(asdict(DESCRIPTION) | {"confidences": {"1": {"handedness": [1e308, 1e308, 1e308]}}}),
            "handedness has numbers above 1e",
        ),
        (
            json.dumps(asdict(DESCRIPTION) | {"confidences": {"3": {"handedness": ["x" * 900_000]}}}),
            "its confidence of views 3 is wrong",
        ),
        (json.dumps(asdict(DESCRIPTION) | {"joints": "x" * 900_000}), "joints must be a list of names"),
    ],
)
def test_a_hostile_description(path: Path, text: str, message: str) -> None:
    file = ModelFile.from_bytes(path.read_bytes())
    file.metadata["description"] = text
    file.forget_the_digest()
    path.write_bytes(file.to_bytes())
    assert re.search(message, refusal(path))


@pytest.mark.parametrize("network", ["hourglass", "paper"])
def test_a_small_file_that_describes_the_largest_network(path: Path, network: str) -> None:
    """Refused by its header, before a network of 30 GB is made."""
    sizes = {"stacks": 8, "features": 1024, "wide_blocks": 16, "refining_blocks": 16}
    papers = {"network": "paper", "skeleton": "nyu14", "resolution": 128, "ball_radius": 0.08}
    if network == "paper":
        sizes |= papers | {"joints": list(SKELETONS["nyu14"])}  # type: ignore[dict-item]
    rewritten(path, signed=True, **sizes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "its weights do not fit its description" in refusal(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_a_header_that_is_longer_than_any(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 5 << 20) + b"[" * (5 << 20))
    assert "its header does not fit" in refusal(path)


def test_a_file_that_is_larger_than_any(path: Path) -> None:
    os.truncate(path, 40 << 30)
    assert "it is larger than 512 MiB" in refusal(path)


def test_a_shape_that_no_machine_holds(path: Path) -> None:
    file = ModelFile.from_bytes(path.read_bytes())
    file.tensors["stem.0.0.weight"]["shape"] = [2**62, 2**62]
    path.write_bytes(file.to_bytes())
    assert "it is not all of a safetensors file" in refusal(path)


def test_names_that_are_no_files(tmp_path: Path) -> None:
    long = "x" * 100_000
    for name, message in (
        ("~nouser/model.safetensors", "'~nouser/model.safetensors' cannot be read: .*home"),
        (long, "cannot be read: File name too long"),
        (f"/{long}.safetensors", "cannot be read: File name too long"),
        (f"/{'x/' * 50_000}model.safetensors", "cannot be read: File name too long"),
        ("/dev/zero.safetensors", "there is no file"),
        (f"{sys.executable}/model.safetensors", "there is no file"),
        (f"{tmp_path}/a\nb.safetensors", r"a\\nb.safetensors; accepted: a path that ends in"),
        ("a\0b.safetensors", "cannot be read|there is no file"),
        ("", "there is no file"),
    ):
        assert re.search(message, refusal(name)), name


def test_names_of_devices_and_runtimes_are_shortened() -> None:
    with pytest.raises(DeviceError, match="unknown; accepted: auto, cpu") as of_device:
        load_model("hand", "x" * 1_000_000)
    with pytest.raises(RuntimeUnavailableError, match="unknown; accepted: auto, torch") as of_runtime:
        load_model("hand", "cpu", "x" * 1_000_000)
    assert max(len(str(of_device.value)), len(str(of_runtime.value))) < LONGEST_SENTENCE


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder that an ordinary user may enter, who these tests run as meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)


def test_a_file_and_a_folder_that_may_not_be_read(ordinary_user: Path) -> None:
    path = ordinary_user / "small.safetensors"
    save_model(path, DESCRIPTION.build_network(), DESCRIPTION)
    path.chmod(0)
    assert f"{path} cannot be used as a model: Permission denied" in refusal(path)
    folder = ordinary_user / "folder"
    folder.mkdir(mode=0)
    assert "cannot be read: Permission denied" in refusal(folder / "small.safetensors")


def test_a_shortened_campaign(tmp_path: Path) -> None:
    """As `python -m faults.model_files` with fewer files."""
    report = Campaign(model_path("hand"), tmp_path, seed=1).run(60)
    assert report.faults == []
    assert report.answers["harmless"] == {"equal": 3}
    assert sum(count.get("refused", 0) for count in report.answers.values()) == 57
    assert report.grown_mib < 500


def test_the_campaign_notices_a_wrong_model(tmp_path: Path) -> None:
    """Of one per cent in one weight."""
    campaign = Campaign(model_path("hand"), tmp_path)
    description, network = read_model("hand")
    other = replace(description, half_size=0.16)
    assert campaign.fault_of_model(other, read_model("hand")[1]) == "loaded with another description"
    assert campaign.fault_of_model(description, read_model("hand")[1]) == ""
    with torch.no_grad():
        next(network.parameters())[0, 0, 0, 0] *= 1.01
    assert campaign.fault_of_model(description, network) == "loaded, and gives other joints"


def test_a_file_that_is_no_model_does_not_cost_the_memory_of_torch(tmp_path: Path) -> None:
    (tmp_path / "noise.safetensors").write_bytes(b"\x40" * 4096)
    program = (
        "import sys\n"
        "from dense3d_ros.perception.model import load_model\n"
        "from dense3d_ros.perception.model_description import ModelFileError\n"
        "try:\n    load_model(sys.argv[1])\n"
        "except ModelFileError:\n    print('torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "noise.safetensors")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "False\n"
