"""A file is the old one or the new one, never a part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dense3d_ros.atomic_write import atomic_write, write_text


def test_a_new_file_takes_the_old_ones_place(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_text(path, "old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".json"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_text(path, "old")

    def fail() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
