"""Whether frames reach the perception node, as a condition for its diagnostics."""

from __future__ import annotations

from dense3d_ros.nodes.diagnostics import Condition, Level
from dense3d_ros.nodes.pairing import DepthInput


def input_condition(source: DepthInput, silence: float, timeout: float) -> Condition | None:
    """What is wrong, where no frame came for `silence` seconds and `timeout` are accepted; None where nothing is.

    Called about once a second.
    """
    loss, problem = source.loss(), source.problem()
    if silence > timeout:
        level = Level.STALE if source.counts["pairs"] else Level.WARN
        cause = problem or loss or "they have just stopped"
        return Condition(level, "no frames", f"no frame for {silence:.1f} s: {cause}")
    return Condition(Level.WARN, "lost images", loss) if loss else None
