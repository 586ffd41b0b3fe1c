"""A file that says where the hands of a recording are."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.recordings.offline import FrameFile


def read_centres(path: Path, frames: Sequence[FrameFile]) -> dict[str, list[NDArray[np.float32]]]:
    """Lines of file name, x, y, z in metres -> centres (3,) by frame name; a first line of titles is allowed.

    A file is named relative to the recording, or by its last part where only one file has it. ValueError says
    which line is wrong, or that it is no text.
    """
    try:
        # With the mark at the start that spreadsheets write.
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no text; expected lines of file name, x, y, z in metres") from error
    names = {frame.name for frame in frames}
    by_last_part: dict[str, list[str]] = {}
    for name in names:
        by_last_part.setdefault(name.rpartition("/")[2], []).append(name)
    centres: dict[str, list[NDArray[np.float32]]] = {}
    for number, row in enumerate(rows, start=1):
        if not row or (number == 1 and row[1:] and not _is_number(row[-1])):
            continue
        if len(row) != 4 or not all(_is_number(value) for value in row[1:]):
            raise ValueError(f"{path}, line {number}: expected file name, x, y, z in metres, got {row}")
        name = row[0].strip()
        matches = [name] if name in names else by_last_part.get(name, [])
        if len(matches) != 1:
            found = "names several files of" if matches else "is not in"
            raise ValueError(f"{path}, line {number}: {name} {found} the recording")
        centre = np.array([float(value) for value in row[1:]], np.float32)
        if not centre[2] > 0:
            raise ValueError(f"{path}, line {number}: z must be above 0 m, got {row[3]}")
        centres.setdefault(matches[0], []).append(centre)
    return centres


def _is_number(text: str) -> bool:
    try:
        # As it will be kept.
        return bool(abs(float(text)) <= float(np.finfo(np.float32).max))
    except ValueError:
        return False
