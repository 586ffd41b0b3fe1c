"""A ROS bag of one file or several, and what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import yaml

from dense3d_ros.excerpt import excerpt, printable
from dense3d_ros.geometry.depth import ENCODINGS
from dense3d_ros.recordings.bag_file import BagError, BagFile, is_bag_file, open_bag_file
from dense3d_ros.recordings.natural_order import natural

METADATA = "metadata.yaml"
IMAGE, COMPRESSED, INFO = (f"sensor_msgs/msg/{name}" for name in ("Image", "CompressedImage", "CameraInfo"))
TRANSFORMS = "tf2_msgs/msg/TFMessage"
_KINDS = (IMAGE, COMPRESSED, INFO, TRANSFORMS)
_FIRST_MESSAGES = 16
"""So many images are looked at for one that is depth: the first may be damaged."""


@dataclass(frozen=True)
class Topic:
    """A topic of a bag. first: its first message that can be decoded, of an image topic rather one that is depth."""

    name: str
    kind: str
    count: int
    first: Any

    @property
    def encoding(self) -> str:
        """Of an image topic: encoding or format, as the first message has it."""
        return _encoding(self.kind, self.first)

    @property
    def is_depth(self) -> bool:
        """Whether it holds depth images that can be read."""
        return _is_depth(self.kind, self.encoding)

    @property
    def shown(self) -> str:
        """As in a list."""
        return f"{self.name} ({excerpt(self.encoding)}, {self.count} messages)"


@dataclass
class Bag:
    """A bag whose topics were read. cuts: sentences on parts that are missing, known before or while reading.

    faults: sentences on messages that are passed over.
    lost: of topics of which no message can be decoded, type and such a sentence.
    """

    path: Path
    files: list[Path]
    topics: dict[str, Topic]
    cuts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lost: dict[str, tuple[str, str]] = field(default_factory=dict)

    def quiet(self) -> Bag:
        """The same, to be read ahead: what is damaged is told when all is read."""
        return replace(self, cuts=[], faults=[])

    def lost_of(self, *kinds: str) -> list[str]:
        """The sentences on lost topics of some types."""
        return [sentence for kind, sentence in self.lost.values() if kind in kinds]

    def messages(self, names: Collection[str]) -> Iterator[tuple[str, int, Any]]:
        """Topic, nanoseconds of the recorder and message of some topics, of each file as far as it can be read.

        Messages that cannot be decoded are passed over, and counted in `faults` when all is read. What is cut off is
        told in `cuts`.
        """
        passed: Counter[str] = Counter()
        reasons: dict[str, str] = {}
        for path in self.files:
            read = 0
            try:
                with open_bag_file(path) as file:
                    for name, time, data in _whole(file, names, path):
                        read += 1
                        try:
                            message = file.decode(data, self.topics[name].kind)
                        except Exception as error:
                            passed[name] += 1
                            reasons.setdefault(name, _why(error))
                            continue
                        yield name, time, message
            except BagError as error:
                self.cuts.append(f"{error}, after {read} messages")
        self.faults += [passed_over(name, count, reasons[name]) for name, count in passed.items()]


def _whole(file: BagFile, names: Collection[str], path: Path) -> Iterator[tuple[str, int, bytes]]:
    """The messages of a file as far as they can be read; a BagError then says why no farther, if that is not known."""
    messages = file.messages(names)
    while True:
        try:
            message = next(messages, None)
        except Exception as error:
            if file.cut:
                return
            raise BagError(f"{printable(path)} is damaged: {_why(error)}") from error
        if message is None:
            return
        yield message


def passed_over(topic: str, count: int, reason: str) -> str:
    """The sentence on messages that cannot be used."""
    return f"{count} message{'s' * (count > 1)} on {topic} cannot be read and are passed over; the first: {reason}"


def _why(error: Exception) -> str:
    # rosbags lets the errors of struct, NumPy and others through.
    return excerpt(" ".join(str(error).split()) or type(error).__name__)


def _encoding(kind: str, message: Any) -> str:
    return str(message.encoding if kind == IMAGE else getattr(message, "format", ""))


def _is_depth(kind: str, encoding: str) -> bool:
    if kind == COMPRESSED:
        return "compressedDepth" in encoding
    return kind == IMAGE and encoding in ENCODINGS


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
                _read_topics(file, bag)
        except BagError as error:
            unreadable.append(error)
    if len(unreadable) == len(bag.files):
        raise unreadable[0]
    bag.faults += bag.lost_of(*_KINDS)
    return bag


def _read_topics(file: BagFile, bag: Bag) -> None:
    for name, (kind, count) in file.topics.items():
        if kind not in _KINDS or count == 0:
            continue
        if known := bag.topics.get(name):
            bag.topics[name] = replace(known, count=known.count + count)
            continue
        first, reason = _first_message(file, name, kind)
        if first is None:
            bag.lost.setdefault(
                name, (kind, f"none of the {count} messages on {name} can be read; the first: {reason}")
            )
        else:
            bag.lost.pop(name, None)
            bag.topics[name] = Topic(name, kind, count, first)


def _first_message(file: BagFile, name: str, kind: str) -> tuple[Any, str]:
    """What `Topic.first` is to be, None where there is none; and what is wrong with the first that is damaged."""
    found, looked_at, reason = None, 0, ""
    try:
        for _, _, data in file.messages([name]):
            try:
                message = file.decode(data, kind)
            except Exception as error:
                reason = reason or _why(error)
                continue
            found = message if found is None else found
            looked_at += 1
            if kind not in (IMAGE, COMPRESSED) or _is_depth(kind, _encoding(kind, message)):
                return message, reason
            if looked_at == _FIRST_MESSAGES:
                break
    except Exception as error:
        # The file is damaged before the first good one.
        reason = reason or _why(error)
    return found, reason


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
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError, KeyError, TypeError) as error:
        # YAML's impossible dates are ValueErrors, and its depth is Python's.
        raise BagError(
            f"{printable(metadata)} is no metadata of a ROS 2 bag; accepted: YAML as `ros2 bag record` writes it"
        ) from error
