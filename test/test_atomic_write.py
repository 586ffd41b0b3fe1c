"""A file is the old one or the new one, never a part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dense3d_ros.atomic_write import atomic_write, check_writable, write_text, writing


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


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "none/result.json",
            "{0}/none/result.json cannot be written: No such file or directory; make the folder {0}/none",
        ),
        ("file/result.json", "{0}/file/result.json cannot be written: Not a directory; name another place"),
        ("folder", "{0}/folder cannot be written: it is a folder; name another place"),
    ],
)
def test_a_place_that_cannot_be_written_says_why_and_what_to_do(name: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=sentence.format(tmp_path)):
        check_writable(tmp_path / name)
    with pytest.raises(OSError, match=f"{tmp_path / name} cannot be written: "):
        write_text(tmp_path / name, "new")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_full_disk_is_said() -> None:
    full = Path("/dev/full")
    with (
        pytest.raises(OSError, match=f"{full} cannot be written: No space left on device; make room there, or name an"),
        writing(full),
        full.open("wb", buffering=0) as file,
    ):
        file.write(b"x")


def test_what_is_wrong_with_another_file_is_not_said_of_this_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"other\.json"), atomic_write(tmp_path / "result.json") as temporary:
        temporary.write_bytes((tmp_path / "other.json").read_bytes())
    assert list(tmp_path.iterdir()) == []
