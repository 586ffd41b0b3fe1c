"""Values and paths from outside as printable text: in a sentence of a log, and as names in results."""

from __future__ import annotations

from pathlib import Path


def excerpt(value: object, limit: int = 80) -> str:
    """`value` as one printable line of at most `limit` characters; what is too much is left out of the middle."""
    text = str(value)
    if len(text) > limit:
        head = limit // 2
        text = text[:head] + "…" + text[len(text) - (limit - head - 1) :]
    # Control characters would break the line, and lone surrogates cannot be written to a log.
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def printable(path: Path) -> str:
    """A path as text that can be shown and stored: what is no printable character becomes an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in str(path)
    )
