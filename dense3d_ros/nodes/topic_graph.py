"""What is published on a domain: images, camera infos, and the nodes that make hands of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
INFO = "sensor_msgs/msg/CameraInfo"
HANDS = "dense3d_ros/msg/HandPoseArray"
_TRANSPORT = "/compressedDepth"


@dataclass(frozen=True)
class HandPoseInput:
    """A node that publishes hands from images, and the topics that it takes. kind: the type of its depth topic."""

    name: str
    depth: str
    kind: str
    info: str


@dataclass(frozen=True)
class TopicGraph:
    """Topics that are published and their types; of these images and camera infos; and who makes hands of them.

    images: without what the nodes of `inputs` publish themselves. compressed: topics of compressed depth.
    """

    kinds: dict[str, tuple[str, ...]]
    images: tuple[str, ...]
    compressed: tuple[str, ...]
    infos: tuple[str, ...]
    inputs: tuple[HandPoseInput, ...]

    def named(self) -> list[str]:
        """Images that are depth by their name, or because a hand_pose takes them; compressed if they are not raw."""
        used = {node.depth for node in self.inputs}
        return [
            *(name for name in self.images if "depth" in name.lower() or name in used),
            *(name for name in self.compressed if name in used or raw_topic(name) not in self.images),
        ]

    def depth(self) -> list[str]:
        """Images that may be depth."""
        return self.named() or list(self.images)


def read_graph(node: Any) -> TopicGraph:
    """What `node` knows of the graph now."""
    kinds = {name: tuple(kinds) for name, kinds in node.get_topic_names_and_types() if node.count_publishers(name)}
    return TopicGraph(
        kinds,
        tuple(
            sorted(name for name, found in kinds.items() if IMAGE in found and not is_drawn_by_hand_pose(node, name))
        ),
        tuple(sorted(name for name, found in kinds.items() if COMPRESSED in found and raw_topic(name) != name)),
        tuple(sorted(name for name, found in kinds.items() if INFO in found)),
        tuple(dict.fromkeys(_inputs(node, kinds))),
    )


def raw_topic(depth: str) -> str:
    """The image's topic, of which that of the compressed image is made."""
    return depth.removesuffix(_TRANSPORT)


def full_name(endpoint: Any) -> str:
    """The node of a publisher or subscription, with its namespace."""
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"


def is_drawn_by_hand_pose(node: Any, topic: str) -> bool:
    """Whether all publishers of images are hand_pose nodes: what they publish is an overlay, and no camera's."""
    offers = node.get_publishers_info_by_topic(topic)
    return bool(offers) and all(_is_hand_pose(node, offer) for offer in offers)


def _is_hand_pose(node: Any, endpoint: Any) -> bool:
    # A player of a bag publishes hands, too, but takes no camera info.
    published = _kinds_of(node.get_publisher_names_and_types_by_node, endpoint)
    heard = _kinds_of(node.get_subscriber_names_and_types_by_node, endpoint)
    return any(HANDS in kinds for _, kinds in published) and any(INFO in kinds for _, kinds in heard)


def has_to_do_with_hands(node: Any, name: str) -> bool:
    """Whether the node of a full name publishes hands or subscribes to them."""
    namespace, _, short = name.rpartition("/")
    endpoint = SimpleNamespace(node_name=short, node_namespace=namespace or "/")
    ways = (node.get_publisher_names_and_types_by_node, node.get_subscriber_names_and_types_by_node)
    return any(HANDS in kinds for ask in ways for _, kinds in _kinds_of(ask, endpoint))


def _kinds_of(ask: Any, endpoint: Any) -> list[tuple[str, list[str]]]:
    with suppress(Exception):
        # The node may just have gone.
        return list(ask(endpoint.node_name, endpoint.node_namespace))
    return []


def _inputs(node: Any, kinds: dict[str, tuple[str, ...]]) -> list[HandPoseInput]:
    """Every node that publishes hands from images."""
    found = []
    for topic in sorted(name for name, those in kinds.items() if HANDS in those):
        for endpoint in node.get_publishers_info_by_topic(topic):
            heard = _kinds_of(node.get_subscriber_names_and_types_by_node, endpoint)
            depth = [(name, kind) for name, those in heard for kind in (IMAGE, COMPRESSED) if kind in those]
            infos = [name for name, those in heard if INFO in those]
            if depth:
                found.append(HandPoseInput(full_name(endpoint), *depth[0], infos[0] if infos else ""))
    return found
