from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage

ALL = slice(None)


def image_bytes(values: np.ndarray, padding: int, *, big: bool, last_row_padded: bool = True) -> tuple[bytes, int]:
    """The data and step of a sensor_msgs/Image, with rubbish in the padding."""
    swapped = values.astype(values.dtype.newbyteorder(">" if big else "<"))
    rows = [row.tobytes() + b"\xab" * padding for row in swapped]
    data = b"".join(rows)
    return data if last_row_padded else data[: len(data) - padding], len(rows[0])


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("padding", [0, 4, 12])
@pytest.mark.parametrize("encoding", ["16UC1", "mono16", "32FC1"])
def test_every_encoding_padding_and_byte_order(encoding: str, padding: int, big: bool) -> None:
    metres = np.random.default_rng(2).uniform(0.2, 4.0, (5, 7))
    values = metres.astype(np.float32) if encoding == "32FC1" else np.rint(metres * 1000).astype(np.uint16)
    for last_row_padded in (True, False):
        data, step = image_bytes(values, padding, big=big, last_row_padded=last_row_padded)
        depth = DepthImage.from_buffer(data, width=7, height=5, encoding=encoding, step=step, is_bigendian=big)
        assert depth.shape == (5, 7)
        expected = metres if encoding == "32FC1" else np.rint(metres * 1000) / 1000
        np.testing.assert_allclose(depth.metres(ALL, ALL), expected, rtol=1e-6)
        assert depth.metres(ALL, ALL).dtype == np.float32


def test_native_data_is_not_copied() -> None:
    data = bytearray(np.full((4, 6), 1000, np.uint16).tobytes())
    depth = DepthImage.from_buffer(
        data, width=6, height=4, encoding="16UC1", step=12, is_bigendian=sys.byteorder == "big"
    )
    data[0:2] = np.uint16(2000).tobytes()
    assert depth.metres(ALL, ALL)[0, 0] == pytest.approx(2.0)


def test_what_is_not_measured_is_zero() -> None:
    row = np.array([[np.nan, np.inf, -np.inf, -0.5, -0.0, 0.0, 0.7]], np.float32)
    metres = DepthImage(row).metres(ALL, ALL)
    np.testing.assert_array_equal(metres, np.array([[0, 0, 0, 0, 0, 0, 0.7]], np.float32))
    assert np.isnan(row[0, 0]), "the sensor's data must not be changed"


def test_the_largest_of_the_type_is_nothing_measured() -> None:
    whole = DepthImage(np.array([[65535, 65534]], np.uint16), 0.00001).metres(ALL, ALL)
    np.testing.assert_allclose(whole, [[0, 0.65534]])
    largest = np.array([[np.finfo(np.float32).max, 0.7]], np.float32)
    for unit in (1.0, 0.001):
        np.testing.assert_allclose(DepthImage(largest, unit).metres(ALL, ALL), [[0, 0.7 * unit]])


def test_index_arrays_select_rows_and_columns() -> None:
    values = np.arange(20, dtype=np.uint16).reshape(4, 5)
    metres = DepthImage(values, 0.5).metres(np.array([3, 0]), np.array([1, 1, 4]))
    np.testing.assert_array_equal(metres, np.array([[8, 8, 9.5], [0.5, 0.5, 2]], np.float32))


def test_single_pixels_are_selected_in_pairs() -> None:
    values = np.array([[1, 2, np.nan], [3, -4, 5]], np.float32)
    metres = DepthImage(values, 0.5).metres_at(np.array([[1, 0], [1, 0]]), np.array([[2, 1], [1, 2]]))
    np.testing.assert_array_equal(metres, np.array([[2.5, 1], [0, 0]], np.float32))


def test_slices_select_a_subsample() -> None:
    values = np.arange(20, dtype=np.uint16).reshape(4, 5)
    np.testing.assert_array_equal(DepthImage(values, 1.0).metres(slice(1, None, 2), slice(0, 2)), [[5, 6], [15, 16]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoding": "rgb8"}, "encoding 'rgb8' is no depth encoding; accepted: 16UC1, mono16, 32FC1"),
        ({"encoding": "bgra8"}, "encoding 'bgra8' is no depth encoding; accepted: .*; it is a colour image"),
        ({"encoding": "mono8"}, "it is infrared, or depth that is only for display"),
        ({"encoding": "16SC1"}, "it is disparity, which has a sign"),
        ({"width": 0}, "empty"),
        ({"height": 0}, "empty"),
        ({"step": 6}, "step 6 does not fit 4 pixels"),
        ({"step": 9}, "step 9 does not fit"),
        ({"data": bytes(23)}, "holds 23 bytes, 4x3 16UC1 needs 24"),
        ({"data": b""}, "holds 0 bytes"),
    ],
)
def test_impossible_messages_are_refused(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "data": bytes(24),
        "width": 4,
        "height": 3,
        "encoding": "16UC1",
        "step": 8,
        "is_bigendian": False,
    }
    data = (arguments | changes).pop("data")
    rest = {key: value for key, value in (arguments | changes).items() if key != "data"}
    with pytest.raises(DepthFormatError, match=message):
        DepthImage.from_buffer(data, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "unit", "message"),
    [
        (np.zeros((2, 2, 1), np.uint16), 1.0, r"must be \(H, W\)"),
        (np.zeros((0, 5), np.uint16), 1.0, "not empty"),
        (np.zeros((2, 2), np.float64), 1.0, r"got float64; values.astype\(numpy.float32\) converts them$"),
        (np.zeros((2, 2), np.uint8), 1.0, "got uint8$"),
        (np.zeros((2, 2), np.int32), 0.001, r"got int32; values.astype\(numpy.uint16\) converts them, where"),
        (np.zeros((2, 2), ">u2"), 0.001, r"got >u2; values.astype\(numpy.uint16\) converts them, where"),
        (np.zeros((2, 2), ">f4"), 1.0, r"got >f4; values.astype\(numpy.float32\) converts them$"),
        (np.zeros((2, 2), bool), 1.0, "got bool$"),
        ([[1, 2], [3, 4]], 0.001, r"got a list; numpy.asarray\(values, numpy.uint16\) makes one"),
        (None, 0.001, "got a NoneType"),
        (np.zeros((2, 2), np.uint16), 0.0, "depth unit"),
        (np.zeros((2, 2), np.uint16), np.nan, "depth unit"),
        (np.zeros((2, 2), np.uint16), np.inf, "depth unit"),
        (np.zeros((2, 2), np.uint16), "0.001", "depth unit must be a positive number of metres, got '0.001'$"),
        (np.zeros((2, 2), np.uint16), None, "need their unit, metres per value: 0.001 for millimetres$"),
    ],
)
def test_impossible_arrays_are_refused(values: np.ndarray, unit: float, message: str) -> None:
    with pytest.raises(DepthFormatError, match=message):
        DepthImage(values, unit)


def test_float_values_are_metres_unless_said_otherwise() -> None:
    values = np.full((2, 2), 0.5, np.float32)
    assert DepthImage(values).unit == 1.0
    np.testing.assert_array_equal(
        DepthImage(values * 1000, 0.001).metres(ALL, ALL), DepthImage(values).metres(ALL, ALL)
    )


def test_png_values_count_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "depth.png"
    cv2.imwrite(str(path), np.array([[0, 8000], [65534, 1]], np.uint16))
    for name in (path, str(path)):
        metres = DepthImage.from_png(name, 0.000125).metres(ALL, ALL)
        np.testing.assert_allclose(metres, [[0, 1], [8.19175, 0.000125]], rtol=1e-6)


@pytest.mark.parametrize(
    ("image", "message"),
    [(np.zeros((4, 4), np.uint8), "1 channel.* of uint8"), (np.zeros((4, 4, 3), np.uint8), "3 channel.* of uint8")],
)
def test_pngs_that_are_no_depth_are_refused(tmp_path: Path, image: np.ndarray, message: str) -> None:
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), image)
    with pytest.raises(DepthFormatError, match=f"image.png holds {message}"):
        DepthImage.from_png(path, 0.001)


def test_broken_and_missing_pngs_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    cut = tmp_path / "cut.png"
    cut.write_bytes(cv2.imencode(".png", np.arange(9000, dtype=np.uint16).reshape(90, 100))[1].tobytes()[:-40])
    empty = tmp_path / "empty.png"
    empty.touch()
    for path in (broken, cut, empty, tmp_path / "missing.png", tmp_path):
        with pytest.raises(DepthFormatError, match=f"{path.name} cannot be read"):
            DepthImage.from_png(path, 0.001)


def test_a_png_that_claims_too_many_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 40000, 30000, 16, 0, 0, 0, 0))
    with pytest.raises(DepthFormatError, match=r"bomb.png claims 40000x30000 pixels; accepted: up to 67108864"):
        DepthImage.from_png(path, 0.001)


def test_a_png_that_is_not_whole_is_refused_by_name_and_by_nobody_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """OpenCV's warnings go to the process's own stderr."""
    values = np.random.default_rng(0).integers(0, 5000, (48, 64)).astype(np.uint16)
    whole = cv2.imencode(".png", values)[1].tobytes()
    path = tmp_path / "half.png"
    for length in (20, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DepthFormatError, match=rf"half\.png cannot be read: it is cut off after {length} bytes"):
            DepthImage.from_png(path, 0.001)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(
        DepthFormatError, match=r"half\.png cannot be read: it is damaged: a checksum is wrong at byte \d+"
    ):
        DepthImage.from_png(path, 0.001)
    assert capfd.readouterr().err == ""


def test_names_that_are_not_utf_8_are_read_and_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\n.png")
    path.write_bytes(cv2.imencode(".png", np.full((4, 4), 500, np.uint16))[1].tobytes())
    assert DepthImage.from_png(path, 0.001).metres(ALL, ALL)[0, 0] == np.float32(0.5)
    path.write_bytes(b"no image")
    with pytest.raises(DepthFormatError, match=r"/\\udcff\\n.png cannot be read as an image"):
        DepthImage.from_png(path, 0.001)
    assert printable(Path("ein Bild/手.png")) == "ein Bild/手.png"
