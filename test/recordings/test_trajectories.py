"""Robot trajectories from the hands of a recording, and the command that writes them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rendered_hands import gesture, hand_pose

from dense3d_ros import cli
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.recordings.results import hand_record
from dense3d_ros.recordings.trajectories import read_hands


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A hand that opens from a pinch within ten frames, of which one shows nothing, beside a left hand."""
    start, end = gesture("pinch_i"), gesture("open")
    lines = []
    for frame in range(10):
        hands = [hand_pose(gesture("fist"), Handedness.LEFT), hand_pose(start + frame / 9 * (end - start))]
        record = {"file": f"{frame}.png", "stamp": frame / 30, "hands": [hand_record(hand) for hand in hands]}
        lines.append(json.dumps(record if frame != 4 else {**record, "hands": []}))
    (tmp_path / "hands.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_gripper_opens_with_the_hand(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = result / "gripper.csv"
    assert cli.main(["retarget", str(result), "--robot", "parallel_gripper", "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"10 frames, 9 with a right hand; positions in {output}\n"
    rows = list(csv.reader(output.read_text().splitlines()))
    assert rows[0] == ["file", "index", "stamp", "finger_joint"]
    shown = [number for number in range(10) if number != 4]
    assert [row[:2] for row in rows[1:]] == [[f"{number}.png", str(number)] for number in shown]
    values = np.array(rows[1:])[:, 2:].astype(float)
    assert len(values) == 9
    # The frame without a hand has no line.
    assert 4 / 30 not in values[:, 0].round(6)
    assert (np.diff(values[:, 1]) >= 0).all()
    assert values[0, 1] < 0.003
    assert values[-1, 1] > 0.03


def test_each_subfolder_is_a_recording_of_its_own(result: Path) -> None:
    frames = [json.loads(line) for line in (result / "hands.jsonl").read_text().splitlines()]
    # The second one is the first one backwards, so that the hand is elsewhere where it begins.
    frames += [{**frame, "stamp": number / 30} for number, frame in enumerate(reversed(frames))]
    for number, frame in enumerate(frames):
        frame["file"] = f"{'one' if number < 10 else 'two'}/{number % 10}.png"
    alone = result / "alone"
    alone.mkdir()
    (alone / "hands.jsonl").write_text("".join(json.dumps(frame) + "\n" for frame in frames[10:]))
    (result / "hands.jsonl").write_text("".join(json.dumps(frame) + "\n" for frame in frames))
    written = []
    for folder in (result, alone):
        output = folder / "gripper.json"
        assert cli.main(["retarget", str(folder), "--robot", "parallel_gripper", "--output", str(output)]) == 0
        written.append(json.loads(output.read_text())["points"])
    both, second = written
    assert len({(point["file"], point["index"]) for point in both}) == len(both) == 18
    for name in ("one/", "two/"):
        points = [point for point in both if point["file"].startswith(name)]
        assert (np.diff([point["stamp"] for point in points]) > 0.0).all()
    assert [point["positions"] for point in both[9:]] == [point["positions"] for point in second]


def test_a_bystander_and_uncertain_joints_do_not_move_the_gripper(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.loads(line) for line in (result / "hands.jsonl").read_text().splitlines()]
    arguments = ["retarget", str(result), "--robot", "parallel_gripper", "--output"]
    assert cli.main([*arguments, str(result / "alone.csv")]) == 0
    other = hand_pose(gesture("fist") + np.array([0.6, 0.0, 0.0]))
    other.track_id, other.score = 7, 0.95
    for number, line in enumerate(lines):
        if number > 0:
            line["hands"].append(hand_record(other))
        if number == 8:
            line["hands"][1]["joint_scores"] = [0.1] * 21
    (result / "hands.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    capsys.readouterr()
    assert cli.main([*arguments, str(result / "both.csv")]) == 0
    assert capsys.readouterr().out == (
        f"10 frames, 8 with a right hand; positions in {result / 'both.csv'}\n"
        "1 more have joints too uncertain to move the robot: a mean score below 0.3\n"
    )
    alone, both = ((result / f"{name}.csv").read_text().splitlines() for name in ("alone", "both"))
    assert both[:-1] == alone[:-2]


def test_a_robot_hand_as_json(result: Path) -> None:
    pytest.importorskip("dex_retargeting", reason="the extra retargeting is not installed")
    output = result / "hand.json"
    arguments = ["retarget", str(result / "hands.jsonl"), "--robot", "four_fingered_hand", "--output", str(output)]
    assert cli.main(arguments) == 0
    written = json.loads(output.read_text())
    assert len(written["joint_names"]) == len(written["points"][0]["positions"]) == 16
    assert [point["stamp"] for point in written["points"]][:3] == [0.0, 0.033333, 0.066667]


@pytest.mark.parametrize(
    ("line", "what"),
    [("{", "JSONDecodeError"), ("{}", "KeyError"), ('{"stamp": 0, "hands": [{"joints": [[0, 0, 0]]}]}', "KeyError")],
)
def test_a_line_that_is_no_frame_is_named(line: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "hands.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match=f"hands.jsonl, line 1, is no frame: {what}"):
        list(read_hands(tmp_path))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"handedness": None}, "AttributeError"),
        ({"handedness": "middle"}, "KeyError"),
        ({"track_id": float("inf")}, "OverflowError: cannot convert float infinity to integer"),
        ({"joints": [[float("nan")] * 3] * 21}, "wrist is .nan, nan, nan.; accepted: finite metres"),
        ({"joint_scores": [2.0] * 21}, "joint_scores are .* accepted: 21 numbers from 0 to 1"),
        ({"score": float("nan")}, "score is nan; accepted: 0 to 1"),
        ({"stamp": float("nan")}, "stamp is nan"),
        ("[" * 100_000, "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_frame_that_cannot_be_is_named_with_its_line(
    change: dict[str, object] | str, what: str, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (result / "hands.jsonl").read_text().splitlines()
    if isinstance(change, str):
        lines[2] = change
    else:
        frame = json.loads(lines[2])
        place = frame if "stamp" in change else frame["hands"][1]
        place.update(change)
        lines[2] = json.dumps(frame)
    (result / "hands.jsonl").write_text("\n".join(lines))
    arguments = ["retarget", str(result), "--robot", "parallel_gripper", "--output", str(result / "a.csv")]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert re.search(f"hands.jsonl, line 3, is no frame: {what}.*; accepted: a hands.jsonl of dense3d run", error)
    assert error.count("\n") == 1


def test_what_cannot_work_is_one_line(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, sentence in (
        ([str(result), "--robot", "octopus", "--output", "a.csv"], "robot is 'octopus'"),
        ([str(result), "--robot", "parallel_gripper", "--output", "a.txt"], "--output is a.txt"),
        ([str(result / "no"), "--robot", "parallel_gripper", "--output", "a.csv"], "cannot be read"),
    ):
        assert cli.main(["retarget", *arguments]) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1
