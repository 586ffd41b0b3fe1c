"""Whether images were left out of a folder, by the numbers in the names of its files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from dense3d_ros.recordings.offline import FrameFile

_NEARLY_ALL = 0.9


def number_step(frames: Sequence[FrameFile]) -> int:
    """By how much the last number in the names steps from nearly every image to the next of its folder; else 1.

    Times in names, which step by this and that, are no numbers of images.
    """
    numbered = [(frame, re.findall(r"\d+", frame.path.stem)) for frame in frames]
    steps = Counter(
        int(after[-1]) - int(before[-1])
        for (_, before), (frame, after) in pairwise(numbered)
        if frame.index and before and after
    )
    if not steps:
        return 1
    step, count = steps.most_common(1)[0]
    return step if count >= _NEARLY_ALL * steps.total() else 1
