"""One file of a bag: MCAP, SQLite or ROS 1, read through the Python package rosbags."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dense3d_ros.excerpt import printable
from dense3d_ros.recordings.cut_files import MCAP_MAGIC, CutMcap, CutSqlite

if TYPE_CHECKING:
    from rosbags.rosbag1 import Reader as Reader1
    from rosbags.rosbag2 import Reader as Reader2

PACKED = ".zstd"
_ACCEPTED = ".mcap or .db3 of ROS 2, or .bag of ROS 1, whole or cut off behind the first messages"
ENDINGS = (".mcap", ".db3", ".bag")
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_OLD_NAMES = {"D": "d", "K": "k", "R": "r", "P": "p"}
"""Fields of ROS 1's CameraInfo as ROS 2 has them."""


class BagError(ValueError):
    """A bag that cannot be read, with its name and why."""


@dataclass(frozen=True)
class BagFile:
    """An open file. topics: of each its type, as in ROS 2, and its number of messages.

    messages: of some topics in turn: topic, nanoseconds of the recorder's clock and data; it may raise anything where
    the file is damaged. decode: data and type -> the message, with the fields of ROS 2. cut: where its end is missing,
    a sentence; else "".
    """

    topics: dict[str, tuple[str, int]]
    messages: Callable[[Collection[str]], Iterator[tuple[str, int, bytes]]]
    decode: Callable[[bytes, str], Any]
    cut: str = ""


def is_bag_file(path: Path) -> bool:
    """Whether a file is called as those of bags are."""
    return path.suffix in ENDINGS or (path.suffix == PACKED and Path(path.stem).suffix in ENDINGS)


@contextmanager
def open_bag_file(path: Path) -> Iterator[BagFile]:
    """Open a file of a bag; BagError where that does not work, ModuleNotFoundError where rosbags is missing."""
    import rosbags  # noqa: F401  (before anything else can go wrong)

    with ExitStack() as stack:
        try:
            opened = _open(path, stack)
        except BagError:
            raise
        except OSError as error:
            raise BagError(f"{printable(path)} cannot be read: {error.strerror or error}") from error
        except Exception as error:
            # rosbags lets the errors of struct, zstd and others through.
            reason = str(error).rstrip(".") or type(error).__name__
            hint = "; `rosbag reindex` mends a bag that was cut off" if "ndex" in reason else f"; accepted: {_ACCEPTED}"
            raise BagError(f"{printable(path)} cannot be read: {reason}{hint}") from error
        yield opened


def _open(path: Path, stack: ExitStack) -> BagFile:
    from rosbags.rosbag1 import Reader as Reader1
    from rosbags.rosbag2 import Reader as Reader2
    from rosbags.rosbag2 import ReaderError

    if path.suffix == PACKED:
        plain = Path(stack.enter_context(TemporaryDirectory(prefix="dense3d_bag")), path.stem)
        is_whole = _unpack(path, plain)
        opened = _open(plain, stack)
        return opened if is_whole else replace(opened, cut=_cut_off(path))
    if path.suffix == ".bag":
        return _of_rosbags(stack.enter_context(Reader1(path)), _decoder(ros1=True), "")
    try:
        return _of_rosbags(stack.enter_context(Reader2(path)), _decoder(ros1=False), "")
    except ReaderError:
        if path.suffix == ".db3":
            file = stack.enter_context(closing(CutSqlite(path)))
            topics = file.topics()
            if not any(count for _, count in topics.values()):
                name = printable(path)
                raise BagError(
                    f"{name} is cut off or damaged; `sqlite3 {name} .recover` may save its messages"
                ) from None
            cut = f"{_cut_off(path)}; `sqlite3 {printable(path)} .recover` may save more"
            return BagFile(topics, file.messages, _decoder(ros1=False), cut)
        if not _starts_with(path, MCAP_MAGIC):
            raise
    whole: Any = CutMcap(path)
    cut = f"{_cut_off(path)}, to byte {whole.end} of {whole.size}"
    return _of_rosbags(stack.enter_context(Reader2(whole)), _decoder(ros1=False), cut)


def _cut_off(path: Path) -> str:
    return f"{printable(path)} is cut off or damaged; it is read as far as it goes"


def _of_rosbags(reader: Reader1 | Reader2, decode: Callable[[bytes, str], Any], cut: str) -> BagFile:
    def messages(names: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        wanted = [connection for connection in reader.connections if connection.topic in names]
        if wanted:
            for connection, time, data in reader.messages(wanted):
                yield connection.topic, time, data

    topics: dict[str, tuple[str, int]] = {}
    for connection in reader.connections:
        before = topics.get(connection.topic, ("", 0))[1]
        topics[connection.topic] = connection.msgtype, before + connection.msgcount
    return BagFile(topics, messages, decode, cut)


def _decoder(*, ros1: bool) -> Callable[[bytes, str], Any]:
    """Data and type -> message. The types that matter here are the same in all versions of ROS 2."""
    from rosbags.typesys import Stores, get_typestore

    if ros1:
        old = get_typestore(Stores.ROS1_NOETIC)
        return lambda data, kind: _renamed(old.deserialize_ros1(data, kind))
    store = get_typestore(Stores.ROS2_JAZZY)
    return lambda data, kind: store.deserialize_cdr(_unpacked(data), kind)


def _renamed(message: object) -> Any:
    return SimpleNamespace(**{_OLD_NAMES.get(name, name): value for name, value in vars(message).items()})


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _unpacked(data: bytes) -> bytes:
    """A message that rosbag2 packed by itself; CDR never starts so."""
    return bytes(_zstd().decompress(data)) if data[:4] == _ZSTD_MAGIC else data


def _unpack(path: Path, target: Path) -> bool:
    """Unpack a file as far as it goes; whether that was to its end."""
    zstd = _zstd()
    try:
        with path.open("rb") as packed, target.open("wb") as plain, zstd.open(packed, "rb") as file:
            shutil.copyfileobj(file, plain)
    except (EOFError, zstd.ZstdError):
        return False
    return True


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
