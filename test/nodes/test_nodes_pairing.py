"""Pairs of image and camera info, with our own classes and with message_filters where that is installed."""

from __future__ import annotations

import importlib.util
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from node_processes import depth_message
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo

from dense3d_ros.nodes import exact_pairing, pairing
from dense3d_ros.nodes.pairing import DepthInput, Frame


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
        return [SimpleNamespace(qos_profile=QoSProfile(depth=1))] * self.count_publishers(topic)

    def get_subscriptions_info_by_topic(self, topic: str) -> list[Any]:
        return []

    def get_topic_names_and_types(self) -> list[tuple[str, list[str]]]:
        return [(topic, [kind]) for topic, kind in self._publishers.items()]

    def deliver(self, topic: str, stamp: int) -> None:
        image = depth_message(np.zeros((1, 1), np.float32), Time(sec=stamp))
        self.callbacks[topic](image if topic == "depth" else CameraInfo(header=image.header))


@pytest.fixture(params=["own classes", "message_filters"])
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if request.param == "own classes":
        module: ModuleType = exact_pairing
    elif importlib.util.find_spec("message_filters") is None:
        pytest.skip("message_filters is not installed: the ROS wheels of the package index lack it")
    else:
        import message_filters as module  # type: ignore[no-redef]
    monkeypatch.setattr(pairing, "filters", module)
    return module


class Setup:
    def __init__(self, publishers: dict[str, str] | None = None) -> None:
        self.node = FakeNode(publishers or {})
        self.frames: list[Frame] = []
        self.input = DepthInput(self.node, self.frames.append)

    def deliver(self, *messages: tuple[str, int]) -> list[int]:
        """Stamps of the pairs that these messages completed."""
        before = len(self.frames)
        for topic, stamp in messages:
            self.node.deliver(topic, stamp)
        for frame in self.frames[before:]:
            assert frame.image.header.stamp == frame.info.header.stamp
        return [frame.image.header.stamp.sec for frame in self.frames[before:]]


@pytest.mark.usefixtures("filters")
def test_either_may_come_first() -> None:
    setup = Setup()
    assert setup.deliver(("depth", 1), ("camera_info", 1)) == [1]
    assert setup.deliver(("camera_info", 2), ("depth", 2)) == [2]
    assert setup.deliver(("camera_info", 3), ("camera_info", 4), ("depth", 3), ("depth", 4)) == [3, 4]
    assert setup.input.counts == {"images": 4, "camera infos": 4, "pairs": 4}


@pytest.mark.usefixtures("filters")
def test_a_lost_partner_does_not_stop_the_pairs() -> None:
    setup = Setup()
    assert setup.deliver(*(("camera_info", stamp) for stamp in range(1, 21))) == []
    assert setup.deliver(("depth", 20)) == [20]
    assert setup.deliver(*(("depth", stamp) for stamp in range(21, 41))) == []
    assert setup.deliver(("camera_info", 40), ("camera_info", 3)) == [40]


@pytest.mark.usefixtures("filters")
@pytest.mark.parametrize("order", [("camera_info", "depth"), ("depth", "camera_info")])
def test_a_bag_that_starts_again(order: tuple[str, str]) -> None:
    """With the queue full of late camera infos, whose images were lost."""
    setup = Setup()
    setup.deliver(("depth", 100), *(("camera_info", stamp) for stamp in range(101, 111)))
    first, second = order
    for stamp in (5, 6, 7):
        assert setup.deliver((first, stamp), (second, stamp)) == [stamp]


@pytest.mark.usefixtures("filters")
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
    setup.deliver(("depth", 1))
    assert setup.input.problem() == "/camera_info has a publisher, but no message arrives"
    setup.deliver(("depth", 3), ("camera_info", 4))
    assert setup.input.problem() == "/depth and /camera_info have messages, but never with the same stamp"
    setup.deliver(("camera_info", 5), ("depth", 5))
    assert setup.input.problem() == ""


def test_subscriptions_are_for_sensor_data_and_may_be_overridden() -> None:
    setup = Setup()
    for topic in ("depth", "camera_info"):
        options = setup.node.options[topic]
        assert options["qos_profile"].reliability.name == "BEST_EFFORT"
        assert {kind.name for kind in options["qos_overriding_options"].policy_kinds} >= {"RELIABILITY", "DEPTH"}
    assert setup.node.options["depth"]["qos_profile"].depth == 1
