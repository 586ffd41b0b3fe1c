"""Bag files whose end is missing, because the recorder was killed or a copy was broken off: what they still hold."""

from __future__ import annotations

import io
import sqlite3
import struct
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

MCAP_MAGIC = b"\x89MCAP0\r\n"
_RECORD = struct.Struct("<BQ")
_FOOTER, _DATA_END = 0x02, 0x0F
_END = _RECORD.pack(_FOOTER, 20) + bytes(20) + MCAP_MAGIC
"""A footer that promises no index, so that a reader goes through the records."""


class CutMcap:
    """An MCAP without its end as one that ends with its last whole record: what rosbags takes in place of a path.

    Format: https://mcap.dev/spec.
    """

    suffix = ".mcap"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.end, self.size = _last_whole_record(path), path.stat().st_size

    def __str__(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        """As of a path."""
        return True

    def is_dir(self) -> bool:
        """As of a path."""
        return False

    def open(self, mode: str = "rb") -> BinaryIO:
        """As of a path, for reading only."""
        return io.BufferedReader(_WithEnd(self._path, self.end, _END))  # type: ignore[return-value]


def _last_whole_record(path: Path) -> int:
    """Bytes to the end of the last whole record of messages."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        place = file.seek(len(MCAP_MAGIC))
        while len(head := file.read(_RECORD.size)) == _RECORD.size:
            kind, length = _RECORD.unpack(head)
            behind = place + _RECORD.size + length
            # 0 is no record: file systems leave zeros where a write did not get through.
            if kind in (0, _FOOTER, _DATA_END) or behind > size:
                break
            place = file.seek(behind)
    return place


class _WithEnd(io.RawIOBase):
    """The first `size` bytes of a file, then `end`."""

    def __init__(self, path: Path, size: int, end: bytes) -> None:
        self._file = path.open("rb")
        self._size, self._end, self._place = size, end, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._size + len(self._end))[whence]
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._place < self._size:
            self._file.seek(self._place)
            count = self._file.readinto(memoryview(buffer)[: self._size - self._place])
        else:
            part = self._end[self._place - self._size :][: len(buffer)]
            count = len(part)
            buffer[:count] = part
        self._place += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class CutSqlite:
    """A rosbag2 SQLite file without its end: its messages in the order in which they were written, as far as they go.

    Raises sqlite3.Error where not even its topics are there.
    """

    def __init__(self, path: Path) -> None:
        # Not even bytes need be UTF-8 in a name; nor may the file be touched.
        name = quote(bytes(path.resolve()))
        self._connection = sqlite3.connect(f"file:{name}?mode=ro&immutable=1", uri=True)
        # Else SQLite refuses a file with fewer pages than its header says.
        self._connection.execute("PRAGMA writable_schema=ON")
        self._topics: list[tuple[int, str, str]] = self._connection.execute(
            "SELECT id, name, type FROM topics"
        ).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def topics(self) -> dict[str, tuple[str, int]]:
        """Topic -> its type, and how many messages can be read."""
        counts: Counter[int] = Counter()
        with suppress(sqlite3.DatabaseError):
            for (topic,) in self._connection.execute("SELECT topic_id FROM messages ORDER BY id"):
                counts[topic] += 1
        return {name: (kind, counts[number]) for number, name, kind in self._topics}

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        """Topic, nanoseconds and data; sqlite3.Error where the file ends."""
        names = {number: name for number, name, _ in self._topics if name in topics}
        for number, time, data in self._connection.execute(
            "SELECT topic_id, timestamp, data FROM messages ORDER BY id"
        ):
            if number in names:
                yield names[number], time, data
