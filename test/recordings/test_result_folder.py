"""Results replace those of an earlier run, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dense3d_ros.recordings.result_folder import FILES, holds_results, prepare_results


def fill(folder: Path) -> None:
    for name in (*FILES, "overlays/1.png", "overlays/a/2.png", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)


def test_an_earlier_run_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    output = tmp_path / "new" / "result"
    assert not prepare_results(output, tmp_path)
    assert holds_results(output)
    fill(output)
    assert prepare_results(output, tmp_path)
    assert holds_results(output)
    assert [path.name for path in output.rglob("*") if not path.name.startswith(".")] == ["overlays", "notes.txt"]


def test_a_folder_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    with pytest.raises(ValueError, match=r"overlays' is there, and not from an earlier run"):
        prepare_results(tmp_path, None)
    assert all((tmp_path / name).exists() for name in (*FILES, "overlays/1.png"))


@pytest.mark.parametrize("output", [".", "..", "../../data"])
def test_results_never_lie_over_the_recording(tmp_path: Path, output: str) -> None:
    recording = tmp_path / "data" / "overlays"
    recording.mkdir(parents=True)
    (recording / "1.png").write_text("depth")
    with pytest.raises(ValueError, match="the results need a folder of their own"):
        prepare_results(recording / output, recording)
    assert [path.name for path in recording.iterdir()] == ["1.png"]
