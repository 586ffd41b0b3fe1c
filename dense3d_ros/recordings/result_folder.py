"""The folder that `dense3d run` and `dense3d demo` write to. Another run replaces what the last one left there."""

from __future__ import annotations

import shutil
from pathlib import Path

from dense3d_ros.atomic_write import make_folder, writing
from dense3d_ros.excerpt import printable

OVERLAYS = "overlays"
SHEET = "contact_sheet.png"
FILES = ("run.json", "hands.jsonl", "hands.csv", "hands.mp4", "teleop.mp4", "report.json", SHEET)
_MARK = ".dense3d_results"
"""In OVERLAYS: tells ours from a folder that happens to have that name."""


def holds_results(folder: Path) -> bool:
    """Whether a run wrote into this folder."""
    return (folder / OVERLAYS / _MARK).is_file()


def prepare_results(folder: Path, recording: Path | None) -> bool:
    """Make the folder for a run over `recording`; whether it held results of another run, which are removed.

    Raises ValueError where images of the recording, or of somebody else, would be overwritten, and OSError where the
    folder cannot be written.
    """
    overlays = folder / OVERLAYS
    if recording is not None:
        images = recording.resolve()
        if folder.resolve() == images or images.is_relative_to(overlays.resolve()):
            raise ValueError(f"the results need a folder of their own; '{printable(folder)}' is that of the recording")
    make_folder(overlays)
    replaced = holds_results(folder)
    if replaced:
        with writing(folder):
            _remove_results(folder)
    elif any(overlays.iterdir()):
        raise ValueError(f"'{printable(overlays)}' is there, and not from an earlier run; name another folder")
    with writing(overlays):
        (overlays / _MARK).touch()
    return replaced


def _remove_results(folder: Path) -> None:
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for old in (folder / OVERLAYS).iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name != _MARK:
            old.unlink()
