"""Pairs of image and camera info: equal stamps, nearly equal ones, and camera infos that come rarely."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from node_processes import depth_message
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo

from dense3d_ros.nodes.dds_profile import profile_variable
from dense3d_ros.nodes.pairing import DepthInput, PairedImage
from dense3d_ros.nodes.stamp_pairing import StampPairing


class FakeNode:
    """Takes the subscriptions; `deliver` calls back as an executor would."""

    def __init__(self, publishers: dict[str, str]) -> None:
        self.callbacks: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self._publishers = publishers

    def create_subscription(self, message: Any, topic: str, callback: Any, **options: Any) -> Any:
        self.callbacks[topic] = callback
        self.options[topic] = options
        return SimpleNamespace(topic_name=f"/{topic}")

    def get_name(self) -> str:
        return "fake"

    def get_namespace(self) -> str:
        return "/"

    def count_publishers(self, topic: str) -> int:
        return int(topic in self._publishers)

    def get_publishers_info_by_topic(self, topic: str) -> list[Any]:
        offer = SimpleNamespace(qos_profile=QoSProfile(depth=1), node_name="camera", node_namespace="/")
        return [offer] * self.count_publishers(topic)

    def get_publisher_names_and_types_by_node(self, name: str, namespace: str) -> list[tuple[str, list[str]]]:
        return self.get_topic_names_and_types()

    def get_subscriber_names_and_types_by_node(self, name: str, namespace: str) -> list[tuple[str, list[str]]]:
        return []

    def get_subscriptions_info_by_topic(self, topic: str) -> list[Any]:
        return []

    def get_topic_names_and_types(self) -> list[tuple[str, list[str]]]:
        return [(topic, [kind]) for topic, kind in self._publishers.items()]

    def resolve_topic_name(self, topic: str) -> str:
        return f"/remapped/{topic}"

    def deliver(self, topic: str, stamp: float) -> None:
        image = depth_message(np.zeros((1, 1), np.float32), seconds(stamp))
        self.callbacks[topic](image if topic == "depth" else CameraInfo(header=image.header))


def seconds(value: float) -> Time:
    return Time(sec=int(value), nanosec=round(value % 1 * 1e9))


class Setup:
    def __init__(self, publishers: dict[str, str] | None = None, **options: Any) -> None:
        self.node = FakeNode(publishers or {})
        self.frames: list[PairedImage] = []
        self.input = DepthInput(self.node, self.frames.append, **options)

    def deliver(self, *messages: tuple[str, int]) -> list[int]:
        """Stamps of the pairs that these messages completed."""
        before = len(self.frames)
        for topic, stamp in messages:
            self.node.deliver(topic, stamp)
        for frame in self.frames[before:]:
            assert frame.image.header.stamp == frame.info.header.stamp
        return [frame.image.header.stamp.sec for frame in self.frames[before:]]


def test_either_may_come_first() -> None:
    setup = Setup()
    assert setup.deliver(("depth", 1), ("camera_info", 1)) == [1]
    assert setup.deliver(("camera_info", 2), ("depth", 2)) == [2]
    assert setup.deliver(("camera_info", 3), ("camera_info", 4), ("depth", 3), ("depth", 4)) == [3, 4]
    assert setup.input.counts == {"images": 4, "camera infos": 4, "pairs": 4}


def test_a_lost_partner_does_not_stop_the_pairs() -> None:
    setup = Setup()
    assert setup.deliver(*(("camera_info", stamp) for stamp in range(1, 21))) == []
    assert setup.deliver(("depth", 20)) == [20]
    assert setup.deliver(*(("depth", stamp) for stamp in range(21, 41))) == []
    assert setup.deliver(("camera_info", 40), ("camera_info", 3)) == [40]


def test_no_image_comes_after_a_newer_one() -> None:
    """Whoever gets it would take the time to be set back."""
    pairs: list[int] = []
    pairing = StampPairing(lambda image, info: pairs.append(image.header.stamp.sec))
    messages = {stamp: depth_message(np.zeros((1, 1), np.float32), seconds(stamp)) for stamp in (1, 2, 3)}
    for image in messages.values():
        pairing.image(image)
    for stamp in (2, 1, 3):
        pairing.info(CameraInfo(header=messages[stamp].header))
    assert pairs == [2, 3]


@pytest.mark.parametrize("order", [("camera_info", "depth"), ("depth", "camera_info")])
def test_a_bag_that_starts_again(order: tuple[str, str]) -> None:
    """With the queue full of late camera infos, whose images were lost."""
    setup = Setup()
    setup.deliver(("depth", 100), *(("camera_info", stamp) for stamp in range(101, 111)))
    first, second = order
    for stamp in (5, 6, 7):
        assert setup.deliver((first, stamp), (second, stamp)) == [stamp]


def test_problems_are_said_by_name() -> None:
    image, info = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
    setup = Setup({"/other/depth": image, "/colour": image})
    assert setup.input.problem() == ("no publisher on topic /depth; published as sensor_msgs/msg/Image: /other/depth")
    setup = Setup({"/depth": image})
    setup.deliver(("depth", 1))
    assert setup.input.problem() == (
        "no publisher on topic /camera_info; published as sensor_msgs/msg/CameraInfo: nothing"
    )
    setup = Setup({"/depth": image, "/camera_info": info})
    assert setup.input.problem() == "/depth has a publisher, but no message arrives"
    setup.deliver(("camera_info", 2))
    assert setup.input.problem().startswith(
        "/depth has a publisher, but no message arrives, while its camera infos do on /camera_info; with Fast DDS"
    )
    setup.deliver(("depth", 1))
    assert setup.input.problem() == "/camera_info has a publisher, but no message arrives"
    setup.deliver(("depth", 3), ("camera_info", 4))
    assert setup.input.problem() == "/depth and /camera_info have messages, but never with the same stamp"
    setup.deliver(("camera_info", 5), ("depth", 5))
    assert setup.input.problem() == ""


@pytest.mark.parametrize(
    ("images", "infos", "is_loss"),
    [(1, 8, True), (10, 15, True), (10, 14, False), (10, 10, False), (10, 1, False), (1, 1, False), (0, 10, False)],
)
def test_images_are_lost_where_clearly_more_camera_infos_come(
    monkeypatch: pytest.MonkeyPatch, images: int, infos: int, is_loss: bool
) -> None:
    """images, infos: of each second."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    setup = Setup()
    said = []
    for second in range(6):
        for topic in ["depth"] * images + ["camera_info"] * infos:
            setup.node.deliver(topic, second)
        said.append(setup.input.loss())
        now[0] += 1.0
    assert said[:3] == ["", "", ""], "a moment says nothing"
    expected = (
        f"of /depth {images:.1f} images a second arrive, of its camera info on /camera_info {infos:.1f}; with Fast DDS "
        f"large images are lost on their way unless the driver is started with {profile_variable()} set to "
        "config/fastdds.xml of dense3d_ros; if it is, this machine is too busy to take them"
    )
    assert said[-1] == (expected if is_loss else "")


CAMERA_HZ = 30


def told(monkeypatch: pytest.MonkeyPatch, arrive: Callable[[int], bool], seconds: int = 20) -> list[bool]:
    """Whether a loss is told after each second of a camera of which these images and all camera infos arrive."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    setup = Setup()
    said = []
    for number in range(CAMERA_HZ * seconds):
        for topic in ("camera_info", "depth") if arrive(number) else ("camera_info",):
            setup.node.deliver(topic, number / CAMERA_HZ)
        now[0] += 1 / CAMERA_HZ
        if number % CAMERA_HZ == CAMERA_HZ - 1:
            said.append(bool(setup.input.loss()))
    return said


@pytest.mark.parametrize(
    "arrive",
    [
        lambda number: number % 6 == 0,
        lambda number: number % 2 == 0,
        lambda number: number % 3 > 0,
        # A throttle of 5 Hz by a clock that is a little off: every sixth or seventh.
        lambda number: number in {round(6.4 * passed) for passed in range(number)},
    ],
    ids=["5 Hz", "15 Hz", "20 Hz", "throttle"],
)
def test_images_that_are_rarer_by_intent_are_not_lost(
    monkeypatch: pytest.MonkeyPatch, arrive: Callable[[int], bool]
) -> None:
    assert not any(told(monkeypatch, arrive))


@pytest.mark.parametrize("share", [1 / 15, 1 / 6, 1 / 3, 1 / 2])
def test_images_that_are_lost_by_chance_are_told(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    arrives = np.random.default_rng(7).random(20 * CAMERA_HZ) < share
    assert all(told(monkeypatch, lambda number: bool(arrives[number]))[4:])


def test_losses_of_a_throttled_camera_are_told_and_those_that_are_over_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 Hz of 30, of which two thirds are lost from the fifth to the tenth second."""
    arrives = np.random.default_rng(7).random(20 * CAMERA_HZ) < 1 / 3
    said = told(monkeypatch, lambda number: number % 3 == 0 and (not 150 <= number < 300 or bool(arrives[number])))
    assert not any(said[:5])
    assert all(said[7:10])
    assert not any(said[14:])


def test_a_loss_that_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    setup = Setup()
    said = []
    for second, images in enumerate([2] * 5 + [10] * 5):
        for topic in ["depth"] * images + ["camera_info"] * 10:
            setup.node.deliver(topic, second)
        said.append(bool(setup.input.loss()))
        now[0] += 1.0
    assert said[3:5] == [True, True]
    assert not said[-1]


def test_subscriptions_are_for_sensor_data_and_may_be_overridden() -> None:
    setup = Setup()
    for topic in ("depth", "camera_info"):
        options = setup.node.options[topic]
        assert options["qos_profile"].reliability.name == "BEST_EFFORT"
        assert {kind.name for kind in options["qos_overriding_options"].policy_kinds} >= {"RELIABILITY", "DEPTH"}
    assert setup.node.options["depth"]["qos_profile"].depth == 1


def test_a_transport_is_a_topic_under_the_images_own() -> None:
    setup = Setup({"/other/compressedDepth": "sensor_msgs/msg/CompressedImage"}, transport="compressedDepth")
    assert set(setup.node.callbacks) == {"/remapped/depth/compressedDepth", "camera_info"}
    assert "published as sensor_msgs/msg/CompressedImage: /other/compressedDepth" in setup.input.problem()


def pairs_of(setup: Setup, *messages: tuple[str, float]) -> list[tuple[float, float]]:
    """Stamps of image and info of the pairs that these messages completed."""
    before = len(setup.frames)
    for topic, stamp in messages:
        setup.node.deliver(topic, stamp)
    return [
        tuple(round(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9, 6) for message in pair)
        for pair in ((frame.image, frame.info) for frame in setup.frames[before:])
    ]


def test_a_slop_takes_the_nearest_stamp_within_it() -> None:
    assert pairs_of(Setup(), ("camera_info", 1.002), ("depth", 1.0)) == []
    setup = Setup(slop=lambda: 0.005)
    assert pairs_of(setup, ("camera_info", 2.002), ("camera_info", 2.004), ("depth", 2.0)) == [(2.0, 2.002)]
    assert pairs_of(setup, ("depth", 3.0), ("camera_info", 3.006)) == []
    assert pairs_of(setup, ("depth", 4.0), ("camera_info", 4.004)) == [(4.0, 4.004)]
    assert pairs_of(setup, ("camera_info", 5.0), ("camera_info", 5.001), ("depth", 5.0)) == [(5.0, 5.0)]


def test_where_equal_stamps_starve_the_sentence_names_the_slop() -> None:
    setup = Setup({"/depth": "sensor_msgs/msg/Image", "/camera_info": "sensor_msgs/msg/CameraInfo"})
    pairs_of(setup, ("camera_info", 1.002), ("depth", 1.0), ("depth", 1.033), ("camera_info", 1.0352))
    assert setup.input.problem() == (
        "/depth and /camera_info have messages, but never with the same stamp; the nearest differ by 2 ms: if they "
        "belong together, set sync_slop to 0.003"
    )


def test_the_last_camera_info_is_kept_where_it_comes_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    setup = Setup()
    assert setup.input.pairing == "that of the image's stamp"
    assert pairs_of(setup, ("camera_info", 1.0), ("depth", 1.0)) == [(1.0, 1.0)]
    for index in range(1, 5):
        now[0] += 0.11
        assert pairs_of(setup, ("depth", 1.0 + index)) == [], "it may still come"
    now[0] += 0.11
    assert pairs_of(setup, ("depth", 8.0)) == [(8.0, 1.0)]
    assert setup.input.pairing == "the last one is kept: camera infos come more rarely than images"
    assert setup.input.told_pairing() == (
        "Every image goes with the last camera info on /camera_info: camera infos come more rarely than images."
    )
    # The next one comes, a second later, and is kept at once.
    assert pairs_of(setup, ("camera_info", 9.0), ("depth", 9.1), ("depth", 9.2)) == [(9.1, 9.0), (9.2, 9.0)]
    # From now on there is one for each image, which comes after it.
    for stamp in range(10, 17):
        pairs_of(setup, ("depth", stamp), ("camera_info", stamp))
    assert setup.input.pairing == "that of the image's stamp"
    assert pairs_of(setup, ("depth", 20.0)) == []
    assert pairs_of(setup, ("camera_info", 20.0)) == [(20.0, 20.0)]


def test_a_kept_camera_info_may_be_of_a_publisher_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    publishers = {"/camera_info": "sensor_msgs/msg/CameraInfo"}
    setup = Setup(publishers)
    pairs_of(setup, ("camera_info", 1.0), ("depth", 1.0))
    assert setup.input.told_pairing() == "Every image goes with the camera info of its stamp on /camera_info."
    assert setup.input.about_kept_info() == ""
    for index in range(6):
        now[0] += 0.2
        pairs_of(setup, ("depth", 2.0 + index))
    assert setup.input.about_kept_info() == "", "it comes once a second or so"
    now[0] += 8.8
    assert setup.input.about_kept_info() == "; it is the last one, which came 10 s ago"
    publishers.clear()
    assert setup.input.about_kept_info() == (
        "; it is the last one, which came 10 s ago, and nobody publishes there now"
    )


def test_camera_infos_without_stamps_go_with_every_image() -> None:
    setup = Setup()
    assert pairs_of(setup, ("camera_info", 0.0), ("depth", 5.0), ("depth", 6.0)) == [(5.0, 0.0), (6.0, 0.0)]
    assert setup.input.pairing == "the last one is kept: camera infos have no stamp"
