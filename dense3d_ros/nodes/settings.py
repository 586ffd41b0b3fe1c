"""The nodes' parameters, each written down once: name, default, range and description.

A field of these classes is a ROS parameter. `config/hand.yaml` repeats the defaults for the user; a test
compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.camera_info import LENS_SETTINGS
from dense3d_ros.hand_state.conventions import JOINT_CONVENTIONS
from dense3d_ros.hand_state.state import StateSettings
from dense3d_ros.nodes.parameter_fields import check_choice, check_ranges, parameter
from dense3d_ros.perception.views import VIEWS, check_views
from dense3d_ros.retargeting.certainty import MIN_JOINT_SCORE

TRANSPORTS = ("raw", "compressedDepth")
"""Of the depth image. One that is not raw has a topic of its own under the image's."""
SMALLEST_UNIT = 1e-6
"""Metres per value of a depth image."""


@dataclass(frozen=True)
class HandPoseSettings:
    """Parameters of `hand_pose`. All may change while it runs."""

    transport: str = parameter(
        "raw",
        "Transport of the depth image: raw (sensor_msgs/Image), or compressedDepth (sensor_msgs/CompressedImage on "
        "the image's topic with /compressedDepth appended).",
        constant=True,
    )
    depth_unit: float = parameter(
        0.0,
        "Metres per value of the depth image, for a camera whose unit is not that of its encoding. 0 uses the "
        "encoding's: 0.001 for 16UC1 and mono16, 1 for 32FC1.",
        (0.0, 1.0),
    )
    sync_slop: float = parameter(
        0.0,
        "Maximum difference of the stamps of an image and its camera info, seconds. 0 accepts only equal stamps.",
        (0.0, 1.0),
    )
    distortion: str = parameter(
        "auto",
        "How to treat the lens distortion in the camera info. undo: correct it. ignore: the image is rectified. auto: "
        "ignore it if the name of the image's topic contains the word rect or rectified, as in image_rect_raw; "
        "otherwise undo it. inverse: correct it by coefficients that map pixels to rays, as those of RealSense's SR300 "
        "do.",
    )
    max_hands: int = parameter(2, "Maximum number of hands in a frame.", (1, 6))
    min_score: float = parameter(
        0.0,
        "New hands below this score are not published; a followed hand may score somewhat lower. 0 uses the threshold "
        "stored with the model, at which false hands are rare.",
        (0.0, 1.0),
    )
    min_depth: float = parameter(0.15, "Minimum depth of a hand, metres.", (0.01, 10.0))
    max_depth: float = parameter(1.5, "Maximum depth of a hand, metres.", (0.1, 10.0))
    max_lost: float = parameter(
        0.3,
        "Seconds for which an unseen hand keeps its track_id. Nothing is published for it meanwhile.",
        (0.0, 5.0),
    )
    max_age: float = parameter(
        0.5,
        "Maximum age of a frame, seconds. Older frames are dropped, both before they are processed and before their "
        "hands are published. 0 accepts any age.",
        (0.0, 3600.0),
    )
    timeout: float = parameter(
        1.0,
        "Seconds without a usable frame before the input is reported stale and an empty message clears the last hands.",
        (0.1, 60.0),
    )
    marker_lifetime: float = parameter(
        0.5, "Seconds after which markers that are not renewed disappear. 0 keeps them.", (0.0, 60.0)
    )
    joint_diameter: float = parameter(0.012, "Diameter of the joints in the markers, metres.", (0.001, 0.1))
    bone_width: float = parameter(0.006, "Width of the bones in the markers, metres.", (0.001, 0.1))

    def __post_init__(self) -> None:
        check_ranges(self)
        check_choice("transport", self.transport, TRANSPORTS)
        check_choice("distortion", self.distortion, LENS_SETTINGS)
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
        "hand", "Name of a shipped model, or the path of a model file. Read by the configure transition."
    )
    views: int = parameter(
        1,
        "Crops of each followed hand that the network runs on, each turned a little: 1 or 3. 3 is more accurate and "
        "costs about twice the time of a frame. New hands are judged on 3. Read by the configure transition.",
        choices=VIEWS,
    )
    device: str = parameter(
        "auto",
        "Device of the network: auto, cpu, cuda or cuda:N. auto takes a GPU if there is one. "
        "Read by the configure transition.",
    )
    runtime: str = parameter(
        "auto",
        "What the network runs in: auto, torch, compiled, cuda_graph, cuda_graph_f32, openvino, openvino_bf16 or "
        "onnxruntime. auto takes the fastest installed one in full precision, on a GPU cuda_graph_f32. "
        "Read by the configure transition.",
    )
    cameras: Sequence[str] = parameter(
        ("",),
        "Namespaces of the cameras. The process has a hand_pose in each, and all share the model. They are relative to "
        "this node's namespace unless they start with a slash.",
        constant=True,
    )
    hand_state: bool = parameter(
        True,
        "Run a hand_state beside each hand_pose. It costs almost nothing while nobody subscribes to it.",
        constant=True,
    )
    autostart: bool = parameter(
        True,
        "Configure and activate when the process starts. Turn it off if a lifecycle manager does this.",
        constant=True,
    )

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("model is empty; expected the name of a shipped model or a path")
        check_views(self.views)
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
        "Folder of 16-bit depth PNGs to publish, subfolders included, sorted by name, numbers as numbers. "
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
    rate: float = parameter(30.0, "Frames per second.", (0.1, 240.0), constant=True)
    loop: bool = parameter(
        True,
        "Repeat the folder. false: wait for `subscribers`, publish every file once, then exit.",
        constant=True,
    )
    subscribers: int = parameter(
        0,
        "Subscribers of the image for which a folder that is published once waits. 0: for one, and then three seconds "
        "for others.",
        (0, 100),
        constant=True,
    )
    encoding: str = parameter("16UC1", "Encoding of the image: 16UC1 (mm) or 32FC1 (m).", constant=True)
    reliability: str = parameter(
        "best_effort", "Quality of service of the image: best_effort or reliable.", constant=True
    )
    frame_id: str = parameter(
        "camera_depth_optical_frame", "Frame of the images: x right, y down, z forward.", constant=True
    )
    sensor: str = parameter(
        "structured_light",
        "Noise of the rendered image: none, structured_light, time_of_flight, stereo or coded_light.",
        constant=True,
    )
    mesh: str = parameter(
        "soma", "Mesh of the rendered hand: soma or makehuman, or webxr, which no model was trained on.", constant=True
    )
    motion: str = parameter(
        "gestures",
        "Motion of the rendered hand: gestures, one after the other, or fingers, which move independently.",
        constant=True,
    )
    seed: int = parameter(0, "Seed of the rendered hand's motion.", (0, 2**31 - 1), constant=True)
    rendered_before: float = parameter(
        0.0,
        "Seconds of motion that are rendered before the first image and then played forwards and backwards, so that "
        "rendering does not disturb measurements. 0 renders all the time.",
        (0.0, 60.0),
        constant=True,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        check_choice("encoding", self.encoding, ("16UC1", "32FC1"))
        check_choice("reliability", self.reliability, ("best_effort", "reliable"))


@dataclass(frozen=True)
class HandStateSettings:
    """Parameters of `hand_state`. All may change while it runs."""

    min_cutoff: float = parameter(
        0.1, "One Euro filter: cutoff frequency at rest, Hz. Lower is smoother and later.", (0.001, 1000.0)
    )
    beta: float = parameter(
        25.0, "One Euro filter: Hz by which the cutoff frequency rises for each metre per second.", (0.0, 10000.0)
    )
    lead: float = parameter(0.0, "How far ahead of the image's stamp the joints are predicted, seconds.", (0.0, 0.2))
    max_speed: float = parameter(
        4.0,
        "Maximum speed of a wrist, and of a joint relative to its wrist, metres per second. Faster ones are glitches.",
        (0.1, 100.0),
    )
    max_hold: float = parameter(
        0.1,
        "Seconds for which an unseen hand keeps its last state; then it is lost. Meanwhile only grasp is published.",
        (0.0, 0.5),
    )
    timeout: float = parameter(1.0, "Seconds without a message after which all hands are lost.", (0.1, 60.0))
    pinch_on: float = parameter(0.022, "A pinch begins at this aperture, metres.", (0.0, 0.2))
    pinch_off: float = parameter(0.035, "A pinch ends at this aperture, metres.", (0.0, 0.2))
    fist_on: float = parameter(0.75, "A fist begins at this closure.", (0.0, 1.0))
    fist_off: float = parameter(0.6, "A fist ends at this closure.", (0.0, 1.0))
    target_frame: str = parameter(
        "",
        "Frame in which everything is published, usually the robot's base. The transform is the one at the image's "
        "stamp. Empty: the camera's frame.",
    )
    tf_timeout: float = parameter(0.1, "Seconds to wait for the transform at the image's stamp.", (0.0, 1.0))
    workspace_min: Sequence[float] = parameter(
        (-100.0, -100.0, -100.0), "Corner of the workspace, x, y, z in metres. A hand outside is lost."
    )
    workspace_max: Sequence[float] = parameter((100.0, 100.0, 100.0), "The opposite corner of the workspace.")
    publish_tf: bool = parameter(
        False, "Also broadcast the frames of both hands on /tf. Hands are then searched for all the time."
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
        check_choice("convention", self.convention, ("none", *JOINT_CONVENTIONS))
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
        "Seconds for which a true on ~/enable lets commands through, as a dead-man's switch. 0: no switch is needed.",
        (0.0, 10.0),
    )
    min_joint_score: float = parameter(
        MIN_JOINT_SCORE,
        "No command for a hand of whose joints those that move the robot have a lower mean score. 0 accepts any.",
        (0.0, 1.0),
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.robot:
            raise ValueError("robot is empty; accepted: the name of a robot, or the path of a configuration")
