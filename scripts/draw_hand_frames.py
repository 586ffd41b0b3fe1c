#!/usr/bin/env python3
"""Draw the frames of docs/robots.md on rendered hands, right and left.

    python scripts/draw_hand_frames.py --output docs/images

Writes hand_frames.png. Axes are x red, y green, z blue.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from dense3d_ros.geometry.hand import BONES, Handedness
from dense3d_ros.hand_state.frames import hand_frames
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.poses import pose_space

PANELS = (("wrist", "relaxed"), ("palm", "relaxed"), ("pinch", "pinch_i"), ("grasp", "cylinder"))
COLOURS = ("#d62728", "#2ca02c", "#1f77b4")
AXIS_LENGTH = 0.06


def draw(axes: Any, frame: str, gesture: str, handedness: Handedness) -> None:
    """One hand with one of its frames."""
    left = handedness is Handedness.LEFT
    hand = HandMesh.load().pose(pose_space().gestures[gesture], left=left, forearm=0.25)
    corners = hand.vertices[hand.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12)
    light = 0.62 + 0.33 * (normals @ np.array([0.0, 0.6 if not left else -0.6, 0.8]))
    skin = np.clip(light[:, None] * np.array([1.0, 0.9, 0.82]), 0.0, 1.0)
    axes.add_collection3d(Poly3DCollection(corners, facecolors=np.column_stack([skin, np.full(len(skin), 0.28)])))
    for parent, child in BONES:
        axes.plot(*hand.joints[[parent, child]].T, color="0.35", linewidth=1.0)
    pose = hand_frames(hand.joints, handedness)[frame]
    for axis, colour in enumerate(COLOURS):
        tip = pose.position + AXIS_LENGTH * pose.rotation[:, axis]
        axes.plot(*np.stack([pose.position, tip]).T, color=colour, linewidth=3.0)
        axes.text(*(pose.position + 1.2 * AXIS_LENGTH * pose.rotation[:, axis]), "xyz"[axis], color=colour, fontsize=11)
    axes.set_title(f"{frame}, {handedness.name.lower()} hand", fontsize=10)
    low, high = np.array([-0.06, -0.08, -0.09]), np.array([0.19, 0.08, 0.09])
    if left:
        low[1], high[1] = -high[1], -low[1]
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    axes.set_box_aspect(high - low, zoom=1.35)
    axes.view_init(elev=28, azim=62 if not left else -62)
    axes.set_axis_off()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("docs/images"), help="folder of the image")
    arguments = parser.parse_args()
    figure = Figure(figsize=(13.0, 6.6), dpi=90)
    FigureCanvasAgg(figure)
    for row, handedness in enumerate((Handedness.RIGHT, Handedness.LEFT)):
        for column, (frame, gesture) in enumerate(PANELS):
            axes = figure.add_subplot(2, len(PANELS), row * len(PANELS) + column + 1, projection="3d")
            draw(axes, frame, gesture, handedness)
    figure.subplots_adjust(0.0, 0.0, 1.0, 0.95, wspace=0.0, hspace=0.08)
    figure.savefig(arguments.output / "hand_frames.png")


if __name__ == "__main__":
    main()
