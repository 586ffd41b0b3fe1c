"""The parts of the nodes that need no node: camera infos, parameters, worker, statistics, model slot."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import astuple, fields, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from driver_messages import DRIVERS, Driver
from node_processes import depth_message, info_message
from std_msgs.msg import Header

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.camera_info import CameraInfoError, camera_of, doubt_of, focal_length_of, is_named_rectified
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.distortion import Distortion
from dense3d_ros.geometry.hand import HandPose
from dense3d_ros.geometry.unit_doubt import UnitDoubt
from dense3d_ros.nodes import dds_profile
from dense3d_ros.nodes.allocator import gpu_mebibytes
from dense3d_ros.nodes.camera_clock import CameraClock
from dense3d_ros.nodes.camera_hints import CameraHints
from dense3d_ros.nodes.diagnostics import (
    LONGEST_SENTENCE,
    Condition,
    Conditions,
    Level,
    diagnostic_array,
    traceback_text,
)
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.settings import DepthCameraSettings, HandModelSettings, HandPoseSettings, HandStateSettings
from dense3d_ros.nodes.statistics import FrameStatistics, Rates
from dense3d_ros.nodes.worker import LatestWorker

ROOT = Path(__file__).resolve().parents[2]
CAMERA = Camera(600.0, 610.0, 321.0, 242.0, 640, 480)


def info(camera: Camera = CAMERA) -> Any:
    return info_message(depth_message(np.zeros((1, 1), np.float32), Header().stamp, frame="optical"), camera)


def test_full_image_gives_the_intrinsics_as_they_are() -> None:
    assert camera_of(info(), 640, 480, "optical") == CAMERA
    assert camera_of(info(), 640, 480, "/optical") == CAMERA
    assert {type(value) for value in astuple(camera_of(info(), 640, 480, "optical"))[:6]} == {float, int}


def test_projection_matrix_is_preferred_and_k_is_used_without_it() -> None:
    message = info()
    message.k[2] = 300.0
    assert camera_of(message, 640, 480, "optical").cx == 321.0
    message.p = np.zeros(12)
    assert camera_of(message, 640, 480, "optical").cx == 300.0


@pytest.mark.parametrize("lens", ["ignore", "undo"])
@pytest.mark.parametrize("cleared", [{}, {"k": np.zeros(9)}, {"p": np.zeros(12)}, {"d": [0.1, 0.0, 0.0, 0.0]}])
def test_the_focal_length_is_known_without_an_image(lens: str, cleared: dict[str, Any]) -> None:
    message = info()
    message.k[0], message.k[4] = 500.0, 510.0
    for name, value in cleared.items():
        setattr(message, name, value)
    camera = camera_of(message, 640, 480, "optical", lens)
    assert focal_length_of(message, lens) == (camera.fx, camera.fy)
    # A region or binning is the image's.
    message.binning_x, message.roi.width, message.roi.height = 2, 40, 30
    assert focal_length_of(message, lens) == (camera.fx, camera.fy)


def test_region_and_binning_see_the_same_rays() -> None:
    """A binned pixel is the top left one of those it stands for, as image_proc's CropDecimate takes it."""
    message = info()
    message.binning_x, message.binning_y = 2, 4
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = 100, 40, 200, 80
    camera = camera_of(message, 100, 20, "optical")
    for column, row in ((0, 0), (7, 3), (99, 19)):
        full = CAMERA.back_project(np.array([100 + 2 * column, 40 + 4 * row], float), np.float64(0.6))
        binned = camera.back_project(np.array([column, row], float), np.float64(0.6))
        np.testing.assert_allclose(binned, full, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"k": np.zeros(9), "p": np.zeros(12)}, "K has focal lengths 0 and 0, the camera is not calibrated"),
        ({"k": [0.0] * 8 + [1.0]}, "K has focal lengths 0 and 0, the camera is not calibrated"),
        ({"width": 320}, "describes 320x480 pixels .* the depth image has 640x480"),
        ({"binning_x": 2}, "describes 320x480 pixels"),
        ({"k": np.full(9, np.nan)}, "K has focal lengths nan"),
        ({"p": np.full(12, np.inf)}, "must be finite"),
        ({"k": [10.0, 0, 320, 0, 10, 240, 0, 0, 1], "p": np.zeros(12)}, "10 and 10 pixels .* field of view of 176.4 x"),
        ({"k": [600.0, 0, 1e300, 0, 610, 240, 0, 0, 1], "p": np.zeros(12)}, r"principal point \(1e\+300, 240\)"),
    ],
)
def test_bad_infos_are_refused_with_a_sentence(change: dict[str, Any], sentence: str) -> None:
    message = info()
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(CameraInfoError, match=sentence):
        camera_of(message, 640, 480, "optical")


def test_infos_of_another_frame_are_refused() -> None:
    with pytest.raises(CameraInfoError, match="frame_id is 'optical', the depth image's is 'other'"):
        camera_of(info(), 640, 480, "other")


def test_a_lens_is_that_of_an_image_that_is_not_rectified() -> None:
    message = info()
    assert camera_of(message, 640, 480, "optical", lens="undo") == CAMERA
    message.k[2] = 300.0
    message.d = [0.0, 0.1, 0.0, 0.0, 0.0]
    assert camera_of(message, 640, 480, "optical") == CAMERA
    camera = camera_of(message, 640, 480, "optical", lens="undo")
    assert camera == replace(CAMERA, cx=300.0, distortion=Distortion("plumb_bob", (0.0, 0.1, 0.0, 0.0, 0.0)))


@pytest.mark.parametrize(
    ("model", "coefficients", "sentence"),
    [
        ("kannala", [0.1] * 4, "distortion_model is 'kannala'; accepted: plumb_bob, rational_polynomial, equidistant"),
        ("plumb_bob", [0.1] * 6, "distortion_model plumb_bob has 6 coefficients; accepted: 4 or 5 or 8"),
        ("plumb_bob", [0.1, np.nan, 0, 0, 0], "coefficients are .*nan.*; accepted: numbers of a lens"),
        ("plumb_bob", [-1000.0, 0, 0, 0, 0], "fold the image back on itself in its middle"),
    ],
)
def test_a_lens_that_cannot_be_is_refused_where_it_would_be_used(
    model: str, coefficients: list[float], sentence: str
) -> None:
    message = info()
    message.distortion_model, message.d = model, coefficients
    assert camera_of(message, 640, 480, "optical") == CAMERA
    with pytest.raises(CameraInfoError, match=sentence):
        camera_of(message, 640, 480, "optical", lens="undo")


@pytest.mark.parametrize(
    ("topic", "is_rectified"),
    [
        ("/camera/camera/depth/image_rect_raw", True),
        ("/kinect2/sd/image_depth_rect", True),
        ("/camera/depth/image_rect/compressedDepth", True),
        ("/depth/image_raw", False),
        ("/camera/depth_registered/image_raw", False),
        ("/direct/depth", False),
    ],
)
def test_a_rectified_image_is_known_by_its_topic(topic: str, is_rectified: bool) -> None:
    assert is_named_rectified(topic) == is_rectified


def test_camera_infos_as_some_drivers_send_them() -> None:
    """K not filled in, no frame, and made for a larger image."""
    message = info()
    message.k, message.header.frame_id = np.zeros(9), ""
    assert camera_of(message, 640, 480, "optical") == CAMERA
    half = camera_of(message, 320, 240, "optical")
    assert half == Camera(300.0, 305.0, 160.5, 121.0, 320, 240)


def test_hints_are_given_once_each() -> None:
    said: list[str] = []
    hints = CameraHints(said.append)
    message = info()
    image = depth_message(np.zeros((240, 320), np.float32), Header().stamp, frame="camera_link")
    message.d, message.header = [0.1, 0.0, 0.0, 0.0, 0.0], Header()
    for lens in ("ignore", "undo", "undo"):
        camera = camera_of(message, 320, 240, "camera_link", lens)
        hints.check(image, message, camera, "/depth", "/info")
    assert [text[:60] for text in said] == [
        "The camera info on /info has distortion coefficients. They a",
        "The camera info on /info has no frame_id; the image's, 'came",
        "The camera info on /info is for 640x480 pixels; it is scaled",
        "The frame 'camera_link' is not named like an optical one. Jo",
        "The lens of /depth is undone (plumb_bob). If that image is r",
    ]
    assert hints.lens == "plumb_bob is undone"


def test_intrinsics_that_can_hardly_be_are_said_once_and_remembered() -> None:
    said: list[str] = []
    hints = CameraHints(said.append)
    message = info()
    image = depth_message(np.zeros((480, 640), np.float32), Header().stamp, frame="optical")
    for cx in (321.0, 640.0, 640.0, 321.0, 640.0):
        message.p[2] = cx
        hints.check(image, message, camera_of(message, 640, 480, "optical"), "/depth", "/info")
        assert hints.doubt.startswith("camera info on /info: these intrinsics") if cx > 600 else hints.doubt == ""
    assert len(said) == 1
    # A window of the sensor may be anywhere on it.
    message.p[2] = 321.0
    message.roi.x_offset, message.roi.width, message.roi.height = 440, 200, 480
    window = camera_of(message, 200, 480, "optical")
    assert window.doubt() != ""
    assert doubt_of(message, window) == ""


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_no_driver_is_doubted(driver: Driver) -> None:
    width, height = driver.size
    _, message = driver.messages(np.ones((height, width), np.float32), Header().stamp)
    camera = camera_of(message, width, height, driver.frame, "undo" if driver.bends else "ignore")
    assert doubt_of(message, camera) == ""


def test_the_sentence_on_old_frames_says_which_clock_is_wrong() -> None:
    clock = CameraClock()
    assert clock.why_old(0.0).startswith("the images have no stamp: set max_age to 0")
    for _ in range(20):
        clock.came(7.3)
    assert clock.why_old(5.0).startswith(
        "all by the same time: if the camera's clock is behind this node's, synchronise"
    )
    for index in range(20):
        clock.came(1.0 + index / 2)
    assert clock.why_old(5.0).startswith("they wait longer each time or came late")
    clock = CameraClock()
    for _ in range(20):
        clock.came(-60.0)
    assert (
        clock.why_old(5.0) == "the camera's clock is 60.00 s ahead of this node's: synchronise the two, by NTP or PTP"
    )
    assert clock.doubt().startswith(
        "the camera's clock is 60.00 s ahead of this node's, so ages are told by its latest"
    )


def test_a_camera_clock_that_is_hardly_ahead_is_not_doubted() -> None:
    clock = CameraClock()
    assert clock.doubt() == ""
    for _ in range(20):
        clock.came(-0.1)
    assert clock.doubt() == ""


@pytest.mark.parametrize(
    ("node", "settings"),
    [
        ("hand_pose", HandPoseSettings),
        ("hand_model", HandModelSettings),
        ("depth_camera", DepthCameraSettings),
        ("hand_state", HandStateSettings),
    ],
)
def test_hand_yaml_is_complete_and_equal_to_the_defaults(node: str, settings: Any) -> None:
    written = yaml.safe_load((ROOT / "config" / "hand.yaml").read_text(encoding="utf-8"))
    values = written[f"/**/{node}"]["ros__parameters"]
    defaults = {
        entry.name: list(entry.default) if isinstance(entry.default, tuple) else entry.default
        for entry in fields(settings)
    }
    assert values == defaults
    for name, value in values.items():
        assert type(value) is type(defaults[name]), f"{name}: ROS does not take an integer for a double"


@pytest.mark.parametrize("settings", [HandPoseSettings, HandModelSettings, DepthCameraSettings, HandStateSettings])
def test_every_number_has_a_range_with_its_default_inside(settings: Any) -> None:
    free = {"cx", "cy"}
    for entry in fields(settings):
        assert entry.metadata["description"].endswith(".")
        if type(entry.default) in (int, float) and entry.name not in free:
            low, high = entry.metadata["limits"]
            assert low <= entry.default <= high


def test_settings_refuse_what_does_not_go_together() -> None:
    with pytest.raises(ValueError, match=r"min_depth \(1.6 m\) must be smaller than max_depth \(1.5 m\)"):
        HandPoseSettings(min_depth=1.6)
    with pytest.raises(ValueError, match=r"min_score is 1.0000001; accepted: 0.0 to 1.0"):
        HandPoseSettings(min_score=1.0000001)
    with pytest.raises(ValueError, match=r"rate is nan; accepted: 0.1 to 240.0"):
        DepthCameraSettings(rate=float("nan"))
    # rclpy gives None for an empty list.
    for cameras, said in (((), "none"), (None, "none"), (("left", "left"), "left, left")):
        with pytest.raises(ValueError, match=f"cameras are {said}; expected at least one, each once"):
            HandModelSettings(cameras=cameras)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="transport is 'theora'; accepted: raw, compressedDepth"):
        HandPoseSettings(transport="theora")
    with pytest.raises(ValueError, match="depth_unit is 1e-09; accepted: 0, or 1e-06 to 1"):
        HandPoseSettings(depth_unit=1e-9)
    with pytest.raises(ValueError, match="encoding is 'rgb8'; accepted: 16UC1, 32FC1"):
        DepthCameraSettings(encoding="rgb8")
    with pytest.raises(ValueError, match="reliability is 'maybe'; accepted: best_effort, reliable"):
        DepthCameraSettings(reliability="maybe")


@pytest.mark.parametrize(
    ("values", "unit", "sentence"),
    [
        (np.float32(700), 1.0, "the nearest things are 700 m away when a value counts 1 m: set the depth unit to"),
        (np.uint16(12000), 0.001, "the nearest things are 12 m away when a value counts 0.001 m: set the depth unit"),
        (np.float32(0.02), 1.0, "the nearest things are 0.02 m away when a value counts 1 m: set the depth unit"),
        (
            np.uint16(4600),
            0.001,
            "the nearest things are 4.6 m away when a value counts 0.001 m: set the depth unit to what the camera's "
            "values count, such as 0.0001 or 0.000125 (then they are 0.46 or 0.58 m away; see the camera's "
            "documentation), unless nothing is before the camera",
        ),
        (np.float32(0.7), 1.0, ""),
        (np.uint16(1900), 0.001, ""),
        (np.uint16(0), 0.001, ""),
    ],
)
def test_a_unit_that_cannot_be_is_doubted(values: Any, unit: float, sentence: str) -> None:
    image = np.full((96, 128), values)
    image[0, :20] = values / 20 if unit == 1.0 else 0
    said = UnitDoubt().doubt(DepthImage(image, unit), [], 0.0)
    assert said.startswith(sentence) if sentence else said == ""


def test_a_unit_by_which_hands_were_found_is_not_doubted() -> None:
    """The user has gone, and the room is large."""
    unit, far = UnitDoubt(), np.full((96, 128), 4600, np.uint16)
    assert unit.doubt(DepthImage(far, 0.001), [], 0.0) != ""
    assert unit.doubt(DepthImage(far, 0.001), [hand_of(0.185)], 0.0) == ""
    assert unit.doubt(DepthImage(far, 0.001), [], 0.0) == ""
    assert unit.doubt(DepthImage(far, 0.01), [], 0.0) != ""


@pytest.mark.parametrize(
    ("metres", "is_doubted"), [(4.4, True), (0.05, True), (2.5, False), (0.5, False), (0.0, False)]
)
def test_a_unit_that_changes_while_it_runs_is_doubted_after_some_seconds(metres: float, is_doubted: bool) -> None:
    """Hands were found before a wall 3 m away."""

    def image(metres: float) -> DepthImage:
        return DepthImage(np.full((96, 128), round(1000 * metres), np.uint16), 0.001)

    unit = UnitDoubt()
    before = image(3.0)
    before.values[:40] = 500
    assert unit.doubt(before, [hand_of(0.185)], 100.0) == ""
    said = [unit.doubt(image(metres), [], 101.0 + second) for second in range(8)]
    assert said[:5] == [""] * 5
    assert bool(said[-1]) == is_doubted
    # Once more a hand is found.
    assert unit.doubt(before, [hand_of(0.185)], 109.0) == ""
    assert unit.doubt(image(metres), [], 110.0) == ""


@pytest.mark.parametrize(
    ("length", "unit", "better"),
    [
        (0.186 * 0.8, 0.0001, "with 0.000125 they are 186 mm"),
        (0.186 * 1.25, 0.000125, "with 0.0001 they are 186 mm"),
        (0.18 * 0.8, 0.0002, "with 0.00025 they are 180 mm"),
        (0.165, 0.0001, ""),
        (0.205, 0.000125, ""),
        (0.14, 0.001, ""),
        (0.14, 0.000125, ""),
    ],
)
def test_the_size_of_hands_tells_between_units(length: float, unit: float, better: str) -> None:
    doubt = UnitDoubt()
    image = DepthImage(np.full((96, 128), round(0.5 / unit), np.uint16), unit)
    said = [doubt.doubt(image, [hand_of(length)], 0.1 * number) for number in range(8)]
    assert said[:-1] == [""] * 7
    assert better in said[-1]
    assert bool(said[-1]) == bool(better)
    # Of another unit nothing is known yet.
    assert doubt.doubt(replace(image, unit=0.001), [hand_of(length)], 1.0) == ""


def hand_of(length: float) -> HandPose:
    """A bent hand, so many metres long from the wrist to the middle finger's tip."""
    joints = np.zeros((21, 3), np.float32)
    joints[9:13] = np.array([(0.5, 0, 0), (0.5, 0.25, 0), (0.5, 0.25, 0.125), (0.375, 0.25, 0.125)]) * length
    return HandPose(joints, np.ones(21, np.float32), 1.0)


@pytest.mark.parametrize("halfway", [SimpleNamespace(), SimpleNamespace(cuda=SimpleNamespace())])
def test_torch_that_is_just_being_imported_holds_no_gpu_memory(halfway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", halfway)
    assert gpu_mebibytes() == 0.0


def test_worker_takes_the_newest_and_counts_the_rest() -> None:
    started, go, done = threading.Event(), threading.Event(), threading.Event()
    worked: list[int] = []

    def process(item: int) -> None:
        started.set()
        assert go.wait(10)
        worked.append(item)
        if item == 4:
            done.set()

    worker: LatestWorker[int] = LatestWorker("test", process, pytest.fail)
    worker.put(0)
    assert started.wait(10)
    for item in (1, 2, 3, 4):
        worker.put(item)
    go.set()
    assert done.wait(10)
    assert worked == [0, 4]
    assert worker.dropped == 3
    assert worker.stop()


def test_worker_survives_an_exception_and_keeps_no_item() -> None:
    errors: list[Exception] = []
    done = threading.Event()

    def process(item: str) -> None:
        if item == "bad":
            raise RuntimeError("bad item")
        done.set()

    worker: LatestWorker[str] = LatestWorker("test", process, errors.append)
    worker.put("bad")
    end = time.monotonic() + 10
    while not errors and time.monotonic() < end:
        time.sleep(0.01)
    worker.put("good")
    assert done.wait(10)
    assert [str(error) for error in errors] == ["bad item"]
    assert worker.stop()


def test_percentiles_and_counts() -> None:
    statistics = FrameStatistics()
    for milliseconds in range(1, 102):
        statistics.time({"network": float(milliseconds)})
        statistics.count("published")
    assert statistics.percentiles() == {"network": (51.0, 96.0)}
    assert statistics.counts() == {"published": 101}
    values = statistics.values({"dropped: newer frame": 0})
    assert list(values) == [
        "dropped: newer frame",
        "dropped: newer frame per second",
        "published",
        "published per second",
        "network p50 ms",
        "network p95 ms",
    ]
    assert (values["published"], values["network p95 ms"], values["dropped: newer frame per second"]) == (101, 96.0, 0)
    assert statistics.values({})["published per second"] == 0


def test_rates_are_of_the_time_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rates = Rates()
    now[0] += 2.0
    assert rates.since_last({"published": 60}) == {"published": 30.0}
    now[0] += 1.0
    assert rates.since_last({"published": 75}) == {"published": 15.0}


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, text: str) -> None:
        self.lines.append(f"warning {text}")

    def error(self, text: str) -> None:
        self.lines.append(f"error {text}")


def test_bad_conditions_are_logged_once_in_ten_seconds_and_outlive_good_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    log = Log()
    conditions = Conditions(log)
    good = Condition(Level.OK, "published", "fine")
    for age in (1, 2, 3):
        conditions.report(Condition(Level.WARN, "too old", f"{age} s old"))
        conditions.report(good)
    assert log.lines == ["warning 1 s old"]
    assert conditions.take().text == "3 s old"
    assert conditions.take() == good
    conditions.report(Condition(Level.ERROR, "encoding", "rgb8"))
    now[0] += 11
    conditions.report(Condition(Level.WARN, "too old", "4 s old"))
    assert log.lines == ["warning 1 s old", "error rgb8", "warning 4 s old"]
    assert conditions.take().text == "rgb8"
    conditions.report(Condition(Level.WARN, "camera", "unusual", is_logged=True))
    assert conditions.take().text == "unusual"
    assert log.lines[3:] == []


@pytest.mark.parametrize(("rclpy", "name"), [("3.3.16", 0), ("7.1.6", 0), ("9.1.2", 1), ("10.0.0", 1)])
def test_one_profile_variable_for_each_distribution(monkeypatch: pytest.MonkeyPatch, rclpy: str, name: int) -> None:
    monkeypatch.setattr(dds_profile, "version", lambda package: {"rclpy": rclpy}[package])
    for variable in dds_profile.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    profile = dds_profile.dds_profile()
    assert list(profile) == [dds_profile.VARIABLES[name]]
    assert Path(profile[dds_profile.VARIABLES[name]]).is_file()
    monkeypatch.setenv(dds_profile.VARIABLES[0], "mine.xml")
    assert dds_profile.dds_profile() == {}


def test_a_camera_clock_is_ahead_by_its_earliest_frame_of_late() -> None:
    clock = CameraClock()
    for age in (0.1, 0.05, 3.0):
        clock.came(age)
    assert clock.ahead == 0.0
    for age in (-1.9, -2.0, 1.0, 0.5):
        clock.came(age)
    assert clock.ahead == 2.0
    # The clock is set right. Frames are refused for a while, not for good.
    for _ in range(100):
        clock.came(0.05)
    assert clock.ahead == 0.0


def test_a_camera_clock_that_is_set_by_an_hour_is_noticed_within_six_frames() -> None:
    clock = CameraClock()
    for _ in range(100):
        clock.came(-3600.0)
    # Late by more than any frame waits, but they may be all that waited while the node was stopped.
    for _ in range(5):
        clock.came(0.05)
        assert clock.ahead == 3600.0
    clock.came(0.05)
    assert clock.ahead == 0.0


def test_late_frames_after_a_stop_do_not_move_the_camera_clock() -> None:
    clock = CameraClock()
    for _ in range(50):
        clock.came(-60.0)
    for age in (0.1, 0.1, -60.0, 0.0, 0.0, -59.9):
        clock.came(age)
        assert clock.ahead == 60.0


def test_single_wrong_stamps_do_not_move_the_camera_clock() -> None:
    clock = CameraClock()
    clock.came(-3.5e8)
    for _ in range(9):
        clock.came(0.05)
    assert clock.ahead == 0.0
    for number in range(200):
        clock.came(-60.0 if number % 20 == 19 else 0.05)
        assert clock.ahead == 0.0


def test_what_comes_from_outside_is_cut_in_log_and_diagnostics() -> None:
    log = Log()
    conditions = Conditions(log)
    conditions.report(Condition(Level.ERROR, "outside", "\n".join("x" * 1000 for _ in range(1000))))
    message = diagnostic_array(Header().stamp, "node", "/depth", conditions.take(), {"model": "y" * 10**6})
    assert len(log.lines[0]) <= len("error ") + LONGEST_SENTENCE
    assert "\n" not in log.lines[0]
    assert len(message.status[0].message) <= LONGEST_SENTENCE
    assert len(message.status[0].values[0].value) <= LONGEST_SENTENCE
    assert max(map(len, traceback_text(RuntimeError("z" * 10**6)).splitlines())) <= LONGEST_SENTENCE


def test_a_listener_that_is_forgotten_hears_no_more() -> None:
    slot = ModelSlot()
    seen: list[str] = []
    slot.on_change(lambda: seen.append("first"))
    listener = partial(seen.append, "second")
    slot.on_change(listener)
    slot.forget(listener)
    slot.change(None)
    assert seen == ["first"]


def test_model_slot_tells_of_changes_after_they_happened() -> None:
    slot = ModelSlot()
    seen: list[Any] = []
    slot.on_change(lambda: seen.append(slot.current()))
    slot.change("a model")  # type: ignore[arg-type]
    slot.change(None)
    assert seen == ["a model", None]
