"""Arguments of the launch files. `ros2 launch` takes any name and says nothing of one that no file declares."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

LAUNCH_ITSELF = {"launch-prefix", "launch-prefix-filter", "sigterm_timeout", "sigkill_timeout", "emulate_tty"}
"""What launch reads without a declaration."""


def refuse_unknown(command: Sequence[str], file: str, declared: Collection[str]) -> None:
    """Raise ValueError for arguments NAME:=VALUE of a command line that the launch file named `file` does not have.

    A command line that names another file is let pass: that one includes `file`, and has arguments of its own.
    """
    if file not in (Path(word).name for word in command):
        return
    given = [word.partition(":=")[0] for word in command if ":=" in word]
    unknown = [name for name in given if name not in declared and name not in LAUNCH_ITSELF]
    if unknown:
        raise ValueError(f"{file} has no argument {', '.join(unknown)}; it has {', '.join(sorted(declared))}")
