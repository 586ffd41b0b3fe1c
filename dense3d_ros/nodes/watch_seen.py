"""What `dense3d watch` saw of a live system."""

from __future__ import annotations

from dataclasses import dataclass, field

from dense3d_ros.nodes.topic_graph import IMAGE


@dataclass(frozen=True)
class Taken:
    """How `hand_pose` takes images, by its parameters of these names. told: by itself; else the defaults."""

    max_age: float = 0.5
    depth_unit: float = 0.0
    sync_slop: float = 0.0
    distortion: str = "auto"
    told: bool = False


@dataclass(frozen=True)
class InfoSeen:
    """A camera info topic. pairs: stamps that it shares with the images. gap: seconds between the two nearest.

    lens: what is done about its distortion; "" where it has none. doubt: why its intrinsics may be wrong.
    """

    name: str
    messages: int = 0
    rate: float = 0.0
    focal_length: tuple[float, float] = (0.0, 0.0)
    fault: str = ""
    lens: str = ""
    stamped: bool = True
    pairs: int = 0
    gap: float = 0.0
    doubt: str = ""


@dataclass(frozen=True)
class DepthSeen:
    """A topic of depth images.

    publishers: names of the nodes. reliability: as they offer it. age: seconds from stamp to arrival, the median.
    near, far: metres of the nearest and farthest things in an image, 0 where nothing is measured. unit: metres that a
    value counts. has_hands: whether a hand_pose has found some in it. is_even: whether images come evenly. fault: why
    it is no depth. info: None where there is no topic for it. taken: by the hand_pose that takes it.
    """

    name: str
    publishers: tuple[str, ...] = ()
    reliability: str = ""
    messages: int = 0
    rate: float = 0.0
    encoding: str = ""
    width: int = 0
    height: int = 0
    frame_id: str = ""
    age: float = 0.0
    stamped: bool = True
    near: float = 0.5
    far: float = 1.0
    unit: float = 0.001
    has_hands: bool = False
    is_even: bool = False
    fault: str = ""
    info: InfoSeen | None = None
    taken: Taken = Taken()


@dataclass(frozen=True)
class HandPoseSeen:
    """A `hand_pose` node. kind: the type of its depth topic. kinds: those under which that is published.

    misfit: why it hears nothing there. ok, diagnostic: its last sentence; None and "" where none came.
    """

    name: str
    depth_topic: str
    info_topic: str
    kind: str = IMAGE
    kinds: tuple[str, ...] = (IMAGE,)
    misfit: str = ""
    ok: bool | None = None
    diagnostic: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Said:
    """What hand_state or hand_retarget says of itself. condition: of what kind that is."""

    name: str
    ok: bool
    text: str
    condition: str = ""


@dataclass(frozen=True)
class Seen:
    """All that was seen in `seconds`.

    others: other topics with images. compressed: topics of compressed depth. said: by hand_state and hand_retarget.
    models: lifecycle state by node name. place: where it was listened.
    """

    seconds: float
    depth: tuple[DepthSeen, ...] = ()
    others: tuple[str, ...] = ()
    compressed: tuple[str, ...] = ()
    hand_poses: tuple[HandPoseSeen, ...] = ()
    said: tuple[Said, ...] = ()
    models: dict[str, str] = field(default_factory=dict)
    place: str = ""
