"""What comes of a file from outside that is read and parsed: a value, or one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dense3d_ros.excerpt import excerpt


def read_bounded(path: Path, what: str, most: int) -> bytes:
    """The content of a file that is to be `what`, such as "URDF"; ValueError where it cannot be read, or has
    more than `most` bytes.
    """
    try:
        if path.is_dir():
            raise ValueError(f"the {what} {excerpt(path)} is a folder; accepted: a file")
        size = path.stat().st_size
        if size > most:
            raise ValueError(f"{path} has {size} bytes; accepted: a {what} of at most {most}")
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"the {what} {excerpt(path)} cannot be read: {error.strerror}") from error


@contextmanager
def parsing(what: str, accepted: str = "") -> Iterator[None]:
    """Whatever a parser raises about a file's content becomes a ValueError that begins with `what`, such as "F is no
    YAML", and ends with what is accepted.

    YAML, JSON, XML and what is done with their values raise far more than their own errors: RecursionError for deep
    nesting, OverflowError for long numbers, LookupError for an encoding, AttributeError for a null. OSError is left:
    it is about the file and not about what is in it.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        # The words of a KeyError are the key alone.
        why = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
        end = f"; accepted: {accepted}" if accepted else ""
        raise ValueError(f"{what}: {excerpt(why, 200)}{end}") from error
