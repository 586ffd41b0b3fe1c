#!/usr/bin/env python3
"""Draw the images of docs/method.md: maps, votes and fused joints of one moment of the demo's rendered hand.

    python scripts/draw_method.py --model hand --seconds 17.4 --output docs/images

Writes method_maps.png and method_fusion.png.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.dense.maps import (
    MapGeometry,
    Maps,
    normalise_joints,
    project,
    target_maps,
    votes,
)
from dense3d_ros.dense.regressor import dense_output
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import HandCrop, crop_hand, roll_rotation
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import BONES, FINGER_COLOURS, JOINT_INDEX, hand_centre, upright_roll
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.perception.model_file import read_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAMERA = Camera(476.0, 476.0, 319.5, 239.5, 640, 480)
JOINTS = ("index_tip", "wrist")
_WRIST = (0.4, 0.4, 0.4)
Array = NDArray[np.floating]


@dataclass(frozen=True)
class View:
    """One crop as the network sees it: lengths in millimetres relative to the crop's centre.

    image (S, S); seen (s, s); points (3, s, s); joints, fused (21, 3), true and from the votes; pixels, fused_pixels
    (21, 2) where they are in the map; true and said: maps of all joints; votes (21, 3, s, s) and their shares
    (21, s, s) of a joint.
    """

    image: Array
    geometry: MapGeometry
    seen: NDArray[np.bool_]
    points: Array
    joints: Array
    fused: Array
    pixels: Array
    fused_pixels: Array
    true: Maps
    said: Maps
    votes: Array
    shares: Array


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="NAME|FILE", default="hand", help="default: %(default)s")
    parser.add_argument("--seconds", metavar="S", type=float, default=17.4, help="moment (default: %(default)s)")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the images")
    arguments = parser.parse_args()
    try:
        view = run_model(arguments.model, arguments.seconds)
        draw_maps(arguments.output / "method_maps.png", view)
        draw_fusion(arguments.output / "method_fusion.png", view)
    except (ValueError, OSError) as error:
        print(f"draw_method: {error}", file=sys.stderr)
        return 2
    return 0


@torch.no_grad()
def run_model(model: str, seconds: float) -> View:
    """Run the model on the crop around the true centre."""
    description, network = read_model(model)
    depth_image, true = HandAnimation(CAMERA, sensor="coded_light").frame(seconds)
    roll = upright_roll(true)
    crop = crop_hand(
        DepthImage(depth_image), CAMERA, hand_centre(true), description.half_size, description.resolution, roll
    )
    true = np.asarray(true @ roll_rotation(roll).T, np.float32)
    geometry = description.geometry
    image, camera, centre = _tensors(crop)
    output = dense_output(network, image, camera, centre, geometry)
    _, _, points, seen = output.surface
    joints = normalise_joints(torch.from_numpy(true)[None], centre, geometry)
    said, weight, fused, _ = output.stages[-1]
    scale = geometry.unit * 1000
    return View(
        image=crop.image,
        geometry=geometry,
        seen=seen[0, 0].numpy(),
        points=points[0].numpy() * scale,
        joints=joints[0].numpy() * scale,
        fused=fused[0].numpy() * scale,
        pixels=project(joints, camera, centre, geometry)[0].numpy(),
        fused_pixels=project(fused, camera, centre, geometry)[0].numpy(),
        true=target_maps(joints, points, camera, centre, geometry),
        said=said,
        votes=votes(points, said.h3, said.um, geometry)[0].numpy() * scale,
        shares=weight.reshape(said.h3.shape)[0].numpy(),
    )


def draw_maps(path: Path, view: View) -> None:
    """A row a joint and source: 2D heat map, 3D heat map, unit vectors, votes."""
    figure = _figure(15.5, 12.2)
    rows = figure.subplots(2 * len(JOINTS), 5)
    for number, name in enumerate(JOINTS):
        joint = JOINT_INDEX[name]
        for row, (source, maps) in enumerate((("true", view.true), ("network", view.said)), 2 * number):
            axes = rows[row]
            _crop(axes[0], view, view.pixels if source == "true" else view.fused_pixels, joint)
            axes[0].set_ylabel(f"{name}, {source}", fontsize=11)
            _map(axes[1], view, maps.hm[0, joint].numpy(), joint, masked=False)
            _map(axes[2], view, maps.h3[0, joint].numpy(), joint, masked=True)
            _vectors(axes[3], view, maps.um[0, joint].numpy(), joint)
            _votes(axes[4], view, maps, joint)
    titles = (
        "crop, joints",
        "2D heat map",
        "3D heat map",
        "unit vectors (colour: depth part)",
        "votes, seen in x and y",
    )
    for axes, title in zip(rows[0], titles, strict=True):
        axes.set_title(title, fontsize=11)
    _save(figure, path)


def draw_fusion(path: Path, view: View) -> None:
    """All votes that count and the fused skeleton, from the front and from the side."""
    error = float(np.linalg.norm(view.fused - view.joints, axis=1).mean())
    figure = _figure(15, 5.2)
    first, front, side = figure.subplots(1, 3)
    _crop(first, view, view.fused_pixels, None)
    first.set_title("crop, fused joints")
    for axes, (across, up), labels in ((front, (0, 1), ("x", "y")), (side, (2, 1), ("z (depth)", "y"))):
        axes.scatter(view.points[across][view.seen], view.points[up][view.seen], s=14, color="0.85", marker="s")
        for joint in range(len(view.joints)):
            weight = view.shares[joint].ravel()
            colour = np.zeros((weight.size, 4))
            colour[:, :3] = _colour(joint)
            colour[:, 3] = np.clip(weight / weight.max(), 0, 1) * 0.7
            points = view.votes[joint].reshape(3, -1)
            axes.scatter(points[across], points[up], s=22, c=colour, linewidths=0)
        for parent, child in BONES:
            axes.plot(*view.joints[[parent, child]][:, [across, up]].T, color="k", linewidth=1, linestyle=":")
            axes.plot(*view.fused[[parent, child]][:, [across, up]].T, color=_colour(child), linewidth=2)
        axes.set(xlim=(-150, 150), ylim=(150, -150), aspect="equal")
        axes.set(xlabel=f"{labels[0]} (mm)", ylabel=f"{labels[1]} (mm)")
        axes.grid(alpha=0.2)
    front.set_title(f"votes and fused joints; dotted: true, {error:.1f} mm away")
    side.set_title("from the side, camera on the left")
    _save(figure, path)


def _crop(axes: Axes, view: View, pixels: Array, joint: int | None) -> None:
    """The crop in grey with the skeleton of (21, 2) map coordinates, one joint marked."""
    image = np.where(view.image < 1, view.image, np.nan)
    axes.imshow(image, cmap="Greys", vmin=-1.2, vmax=1.2, interpolation="nearest")
    pixels = pixels * view.geometry.stride + view.geometry.first
    for parent, child in BONES:
        axes.plot(*pixels[[parent, child]].T, color=_colour(child), linewidth=1.6)
    if joint is not None:
        axes.plot(*pixels[joint], "o", color="k", markersize=9, fillstyle="none", markeredgewidth=2)
    size = len(view.image)
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    _bare(axes)


def _map(axes: Axes, view: View, values: Array, joint: int, *, masked: bool) -> None:
    if masked:
        values = np.where(view.seen, values, np.nan)
    axes.imshow(values, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    axes.plot(*view.pixels[joint], "x", color="red", markersize=8)
    axes.set_facecolor("0.93")
    _bare(axes)


def _vectors(axes: Axes, view: View, vectors: Array, joint: int) -> None:
    """The x and y parts as arrows at the pixels that were measured, the depth part as their colour."""
    rows, columns = np.nonzero(view.seen)
    x, y, z = vectors[:, rows, columns]
    axes.quiver(
        columns, rows, x, -y, z, cmap="coolwarm", clim=(-1, 1), scale=14, width=0.011, headwidth=3.5, edgecolor="0.4"
    )
    axes.plot(*view.pixels[joint], "x", color="red", markersize=8)
    size = len(view.seen)
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
    axes.set_facecolor("0.93")
    _bare(axes)


def _votes(axes: Axes, view: View, maps: Maps, joint: int) -> None:
    """Lines from measured points inside the ball to what they vote for, dark where the 3D heat map is high."""
    points = torch.from_numpy(view.points)[None] / (view.geometry.unit * 1000)
    ends = votes(points, maps.h3, maps.um, view.geometry)[0, joint].numpy() * view.geometry.unit * 1000
    heat = maps.h3[0, joint].numpy()
    axes.scatter(view.points[0][view.seen], view.points[1][view.seen], s=6, color="0.8")
    for row, column in np.argwhere(view.seen & (heat > 0.1)):
        strength = float(np.clip(heat[row, column], 0.1, 1))
        start, end = view.points[:2, row, column], ends[:2, row, column]
        axes.plot(*np.stack([start, end]).T, color="tab:blue", alpha=strength, linewidth=0.8)
        axes.plot(*end, "o", color="tab:blue", alpha=strength, markersize=3.5, markeredgewidth=0)
    axes.plot(*view.joints[joint][:2], "x", color="red", markersize=8)
    axes.set(xlim=(-150, 150), ylim=(150, -150), aspect="equal")
    axes.tick_params(labelsize=7)
    axes.yaxis.tick_right()
    axes.set_xlabel("mm", fontsize=7, labelpad=0)


def _colour(joint: int) -> tuple[float, float, float]:
    return FINGER_COLOURS[(joint - 1) // 4] if joint else _WRIST


def _tensors(crop: HandCrop) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    camera = crop.camera
    intrinsics = torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]])
    return torch.from_numpy(crop.image.copy())[None, None], intrinsics, torch.from_numpy(crop.centre)[None]


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=80)


if __name__ == "__main__":
    sys.exit(main())
