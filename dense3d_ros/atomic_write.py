"""Files that are written whole or not at all, and what is said where they cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EISDIR, ENOSPC
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around what writes or makes `path`: an OSError comes out as one that says which path, why, and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        advice = "name another place"
        if error.errno in (ENOSPC, EDQUOT):
            advice = f"make room there, or {advice}"
        elif not path.parent.exists():
            advice = f"make the folder {path.parent}, or {advice}"
        raise OSError(f"{path} cannot be written: {error.strerror}; {advice}") from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends without an error.

    Raises OSError as `writing` does.
    """
    # The ending stays: OpenCV and matplotlib choose the format by it. Hidden, so that it is no other result's name.
    temporary = path.with_name(".part-" + path.name)
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
        temporary = path.with_name(".part-" + path.name)
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
