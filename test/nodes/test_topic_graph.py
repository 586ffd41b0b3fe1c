"""What is on the graph of a domain, told by real nodes over real DDS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

import rclpy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dense3d_ros.msg import HandPoseArray
from dense3d_ros.nodes.topic_graph import COMPRESSED, IMAGE, HandPoseInput, is_drawn_by_hand_pose, read_graph


@pytest.fixture
def make_node() -> Iterator[Callable[[str], Any]]:
    context = rclpy.Context()
    rclpy.init(context=context)
    nodes: list[Any] = []

    def make(name: str) -> Any:
        nodes.append(rclpy.create_node(name, namespace="/graph", context=context, start_parameter_services=False))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30.0
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def be_hand_pose(node: Any, kind: Any, depth: str) -> None:
    """The topics of a hand_pose."""
    node.create_publisher(HandPoseArray, "~/hands", 5)
    node.create_publisher(Image, "~/overlay", 5)
    node.create_subscription(kind, depth, print, 5)
    node.create_subscription(CameraInfo, "camera_info", print, 5)


def test_the_overlay_of_hand_pose_is_no_camera(make_node: Callable[[str], Any]) -> None:
    watcher, hand_pose = make_node("watcher"), make_node("hand_pose")
    be_hand_pose(hand_pose, Image, "depth")
    node = HandPoseInput("/graph/hand_pose", "/graph/depth", IMAGE, "/graph/camera_info")
    assert until(
        lambda: read_graph(watcher).inputs == (node,) and "/graph/hand_pose/overlay" in read_graph(watcher).kinds
    )
    graph = read_graph(watcher)
    assert graph.images == ()
    assert graph.depth() == []
    assert is_drawn_by_hand_pose(hand_pose, "/graph/hand_pose/overlay")


def test_a_player_of_a_bag_with_hands_is_a_camera(make_node: Callable[[str], Any]) -> None:
    watcher, player = make_node("watcher"), make_node("player")
    player.create_publisher(HandPoseArray, "/hand_pose/hands", 5)
    player.create_publisher(Image, "/played/depth", 5)
    assert until(lambda: read_graph(watcher).images == ("/played/depth",))


def test_a_hand_pose_that_takes_compressed_images_is_found(make_node: Callable[[str], Any]) -> None:
    watcher = make_node("watcher")
    be_hand_pose(make_node("hand_pose"), CompressedImage, "depth/compressedDepth")
    node = HandPoseInput("/graph/hand_pose", "/graph/depth/compressedDepth", COMPRESSED, "/graph/camera_info")
    assert until(lambda: read_graph(watcher).inputs == (node,))
