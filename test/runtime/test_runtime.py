"""Every runtime against eager float32 on crops of rendered hands, with the shipped model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from dense3d_ros.dense.folding import fold_batch_norm
from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import Crop, HandCrop, crop_region
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel, load_model
from dense3d_ros.perception.model_file import read_model
from dense3d_ros.runtime import selection
from dense3d_ros.runtime.cuda_graph import CudaGraphRuntime
from dense3d_ros.runtime.eager import EagerRuntime
from dense3d_ros.runtime.interface import Outputs, Runtime, RuntimeUnavailableError
from dense3d_ros.runtime.selection import RUNTIMES, available_runtimes, choose_runtime, make_runtime

FLOAT32_M, REDUCED_M = 1e-4, 5e-4
"""Largest distance of any joint, metres; of a hand's joints on average in bfloat16, see docs/performance.md."""
CAMERA = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
DESCRIPTION = read_model("hand")[0]


def regressor() -> DenseRegressor:
    network = read_model("hand")[1]
    fold_batch_norm(network)
    return DenseRegressor(network, DESCRIPTION.geometry).eval()


@pytest.fixture(scope="module")
def regions() -> list[Crop]:
    """Eleven moments of the moving hand, as sensors would see it, not quite in the middle; some of them uint16."""
    rng = np.random.default_rng(3)
    sensors = ("structured_light", "time_of_flight")
    animations = [HandAnimation(CAMERA, seed=seed, sensor=sensor) for seed, sensor in enumerate(sensors)]
    regions: list[Crop] = []
    for index in range(11):
        metres, joints = animations[index % 2].frame(0.7 * index)
        depth = DepthImage(metres) if index % 3 else DepthImage(np.rint(metres * 1000).astype(np.uint16), 0.001)
        centre = hand_centre(joints) + rng.normal(0.0, 0.008, 3)
        regions.append(crop_region(depth, CAMERA, centre, DESCRIPTION.half_size, DESCRIPTION.resolution))
    return regions


@pytest.fixture(scope="module")
def crops(regions: list[Crop]) -> list[HandCrop]:
    return [HandCrop(region.image, region.camera, region.centre, region.half_size) for region in regions]


@pytest.fixture(scope="module")
def expected(crops: list[HandCrop]) -> Outputs:
    return EagerRuntime(regressor(), "cpu").run(crops)


def check(
    runtime: Runtime, crops: Sequence[Crop], expected: Outputs, tolerance: float, *, every_joint: bool = True
) -> None:
    """Batches of any size, one after the other; what was returned before must stay."""
    kept = []
    for part in (slice(0, 1), slice(1, 4), slice(0, 11), slice(4, 5)):
        found = runtime.run(crops[part])
        assert [array.dtype for array in found] == [np.float32] * 3
        kept.append((part, found))
    for part, found in kept:
        distances = np.linalg.norm(found.joints - expected.joints[part], axis=-1)
        assert (distances if every_joint else distances.mean(axis=1)).max() < tolerance
        np.testing.assert_allclose(found.spread, expected.spread[part], atol=(2 if every_joint else 10) * tolerance)
        np.testing.assert_allclose(found.logits, expected.logits[part], atol=1000 * tolerance)


@pytest.mark.parametrize("name", ["torch", "openvino", "openvino_bf16", "onnxruntime"])
def test_joints_are_those_of_eager_float32(name: str, crops: list[HandCrop], expected: Outputs) -> None:
    if name not in available_runtimes("cpu"):
        pytest.skip(f"{name} is not installed")
    try:
        runtime = make_runtime(name, regressor(), "cpu", DESCRIPTION.resolution)
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))
    if name.endswith("bf16"):
        check(runtime, crops, expected, REDUCED_M, every_joint=False)
    else:
        check(runtime, crops, expected, FLOAT32_M)


@pytest.mark.parametrize("half", [False, True])
def test_the_graph_runtimes_computation(
    half: bool, crops: list[HandCrop], regions: list[Crop], expected: Outputs
) -> None:
    """Packing, cropping, padding, precision and unpacking, which are the same on the CPU; only the graph is missing."""
    runtime = CudaGraphRuntime(regressor(), "cpu", DESCRIPTION.resolution, half=half)
    assert runtime.crops_itself
    check(runtime, regions, expected, REDUCED_M if half else FLOAT32_M)
    check(runtime, crops, expected, REDUCED_M if half else FLOAT32_M)


def test_a_compiled_network(monkeypatch: pytest.MonkeyPatch, regions: list[Crop], expected: Outputs) -> None:
    """Recorded as torch.compile records it, but run operation by operation: making machine code takes minutes."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    check(make_runtime("compiled", regressor(), "cpu", DESCRIPTION.resolution), regions, expected, FLOAT32_M)


@pytest.mark.parametrize("unit", [0.001, 1.0])
def test_an_estimator_leaves_the_crops_to_such_a_runtime(monkeypatch: pytest.MonkeyPatch, unit: float) -> None:
    monkeypatch.setattr(torch, "compile", lambda module: module)
    metres, _ = HandAnimation(CAMERA, seed=3, sensor="structured_light").frame(0.7)
    depth = DepthImage(metres if unit == 1.0 else np.rint(metres / unit).astype(np.uint16), unit)
    joints = []
    for runtime in ("torch", "compiled"):
        model = load_model("hand", "cpu", runtime)
        assert model.crops_itself == (runtime == "compiled")
        (hand,) = HandPoseEstimator(model, min_score=0.0).estimate(depth, CAMERA).hands
        joints.append(hand.joints)
    np.testing.assert_allclose(joints[1], joints[0], atol=FLOAT32_M)


def test_a_network_that_cannot_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_nothing(module: torch.nn.Module) -> None:
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setattr(torch, "compile", compile_nothing)
    with pytest.raises(RuntimeUnavailableError, match=r"cannot compile the network \(no compiler\); try runtime auto"):
        make_runtime("compiled", regressor(), "cpu", DESCRIPTION.resolution)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: the graph itself is not tested here")
@pytest.mark.parametrize("name", ["cuda_graph", "cuda_graph_f32", "compiled"])
def test_the_graph_on_a_gpu(name: str, regions: list[Crop], expected: Outputs) -> None:
    runtime = make_runtime(name, regressor(), "cuda", DESCRIPTION.resolution)
    check(runtime, regions, expected, FLOAT32_M if name.endswith("f32") else REDUCED_M)


def test_auto_takes_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: set[str] = set()
    monkeypatch.setattr(selection, "find_spec", lambda name: None if name in missing else find_spec("numpy"))
    assert choose_runtime("auto", "cpu").name == "onnxruntime"
    missing.add("onnxruntime")
    assert choose_runtime("auto", "cpu").name == "openvino"
    assert choose_runtime("auto", "cpu").reason == "onnxruntime not installed"
    missing.add("openvino")
    assert choose_runtime("auto", "cpu").name == "torch"
    assert choose_runtime("auto", "cpu").reason == "onnxruntime and openvino not installed"
    assert available_runtimes("cpu") == ["torch", "compiled"]
    missing.add("torch")
    with pytest.raises(RuntimeUnavailableError, match=r"no runtime is installed; install .* onnxruntime or openvino"):
        choose_runtime("auto", "cpu")
    with pytest.raises(RuntimeUnavailableError, match="'torch' needs the Python package torch"):
        choose_runtime("torch", "cpu")
    missing.remove("torch")
    with pytest.raises(RuntimeUnavailableError, match="'openvino' needs the Python package openvino"):
        choose_runtime("openvino", "cpu")
    assert choose_runtime("auto", "cuda:1").name == "cuda_graph_f32"


def test_runtimes_that_do_not_fit_the_device() -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"runtime 'abacus' is unknown; accepted: auto, torch, .*"):
        choose_runtime("abacus", "cpu")
    with pytest.raises(RuntimeUnavailableError, match="'cuda_graph' needs a CUDA device, the device is cpu"):
        choose_runtime("cuda_graph", "cpu")
    with pytest.raises(RuntimeUnavailableError, match="'openvino' runs on device cpu only, the device is cuda"):
        choose_runtime("openvino", "cuda")
    assert set(RUNTIMES) == {"auto", *available_runtimes("cpu"), *available_runtimes("cuda"), *selection.PACKAGES}


def test_a_model_says_what_runs_it(crops: list[HandCrop]) -> None:
    auto = load_model("hand", "cpu")
    assert (auto.runtime, auto.device) == (choose_runtime("auto", "cpu").name, "cpu")
    assert auto.runtime_reason
    eager = HandModel(*read_model("hand"), "cpu")
    assert eager.runtime == "torch"
    handednesses = [Handedness.UNKNOWN] * len(crops)
    for one, other in zip(auto.predict(crops, handednesses), eager.predict(crops, handednesses), strict=True):
        assert np.linalg.norm(one.joints - other.joints, axis=1).max() < FLOAT32_M
        np.testing.assert_allclose(one.joint_scores, other.joint_scores, atol=2e-3)


def test_eager_leaves_cores_to_others() -> None:
    """In its own process, because the number of threads is the process's."""
    code = (
        "import torch; from dense3d_ros.runtime import eager; eager._leave_cores_to_others(); "
        "print(torch.get_num_threads())"
    )
    cores = len(os.sched_getaffinity(0))
    for setting, threads in ({}, max(1, cores // 2)), ({"OMP_NUM_THREADS": "2"}, min(2, cores)):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | setting
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert int(done.stdout) == threads


@pytest.mark.parametrize("name", ["torch", "openvino", "onnxruntime"])
def test_loading_again_takes_no_more_memory(name: str) -> None:
    """In its own process, whose memory nothing else uses. What torch keeps of a traced network were 38 MiB each."""
    if name not in available_runtimes("cpu"):
        pytest.skip(f"{name} is not installed")
    code = f"""
from dense3d_ros.nodes.allocator import give_back_freed_memory, resident_mebibytes
from dense3d_ros.perception.model import load_model
for index in range(12):
    load_model("hand", "cpu", "{name}", (1, 3)[index % 2]).warm_up()
    give_back_freed_memory()
    print(resident_mebibytes())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    resident = [float(line) for line in done.stdout.split()]
    assert resident[-1] - resident[3] < 30, resident


@pytest.mark.skipif("openvino" not in available_runtimes("cpu"), reason="openvino is not installed")
def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    """Neither a socket, nor a process that could open one, nor a file in the home folder."""
    code = """
import sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(("socket.", "os.fork", "os.posix_sp")) else 0)
from dense3d_ros.perception.model import load_model
load_model("hand", "cpu", "openvino").warm_up()
import openvino
print(seen)
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []
