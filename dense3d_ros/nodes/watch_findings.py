"""What is wrong with what `dense3d watch` saw of a live system, in sentences, and what to set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from dense3d_ros.geometry.depth_unit import TOO_FAR, TOO_NEAR, plain, unit_to_set
from dense3d_ros.nodes.lost_images import TOO_MANY, profile_advice
from dense3d_ros.nodes.topic_graph import IMAGE, INFO, raw_topic
from dense3d_ros.nodes.watch_seen import DepthSeen, HandPoseSeen, Seen

NOTEWORTHY_FUTURE = 0.2
SLOW = 5.0
"""Frames a second under which a hand is hardly followed."""
RARE = 2.0
"""Camera infos a second under which hand_pose keeps the last one."""
_CAUSES = {"lost images": "no frames"}
"""Conditions that findings for another one explain, too."""
_DAY = 86400.0


@dataclass(frozen=True)
class Finding:
    """A sentence. explains: the kind of condition that hand_pose reports because of it; "" where there is none."""

    text: str
    explains: str = ""


def findings(seen: Seen) -> list[str]:
    """What is wrong, the nearest cause first, each but once; empty where nothing is."""
    nothing = [] if seen.depth else [Finding(_nothing(seen), "no frames")]
    of_topics = {topic.name: list(_of_depth(topic, seen.seconds)) for topic in _that_matter(seen)}
    models = [_of_model(name, state) for name, state in seen.models.items() if state != "active"]
    found = [*nothing, *chain.from_iterable(of_topics.values())]
    for node in seen.hand_poses:
        own = list(_of_hand_pose(node, seen))
        known = [*nothing, *of_topics.get(node.depth_topic, []), *own, *models]
        found += [*own, *_of_what_it_says(node, {finding.explains for finding in known})]
    found += models
    if not seen.hand_poses:
        found.append(Finding(f"no hand_pose runs; start it with: {launch_line(seen)}"))
    # Where hand_pose does not do well, nobody behind it can have messages.
    has_hands = any(node.ok for node in seen.hand_poses)
    for said in seen.said:
        if not said.ok and (has_hands or said.condition != "no messages"):
            found.append(Finding(f"{said.name} says: {said.text}"))
    return [finding.text for finding in found]


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


def _of_depth(topic: DepthSeen, seconds: float) -> Iterator[Finding]:
    name = topic.name
    if not topic.messages:
        who = ", ".join(topic.publishers)
        text = f"{name} is published by {who}, but no message came in {seconds:.0f} s"
        if topic.info and topic.info.messages:
            text += f", while {topic.info.messages} camera infos came on {topic.info.name}{profile_advice()}"
        else:
            text += ": is the camera plugged in?"
        yield Finding(text, "no frames")
        return
    if topic.fault:
        yield Finding(f"{name} cannot be read: {topic.fault}", "depth image")
        return
    yield from _of_stamps(topic)
    if topic.far <= 0.0:
        yield Finding(
            f"{name} measures nothing: all values are 0 or no number. Is the lens covered, or the emitter off?"
        )
    elif not topic.has_hands and (topic.near > TOO_FAR or topic.far < TOO_NEAR):
        yield Finding(
            f"{name} shows things from {plain(topic.near)} to {plain(topic.far)} m as {topic.encoding}: set "
            f"hand_pose's depth_unit to {unit_to_set(topic.near, topic.unit)}",
            "depth unit",
        )
    info = topic.info
    if round(topic.rate, 1) < SLOW:
        yield Finding(
            f"{name} comes {topic.rate:.1f} times a second only; {SLOW:.0f} are needed to follow a hand{_hint(topic)}",
            "no frames",
        )
    elif info and info.rate >= TOO_MANY * topic.rate and not topic.is_even:
        yield Finding(
            f"of {name} {topic.rate:.1f} images a second arrive, of its camera info {info.rate:.1f}{_hint(topic)}",
            "no frames",
        )
    yield from _of_info(topic)


def _hint(topic: DepthSeen) -> str:
    """What may keep images from being lost, as the end of a sentence; "" where none are."""
    if topic.is_even:
        return ""
    if topic.reliability == "reliable" and (topic.info is None or topic.info.rate < TOO_MANY * topic.rate):
        return ""
    return profile_advice()


def _of_stamps(topic: DepthSeen) -> Iterator[Finding]:
    limit = topic.taken.max_age or math.inf
    if not topic.stamped:
        if limit < math.inf:
            text = f"the stamps of {topic.name} are 0: hand_pose refuses what has no time; set its max_age to 0.0"
            yield Finding(text, "too old")
    elif topic.age > max(limit, _DAY):
        yield Finding(
            f"the stamps of {topic.name} are {topic.age / _DAY:.0f} days old: play a bag with --clock, and start "
            "hand_pose with use_sim_time:=true",
            "too old",
        )
    elif topic.age > limit:
        unless = "" if topic.taken.told else " unless set otherwise"
        yield Finding(
            f"images of {topic.name} are {topic.age:.2f} s old when they come, and hand_pose refuses those older than "
            f"max_age ({limit:g} s{unless}): is the camera's clock behind, or the network slow? Synchronise the "
            "clocks, or raise max_age",
            "too old",
        )
    elif topic.age < -NOTEWORTHY_FUTURE:
        yield Finding(
            f"stamps of {topic.name} lie {-topic.age:.2f} s in the future: the camera's clock is ahead of this "
            "machine's; synchronise them (chrony, ptp)",
            "camera clock",
        )


def _of_info(topic: DepthSeen) -> Iterator[Finding]:
    info = topic.info
    if info is None:
        text = f"{topic.name} has no camera info beside it ({INFO}); without one no joint can be placed"
        yield Finding(text, "no frames")
    elif not info.messages:
        yield Finding(f"no camera info came on {info.name}; without one no joint can be placed", "no frames")
    elif info.fault:
        yield Finding(f"the camera info on {info.name} does not fit {topic.name}: {info.fault}", "camera info")
    elif not info.pairs and info.stamped and info.rate > RARE and info.gap > topic.taken.sync_slop:
        yield Finding(
            f"{topic.name} and {info.name} never have the same stamp, the nearest are {info.gap * 1e3:.1f} ms apart; "
            f"if they belong together, set hand_pose's sync_slop to {1.5 * info.gap:.2g}",
            "no frames",
        )
    if info and info.doubt:
        yield Finding(f"camera info on {info.name}: {info.doubt}", "camera")


def _of_hand_pose(node: HandPoseSeen, seen: Seen) -> Iterator[Finding]:
    topics = {topic.name: topic for topic in seen.depth}
    if not node.kinds and seen.depth:
        text = f"{node.name} waits for {node.depth_topic}, which nobody publishes; use: {launch_line(seen)}"
        yield Finding(text, "no frames")
    elif node.kinds and node.kind not in node.kinds:
        yield Finding(
            f"{node.name} subscribes to {node.depth_topic} as {node.kind}, but it is published as "
            f"{', '.join(node.kinds)}: no message arrives",
            "no frames",
        )
    elif node.misfit:
        yield Finding(
            f"{node.name} receives nothing of {node.depth_topic}, because the qualities of service do not fit "
            f"({node.misfit}); set its parameter qos_overrides.{node.depth_topic}.subscription.reliability",
            "no frames",
        )
    info = topics[node.depth_topic].info if node.depth_topic in topics else None
    if info and info.name != node.info_topic:
        text = f"{node.name} takes its camera info from {node.info_topic}; beside its depth is {info.name}"
        yield Finding(text, "no frames")


def _of_what_it_says(node: HandPoseSeen, explained: set[str]) -> Iterator[Finding]:
    """What no finding explains that is known already."""
    if node.ok is None:
        yield Finding(
            f"{node.name} sent no diagnostics: it hangs, or is another machine's that /diagnostics does not reach"
        )
    elif not node.ok and _CAUSES.get(node.condition, node.condition) not in explained - {""}:
        yield Finding(f"{node.name} says: {node.diagnostic}")


def _of_model(name: str, state: str) -> Finding:
    if state == "":
        return Finding(f"{name} does not answer what state it is in")
    advice = {"unconfigured": "configure", "inactive": "activate"}.get(state)
    how = f"; `ros2 lifecycle set {name} {advice}`" if advice else ""
    return Finding(f"{name} is {state}, so no hands are published{how}", "no model")
