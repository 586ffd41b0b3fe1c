from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from oracle import Oracle
from room import make_room

from dense3d_ros import cli
from dense3d_ros.geometry.hand import JOINT_NAMES
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.perception.model_description import ModelDescription
from dense3d_ros.perception.model_file import save_model

INTRINSICS = ["--fx", "476", "--fy", "476", "--cx", "319.5", "--cy", "239.5", "--depth-unit", "0.001"]


@pytest.fixture(scope="module")
def truth() -> Oracle:
    room = make_room(np.random.default_rng(1), HandMesh.load(), person=True)
    oracle = Oracle(hands=[(room.joints, room.right)])
    oracle.values = np.rint(room.depth.metres(slice(None), slice(None)) * 1000).astype(np.uint16)  # type: ignore[attr-defined]
    return oracle


@pytest.fixture
def recording(tmp_path: Path, truth: Oracle, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders of frames, one of them empty of depth; the model is one that knows the hand."""
    monkeypatch.setattr("dense3d_ros.perception.model.load_model", lambda name, device, runtime, views: truth)
    folder = tmp_path / "recording"
    for name in ("one/1.png", "one/2.png", "two/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), truth.values)  # type: ignore[attr-defined]
    cv2.imwrite(str(folder / "two/2.png"), np.zeros((480, 640), np.uint16))
    return folder


def frames_of(output: Path) -> list[Any]:
    return [json.loads(line) for line in (output / "hands.jsonl").read_text().splitlines()]


def overlays_of(output: Path) -> list[str]:
    folder = output / "overlays"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file())


def test_run_writes_everything(
    recording: Path, tmp_path: Path, truth: Oracle, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "result"
    assert cli.main(["run", str(recording), *INTRINSICS, "--output", str(output), "--rate", "10"]) == 0
    said = capsys.readouterr().out
    assert "4 frames, 3 with a hand" in said
    assert "most frequent reason for none: no depth within 0.15-1.5 m (1 of 1)" in said

    about = json.loads((output / "run.json").read_text())
    assert about["model"] == "oracle"
    assert about["joint_names"] == list(JOINT_NAMES)
    assert about["camera"]["depth_unit"] == 0.001
    assert about["camera_doubt"] == ""
    frames = frames_of(output)
    assert len(frames) == about["frames"]
    assert [(frame["file"], frame["stamp"]) for frame in frames] == [
        ("one/1.png", 0.0),
        ("one/2.png", 0.1),
        ("two/1.png", 0.0),
        ("two/2.png", 0.1),
    ]
    joints, right = truth.hands[0]
    for frame in frames[:3]:
        (hand,) = frame["hands"]
        np.testing.assert_allclose(hand["joints"], joints, atol=0.003)
        assert hand["handedness"] == ("right" if right else "left")
        assert hand["score"] == 0.99
        assert len(hand["joint_scores"]) == 21
        assert frame["reason"] == ""
    assert [frame["hands"][0]["track_id"] for frame in frames[:3]] == [1, 1, 2]
    assert frames[3]["hands"] == []
    assert frames[3]["reason"] == "no depth within 0.15-1.5 m"

    with (output / "hands.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["one/1.png", "one/2.png", "two/1.png"]
    assert float(rows[0]["index_tip_z"]) == frames[0]["hands"][0]["joints"][8][2]
    assert float(rows[0]["wrist_score"]) == frames[0]["hands"][0]["joint_scores"][0]

    assert overlays_of(output) == ["one/1.png", "one/2.png", "two/1.png", "two/2.png"]
    assert cv2.imread(str(output / "overlays" / "one" / "1.png")).shape == (480, 640, 3)
    assert cv2.imread(str(output / "contact_sheet.png")).shape == (360, 4 * 480 + 3 * 4, 3)
    video = cv2.VideoCapture(str(output / "hands.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert not list(output.rglob("*part*"))


def test_run_with_centres(recording: Path, tmp_path: Path, truth: Oracle) -> None:
    x, y, z = truth.hands[0][0].mean(axis=0)
    centres = tmp_path / "centres.csv"
    centres.write_text(f"one/2.png,{x + 0.02},{y},{z}\n")
    output = tmp_path / "result"
    arguments = ["run", str(recording), *INTRINSICS, "--output", str(output), "--centres", str(centres)]
    assert cli.main(arguments) == 0
    frames = frames_of(output)
    assert [len(frame["hands"]) for frame in frames] == [0, 1, 0, 0]


def test_run_says_what_it_doubts(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of twenty images but one was kept, and cx and cy are swapped."""
    folder, output = tmp_path / "thinned", tmp_path / "result"
    folder.mkdir()
    for number in (20, 40):
        (folder / f"{number}.png").write_bytes((recording / "one" / "1.png").read_bytes())
    swapped = ["--fx", "475", "--fy", "475", "--cx", "239.5", "--cy", "319.5", "--depth-unit", "0.001"]
    assert cli.main(["run", str(folder), *swapped, "--output", str(output)]) == 0
    doubt = json.loads((output / "run.json").read_text())["camera_doubt"]
    assert doubt.startswith("these intrinsics are unusual for 640x480 pixels: the principal point (239.5, 319.5)")
    said = capsys.readouterr().err
    assert f"dense3d run: {doubt}\n" in said
    assert (
        "dense3d run: the images' numbers step by 20, but their stamps are those of 30 images a second; --rate says "
        "otherwise, such as --rate 1.5 where the others were left out\n"
    ) in said


def test_run_with_joints_of_another_project(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "result"
    arguments = ["run", str(recording), *INTRINSICS, "--output", str(output), "--joints"]
    assert cli.main([*arguments, "hand26"]) == 2
    assert "--joints is hand26; accepted: mediapipe, openxr, mano, dex_retargeting" in capsys.readouterr().err
    assert cli.main([*arguments, "openxr"]) == 0
    (hand,) = frames_of(output)[0]["hands"]
    assert np.shape(hand["openxr"]["positions"]) == (26, 3)
    np.testing.assert_allclose(hand["openxr"]["positions"][1], np.array(hand["joints"][0]) * [1, -1, -1], atol=1e-5)


def test_a_file_that_is_no_image_is_said(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recording / "two" / "3.png").write_bytes(b"no image")
    output = tmp_path / "result"
    assert cli.main(["run", str(recording), *INTRINSICS, "--output", str(output)]) == 1
    frames = frames_of(output)
    assert [len(frame["hands"]) for frame in frames[:3]] == [1, 1, 1]
    assert "3.png cannot be read as an image" in frames[-1]["reason"]
    assert "3.png cannot be read as an image" in capsys.readouterr().err
    tile = cv2.imread(str(output / "overlays" / "two" / "3.png"))
    assert (tile[:200] > 200).sum() > 1000, "the words are on its image"
    assert not tile[200:].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--fx", "0"], "positive focal lengths"),
        (["--depth-unit", "0"], "the depth unit must be a positive number of metres, got 0.0"),
        (["--rate", "-1"], "the rate must be"),
        (["--hands", "0"], "--hands must be 1 to 6, got 0"),
        (["--hands", "9"], "--hands must be 1 to 6, got 9"),
        (["--cy", "999"], "the principal point (319.5, 999) lies outside the image of 640x480 pixels"),
        (["--fy", "4760"], "a field of view of 67.8 x 5.8 degrees"),
        (["--centres", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    recording: Path, tmp_path: Path, changes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(recording), *INTRINSICS, "--output", str(tmp_path / "result"), *changes]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("dense3d: error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "RECORDING", *INTRINSICS, "--output", "/proc/x"],
        ["run", "RECORDING", *INTRINSICS, "--output", "OUT", "--bag", "/proc/x.mcap"],
        ["retarget", "RECORDING", "--robot", "parallel_gripper", "--output", "/proc/x.csv"],
        ["export", "--model", "hand", "--output", "/proc/x.onnx"],
        ["calibrate", "--model", "hand", "--output", "/proc/x.safetensors"],
        ["evaluate", "--model", "hand", "--json", "/proc/x.json"],
        ["benchmark", "--json", "/proc/x.json"],
        ["synth", "--show", "/proc/x.png"],
        ["ablate", "--output", "/proc/x"],
    ],
)
def test_a_place_that_cannot_be_written_is_one_sentence(
    arguments: list[str], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [{"RECORDING": str(recording), "OUT": str(tmp_path / "out")}.get(word, word) for word in arguments]
    assert cli.main(given) == 2
    captured = capsys.readouterr()
    sentence = captured.err.strip().splitlines()[-1]
    assert re.fullmatch(r"dense3d: error: /proc/x\S* cannot be written: No such file or directory; .*", sentence)
    assert sentence.endswith("name another place")
    assert captured.out == ""


def test_another_run_replaces_the_first_and_says_so(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = recording / "result"
    arguments = ["run", str(recording), *INTRINSICS, "--output", str(output)]
    assert cli.main(arguments) == 0
    assert "earlier run" not in capsys.readouterr().err
    (recording / "one" / "2.png").unlink()
    assert cli.main([*arguments, "--cy", "999"]) == 2
    assert len(frames_of(output)) == 4
    assert cli.main(arguments) == 0
    assert "result held the results of an earlier run; they are replaced" in capsys.readouterr().err
    assert [frame["file"] for frame in frames_of(output)] == ["one/1.png", "two/1.png", "two/2.png"]
    assert overlays_of(output) == ["one/1.png", "two/1.png", "two/2.png"]


def test_names_of_all_kinds_have_an_overlay_each(recording: Path, tmp_path: Path, truth: Oracle) -> None:
    names = ["a/b.png", "a__b.png", "5²7.png", "z.png", "part-z.png", os.fsdecode(b"caf\xe9.png")]
    (recording / "a").mkdir()
    for name in names:
        shutil.copy(recording / "one" / "1.png", recording / name)
    output = tmp_path / os.fsdecode(b"r\xe9sultat")
    assert cli.main(["run", str(recording), *INTRINSICS, "--output", str(output)]) == 0
    assert set(names) < set(overlays_of(output))
    assert {name.replace("\udce9", "\\udce9") for name in names} < {frame["file"] for frame in frames_of(output)}
    assert (output / "contact_sheet.png").exists()


@pytest.mark.parametrize(("unit", "right"), [("0.000125", "0.001"), ("0.01", "0.001")])
def test_a_wrong_depth_unit_is_suspected_aloud(
    recording: Path, tmp_path: Path, unit: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(recording), *INTRINSICS, "--output", str(tmp_path / "result"), "--depth-unit", unit]
    assert cli.main(arguments) == 1
    said = capsys.readouterr()
    assert "4 frames, 0 with a hand" in said.out
    assert "most frequent reason for none: " in said.out
    assert f"when a value counts {unit} m: set the depth unit to what the camera's values count, such as" in said.err
    assert f" {right} (then they are 0." in said.err


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'version = "{capsys.readouterr().out.split()[-1]}"' in project


def test_wrong_files_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = [*INTRINSICS, "--output", str(tmp_path / "result"), "--device", "cpu"]
    assert cli.main(["run", str(tmp_path / "missing"), *rest]) == 2
    assert "missing' is not there or not a folder" in capsys.readouterr().err
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((480, 640), np.uint16))
    assert cli.main(["run", str(tmp_path), *rest, "--model", "nonsense"]) == 2
    assert "model 'nonsense': there is no file" in capsys.readouterr().err
    assert cli.main(["train", "--recipe", "nonsense", "--output", str(tmp_path / "run")]) == 2
    assert "no recipe is named 'nonsense'" in capsys.readouterr().err


def test_run_with_a_real_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Untrained, so it finds nothing reliable; it shows that file, crop and network fit together."""
    description = ModelDescription("tiny", 1, 16, 0.15, 0.1, 64, "Apache-2.0")
    save_model(tmp_path / "tiny.safetensors", description.build_network(), description)
    room = make_room(np.random.default_rng(2), HandMesh.load())
    values = np.rint(room.depth.metres(slice(None), slice(None)) * 1000).astype(np.uint16)
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "1.png"), values)
    arguments = ["run", str(tmp_path / "in"), *INTRINSICS, "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert cli.main([*arguments, "--model", str(tmp_path / "tiny.safetensors"), "--views", "3"]) == 0
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (about["model"], about["views"]) == ("tiny", 3)
    assert "model 'tiny' is not calibrated for views 3, so its scores only rank" in capsys.readouterr().err
    assert len(frames_of(tmp_path / "out")) == 1


def test_frames_without_a_hand_are_counted(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To the model that knows the hand, three of the four frames have one; each of them is judged by itself."""
    result = tmp_path / "result.json"
    arguments = ["evaluate", "--model", "oracle", "--json", str(result), "--no-hand", str(recording)]
    assert cli.main([*arguments, *INTRINSICS]) == 0
    assert "a hand is seen in 3 of 4 frames" in capsys.readouterr().out
    document = json.loads(result.read_text())
    assert (document["frames"], document["frames_with_a_hand"], document["false_hand_rate"]) == (4, 3, 0.75)
    assert document["folder"] == "recording"
    assert [frame["file"] for frame in document["seen"]] == ["one/1.png", "one/2.png", "two/1.png"]
    assert document["seen"][0] == {**document["seen"][1], "file": "one/1.png"}
    assert document["seen"][0]["hands"][0]["score"] > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "hand", "--no-hand", "."], "--no-hand needs --fx, --fy, --cx, --cy and --depth-unit"),
        (["--predictions", "a.txt", "--no-hand", "."], "--no-hand goes with --model"),
        (["--model", "hand", "--no-hand", ".", *INTRINSICS, "--plot", "a.png"], "does not go with --dataset or --plot"),
        (["--model", "hand", "--no-hand", "missing", *INTRINSICS], "folder 'missing' is not there"),
        (["--model", "hand", "--many-hands", "0"], "--many-hands must be at least 1, got 0"),
        (["--model", "hand", "--working-hands", "0"], "--working-hands must be at least 1, got 0"),
        (["--model", "hand", "--seconds", "0.05"], "--seconds must be at least 0.067, one frame, got 0.05"),
    ],
)
def test_what_cannot_be_evaluated(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", *arguments, "--device", "cpu", "--json", str(tmp_path / "no.json")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "no.json").exists()


def test_broken_frames_are_not_counted_as_empty(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recording / "two" / "3.png").write_bytes(b"no image")
    arguments = ["evaluate", "--model", "oracle", "--json", str(tmp_path / "no.json"), "--no-hand", str(recording)]
    assert cli.main([*arguments, *INTRINSICS]) == 2
    assert "3.png cannot be read as an image" in capsys.readouterr().err
    assert not (tmp_path / "no.json").exists()


def test_evaluate_measures_everything(tmp_path: Path) -> None:
    """An untrained network on a few images and a moment of each sequence: every part is there and is valid JSON."""
    description = ModelDescription("tiny", 1, 16, 0.15, 0.1, 64, "Apache-2.0")
    save_model(tmp_path / "tiny.safetensors", description.build_network(), description)
    arguments = ["evaluate", "--model", str(tmp_path / "tiny.safetensors"), "--device", "cpu", "--seconds", "0.07"]
    arguments += ["--samples", "2", "--hand-free", "1", "--many-hands", "3", "--working-hands", "2"]
    arguments += ["--json", str(tmp_path / "tiny.json")]
    assert cli.main(arguments) == 0
    result = json.loads((tmp_path / "tiny.json").read_text())
    assert result["many_hands"]["images"] == 3
    assert result["working_hands"]["frames"] == 2
    assert result["two_hands"]["sequences"] == 12
    assert result["two_hands"]["frames"] == 24
    assert set(result["two_hands"]["by_mesh"]) == {"trained on", "never trained on"}
    assert result["holding"]["sequences"] == 17
    assert result["holding"]["frames"] == 34
    assert set(result["holding"]["by_scene"]) == {"pick up"}
    assert result["sequences"]["sequences"] == 4
    assert [part["sequences"] for part in result["free_motion"].values()] == [4, 4]


def test_a_reader_that_has_enough_ends_a_command_quietly() -> None:
    command = [sys.executable, "-m", "dense3d_ros.cli", "models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate()
    assert (process.returncode, said) == (128 + signal.SIGPIPE, b"")


def test_what_training_needs_is_named_by_the_target_that_brings_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.delitem(sys.modules, "dense3d_ros.learning.evaluation.benchmark", raising=False)
    arguments = ["evaluate", "--predictions", "no", "--ground-truth", "no", "--dataset", "nyu", "--json", "no.json"]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert "this needs the Python package tqdm, which is not there" in error
    assert error.endswith("; `make requirements-learning` brings it, and so does the extra 'learning' of pip\n")


def test_synth_draws_samples(tmp_path: Path) -> None:
    assert cli.main(["synth", "--show", str(tmp_path / "samples.png"), "--count", "3"]) == 0
    assert cv2.imread(str(tmp_path / "samples.png")).shape == (200, 3 * 200 + 2 * 4, 3)
    assert cli.main(["synth", "--show", str(tmp_path / "samples.png"), "--count", "0"]) == 2


def test_models_lists_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    said = capsys.readouterr().out
    for views in (1, 3):
        new = r"new hands, judged on 3, are published from a score of 0\.\d+ on"
        own = rf"calibration for {views}: least score 0\.\d+, seed \d+, "
        assert re.search(f"^  views {views}: {new}; {own}", said, re.M)
    errors = re.findall(r"^    [\d.]+ mm on [^\n]*$", said, re.M)
    assert len(errors) > 1
    assert all(error.count(" mm on ") == 1 for error in errors)


@pytest.mark.parametrize("command", ["benchmark", "calibrate", "demo", "evaluate", "run"])
def test_views_that_there_are_not(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--views", "2"])
    assert ended.value.code == 2
    assert re.search(r"argument --views: invalid choice: '?2'? \(choose from '?1'?, '?3'?\)", capsys.readouterr().err)


@pytest.mark.parametrize("command", [None, "run", "train", "synth", "models"])
def test_help(command: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*([command] if command else []), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text or command is None


@pytest.mark.parametrize(("first", "last"), [([], []), (["--debug"], []), ([], ["--debug"])])
def test_debug_adds_the_traceback_to_an_errors_sentence(
    first: list[str], last: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(tmp_path / "missing"), *INTRINSICS, "--output", str(tmp_path / "result")]
    assert cli.main([*first, *arguments, *last]) == 2
    *before, sentence = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"dense3d: error: '{tmp_path / 'missing'}' is not there or not a folder")
    debug = first + last
    assert before[:1] == ["Traceback (most recent call last):"] * len(debug)
    assert any("commands/run.py" in line for line in before) == bool(debug)


@pytest.mark.parametrize("place", range(4))
def test_debug_may_be_anywhere_before_and_after_the_command(
    place: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["data", "check", str(tmp_path)]
    arguments.insert(place, "--debug")
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):")


def test_unknown_commands_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["walk"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 2


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from dense3d_ros import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'numpy', 'numba', 'rclpy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    start = time.monotonic()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "run" in result.stdout
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--robot", "nope"], "--robot counts only with --teleop; add that or leave it out"),
        (["--rate", "999"], "--rate counts only with --teleop; add that or leave it out"),
        (["--depth-unit", "0.001"], "--depth-unit counts only with --input"),
        (["--camera", "475", "475", "319.5", "239.5"], "--camera counts only with --input"),
        (["--teleop", "--input", "recording"], "--teleop shows the rendered hand; leave out --input"),
        (
            ["--input", "recording"],
            "does not say its camera; --input needs --camera FX FY CX CY and --depth-unit METRES",
        ),
        (["--input", "recording", "--camera", "475", "475", "319.5", "239.5"], "and --depth-unit METRES"),
        (["--input", "recording", "--depth-unit", "0.001"], "--input needs --camera FX FY CX CY"),
        (["--input", "recording", "--mesh", "soma"], "--mesh is of the rendered hand and counts for nothing with"),
        (["--seconds", "nan"], "--seconds must be a number above 0, got nan"),
        (["--seconds", "inf", "--teleop"], "--seconds must be a number above 0, got inf"),
        (["--seconds", "0"], "--seconds must be a number above 0, got 0.0"),
    ],
)
def test_demo_refuses_options_that_would_count_for_nothing(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "result"
    assert cli.main(["demo", *options, "--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not output.exists()
