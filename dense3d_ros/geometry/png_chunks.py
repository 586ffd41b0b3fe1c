"""The chunks of a PNG, with their checksums checked.

OpenCV may take half an image for a whole one, and says on its own, without a file's name, what it stumbles over.
Format: PNG specification, sections 5.2 and 5.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")
_CHECKSUM = struct.Struct(">I")


class PngError(ValueError):
    """What is wrong with a PNG, as what follows its name in a sentence."""


def chunks(png: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and data of each chunk behind the signature, to the last one. Raises PngError at one that is not whole."""
    view = memoryview(png)
    at = len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if at + _CHUNK.size + _CHECKSUM.size > len(view):
            raise PngError(f"is cut off after {len(view)} bytes")
        length, kind = _CHUNK.unpack_from(view, at)
        end = at + _CHUNK.size + length
        if end + _CHECKSUM.size > len(view):
            raise PngError(f"is cut off after {len(view)} bytes")
        if zlib.crc32(view[at + 4 : end]) != _CHECKSUM.unpack_from(view, end)[0]:
            raise PngError(f"is damaged: a checksum is wrong at byte {end}")
        yield kind, view[at + _CHUNK.size : end]
        at = end + _CHECKSUM.size
