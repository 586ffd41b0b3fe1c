"""Reading the files that data sets are made of, with errors that name the file and what was expected."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.png_chunks import SIGNATURE
from dense3d_ros.learning.datasets.sample import DatasetError

_PNG_END = b"IEND\xaeB`\x82"


def find_folder(root: Path, below: str, wanted: str, title: str) -> Path:
    """`root`, or `root/below`, whichever holds the file or folder `wanted`."""
    for folder in (root, root / below):
        if (folder / wanted).exists():
            return folder
    raise DatasetError(f"{root} does not hold {title}: expected {root / wanted} or {root / below / wanted}")


def read_png(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[np.generic]:
    """The image's values, colour channels as blue, green, red.

    Raises DatasetError if it is missing, cut off, or not of this shape and type.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); expected a PNG image") from error
    # A decoder fills up what is cut off and says nothing.
    complete = data.startswith(SIGNATURE) and data.rstrip(b"\0").endswith(_PNG_END)
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if complete else None
    if values is None:
        raise DatasetError(f"{path} is damaged or no PNG ({len(data)} bytes); download it again")
    if values.shape != shape or values.dtype != dtype:
        raise DatasetError(
            f"{path} is {values.shape} {values.dtype}, expected {shape} {np.dtype(dtype)}: another layout"
        )
    image: NDArray[np.generic] = values
    return image


def read_lines(path: Path) -> list[str]:
    """The lines of a text file; DatasetError if it is missing or no text."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); expected a list of labels") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is no text; expected a list of labels") from error


def parse_numbers(words: list[str], count: int, path: Path, line: int) -> list[float]:
    """`count` finite numbers of line `line` (from 1); DatasetError names file and line."""
    if len(words) != count:
        raise DatasetError(f"{path}, line {line}: {len(words)} numbers, expected {count}")
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise DatasetError(f"{path}, line {line}: {error}; expected {count} numbers") from error
    if not np.isfinite(numbers).all():
        raise DatasetError(f"{path}, line {line}: holds NaN or Inf; expected {count} finite numbers")
    return numbers
