"""Files that are written atomically, all of a file or nothing, and the sentence where they cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EISDIR, ENOSPC
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around what writes or makes `path`: an OSError comes out as one that says which path, why, and what to do.

    One about another file, such as one that is read meanwhile, stays as it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or not _is_about(error, path):
            raise
        advice = "name another place"
        if error.errno in (ENOSPC, EDQUOT):
            advice = f"make room there, or {advice}"
        elif not path.parent.exists():
            advice = f"make the folder {path.parent}, or {advice}"
        raise OSError(f"{path} cannot be written: {error.strerror}; {advice}") from error


def _is_about(error: OSError, path: Path) -> bool:
    if not isinstance(error.filename, str | bytes):
        return True
    named = Path(os.fsdecode(error.filename))
    return path.is_relative_to(named) or any(named.is_relative_to(own) for own in (path, _temporary(path)))


def _temporary(path: Path) -> Path:
    # The ending stays: OpenCV and matplotlib choose the format by it. Hidden, so that it is no other result's name.
    return path.with_name(".part-" + path.name)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends without an error.

    Raises OSError as `writing` does.
    """
    temporary = _temporary(path)
    with writing(path):
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise OSError as `writing` does where `atomic_write` could not write `path`; for use before long work."""
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(EISDIR, "it is a folder")
        temporary = _temporary(path)
        temporary.touch()
        temporary.unlink()


def make_folder(path: Path) -> None:
    """Make a folder with those that it lies in, if it is not there; OSError as `writing` raises."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
