"""What numba compiles is announced, once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from numba import njit

from dense3d_ros.learning.synthetic import compilation
from dense3d_ros.learning.synthetic.compilation import announced


def test_our_functions_are_named_when_they_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(compilation, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def double(x):  # type: ignore[no-untyped-def]
        return 2 * sum([x, x])

    def foreign(x):  # type: ignore[no-untyped-def]
        return x + 1

    double.__module__ = "dense3d_ros.learning.arithmetic"
    foreign.__module__ = "elsewhere"
    ours, theirs = njit(double), njit(foreign)
    lines: list[str] = []
    with announced(lines.append):
        assert (ours(2), ours(0.5), theirs(1)) == (8, 2.0, 2)
        now[0] = 1000.0
    assert lines[0].startswith("Compiling the renderer")
    assert lines[1] == "  compiling arithmetic.double"
    assert lines[2] == "Compiled the renderer in 0 s", "the rest of the block is not compiling"
    assert len(lines) == 3

    with announced(lines.append):
        ours(3)
    assert len(lines) == 3
