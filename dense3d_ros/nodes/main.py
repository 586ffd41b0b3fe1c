"""The executable `hand_pose`: perception and model node in one process, which GPU tensors cannot leave."""

from __future__ import annotations

from collections.abc import Sequence

from dense3d_ros.model import load_model
from dense3d_ros.nodes.hand_model_node import HandModelNode, LoadModel
from dense3d_ros.nodes.hand_pose_node import HandPoseNode
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.process import run_nodes


def main(arguments: Sequence[str] | None = None, load: LoadModel = load_model) -> int:
    """Run until interrupted; returns the exit status. `load(name_or_path, device, runtime)` makes the model."""

    def make() -> list[HandPoseNode | HandModelNode]:
        slot = ModelSlot()
        # The model node last: it starts loading as soon as it spins.
        return [HandPoseNode(slot), HandModelNode(slot, load)]

    return run_nodes(make, arguments)
