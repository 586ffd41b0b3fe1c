"""The demo as a user runs it: real processes over DDS, figures that are measured, and an honest exit status."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from dense3d_ros import cli
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.recordings.offline import Intrinsics
from dense3d_ros.recordings.result_folder import prepare_results
from dense3d_ros.rehearsal.demo_observer import DemoObservation
from dense3d_ros.rehearsal.demo_report import failures, remarks
from dense3d_ros.rehearsal.teleop import TeleopObservation
from dense3d_ros.rehearsal.teleop_observer import Moment
from dense3d_ros.rehearsal.teleop_report import causes, write_teleop
from dense3d_ros.rehearsal.teleop_report import report as teleop_report
from dense3d_ros.retargeting.robot import load_robot


def demo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dense3d_ros.cli", "demo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def check_done(finished: subprocess.CompletedProcess[str], figures: dict[str, Any]) -> None:
    """The demo did its job, but that a busy machine may leave frames unanswered, which ends with 1 and is said."""
    unforgivable = [fault for fault in figures["failures"] if "depth images were answered" not in fault]
    assert unforgivable == []
    assert finished.returncode == (1 if figures["failures"] else 0), finished.stderr


def test_the_rendered_hand_is_found_where_it_is(tmp_path: Path) -> None:
    finished = demo("--mesh", "soma", "--seconds", 3, "--output", tmp_path)

    figures = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    check_done(finished, figures)
    assert figures["frames_in"] >= figures["frames_out"] > 0
    assert figures["frames_dropped"] == figures["frames_in"] - figures["frames_out"]
    assert figures["frames_with_hand"] > 0
    assert 0 < figures["mean_joint_error_mm"] < 10
    for stage in ("decode", "crop", "network", "publish", "stamp to publish", "stamp to receipt"):
        assert 0 < figures["stages_ms"][stage]["p50"] <= figures["stages_ms"][stage]["p95"]
    images = list((tmp_path / "overlays").glob("*.png"))
    assert images
    assert cv2.imread(str(images[0])).shape == (480, 640, 3)
    assert cv2.imread(str(tmp_path / "contact_sheet.png")) is not None


def test_the_rendered_hand_moves_robots(tmp_path: Path) -> None:
    robots = ["--robot", "parallel_gripper"]
    if importlib.util.find_spec("dex_retargeting") is not None:
        robots += ["--robot", "four_fingered_hand"]
    finished = demo("--teleop", "--mesh", "soma", "--rate", 15, "--seconds", 2.5, *robots, "--output", tmp_path)

    figures = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    # A busy machine may leave frames unanswered.
    assert [fault for fault in figures["failures"] if "commands for" not in fault] == [], finished.stderr
    assert set(figures["commands"]) == {name for name in robots if name != "--robot"}
    assert all(count > 0 for count in figures["commands"].values())
    for name in figures["commands"]:
        late = figures["latency_ms"][f"stamp to {name}"]
        assert 0 < late["p50"] <= late["p99"]
    for error in figures["pose_errors"].values():
        assert 0 < error["median_mm"] < 15
        assert 0 < error["median_degrees"] < 15
    images = list((tmp_path / "overlays").glob("*.png"))
    assert images
    assert cv2.imread(str(images[0])).shape == (480, 480 * (1 + len(figures["commands"])), 3)
    assert cv2.imread(str(tmp_path / "contact_sheet.png")) is not None


def test_it_is_said_why_images_moved_no_robot() -> None:
    """Of 100 images 60 moved the robot; the nodes counted before, too."""
    before = {"dropped: newer frame": "7", "without a hand": "90", "refused: no camera info": "0", "pairs": "5"}
    after = {
        **{"dropped: newer frame": "17", "without a hand": "95", "refused: no camera info": "2", "pairs": "99"},
        **{"refused: depth": "1", "dropped: newer frame per second": "3.10"},
    }
    state = ({"glitches": "1", "refused hands": "4"}, {"glitches": "4", "refused hands": "4", "messages": "80"})
    moments = [Moment(commands={"robot_1": {"finger_joint": 0.0}})] * 60
    robots = {"robot_1": load_robot("parallel_gripper")}
    seen = TeleopObservation(100, moments, [], robots, {"hand_pose": (before, after), "hand_state": state}, 60.0)
    expected = {
        **{"dropped for a newer image": 10, "no hand found": 5, "refused": 3, "held: the wrist jumped": 3},
        "lost on the way to a node": 19,
    }
    assert causes(seen, "robot_1") == expected
    assert causes(replace(seen, measured=moments[:1] * 100), "robot_1") == {}
    assert teleop_report(replace(seen, measured=moments[:40]))["failures"][0] == (
        "parallel_gripper got 40 commands for 100 frames (dropped for a newer image: 10, no hand found: 5, refused: 3, "
        "held: the wrist jumped: 3, lost on the way to a node: 39)"
    )


def test_two_configurations_of_one_robot_are_told_apart(tmp_path: Path) -> None:
    robots = {f"robot_{number}": load_robot("parallel_gripper") for number in (1, 2)}
    moments = [Moment(commands={"robot_2": {"finger_joint": 0.0}})] * 10
    figures = write_teleop(
        TeleopObservation(10, moments, [], robots, {}, 60.0), Intrinsics(475, 475, 319.5, 239.5, 0.001), tmp_path
    )
    assert figures["commands"] == {"parallel_gripper (robot_1)": 0, "parallel_gripper (robot_2)": 10}


def test_a_folder_without_a_hand_is_not_called_done(tmp_path: Path) -> None:
    """A wall at half a metre in millimetres, said to be in an SR305's eighths."""
    folder = tmp_path / "empty"
    folder.mkdir()
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((120, 160), 500, np.uint16))

    options = ["--camera", 120, 120, 79.5, 59.5, "--depth-unit", 0.000125, "--output", tmp_path / "result"]
    finished = demo("--input", folder, *options)

    figures = json.loads((tmp_path / "result" / "report.json").read_text(encoding="utf-8"))
    assert finished.returncode == 1
    assert figures["frames_out"] == 3
    assert figures["frames_with_hand"] == 0
    assert figures["failures"] == ["no hand was found"]
    assert "no hand was found" in finished.stderr
    assert "most frequent reason for no hand: no depth within" in finished.stderr
    assert "when a value counts 0.000125 m: set the depth unit to what" in finished.stderr
    assert "such as 0.001 (then they are 0.5" in finished.stderr
    assert "when a value counts 0.001 m" not in finished.stderr


def test_a_folder_is_answered_image_by_image(tmp_path: Path) -> None:
    """Eight images, two files that are none, one of them with a name that is not UTF-8, and one of another camera."""
    folder = tmp_path / "recording"
    folder.mkdir()
    animation = HandAnimation(Camera(475.0, 475.0, 319.5, 239.5, 640, 480), seed=3, sensor="structured_light")
    for index in range(8):
        metres, _ = animation.frame(index / 10)
        cv2.imwrite(str(folder / f"{index}.png"), np.rint(metres * 1000).astype(np.uint16))
    (folder / "broken.png").write_text("no image")
    (folder / os.fsdecode(b"\xff.png")).write_text("no image either")
    cv2.imwrite(str(folder / "other.png"), np.full((240, 320), 500, np.uint16))
    options = ["--camera", 475, 475, 319.5, 239.5, "--depth-unit", 0.001, "--output", tmp_path / "result"]

    finished = demo("--input", folder, *options)

    figures = json.loads((tmp_path / "result" / "report.json").read_text(encoding="utf-8"))
    assert figures["images"] == figures["frames_in"] == 8
    check_done(finished, figures)
    assert len(list((tmp_path / "result" / "overlays").glob("*.png"))) == figures["frames_out"]
    said = (tmp_path / "result" / "depth_camera.log").read_text(encoding="utf-8")
    assert all(name in said for name in ("broken.png", "\\udcff.png", "other.png has 320x240 pixels"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--input", "recording"], "--teleop shows the rendered hand; leave out --input"),
        (["--robot", "octopus"], "robot is 'octopus'; accepted: "),
        (["--rate", "0"], "--rate must be 1 to 240, got 0.0"),
    ],
)
def test_a_teleoperation_that_cannot_work_is_one_line(
    arguments: list[str], sentence: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "--teleop", *arguments, "--output", str(tmp_path / "result")]) == 2
    said = capfd.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "result").exists()


def observation(**changes: Any) -> DemoObservation:
    """A folder's good demo, but for the changes."""
    good = DemoObservation(
        folder=Path("recording"),
        mesh="webxr",
        images=20,
        frames_in=20,
        frames_before=0,
        frames_out=20,
        frames_with_hand=18,
        marker_messages=18,
        wrong_frames=0,
        errors_mm=np.zeros(0),
        latency_ms=np.ones(20),
        rate=5.0,
        seconds_to_active=2.0,
        diagnostics={},
        reason="",
        shots=[],
        survived=True,
    )
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"survived": False}, "did not live to the end"),
        ({"frames_in": 19}, "only 19 of the folder's 20 images were seen"),
        ({"frames_out": 18}, "only 18 of 20 depth images were answered"),
        ({"frames_with_hand": 9}, "the hand was found in 9 of 20 frames only"),
        ({"frames_with_hand": 0}, "no hand was found"),
        ({"marker_messages": 0}, "hands came without markers"),
        ({"wrong_frames": 1}, "1 messages were not in the depth image's frame"),
        ({"folder": None, "images": None}, "mean joint error is over 30 mm or unknown"),
        ({"folder": None, "images": None, "errors_mm": np.full(20, 31.0)}, "mean joint error is over 30 mm"),
        ({"folder": None, "images": None, "errors_mm": np.ones(15), "frames_with_hand": 15}, "in 15 of 20 frames"),
    ],
)
def test_every_shortcoming_is_said(changes: dict[str, Any], fault: str) -> None:
    (said,) = failures(observation(**changes))
    assert fault in said


def test_a_good_demo_is_done() -> None:
    assert failures(observation()) == []
    assert failures(observation(frames_out=19)) == []
    assert failures(observation(folder=None, images=None, frames_out=18, errors_mm=np.full(18, 10.0))) == []


def test_a_machine_that_drops_images_is_told_with_numbers() -> None:
    rendered = observation(folder=None, images=None, frames_in=409, latency_ms=np.full(212, 94.9), rate=13.6)
    (said,) = remarks(replace(rendered, frames_out=212), 0.001)
    assert said.startswith(
        "197 of 409 images were dropped for newer ones, because this machine was busy or is too slow: 13.6 frames a "
        "second were answered, after 95 ms (median); its load is "
    )
    assert said.endswith(f" on {os.cpu_count()} cores")
    assert remarks(replace(rendered, frames_out=390), 0.001) == []


def test_settings_that_cannot_work_are_said_before_anything_is_replaced(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "result"
    prepare_results(output, None)
    (output / "report.json").touch()
    cv2.imwrite(str(tmp_path / "1.png"), np.full((480, 640), 500, np.uint16))
    camera = ["--camera", "475", "475", "319.5", "999", "--depth-unit", "0.001"]
    assert cli.main(["demo", "--input", str(tmp_path), *camera, "--output", str(output)]) == 2
    assert "the principal point (319.5, 999) lies outside" in capfd.readouterr().err
    assert (output / "report.json").exists()


def test_a_model_that_is_not_there_is_said_by_name(tmp_path: Path) -> None:
    finished = demo("--model", "nobody", "--output", tmp_path)
    assert finished.returncode != 0
    assert "nobody" in finished.stderr
    assert "Traceback" not in finished.stderr
