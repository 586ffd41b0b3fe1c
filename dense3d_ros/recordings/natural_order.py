"""Names in the order that people give them: 9 before 10."""

from __future__ import annotations

import re


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which numbers within a name count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
