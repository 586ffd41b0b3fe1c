"""`dense3d data check`: complete and incomplete downloads told apart, and a sheet with the joints where they are."""

from __future__ import annotations

from pathlib import Path

import dataset_files
import numpy as np
import pytest

from dense3d_ros.camera import Camera
from dense3d_ros.datasets.check import check_dataset, recognise
from dense3d_ros.datasets.sample import DatasetError, DatasetSample
from dense3d_ros.datasets.sheet import TILE, sample_sheet
from dense3d_ros.depth import DepthImage


@pytest.fixture
def msra(tmp_path: Path) -> Path:
    rng = np.random.default_rng(8)
    joints = dataset_files.random_joints(rng, 9 * 17 * 2, 21).reshape(9, 17, 2, 21, 3)
    dataset_files.write_msra(tmp_path, joints, np.full((60, 50), 450, np.float32), left=120, top=90)
    return tmp_path


def test_complete(msra: Path) -> None:
    result = check_dataset(msra, recognise(msra))
    assert result.dataset == "msra"
    assert result.problems == []
    assert result.facts == [f"P{subject}: 34 labelled frames" for subject in range(9)]
    assert len(result.samples) == 12
    assert {sample.name.split("/")[0] for sample in result.samples} >= {"P0", "P4", "P8"}


def test_incomplete(msra: Path) -> None:
    (msra / "P2" / "IP" / "000001_depth.bin").unlink()
    (msra / "P2" / "IP" / "000000_depth.bin").write_bytes(b"")
    (msra / "P7" / "Y" / "joint.txt").unlink()
    (msra / "P0" / "1" / "000000_depth.bin").write_bytes(b"short")
    pictures, labels, damaged = check_dataset(msra, "msra").problems
    assert pictures.startswith("P2: 2 of 34 pictures are missing or empty, such as ")
    assert str(msra / "P2" / "IP" / "000001_depth.bin") in pictures
    assert str(msra / "P7" / "Y" / "joint.txt") in labels
    assert str(msra / "P0" / "1" / "000000_depth.bin") in damaged


def test_counts_of_the_whole_set(tmp_path: Path) -> None:
    """Two frames are no complete NYU, whose size is published."""
    rng = np.random.default_rng(2)
    for split in ("train", "test"):
        joints = np.stack([dataset_files.random_joints(rng, 2, 36) for _ in range(3)])
        dataset_files.write_nyu(tmp_path, split, joints, dataset_files.random_depth(rng, 480, 640))
    result = check_dataset(tmp_path, recognise(tmp_path))
    assert result.dataset == "nyu"
    assert len(result.samples) == 12
    assert result.problems == [
        f"{split} Kinect {kinect}: 2 labelled frames, the whole set has {count}"
        for split, count in (("train", 72757), ("test", 8252))
        for kinect in (1, 2, 3)
    ]


def test_icvl_is_recognised(tmp_path: Path) -> None:
    joints = dataset_files.random_joints(np.random.default_rng(1), 1, 16)[0]
    lists = {"Testing/test_seq_1.txt": {"test_seq_1/image_0000.png": joints}}
    dataset_files.write_icvl(tmp_path / "ICVL", lists, np.full((240, 320), 450, np.uint16))
    assert recognise(tmp_path) == "icvl"
    problems = check_dataset(tmp_path, "icvl").problems
    assert "labels.txt" in problems[0]
    assert "test_seq_2.txt" in problems[1]


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="layout of no known data set"):
        recognise(tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        recognise(tmp_path / "nothing")


def test_sheet_draws_joints_where_they_are() -> None:
    """Two joints with a bone between them: the drawn pixels surround their projections in the tile."""
    camera = Camera(500.0, 500.0, 319.5, 239.5, 640, 480)
    joints = np.array([[-0.05, 0.0, 0.5], [0.05, 0.0, 0.5]], np.float32)
    sample = DatasetSample(DepthImage(np.full((480, 640), 500, np.uint16), 0.001), camera, joints, "name")
    sheet = sample_sheet([sample] * 5, [(0, 1)])
    assert sheet.shape == (2 * TILE, 4 * TILE, 3)
    assert not sheet[TILE:, TILE:].any()
    tile = sheet[:TILE, :TILE].astype(int)
    coloured = np.argwhere(np.ptp(tile, axis=2) > 60)
    # The joints' box, 100 px of the picture, fills the tile but for a quarter of its width on either side.
    assert coloured[:, 0].mean() == pytest.approx(TILE / 2, abs=2)
    assert coloured[:, 1].min() == pytest.approx(TILE / 6, abs=5)
    assert coloured[:, 1].max() == pytest.approx(TILE * 5 / 6, abs=5)
    grey = tile[np.ptp(tile, axis=2) == 0]
    assert np.median(grey) == pytest.approx(230 - 200 * 0.15 / 0.4, abs=2)
