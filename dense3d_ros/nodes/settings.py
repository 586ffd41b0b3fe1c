"""The nodes' parameters, each written down once: name, default, range and description.

A field of these classes is a ROS parameter. `config/hand.yaml` repeats the defaults for the user; a test
compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from dense3d_ros.excerpt import excerpt
from dense3d_ros.hand_state.conventions import CONVENTIONS
from dense3d_ros.hand_state.state import StateSettings

TRANSPORTS = ("raw", "compressedDepth")
"""Of the depth image. One that is not raw has a topic of its own under the image's."""
SMALLEST_UNIT = 1e-6
"""Metres per value of a depth image."""


def parameter(default: Any, description: str, limits: tuple[float, float] | None = None, constant: bool = False) -> Any:
    """A dataclass field that is a ROS parameter. `constant`: read once, when the node starts."""
    return field(default=default, metadata={"description": description, "limits": limits, "constant": constant})


def check_ranges(settings: Any) -> None:
    """Raise ValueError for a number outside its range. rclpy lets those a little outside pass."""
    for entry in fields(settings):
        if limits := entry.metadata["limits"]:
            value, (low, high) = getattr(settings, entry.name), limits
            if not low <= value <= high:
                raise ValueError(f"{entry.name} is {value}; accepted: {low} to {high}")


def _check_choice(name: str, value: str, accepted: Sequence[str]) -> None:
    if value not in accepted:
        raise ValueError(f"{name} is '{excerpt(value)}'; accepted: {', '.join(accepted)}")


@dataclass(frozen=True)
class HandPoseSettings:
    """Parameters of `hand_pose`. All may change while it runs."""

    transport: str = parameter(
        "raw",
        "How the depth image comes: raw (sensor_msgs/Image), or compressedDepth (sensor_msgs/CompressedImage on the "
        "image's topic with /compressedDepth behind it).",
        constant=True,
    )
    depth_unit: float = parameter(
        0.0,
        "Metres per value of the depth image, for a camera whose values are not what their encoding says. 0 takes the "
        "encoding's: 0.001 for 16UC1 and mono16, 1 for 32FC1.",
        (0.0, 1.0),
    )
    sync_slop: float = parameter(
        0.0,
        "Seconds by which the stamps of an image and its camera info may differ. 0 takes equal ones only.",
        (0.0, 1.0),
    )
    distortion: str = parameter(
        "auto",
        "What is done about the lens that the camera info describes: undo, ignore (for a rectified image), auto, which "
        "ignores it where the image's topic is named rect or rectified, or inverse, which undoes it where the "
        "coefficients take pixels to rays, as RealSense's SR300 has them.",
    )
    max_hands: int = parameter(2, "How many hands to look for in a frame.", (1, 6))
    min_score: float = parameter(
        0.0,
        "New hands that score lower are not published; a followed hand may score somewhat lower. 0 takes the score "
        "that is stored with the model, at which few hands are seen where there is none.",
        (0.0, 1.0),
    )
    min_depth: float = parameter(0.15, "Nothing nearer than this is taken for a hand, metres.", (0.01, 10.0))
    max_depth: float = parameter(1.5, "Nothing farther than this is taken for a hand, metres.", (0.1, 10.0))
    max_lost: float = parameter(
        0.3,
        "Seconds for which a hand that is not seen keeps its number. Nothing is published for it meanwhile.",
        (0.0, 5.0),
    )
    max_age: float = parameter(
        0.5,
        "Frames older than this are dropped, seconds: when their turn comes, and again before their hands are "
        "published. 0 takes any age.",
        (0.0, 3600.0),
    )
    timeout: float = parameter(
        1.0,
        "Seconds without a usable frame before the input is reported stale, and the last hands are cleared by an "
        "empty message.",
        (0.1, 60.0),
    )
    marker_lifetime: float = parameter(
        0.5, "Markers that are not renewed disappear after this time, seconds. 0 keeps them.", (0.0, 60.0)
    )
    joint_diameter: float = parameter(0.012, "Diameter of the joints in the markers, metres.", (0.001, 0.1))
    bone_width: float = parameter(0.006, "Width of the bones in the markers, metres.", (0.001, 0.1))

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_choice("transport", self.transport, TRANSPORTS)
        _check_choice("distortion", self.distortion, ("auto", "undo", "ignore", "inverse"))
        if 0 < self.depth_unit < SMALLEST_UNIT:
            raise ValueError(
                f"depth_unit is {self.depth_unit:g}; accepted: 0, or {SMALLEST_UNIT:g} to 1 metre per value"
            )
        if self.min_depth >= self.max_depth:
            raise ValueError(f"min_depth ({self.min_depth} m) must be smaller than max_depth ({self.max_depth} m)")


@dataclass(frozen=True)
class HandModelSettings:
    """Parameters of `hand_model`. They are read by the configure transition."""

    model: str = parameter(
        "fast", "Name of a shipped model, or the path of a model file. Read by the configure transition."
    )
    device: str = parameter(
        "auto",
        "Where the network runs: auto, cpu, cuda or cuda:N. auto takes a GPU if there is one. "
        "Read by the configure transition.",
    )
    runtime: str = parameter(
        "auto",
        "What the network runs in: auto, torch, compiled, cuda_graph, cuda_graph_f32, openvino, openvino_bf16 or "
        "onnxruntime. auto takes the fastest in full precision that is installed, on a GPU cuda_graph_f32. "
        "Read by the configure transition.",
    )
    cameras: Sequence[str] = parameter(
        ("",),
        "Namespaces of the cameras: this process has a hand_pose in each, and all share the model. They are relative "
        "to this node's namespace unless they start with a slash.",
        constant=True,
    )
    hand_state: bool = parameter(
        True,
        "This process has a hand_state beside each hand_pose. It costs next to nothing while nobody subscribes to it.",
        constant=True,
    )
    autostart: bool = parameter(
        True,
        "Configure and activate when the process starts. Turn it off where a lifecycle manager does that.",
        constant=True,
    )

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("model is empty; expected the name of a shipped model or a path")
        if not self.device:
            raise ValueError("device is empty; expected auto, cpu, cuda or cuda:N")
        if not self.runtime:
            raise ValueError("runtime is empty; expected auto or the name of a runtime")
        if not self.cameras or len(set(self.cameras)) < len(self.cameras):
            # rclpy makes None of an empty list.
            named = excerpt(", ".join(self.cameras or ())) or "none"
            raise ValueError(f"cameras are {named}; expected at least one, each once")


@dataclass(frozen=True)
class DepthCameraSettings:
    """Parameters of `depth_camera`, all read when the node starts."""

    folder: str = parameter(
        "",
        "Folder of 16-bit depth PNGs to publish, sub-folders included, sorted by name, numbers as numbers. "
        "Empty: render a moving hand.",
        constant=True,
    )
    fx: float = parameter(475.0, "Focal length along x, pixels.", (1.0, 1e5), constant=True)
    fy: float = parameter(475.0, "Focal length along y, pixels.", (1.0, 1e5), constant=True)
    cx: float = parameter(319.5, "Principal point x, pixels; pixel centres are integers.", constant=True)
    cy: float = parameter(239.5, "Principal point y, pixels; pixel centres are integers.", constant=True)
    depth_unit: float = parameter(0.001, "Metres per value of the PNGs.", (SMALLEST_UNIT, 1.0), constant=True)
    width: int = parameter(640, "Width of the rendered image, pixels.", (16, 4096), constant=True)
    height: int = parameter(480, "Height of the rendered image, pixels.", (16, 4096), constant=True)
    rate: float = parameter(30.0, "Frames a second.", (0.1, 240.0), constant=True)
    loop: bool = parameter(
        True,
        "Start the folder again at its end. Off: wait for a subscriber, publish every file once, then exit.",
        constant=True,
    )
    encoding: str = parameter("16UC1", "Encoding of the image: 16UC1 (mm) or 32FC1 (m).", constant=True)
    reliability: str = parameter(
        "best_effort", "Quality of service of the image: best_effort or reliable.", constant=True
    )
    frame_id: str = parameter(
        "camera_depth_optical_frame", "Frame of the images: x right, y down, z forward.", constant=True
    )
    sensor: str = parameter("structured_light", "Noise of the rendered image: a sensor's name, or none.", constant=True)
    mesh: str = parameter(
        "soma", "Mesh of the rendered hand: soma or makehuman, or webxr, which no model was trained on.", constant=True
    )
    motion: str = parameter(
        "gestures",
        "What the rendered hand does: gestures, one after the other, or fingers, each moving in its own time.",
        constant=True,
    )
    seed: int = parameter(0, "Seed of the rendered hand's movement.", (0, 2**31 - 1), constant=True)
    rendered_before: float = parameter(
        0.0,
        "Seconds of the rendered hand that are rendered before the first image and then shown forth and back, so that "
        "rendering takes no time from what is measured. 0 renders all the time.",
        (0.0, 60.0),
        constant=True,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_choice("encoding", self.encoding, ("16UC1", "32FC1"))
        _check_choice("reliability", self.reliability, ("best_effort", "reliable"))


@dataclass(frozen=True)
class HandStateSettings:
    """Parameters of `hand_state`. All may change while it runs."""

    min_cutoff: float = parameter(
        0.5, "One Euro filter: cutoff frequency at rest, Hz. Lower is smoother and later.", (0.001, 1000.0)
    )
    beta: float = parameter(
        25.0, "One Euro filter: Hz by which the cutoff frequency rises for each metre a second.", (0.0, 10000.0)
    )
    lead: float = parameter(0.0, "How far ahead of the image's stamp the joints are predicted, seconds.", (0.0, 0.2))
    max_speed: float = parameter(
        4.0,
        "A wrist, or a joint against its wrist, that moves faster is taken for a glitch, metres a second.",
        (0.1, 100.0),
    )
    max_hold: float = parameter(
        0.1, "Seconds for which a hand that is not seen keeps its last state; then it is lost.", (0.0, 0.5)
    )
    timeout: float = parameter(1.0, "Seconds without a message after which all hands are lost.", (0.1, 60.0))
    pinch_on: float = parameter(0.022, "A pinch begins at this aperture, metres.", (0.0, 0.2))
    pinch_off: float = parameter(0.035, "A pinch ends at this aperture, metres.", (0.0, 0.2))
    fist_on: float = parameter(0.75, "A fist begins at this closure.", (0.0, 1.0))
    fist_off: float = parameter(0.6, "A fist ends at this closure.", (0.0, 1.0))
    target_frame: str = parameter(
        "",
        "Frame in which everything is published, through /tf at the image's stamp: the robot's base. Empty: the frame "
        "of the camera.",
    )
    tf_timeout: float = parameter(0.1, "Seconds to wait for the transform at the image's stamp.", (0.0, 1.0))
    workspace_min: Sequence[float] = parameter(
        (-100.0, -100.0, -100.0), "Corner of the workspace, x, y, z in metres: a hand beyond it is lost."
    )
    workspace_max: Sequence[float] = parameter((100.0, 100.0, 100.0), "The opposite corner of the workspace.")
    publish_tf: bool = parameter(
        False, "Broadcast the frames of both hands on /tf as well. Hands are looked for all the time then."
    )
    frame_prefix: str = parameter(
        "", "What the names of these frames begin with: PREFIXright_wrist, PREFIXright_palm and so on."
    )
    convention: str = parameter(
        "none",
        "Joint order and orientations of ~/left/joints and ~/right/joints: none, mediapipe, openxr, mano or "
        "dex_retargeting.",
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_choice("convention", self.convention, ("none", *CONVENTIONS))
        self.of_the_hand()

    def of_the_hand(self) -> StateSettings:
        """Those that the hand's state is made with. ValueError where they do not fit together."""
        return StateSettings(**{entry.name: getattr(self, entry.name) for entry in fields(StateSettings)})


@dataclass(frozen=True)
class HandRetargetSettings:
    """Parameters of `hand_retarget`."""

    robot: str = parameter(
        "parallel_gripper",
        "Name of a robot that comes with the package, or the path of a configuration.",
        constant=True,
    )
    enable_timeout: float = parameter(
        0.0,
        "Seconds for which a true on ~/enable lets commands through: a dead-man's switch. 0 needs none.",
        (0.0, 10.0),
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.robot:
            raise ValueError("robot is empty; accepted: the name of a robot, or the path of a configuration")
