"""A ROS bag of one file or several: what is in it, and which of its topics are depth and camera info."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import yaml

from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.depth import ENCODINGS, printable
from dense3d_ros.recordings.bag_file import BagError, BagFile, is_bag_file, open_bag_file
from dense3d_ros.recordings.offline import natural

METADATA = "metadata.yaml"
IMAGE, COMPRESSED, INFO = (f"sensor_msgs/msg/{name}" for name in ("Image", "CompressedImage", "CameraInfo"))
TRANSFORMS = "tf2_msgs/msg/TFMessage"
_KINDS = (IMAGE, COMPRESSED, INFO, TRANSFORMS)


@dataclass(frozen=True)
class Topic:
    """A topic of a bag. first: its first message."""

    name: str
    kind: str
    count: int
    first: Any

    @property
    def encoding(self) -> str:
        """Of an image topic: encoding or format, as the first message has it."""
        return str(self.first.encoding if self.kind == IMAGE else getattr(self.first, "format", ""))

    @property
    def is_depth(self) -> bool:
        """Whether it holds depth images that can be read."""
        if self.kind == COMPRESSED:
            return "compressedDepth" in self.encoding
        return self.kind == IMAGE and self.encoding in ENCODINGS

    @property
    def shown(self) -> str:
        """As in a list."""
        return f"{self.name} ({excerpt(self.encoding)}, {self.count} messages)"


@dataclass
class Bag:
    """A bag whose topics were read. cuts: sentences on what of it cannot be read, known before or while reading."""

    path: Path
    files: list[Path]
    topics: dict[str, Topic]
    cuts: list[str] = field(default_factory=list)

    def messages(self, names: Collection[str]) -> Iterator[tuple[str, int, Any]]:
        """Topic, nanoseconds of the recorder and message of some topics, file by file; ends where a file is damaged."""
        for path in self.files:
            read = 0
            try:
                with open_bag_file(path) as file:
                    for name, time, data in _whole(file, names, path):
                        read += 1
                        yield name, time, file.decode(data, self.topics[name].kind)
            except BagError as error:
                self.cuts.append(f"{error}, after {read} messages")


def _whole(file: BagFile, names: Collection[str], path: Path) -> Iterator[tuple[str, int, bytes]]:
    """The messages of a file as far as they can be read; a BagError then says why no farther, if that is not known."""
    messages = file.messages(names)
    while True:
        try:
            message = next(messages, None)
        except Exception as error:
            if file.cut:
                return
            raise BagError(f"{printable(path)} is damaged: {str(error) or type(error).__name__}") from error
        if message is None:
            return
        yield message


def is_bag(path: Path) -> bool:
    """Whether a path is a file or a folder of a bag, and not a folder of images."""
    if not path.is_dir():
        return is_bag_file(path)
    if (path / METADATA).is_file():
        return True
    return any(map(is_bag_file, path.iterdir())) and not any(path.rglob("*.[pP][nN][gG]"))


def open_bag(path: Path) -> Bag:
    """Read which topics a bag has; BagError says what is wrong with it."""
    bag = Bag(path, [], {})
    bag.files = _files(path, bag.cuts)
    unreadable: list[BagError] = []
    for file_path in bag.files:
        try:
            with open_bag_file(file_path) as file:
                if file.cut:
                    bag.cuts.append(file.cut)
                _read_topics(file, bag.topics)
        except BagError as error:
            unreadable.append(error)
    if len(unreadable) == len(bag.files):
        raise unreadable[0]
    return bag


def _read_topics(file: BagFile, topics: dict[str, Topic]) -> None:
    for name, (kind, count) in file.topics.items():
        if kind not in _KINDS or count == 0:
            continue
        if known := topics.get(name):
            topics[name] = replace(known, count=known.count + count)
            continue
        try:
            _, _, data = next(file.messages([name]))
            topics[name] = Topic(name, kind, count, file.decode(data, kind))
        except Exception:
            # Damaged from its first message on: nothing to read, and `cuts` tells of the file.
            continue


def _files(path: Path, missing: list[str]) -> list[Path]:
    """The bag's files in order; what metadata.yaml names and is not there is told in `missing`."""
    if not path.is_dir():
        if not path.is_file():
            raise BagError(f"bag '{printable(path)}' is not there")
        return [path]
    there = sorted(filter(is_bag_file, path.iterdir()), key=lambda file: natural(file.name))
    if (path / METADATA).is_file():
        names = _names(path / METADATA)
        missing += [
            f"{printable(path / name)} belongs to the bag and is not there"
            for name in names
            if not (path / name).is_file()
        ]
        there = [path / name for name in names if (path / name).is_file()] or there
    if not there:
        raise BagError(f"folder '{printable(path)}' holds no file of a bag; expected .mcap or .db3 beside {METADATA}")
    return there


def _names(metadata: Path) -> list[str]:
    try:
        named = yaml.safe_load(metadata.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
        # Older bags name their folder, too, which may have been renamed.
        return [PurePath(str(name)).name for name in named["relative_file_paths"]]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise BagError(f"{printable(metadata)} is no metadata of a ROS 2 bag") from error


def choose_depth(bag: Bag, wanted: str | None) -> Topic:
    """The depth topic: `wanted`, or the only one. BagError lists what there is."""
    name = printable(bag.path)
    images = [topic for topic in bag.topics.values() if topic.kind in (IMAGE, COMPRESSED)]
    listed = "; ".join(topic.shown for topic in images) or "none"
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
    listed = ", ".join(infos) or "none"
    if wanted is not None:
        if wanted not in infos:
            raise BagError(f"--camera-info {wanted} is no camera info of {printable(bag.path)}; there: {listed}")
        return infos[wanted]
    place = PurePath(depth.name).parent
    # Compressed images have a level more; some drivers put the info below the image.
    folders = [place.parent] * (depth.kind == COMPRESSED) + [place, PurePath(depth.name)]
    for folder in folders:
        if info := infos.get(str(folder / "camera_info")):
            return info
    if len(infos) > 1:
        raise BagError(f"no camera info is beside {depth.name}; name one of the bag with --camera-info: {listed}")
    return next(iter(infos.values()), None)
