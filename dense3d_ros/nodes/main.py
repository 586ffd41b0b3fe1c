"""The executable `hand_pose`: perception and model nodes in one process, which GPU tensors cannot leave."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node

from dense3d_ros.nodes.hand_model_node import HandModelNode, LoadModel
from dense3d_ros.nodes.hand_pose_node import HandPoseNode
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.process import run_nodes
from dense3d_ros.perception.model import load_model


def make_nodes(load: LoadModel = load_model) -> list[Node]:
    """A model node, and a perception node for each of its cameras. `load(name_or_path, device, runtime)`: the model."""
    slot = ModelSlot()
    model = HandModelNode(slot, load, cli_args=_own_name())
    # The model node last: it starts loading as soon as it spins.
    return [*(HandPoseNode(slot, cli_args=_in_namespace(camera)) for camera in model.cameras), model]


def main(arguments: Sequence[str] | None = None, load: LoadModel = load_model) -> int:
    """Run until interrupted; returns the exit status."""
    return run_nodes(lambda: make_nodes(load), arguments)


def _own_name() -> list[str]:
    """The model node's own arguments, which go before the process's `__node`.

    Without a node's name in front of it, as launch writes it for `name`, that would rename both nodes alike.
    """
    alike = _name_given_to("hand_pose") == _name_given_to("hand_model")
    return ["--ros-args", "-r", "__node:=hand_model"] if alike else []


def _name_given_to(name: str) -> str:
    """What the process's remaps make of a node's name."""
    node = Node(name, enable_rosout=False, start_parameter_services=False)
    try:
        return str(node.get_name())
    finally:
        node.destroy_node()


def _in_namespace(namespace: str) -> list[str]:
    """A node's own arguments, which go before the process's `__ns`."""
    return ["--ros-args", "-r", f"__ns:={namespace}"] if namespace else []
