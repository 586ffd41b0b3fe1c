"""The nodes in a process, with the stiff model and one that stalls: names that start with "stall" and give seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import node_rigid_model

from dense3d_ros.nodes.main import main


class StallingModel(node_rigid_model.RigidModel):
    """Now and then the machine stands still while the network works."""

    def predict(self, crops: Sequence[Any], handednesses: Sequence[Any]) -> list[Any]:
        found = super().predict(crops, handednesses)
        if int(time.time() * 7) % 3 == 0:
            time.sleep(float(self.description.name.removeprefix("stall_")))
        return found


def load(name: str, device: str, runtime: str, views: int) -> Any:
    if name.startswith("stall_"):
        return StallingModel(name, views)
    return node_rigid_model.load(name, device, runtime, views)


if __name__ == "__main__":
    sys.exit(main(load=load))
