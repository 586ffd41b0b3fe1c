#!/usr/bin/env python3
"""Whether the hand meshes have their joints where bones meet: their finger segments beside those of X-ray images.

    python scripts/compare_bone_lengths.py

Prints a Markdown table. The bones are the means of 66 adults: Buryanov and Kotiuk, Proportions of Hand Segments,
International Journal of Morphology 28 (3), 2010; the distal one with the soft tissue of the fingertip.
"""

from __future__ import annotations

import sys

import numpy as np

from dense3d_ros.geometry.hand import FINGERS
from dense3d_ros.learning.synthetic.hand_mesh import UNSEEN_MESH, HandMesh
from dense3d_ros.learning.synthetic.scenes import TRAINED_MESHES

BONES_MM = {
    "index": (39.78, 22.38, 15.82 + 3.84),
    "middle": (44.63, 26.33, 17.40 + 3.95),
    "ring": (41.37, 25.65, 17.30 + 3.95),
    "little": (32.74, 18.11, 15.96 + 3.73),
}
"""Proximal, middle and distal phalanx."""


def main() -> None:
    """Print proximal : middle and middle : distal of each finger."""
    columns = {"bones": BONES_MM}
    for name in (*TRAINED_MESHES, UNSEEN_MESH):
        fingers = HandMesh.load(name).joints[1:21].reshape(5, 4, 3)
        lengths = np.linalg.norm(np.diff(fingers, axis=1), axis=2)
        columns[name] = {finger: tuple(lengths[number]) for number, finger in enumerate(FINGERS) if finger in BONES_MM}
    lines = [f"| proximal : middle, middle : distal | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for finger in BONES_MM:
        cells = (lengths[finger] for lengths in columns.values())
        lines.append(f"| {finger} | {' | '.join(f'{a / b:.2f}, {b / c:.2f}' for a, b, c in cells)} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
