"""Which of a bag's topics are the depth images and their camera info."""

from __future__ import annotations

from pathlib import PurePath

from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.depth import ENCODINGS
from dense3d_ros.recordings.bag import COMPRESSED, IMAGE, INFO, Bag, Topic
from dense3d_ros.recordings.bag_file import BagError


def choose_depth(bag: Bag, wanted: str | None) -> Topic:
    """The depth topic: `wanted`, or the only one. BagError lists what there is."""
    name = printable(bag.path)
    images = [topic for topic in bag.topics.values() if topic.kind in (IMAGE, COMPRESSED)]
    listed = "; ".join([*(topic.shown for topic in images), *bag.lost_of(IMAGE, COMPRESSED)]) or "none"
    if wanted is not None:
        topic = bag.topics.get(wanted)
        if topic is None or not topic.is_depth:
            raise BagError(f"--depth {wanted} is no depth topic of {name}; its images: {listed}")
        return topic
    depth = [topic for topic in images if topic.is_depth]
    if not depth:
        raise BagError(
            f"{name} holds no depth images; its images: {listed}; accepted: {', '.join(ENCODINGS)}, compressedDepth"
        )
    # Some drivers publish infrared as mono16; and the same images compressed, too, are one camera.
    sure = [topic for topic in depth if topic.encoding != "mono16"] or depth
    raw = {topic.name for topic in sure}
    single = [topic for topic in sure if topic.kind == IMAGE or str(PurePath(topic.name).parent) not in raw]
    if len(single) > 1:
        shown = "; ".join(topic.shown for topic in single)
        raise BagError(f"{name} holds several depth topics; name one with --depth: {shown}")
    return single[0]


def choose_info(bag: Bag, depth: Topic, wanted: str | None) -> Topic | None:
    """The camera info of a depth topic: `wanted`, the one beside it, or the only one; None where there is none.

    BagError lists what there is where it is not clear.
    """
    infos = {topic.name: topic for topic in bag.topics.values() if topic.kind == INFO}
    listed = "; ".join([", ".join(infos) or "none", *bag.lost_of(INFO)])
    if wanted is not None:
        if wanted not in infos:
            raise BagError(f"--camera-info {wanted} is no camera info of {printable(bag.path)}; there: {listed}")
        return infos[wanted]
    place = PurePath(depth.name).parent
    # Compressed images have a level more; some drivers put the info below the image.
    folders = [place.parent] * (depth.kind == COMPRESSED) + [place, PurePath(depth.name)]
    for folder in folders:
        beside = str(folder / "camera_info")
        if info := infos.get(beside):
            return info
        if beside in bag.lost:
            # Another one would be that of another camera.
            raise BagError(f"{bag.lost[beside][1]}; say what camera it was by --fx, --fy, --cx and --cy")
    if len(infos) > 1:
        raise BagError(f"no camera info is beside {depth.name}; name one of the bag with --camera-info: {listed}")
    return next(iter(infos.values()), None)
