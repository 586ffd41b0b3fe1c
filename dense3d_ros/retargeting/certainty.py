"""Whether the joints that move a robot are certain enough to move it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import JOINT_NAMES

MIN_JOINT_SCORE = 0.3
"""Of the mean over the joints that move a robot: an expected error of 47 mm. Ordinary estimates are well above 0.5."""


def doubt(used: Sequence[int], joint_scores: NDArray[np.floating], least: float) -> str:
    """Why the joints of the indices `used` are too uncertain, by the (21,) scores of a hand; "" where they are not."""
    mean = float(np.asarray(joint_scores)[list(used)].mean())
    if mean >= least:
        return ""
    names = ", ".join(JOINT_NAMES[joint] for joint in used)
    return f"the mean score of the joints that move the robot ({names}) is {mean:.2f}; accepted: {least:g} or more"
