"""What a parser makes of a file from outside: a value, or one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dense3d_ros.excerpt import excerpt


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
