"""What `dense3d watch` saw of a live system, what is wrong with it in sentences, and what to set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from dense3d_ros.geometry.depth_unit import TOO_FAR, TOO_NEAR
from dense3d_ros.nodes.depth_unit import suggested
from dense3d_ros.nodes.topic_graph import IMAGE, INFO, raw_topic

NOTEWORTHY_FUTURE = 0.2
SLOW = 5.0
"""Frames a second under which a hand is hardly followed."""
RARE = 2.0
"""Camera infos a second under which hand_pose keeps the last one."""
LOST = 0.7
"""Share of the camera infos that the images must reach, else some are taken to be lost on their way."""
_DAY = 86400.0


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

    lens: what is done about its distortion; "" where it has none.
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


@dataclass(frozen=True)
class DepthSeen:
    """A topic of depth images.

    publishers: names of the nodes. reliability: as they offer it. age: seconds from stamp to arrival, the median.
    near, far: metres of the nearest and farthest things in an image, 0 where nothing is measured. unit: metres that a
    value counts. has_hands: whether a hand_pose has found some in it. fault: why it is no depth. info: None where there
    is no topic for it. taken: by the hand_pose that takes it.
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


@dataclass(frozen=True)
class Seen:
    """All that was seen in `seconds`.

    others: other topics with images. compressed: topics of compressed depth. models: lifecycle state by node name.
    place: where it was listened.
    """

    seconds: float
    depth: tuple[DepthSeen, ...] = ()
    others: tuple[str, ...] = ()
    compressed: tuple[str, ...] = ()
    hand_poses: tuple[HandPoseSeen, ...] = ()
    models: dict[str, str] = field(default_factory=dict)
    place: str = ""


def findings(seen: Seen) -> list[str]:
    """What is wrong, the nearest cause first; empty where nothing is."""
    found = [] if seen.depth else [_nothing(seen)]
    for topic in _that_matter(seen):
        found += _of_depth(topic, seen.seconds)
    for node in seen.hand_poses:
        found += _of_hand_pose(node, seen)
    for name, state in seen.models.items():
        if state != "active":
            found.append(_of_model(name, state))
    if not seen.hand_poses:
        found.append(f"no hand_pose runs; start it with: {launch_line(seen)}")
    return found


def _that_matter(seen: Seen) -> list[DepthSeen]:
    """The topics that our nodes use; where none does, those that they could, or all that only might be depth."""
    used = {node.depth_topic for node in seen.hand_poses}
    taken = [topic for topic in seen.depth if topic.name in used]
    return taken or [topic for topic in seen.depth if not topic.fault] or list(seen.depth)


def launch_line(seen: Seen) -> str:
    """What starts the nodes on the first topic that is depth."""
    usable = [topic for topic in seen.depth if topic.messages and not topic.fault]
    names = [f"depth:={raw_topic(usable[0].name)}"] if usable else []
    if usable and raw_topic(usable[0].name) != usable[0].name:
        names.append("transport:=compressedDepth")
    if usable and (info := usable[0].info):
        names.append(f"camera_info:={info.name}")
    return " ".join(["ros2 launch dense3d_ros hand.launch.py", *names])


def _nothing(seen: Seen) -> str:
    others = f"; other images: {', '.join(seen.others)}" if seen.others else ""
    if seen.compressed:
        others += f"; compressed: {', '.join(seen.compressed)}, for which hand_pose needs transport:=compressedDepth"
    return (
        f"nobody publishes depth images as {IMAGE}{others}. Is the driver running with depth switched on, and where it "
        f"can be heard? Here: {seen.place}"
    )


def _of_depth(topic: DepthSeen, seconds: float) -> Iterator[str]:
    name = topic.name
    if not topic.messages:
        who = ", ".join(topic.publishers)
        yield f"{name} is published by {who}, but no message came in {seconds:.0f} s: is the camera plugged in?"
        return
    if topic.fault:
        yield f"{name} cannot be read: {topic.fault}"
        return
    yield from _of_stamps(topic)
    if topic.far <= 0.0:
        yield f"{name} measures nothing: all values are 0 or no number. Is the lens covered, or the emitter off?"
    elif not topic.has_hands and (topic.near > TOO_FAR or topic.far < TOO_NEAR):
        unless = ", unless nothing is before the camera" if topic.near > TOO_FAR else ""
        yield (
            f"{name} shows things from {topic.near:.2g} to {topic.far:.2g} m as {topic.encoding}: set hand_pose's "
            f"depth_unit to what the camera's values count{suggested(topic.near, topic.unit)}{unless}"
        )
    info = topic.info
    if topic.rate < SLOW:
        yield f"{name} comes {topic.rate:.1f} times a second only; {SLOW:.0f} are needed to follow a hand{_hint(topic)}"
    elif info and topic.rate < LOST * info.rate:
        yield f"of {name} {topic.rate:.1f} images a second arrive, of its camera info {info.rate:.1f}{_hint(topic)}"
    yield from _of_info(topic)


def _hint(topic: DepthSeen) -> str:
    if topic.reliability == "reliable" and (topic.info is None or topic.rate >= LOST * topic.info.rate):
        return ""
    return (
        "; with Fast DDS large images are lost on their way unless the driver is started with "
        "FASTRTPS_DEFAULT_PROFILES_FILE set to config/fastdds.xml of dense3d_ros"
    )


def _of_stamps(topic: DepthSeen) -> Iterator[str]:
    limit = topic.taken.max_age or math.inf
    if not topic.stamped:
        if limit < math.inf:
            yield f"the stamps of {topic.name} are 0: hand_pose refuses what has no time; set its max_age to 0.0"
    elif topic.age > max(limit, _DAY):
        yield (
            f"the stamps of {topic.name} are {topic.age / _DAY:.0f} days old: play a bag with --clock, and start "
            "hand_pose with use_sim_time:=true"
        )
    elif topic.age > limit:
        unless = "" if topic.taken.told else " unless set otherwise"
        yield (
            f"images of {topic.name} are {topic.age:.2f} s old when they come, and hand_pose refuses those older than "
            f"max_age ({limit:g} s{unless}): is the camera's clock behind, or the network slow? Synchronise the "
            "clocks, or raise max_age"
        )
    elif topic.age < -NOTEWORTHY_FUTURE:
        yield (
            f"stamps of {topic.name} lie {-topic.age:.2f} s in the future: the camera's clock is ahead of this "
            "machine's; synchronise them (chrony, ptp)"
        )


def _of_info(topic: DepthSeen) -> Iterator[str]:
    info = topic.info
    if info is None:
        yield f"{topic.name} has no camera info beside it ({INFO}); without one no joint can be placed"
    elif not info.messages:
        yield f"no camera info came on {info.name}; without one no joint can be placed"
    elif info.fault:
        yield f"the camera info on {info.name} does not fit {topic.name}: {info.fault}"
    elif not info.pairs and info.stamped and info.rate > RARE and info.gap > topic.taken.sync_slop:
        yield (
            f"{topic.name} and {info.name} never have the same stamp, the nearest are {info.gap * 1e3:.1f} ms apart; "
            f"if they belong together, set hand_pose's sync_slop to {1.5 * info.gap:.2g}"
        )


def _of_hand_pose(node: HandPoseSeen, seen: Seen) -> Iterator[str]:
    topics = {topic.name: topic for topic in seen.depth}
    if not node.kinds:
        yield f"{node.name} waits for {node.depth_topic}, which nobody publishes; use: {launch_line(seen)}"
    elif node.kind not in node.kinds:
        yield (
            f"{node.name} subscribes to {node.depth_topic} as {node.kind}, but it is published as "
            f"{', '.join(node.kinds)}: no message arrives"
        )
    elif node.misfit:
        yield (
            f"{node.name} receives nothing of {node.depth_topic}, because the qualities of service do not fit "
            f"({node.misfit}); set its parameter qos_overrides.{node.depth_topic}.subscription.reliability"
        )
    info = topics[node.depth_topic].info if node.depth_topic in topics else None
    if info and info.name != node.info_topic:
        yield f"{node.name} takes its camera info from {node.info_topic}; beside its depth is {info.name}"
    if node.ok is None:
        yield f"{node.name} sent no diagnostics: it hangs, or is another machine's that /diagnostics does not reach"
    elif not node.ok:
        yield f"{node.name} says: {node.diagnostic}"


def _of_model(name: str, state: str) -> str:
    if state == "":
        return f"{name} does not answer what state it is in"
    advice = {"unconfigured": "configure", "inactive": "activate"}.get(state)
    how = f"; `ros2 lifecycle set {name} {advice}`" if advice else ""
    return f"{name} is {state}, so no hands are published{how}"


def table(seen: Seen) -> str:
    """What was seen, for a terminal of 100 columns."""
    lines = [f"watched for {seen.seconds:.1f} s; {seen.place}"]
    for topic in seen.depth:
        shown = (
            f"{topic.width}x{topic.height} {topic.encoding}, {topic.rate:.1f} Hz" if topic.messages else "nothing came"
        )
        lines += ["", f"{topic.name}", f"  {'image':<14}{shown}"]
        lines.append(f"  {'published by':<14}{', '.join(topic.publishers)} ({topic.reliability})")
        if topic.messages:
            lines.append(f"  {'frame':<14}{topic.frame_id} (RViz's Fixed Frame)")
            lines.append(f"  {'stamp age':<14}{topic.age * 1e3:.0f} ms")
            if not topic.fault:
                lines.append(f"  {'depth':<14}{topic.near:.2f} to {topic.far:.2f} m")
        if info := topic.info:
            fx, fy = info.focal_length
            lens = f", {info.lens}" if info.lens else ""
            lines.append(f"  {'camera info':<14}{info.name}, {info.rate:.1f} Hz, f = {fx:.1f}, {fy:.1f} pixels{lens}")
    for node in seen.hand_poses:
        lines += ["", node.name, f"  {'depth':<14}{node.depth_topic}", f"  {'camera info':<14}{node.info_topic}"]
        lines.append(f"  {'says':<14}{node.diagnostic or 'nothing'}")
    for name, state in seen.models.items():
        lines += ["", name, f"  {'state':<14}{state or 'no answer'}"]
    return "\n".join(lines)
