"""A Python process as on a robot without GPU: what only training or a GPU needs cannot be imported.

`python only_a_robot.py hand_pose ...` is the executable hand_pose, `python only_a_robot.py dense3d ...` the command.
"""

from __future__ import annotations

import sys

FORBIDDEN = ("torch", "scipy", "matplotlib", "numba", "tqdm", "onnx", "dense3d_ros.learning")


def main() -> int:
    """Run what the first argument names with the others."""
    # None stands for a module that is not there, for imports and for find_spec.
    sys.modules.update(dict.fromkeys(FORBIDDEN))  # type: ignore[arg-type]
    executable = sys.argv.pop(1)
    if executable == "hand_pose":
        from dense3d_ros.nodes.executable import run

        run("dense3d_ros.nodes.main")
    from dense3d_ros import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
