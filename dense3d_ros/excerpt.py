"""Values from outside, short enough for a sentence in a log."""

from __future__ import annotations


def excerpt(value: object, limit: int = 80) -> str:
    """`value` as one printable line of at most `limit` characters; what is too much is left out of the middle."""
    text = str(value)
    if len(text) > limit:
        head = limit // 2
        text = text[:head] + "…" + text[len(text) - (limit - head - 1) :]
    # Control characters would break the line, and lone surrogates cannot be written to a log.
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
