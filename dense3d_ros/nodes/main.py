"""The executable `hand_pose`: perception, state and model nodes in one process, which GPU tensors cannot leave."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node
from rclpy.parameter import Parameter

from dense3d_ros.nodes.hand_model_node import HandModelNode, LoadModel
from dense3d_ros.nodes.hand_pose_node import HandPoseNode
from dense3d_ros.nodes.hand_state_node import INPUT, HandStateNode
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.process import run_nodes
from dense3d_ros.perception.model import load_model


def make_nodes(load: LoadModel = load_model) -> list[Node]:
    """A model node, and for each of its cameras a perception node and, unless switched off, a state node.

    `load(name_or_path, device, runtime, views)`: the model.
    """
    slot = ModelSlot()
    # Before any node is made: a node that only asks for a name would take another one of that name off the graph.
    model_arguments, state_arguments = _own_name("hand_model"), [*_own_name("hand_state"), *_hands()]
    model = HandModelNode(slot, load, cli_args=model_arguments)
    poses = [HandPoseNode(slot, cli_args=_in_namespace(camera)) for camera in model.cameras]
    cameras = model.cameras if model.has_hand_state else ()
    states = [HandStateNode(cli_args=[*_in_namespace(camera), *state_arguments]) for camera in cameras]
    _check_frames(states)
    # The model node last: it starts loading as soon as it spins.
    return [*poses, *states, model]


def main(arguments: Sequence[str] | None = None, load: LoadModel = load_model) -> int:
    """Run until interrupted; returns the exit status."""
    return run_nodes(lambda: make_nodes(load), arguments)


def _check_frames(states: Sequence[HandStateNode]) -> None:
    """ValueError where hands of two cameras would have one name on /tf, where a frame has one parent."""
    prefixes = [state.tf_prefix for state in states if state.tf_prefix is not None]
    if len(set(prefixes)) < len(prefixes):
        raise ValueError(
            f"publish_tf is set for several cameras with the same frame_prefix ({prefixes[0]!r}): give the hand_state "
            "of each camera a frame_prefix of its own"
        )


def _hands() -> list[str]:
    """A state node's own arguments for the hands of the perception node beside it, whatever its name is."""
    hands = f"{_name_given_to('hand_pose')}/hands"
    return [] if hands == INPUT else ["--ros-args", "-r", f"{INPUT}:={hands}"]


def _own_name(name: str) -> list[str]:
    """Arguments of the node `name`, which go before the process's `__node`.

    Without a node's name in front of it, as launch writes it for `name`, that would rename all nodes alike.
    """
    alike = _name_given_to("hand_pose") == _name_given_to(name)
    return ["--ros-args", "-r", f"__node:={name}"] if alike else []


def _name_given_to(name: str) -> str:
    """What the process's remaps make of a node's name."""
    # Where that were true, it would subscribe to /clock, and others may miss the real node's subscription then.
    real_time = Parameter("use_sim_time", value=False)
    node = Node(name, enable_rosout=False, start_parameter_services=False, parameter_overrides=[real_time])
    try:
        return str(node.get_name())
    finally:
        node.destroy_node()


def _in_namespace(namespace: str) -> list[str]:
    """A node's own arguments, which go before the process's `__ns`."""
    return ["--ros-args", "-r", f"__ns:={namespace}"] if namespace else []
