"""`dense3d data check`: complete and incomplete downloads told apart, and a sheet with the joints where they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import dataset_files
import numpy as np
import pytest

from dense3d_ros.cli import main
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.learning.datasets.check import check_dataset, recognise
from dense3d_ros.learning.datasets.sample import DatasetError, DatasetSample
from dense3d_ros.learning.datasets.sheet import TILE, sample_tile


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
    images, labels, damaged = check_dataset(msra, "msra").problems
    assert images.startswith("P2: 2 of 34 images are missing or empty, such as ")
    assert str(msra / "P2" / "IP" / "000001_depth.bin") in images
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


def test_tile_draws_joints_where_they_are() -> None:
    """Two joints 100 px apart fill the tile but for a quarter of their distance on either side."""
    camera = Camera(500.0, 500.0, 319.5, 239.5, 640, 480)
    joints = np.array([[-0.05, 0.0, 0.5], [0.05, 0.0, 0.5]], np.float32)
    empty = DatasetSample(DepthImage(np.zeros((480, 640), np.uint16), 0.001), camera, joints, "")
    rows, columns = np.nonzero(sample_tile(empty, [(0, 1)]).any(axis=2))
    assert rows.mean() == pytest.approx(TILE / 2, abs=2)
    assert columns.min() == pytest.approx(TILE / 6, abs=6)
    assert columns.max() == pytest.approx(TILE * 5 / 6, abs=6)


def test_tile_shows_the_depth_there() -> None:
    """A square of depth just below the joints' line; the rest of the image is empty."""
    camera = Camera(500.0, 500.0, 319.5, 239.5, 640, 480)
    joints = np.array([[-0.05, 0.0, 0.5], [0.05, 0.0, 0.5]], np.float32)
    values = np.zeros((480, 640), np.uint16)
    values[260:280, 310:330] = 500
    tile = sample_tile(DatasetSample(DepthImage(values, 0.001), camera, joints, ""), [])
    rows, columns = np.nonzero(tile.any(axis=2))
    scale = TILE / 150
    for seen, low, high in ((rows, 260 - 239.5, 280 - 239.5), (columns, 310 - 319.5, 330 - 319.5)):
        assert seen.min() == pytest.approx(TILE / 2 + scale * low, abs=3)
        assert seen.max() == pytest.approx(TILE / 2 + scale * high, abs=3)


def test_command(msra: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path_factory.mktemp("sheet") / "samples.png"
    assert main(["data", "check", str(msra), "--sheet", str(sheet)]) == 0
    output = capsys.readouterr().out
    assert "MSRA15 in" in output
    assert "P8: 34 labelled frames" in output
    image = cv2.imread(str(sheet))
    assert image is not None
    assert image.shape[0] > 2 * TILE
    (msra / "P3" / "TIP" / "joint.txt").unlink()
    assert main(["data", "check", str(msra), "--dataset", "msra", "--sheet", str(sheet)]) == 1
    assert "P3/TIP/joint.txt" in capsys.readouterr().out
    assert main(["data", "check", str(sheet)]) == 2
    assert "is not a folder" in capsys.readouterr().err
