"""The benchmark: right sums, and figures that come out of a short run."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dense3d_ros import cli
from dense3d_ros.benchmark import networks
from dense3d_ros.benchmark.four_hands import make_four_hands
from dense3d_ros.benchmark.machine import describe_machine
from dense3d_ros.benchmark.report import tables, write_plot
from dense3d_ros.benchmark.rooms import camera_of_size, time_rooms
from dense3d_ros.benchmark.stages import CAMERA, make_scene, time_cameras
from dense3d_ros.benchmark.timing import percentiles, time_calls
from dense3d_ros.geometry.crop import crop_hand
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness, hand_centre, upright_roll
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import load_model
from dense3d_ros.perception.model_file import read_model


def test_percentiles_are_numpys() -> None:
    times = percentiles([float(value) for value in range(1, 101)])
    assert (times["p50"], times["p95"], times["p99"]) == (50.5, 95.05, 99.01)
    assert (times["least"], times["calls"]) == (1.0, 100)


def test_calls_are_timed_in_turns() -> None:
    order: list[str] = []

    def slow() -> None:
        order.append("slow")
        time.sleep(0.002)

    times = time_calls({"slow": slow, "fast": lambda: order.append("fast")}, 20)
    assert times["slow"]["least"] > 2.0 > times["fast"]["p50"]
    assert times["slow"]["calls"] == times["fast"]["calls"] == 20
    measured = order[-40:]
    assert measured[:4] == ["slow", "slow", "fast", "fast"]


def test_multiply_adds_of_known_layers() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 2, 1, stride=2), nn.Flatten(), nn.Linear(32, 3))
    assert networks._multiply_adds(network, (torch.zeros(1, 1, 8, 8),)) == 8 * 8 * 4 * 9 + 4 * 4 * 2 * 4 + 32 * 3


def test_the_papers_network_is_counted_as_its_docstring_says() -> None:
    _, paper = networks.arithmetic("hand", 100.0)
    assert paper["floor_ms"] == pytest.approx(2 * 4.97 * 10, abs=0.2)
    assert paper["gmacs"] == pytest.approx(4.97, abs=0.005)
    assert paper["million_weights"] == pytest.approx(5.929)


def test_matrix_products_have_a_speed() -> None:
    assert 0.1 < networks.matrix_gflops("cpu", 10) < 1e6


def test_the_papers_network_runs_like_the_models() -> None:
    joints, spread, logits = networks.paper_regressor()(
        torch.rand(2, 1, 128, 128),
        torch.tensor([[400.0, 400.0, 63.5, 63.5]] * 2),
        torch.tensor([[0.0, 0.0, 500.0]] * 2),
    )
    assert joints.shape == (2, 21, 3)
    assert spread.shape == (2, 21)
    assert logits.shape == (2, 2)
    assert torch.isfinite(joints).all()
    # Random weights, but values of ordinary size: fading ones would be denormal and slow.
    assert 1e-3 < float(spread.detach().abs().mean()) < 1e6


def test_the_scene_can_be_repeated_without_a_jump() -> None:
    scene = make_scene(8)
    assert len(scene.depths) == 8
    steps = [
        np.linalg.norm(hand_centre(scene.joints[index]) - hand_centre(scene.joints[index - 1])) for index in range(8)
    ]
    assert max(steps) < 0.03
    crop = crop_hand(
        DepthImage(scene.depths[0], 0.001),
        CAMERA,
        hand_centre(scene.joints[0]),
        0.15,
        64,
        upright_roll(scene.joints[0]),
    )
    np.testing.assert_array_equal(scene.crops(64)[0].image, crop.image)
    crops = networks.repeated(scene.crops(64), 11)
    assert len(crops) == 11
    np.testing.assert_array_equal(crops[0].image, crops[8].image)


def test_four_hands_are_where_the_truth_says() -> None:
    """Its joints lie just under the surface that the camera sees, and the model finds all four."""
    scene = make_four_hands(4)
    assert scene.joints.shape == (4, 4, 21, 3)
    np.testing.assert_array_equal(scene.depths[0], scene.depths[-1])
    assert 0.3 < scene.joints[..., 2].min() < scene.joints[..., 2].max() < 0.75
    estimator = HandPoseEstimator(load_model("hand", "cpu"), max_hands=4)
    for index in range(2):
        joints, depth = scene.joints[index], DepthImage(scene.depths[index], 0.001)
        columns, rows = np.moveaxis(np.rint(CAMERA.project(joints)).astype(int), -1, 0)
        inside = (columns >= 0) & (columns < 640) & (rows >= 0) & (rows < 480)
        under = joints[..., 2] - depth.values[rows.clip(0, 479), columns.clip(0, 639)] * 0.001
        assert inside.mean() > 0.9
        assert 0.0 < np.median(under[inside]) < 0.02
        hands = estimator.estimate(depth, CAMERA, index / 30).hands
        errors = np.array([[np.linalg.norm(hand.joints - true, axis=1).mean() for true in joints] for hand in hands])
        assert sorted(errors.argmin(axis=1)) == [0, 1, 2, 3]
        assert errors.min(axis=1).max() < 0.015
        handednesses = [hands[number].handedness for number in errors.argmin(axis=0)]
        assert handednesses == 2 * [Handedness.RIGHT, Handedness.LEFT]


def test_a_devices_stages() -> None:
    times = networks.time_device("hand", "cpu", make_scene(4).regions(read_model("hand")[0].resolution), 3)
    assert list(times) == ["upload", "crop, network, votes", "download"]
    assert all(row["calls"] == 3 for row in times.values())


def test_threads_share_a_model() -> None:
    row = time_cameras(load_model("hand", "cpu"), make_scene(8), 2, 5)
    assert row["calls"] == 10
    assert row["frames_per_second"] > 0


def test_rooms_take_turns_with_the_followed_hand() -> None:
    rows = {row["scene"]: row for row in time_rooms(load_model("hand", "cpu"), camera_of_size(320, 240), 2, 5)}
    firsts = [row["calls"] for scene, row in rows.items() if scene.endswith("first frame")]
    assert firsts == [2, 2]
    assert [row["calls"] for scene, row in rows.items() if not scene.endswith("first frame")] == 3 * [2 * 2 * 5]
    assert rows["wall alone"]["with_hand"] == 0
    assert rows["followed hand"]["with_hand"] > 0.9 * 20


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert machine["cores"] == len(os.sched_getaffinity(0))
    # torch says which build it is ("2.13.0+cu130"); its distribution need not.
    packages = machine["packages"]
    assert isinstance(packages, dict)
    assert packages["torch"].partition("+")[0] == torch.__version__.partition("+")[0]


def test_networks_and_frames_without_ros(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / "new" / f"result.{name}" for name in ("json", "markdown")}
    arguments = [
        "benchmark",
        "--parts",
        "networks",
        "frames",
        "--device",
        "cpu",
        "--network",
        "model",
        "--repeats",
        "5",
    ]
    arguments += ["--batches", "1", "2", "--runtimes", "torch", "auto"]
    arguments += ["--sizes", "320x240", "640x480"]
    assert cli.main([*arguments, *(word for name, path in files.items() for word in (f"--{name}", str(path)))]) == 0
    result = json.loads(files["json"].read_text())
    assert {(row["runtime"], row["batch"]) for row in result["networks"]} >= {("torch", 1), ("torch", 2)}
    for row in result["networks"]:
        assert 0 < row["least"] <= row["p50"] <= row["p95"] <= row["p99"]
        assert row["difference_mm"] < 0.1
    assert {row["runtime"] for row in result["frames"]} == {row["runtime"] for row in result["networks"]}
    for row in result["frames"]:
        assert row["with_hand"] > 0
        assert row["stages"]["frame"]["p50"] >= row["stages"]["network"]["p50"] > 0
    assert set(result["parts"]) >= {"decode", "find", "crop", "votes"}
    assert [row["size"] for row in result["rooms"]] == 5 * ["320x240"] + 5 * ["640x480"]
    for row in result["rooms"]:
        assert 0 < row["least"] <= row["p50"] <= row["p99"] <= row["most"]
        assert row["least"] <= row["mean"] <= row["most"]
        followed = next(one for one in result["rooms"] if one["size"] == row["size"])
        assert followed["scene"] == "followed hand"
        assert followed["with_hand"] > 0.9 * followed["calls"]
        assert row["p50_to_hand"] == pytest.approx(row["p50"] / followed["p50"], abs=0.001)
        assert row["mean_to_hand"] == pytest.approx(row["mean"] / followed["mean"], abs=0.001)
    wall, cluttered = result["rooms"][2], result["rooms"][4]
    assert (wall["scene"], cluttered["scene"]) == ("wall alone", "cluttered room")
    assert wall["calls"] == cluttered["calls"] == followed["calls"] == 60
    assert wall["with_hand"] == 0
    assert [row["cameras"] for row in result["cameras"]] == [1, 2, 4]
    if find_spec("openvino"):
        assert next(iter(result["layers"])) == "Convolution"
    assert files["markdown"].read_text() == tables(result) == capsys.readouterr().out
    assert "| torch | 1 |" in tables(result)
    write_plot(result, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_wrong_numbers_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["benchmark", "--batches", "0"]) == 2
    assert "batches and repeats must be at least 1" in capsys.readouterr().err
    assert cli.main(["benchmark", "--parts", "networks", "--runtimes", "abacus"]) == 2
    assert "runtime 'abacus' is unknown" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        cli.main(["benchmark", "--sizes", "640"])
    assert "'640' is no image size such as 640x480" in capsys.readouterr().err


def test_end_to_end(tmp_path: Path) -> None:
    """Real processes over DDS; only that the figures are there and agree with each other."""
    pytest.importorskip("rclpy", reason="no ROS 2 here")
    import subprocess

    from dense3d_ros.rehearsal.children import DEPTH_TOPIC, INFO_TOPIC

    command = [sys.executable, "-m", "dense3d_ros.cli", "benchmark", "--parts", "end-to-end", "--device", "cpu"]
    command += ["--rates", "10", "20", "--seconds", "2", "--json", str(tmp_path / "result.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    run = json.loads((tmp_path / "result.json").read_text())["end_to_end"]
    assert run["runtime"] == load_model("hand", "cpu").runtime
    assert run["start_to_first_pose_seconds"] > 0
    for row, shown in zip(run["rates"], ((1, 10), (1, 20), (4, 30)), strict=True):
        assert (row["hands"], row["rate"]) == shown
        assert row["with_all_hands"] <= row["with_hand"]
        assert row["latency_ms"]["calls"] == row["frames"] - row["lost"] > 0
        assert row["with_hand"] <= row["frames"] - row["lost"]
        assert 0 < row["resident_mib"] <= row["largest_resident_mib"]
        assert set(row["node_stages_p50_ms"]) >= {"receive", "wait", "decode", "crop", "network", "check", "publish"}
    image, info = (run["callbacks"][f"hand_pose: {topic}"] for topic in (DEPTH_TOPIC, INFO_TOPIC))
    assert min(image["calls"], info["calls"]) >= sum(row["frames"] - row["lost"] for row in run["rates"])
    assert run["callbacks"]["hand_model: timer"]["calls"] == 1
    assert f"| hand_pose: {DEPTH_TOPIC} |" in done.stdout
    # The nodes do take the four hands: most of a busy machine's answers have them, too.
    four = run["rates"][-1]
    assert four["with_all_hands"] > 0.8 * (four["frames"] - four["lost"])
    assert "30 Hz, 4 hands" in done.stdout


def test_hands_are_all_there_where_each_is_one_of_the_same_frame() -> None:
    pytest.importorskip("rclpy", reason="no ROS 2 here")
    from dense3d_ros.rehearsal.end_to_end import are_all_there

    truth = np.random.default_rng(0).normal(size=(5, 3, 21, 3)).astype(np.float32)
    hands = truth[2][[1, 2, 0]] + np.float32(0.01)
    assert are_all_there(hands, truth)
    assert not are_all_there(hands[:2], truth)
    assert not are_all_there(hands[[0, 1, 1]], truth)
    assert not are_all_there(np.concatenate([hands[:2], truth[3][:1]]), truth)
    assert not are_all_there(hands + np.float32(0.02), truth)
