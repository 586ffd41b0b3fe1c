"""The executable `hand_pose`: perception and model node in one process, which GPU tensors cannot leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dense3d_ros.model import HandModel, load_model
from dense3d_ros.nodes.hand_model_node import HandModelNode
from dense3d_ros.nodes.hand_pose_node import HandPoseNode
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.process import run_nodes


def main(arguments: Sequence[str] | None = None, load: Callable[[str, str], HandModel] = load_model) -> int:
    """Run until interrupted; returns the exit status. `load(name_or_path, device)` makes the model."""

    def make() -> list[HandPoseNode | HandModelNode]:
        slot = ModelSlot()
        # The model node last: it starts loading as soon as it spins.
        return [HandPoseNode(slot), HandModelNode(slot, load)]

    return run_nodes(make, arguments)
