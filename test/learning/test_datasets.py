"""The benchmarks are read back from files in their true formats to the coordinates they were written from."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import dataset_files
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from dense3d_ros.geometry.benchmarks import BENCHMARKS
from dense3d_ros.geometry.hand import JOINT_NAMES
from dense3d_ros.learning.datasets.icvl import IcvlDataset
from dense3d_ros.learning.datasets.msra import MsraDataset
from dense3d_ros.learning.datasets.nyu import NyuDataset
from dense3d_ros.learning.datasets.sample import DatasetError

ALL = slice(None)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def write_nyu(root: Path, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
    joints = np.stack([dataset_files.random_joints(rng, 4, 36) for _ in range(3)])
    depth = dataset_files.random_depth(rng, 480, 640)
    dataset_files.write_nyu(root, "train", joints, depth)
    return joints, depth


@pytest.mark.parametrize("below", ["", "dataset"])
def test_nyu(tmp_path: Path, rng: np.random.Generator, below: str) -> None:
    joints, depth = write_nyu(tmp_path / below, rng)
    for kinect in (1, 2, 3):
        data = NyuDataset(tmp_path, "train", kinect)
        assert len(data) == 4
        for index in range(4):
            sample = data[index]
            np.testing.assert_allclose(sample.joints, joints[kinect - 1, index] / 1000, atol=1e-6)
            np.testing.assert_allclose(sample.depth.metres(ALL, ALL), depth / 1000, atol=1e-6)
            assert sample.name == f"train/depth_{kinect}_{index + 1:07d}.png"
    assert data.image(-1).name == "depth_3_0000004.png"
    with pytest.raises(IndexError):
        data[4]


def test_icvl(tmp_path: Path, rng: np.random.Generator) -> None:
    first, second, turned = dataset_files.random_joints(rng, 3, 16)
    depth = dataset_files.random_depth(rng, 240, 320)
    depth[3, 5] = 32001
    lists = {
        "Training/labels.txt": {
            "201403121135/image_0000.png": first,
            "22-5/201403121135/image_0000.png": turned,
            "201403121140/image_0007.png": second,
        },
        "Testing/test_seq_1.txt": {"test_seq_1/image_0000.png": second},
        "Testing/test_seq_2.txt": {"test_seq_2/image_0001.png": first},
    }
    dataset_files.write_icvl(tmp_path, lists, depth)
    train = IcvlDataset(tmp_path, "train")
    np.testing.assert_allclose(train.joints, np.stack([first, second]) / 1000, atol=1e-6)
    assert len(IcvlDataset(tmp_path, "train", rotated=True)) == 3
    test = IcvlDataset(tmp_path, "test")
    assert [test[index].name for index in range(2)] == [
        "Testing/Depth/test_seq_1/image_0000.png",
        "Testing/Depth/test_seq_2/image_0001.png",
    ]
    metres = test[1].depth.metres(ALL, ALL)
    assert metres[3, 5] == 0
    depth[3, 5] = 0
    np.testing.assert_allclose(metres, depth / 1000, atol=1e-6)


def test_msra(tmp_path: Path, rng: np.random.Generator) -> None:
    joints = dataset_files.random_joints(rng, 9 * 17 * 2, 21).reshape(9, 17, 2, 21, 3)
    window = rng.uniform(300, 600, (50, 40)).astype(np.float32)
    dataset_files.write_msra(tmp_path, joints, window, left=100, top=80)
    test, train = (MsraDataset(tmp_path, split, held_out=4) for split in ("test", "train"))
    np.testing.assert_allclose(test.joints, joints[4].reshape(-1, 21, 3) / 1000, atol=1e-6)
    others = np.delete(joints, 4, axis=0)
    np.testing.assert_allclose(train.joints, others.reshape(-1, 21, 3) / 1000, atol=1e-6)
    sample = train[4 * 17 * 2 + 3]
    assert sample.name == "P5/2/000001_depth.bin"
    np.testing.assert_allclose(sample.joints, joints[5, 1, 1] / 1000, atol=1e-6)
    metres = sample.depth.metres(ALL, ALL)
    assert metres.shape == (240, 320)
    np.testing.assert_allclose(metres[80:130, 100:140], window / 1000, rtol=1e-6)
    assert np.count_nonzero(metres) == window.size


def test_protocols() -> None:
    """Numbers of scored joints are those of the published comparisons; indices and names fit together."""
    counts = {name: len(benchmark.scored) for name, benchmark in BENCHMARKS.items()}
    assert counts == {"nyu": 14, "icvl": 16, "msra": 21}
    assert list(BENCHMARKS["nyu"].joints) == dataset_files.NYU_NAMES
    assert BENCHMARKS["nyu"].scored_joints[-3:] == ("PALM_1", "PALM_2", "PALM_3")
    assert sorted(BENCHMARKS["msra"].hand_joints) == sorted(JOINT_NAMES)
    assert BENCHMARKS["msra"].hand_joints["thumb_tip"] == 20
    assert BENCHMARKS["nyu"].joints[BENCHMARKS["nyu"].hand_joints["index_tip"]] == "F4_KNU3_A"
    assert BENCHMARKS["icvl"].joints[BENCHMARKS["icvl"].hand_joints["little_tip"]] == "little_tip"
    for benchmark in BENCHMARKS.values():
        assert set(benchmark.hand_joints) <= set(JOINT_NAMES)
        for indices in (benchmark.scored, tuple(benchmark.hand_joints.values()), *benchmark.chains):
            assert len(set(indices)) == len(indices)
            assert max(indices) < len(benchmark.joints)


def refused(message: str, *names: str) -> None:
    """One sentence a reader can act on: it names the file and what was expected."""
    assert "\n" not in message
    for name in (*names,):
        assert name in message


def test_nyu_refuses(tmp_path: Path, rng: np.random.Generator) -> None:
    with pytest.raises(DatasetError) as error:
        NyuDataset(tmp_path, "train")
    refused(str(error.value), str(tmp_path), "expected", "joint_data.mat")
    write_nyu(tmp_path, rng)
    data = NyuDataset(tmp_path, "train")
    image = data.image(0)
    whole = image.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no image"):
        image.write_bytes(content)
        with pytest.raises(DatasetError, match=r"depth_1_0000001\.png is damaged"):
            data[0]
    cv2.imwrite(str(image), np.zeros((480, 640), np.uint16))
    with pytest.raises(DatasetError, match=r"\(480, 640\) uint16, expected \(480, 640, 3\) uint8"):
        data[0]
    image.unlink()
    with pytest.raises(DatasetError, match=r"depth_1_0000001\.png cannot be read"):
        data[0]

    labels = tmp_path / "train" / "joint_data.mat"
    whole = labels.read_bytes()
    for content in (whole[:5000], b"", b"text"):
        labels.write_bytes(content)
        with pytest.raises(DatasetError) as error:
            NyuDataset(tmp_path, "train")
        refused(str(error.value), str(labels), "expected (3, N, 36, 3)")
    savemat(labels, {"joint_xyz": np.zeros((3, 4, 14, 3))})
    with pytest.raises(DatasetError, match=r"shape \(3, 4, 14, 3\); expected \(3, N, 36, 3\)"):
        NyuDataset(tmp_path, "train")
    savemat(labels, {"joint_uvd": np.zeros((3, 4, 36, 3))})
    with pytest.raises(DatasetError, match="no joint_xyz"):
        NyuDataset(tmp_path, "train")
    savemat(labels, {"joint_xyz": np.full((3, 4, 36, 3), np.nan)})
    with pytest.raises(DatasetError, match="NaN"):
        NyuDataset(tmp_path, "train")


def test_icvl_refuses(tmp_path: Path, rng: np.random.Generator) -> None:
    joints = dataset_files.random_joints(rng, 1, 16)[0]
    lists = {"Training/labels.txt": {"201403121135/image_0000.png": joints}}
    dataset_files.write_icvl(tmp_path, lists, dataset_files.random_depth(rng, 240, 320))
    with pytest.raises(DatasetError) as error:
        IcvlDataset(tmp_path, "test")
    refused(str(error.value), "Testing/test_seq_1.txt", "expected")
    labels = tmp_path / "Training" / "labels.txt"
    good = labels.read_text().splitlines()[0]
    for bad, expected in (
        (good + " 7", "line 2: 49 numbers, expected 48"),
        (good.rsplit(" ", 1)[0] + " x", "line 2: could not convert"),
        (good.rsplit(" ", 1)[0] + " nan", "line 2: holds NaN"),
    ):
        labels.write_text(f"{good}\n{bad}\n")
        with pytest.raises(DatasetError, match=expected) as error:
            IcvlDataset(tmp_path, "train")
        refused(str(error.value), str(labels))
    labels.write_text("\n")
    with pytest.raises(DatasetError, match="names no frames"):
        IcvlDataset(tmp_path, "train")
    labels.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="is no text"):
        IcvlDataset(tmp_path, "train")


def test_msra_refuses(tmp_path: Path, rng: np.random.Generator) -> None:
    joints = dataset_files.random_joints(rng, 9 * 17, 21).reshape(9, 17, 1, 21, 3)
    dataset_files.write_msra(tmp_path, joints, np.full((10, 8), 400, np.float32), left=0, top=0)
    data = MsraDataset(tmp_path, "test", 0)
    image = data.image(0)
    whole = image.read_bytes()
    for content, expected in (
        (whole[:-4], "its header .* needs 344"),
        (whole[:20], "expected a header of 24"),
        (struct.pack("<6I", 320, 240, 8, 0, 0, 10) + whole[24:], "expected a window of a 320x240 image"),
        (struct.pack("<6I", 640, 480, 0, 0, 8, 10) + whole[24:], "expected a window of a 320x240 image"),
    ):
        image.write_bytes(content)
        with pytest.raises(DatasetError, match=expected) as error:
            data[0]
        refused(str(error.value), str(image))
    labels = tmp_path / "P0" / "1" / "joint.txt"
    labels.write_text(labels.read_text().replace("1\n", "2\n", 1))
    with pytest.raises(DatasetError, match="holds 1 frames, expected the '2' of its first line"):
        MsraDataset(tmp_path, "test", 0)
    labels.unlink()
    with pytest.raises(DatasetError, match=r"P0/1/joint\.txt cannot be read"):
        MsraDataset(tmp_path, "test", 0)
    assert len(MsraDataset(tmp_path, "test", 1)) == 17
