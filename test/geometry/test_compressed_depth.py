from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from compressed_depth import compress, encode_rvl

from dense3d_ros.geometry.compressed_depth import decode_compressed_depth
from dense3d_ros.geometry.depth import DepthFormatError
from dense3d_ros.geometry.rvl import decode_rvl

ALL = slice(None)
PNG, RVL = "16UC1; compressedDepth png", "16UC1; compressedDepth rvl"
HEADER = struct.pack("<iff", 0, 0.0, 0.0)


def image(seed: int, shape: tuple[int, int] = (24, 32)) -> np.ndarray:
    """A noisy slope with holes and with the largest steps there are."""
    rng = np.random.default_rng(seed)
    values = (500 + 3 * np.arange(shape[1]) + rng.normal(0, 5, shape)).astype(np.uint16)
    values[rng.random(shape) < 0.2] = 0
    values[rng.random(shape) < 0.05] = 65535
    values[rng.random(shape) < 0.05] = 1
    return values


@pytest.mark.parametrize("coding", ["png", "rvl"])
@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_whole_numbers_come_back_as_they_were(encoding: str, coding: str) -> None:
    for seed in range(20):
        values = image(seed, (1 + seed, 3 + 2 * seed))
        depth = decode_compressed_depth(compress(values, coding), f"{encoding}; compressedDepth {coding}")
        np.testing.assert_array_equal(depth.values, values)
        assert depth.unit == 0.001


@pytest.mark.parametrize("coding", ["png", "rvl"])
def test_metres_come_back_within_a_step_of_their_quantisation(coding: str) -> None:
    metres = np.random.default_rng(4).uniform(0.2, 9.9, (24, 32)).astype(np.float32)
    metres[3, 4], metres[5, 6], metres[7, 8] = np.nan, 0, 11
    depth = decode_compressed_depth(compress(metres, coding), f"32FC1; compressedDepth {coding}")
    read = depth.metres(ALL, ALL)
    assert read[3, 4] == read[5, 6] == read[7, 8] == 0
    seen = read > 0
    assert np.count_nonzero(~seen) == 3
    # One step of the value is z² / a metres of depth.
    assert (np.abs(read - metres)[seen] <= 1.01 * np.square(metres[seen]) / (100 * 101) + 1e-6).all()


def test_rvl_of_a_vector_worked_out_by_hand() -> None:
    # 2 zeros, 2 others: 5 (10 = 1010b, two groups), 4 (-1 is 1); 1 zero, 0 others.
    nibbles = (2, 2, 8 | 2, 1, 1, 1, 0, 0)
    word = sum(nibble << 4 * (7 - place) for place, nibble in enumerate(nibbles))
    assert encode_rvl(np.array([[0, 0, 5, 4, 0]], np.uint16)) == struct.pack("<I", word)
    assert decode_rvl(struct.pack("<I", word), 5).tolist() == [0, 0, 5, 4, 0]


@pytest.mark.parametrize("image_format", ["16UC1; compressedDepth", "16UC1;compressedDepth", "16UC1"])
def test_old_publishers_name_no_coding(image_format: str) -> None:
    values = image(1)
    np.testing.assert_array_equal(decode_compressed_depth(compress(values, "png"), image_format).values, values)


def png_of(values: np.ndarray) -> bytes:
    return HEADER + cv2.imencode(".png", values)[1].tobytes()


GOOD_PNG, GOOD_RVL = compress(image(2), "png"), compress(image(2), "rvl")


@pytest.mark.parametrize(
    ("data", "image_format", "sentence"),
    [
        (GOOD_PNG, "jpeg", "format 'jpeg' is no compressed depth; accepted: one of 16UC1, mono16, 32FC1, then"),
        (GOOD_PNG, "bgr8; jpeg compressed bgr8", "format 'bgr8; jpeg compressed bgr8' is no compressed depth"),
        (GOOD_PNG, "16UC1; compressedDepth zstd", "accepted: .* '; compressedDepth png' or '; compressedDepth rvl'"),
        (b"", PNG, "holds 0 bytes; its header alone has 12"),
        (HEADER, RVL, "holds 12 bytes"),
        (GOOD_PNG[:-1], PNG, "PNG of the compressed depth is cut off"),
        (GOOD_PNG[:60], PNG, "is cut off after 48 bytes"),
        (GOOD_PNG[:-30] + b"x" + GOOD_PNG[-29:], PNG, "is damaged: a checksum is wrong"),
        (HEADER + b"\xff\xd8\xff\xe0 a JPEG", PNG, "holds no PNG; it begins with"),
        (png_of(np.zeros((4, 4), np.uint8)), PNG, "has 8 bits and colour type 0; accepted: 16 bits of grey"),
        (png_of(np.zeros((4, 4, 3), np.uint16)), PNG, "has 16 bits and colour type 2"),
        (GOOD_PNG, RVL, "claims .* pixels; accepted: 1 to 16777216"),
        (HEADER + b"1234", RVL, "cut off before its size"),
        (HEADER + struct.pack("<II", 0, 7), RVL, "claims 0x7 pixels"),
        (HEADER + struct.pack("<II", 2**32 - 1, 2**32 - 1), RVL, "claims 4294967295x4294967295 pixels"),
        (GOOD_RVL[:200], RVL, r"\(32x24\) is damaged: it ends \d+ pixels too early"),
        (HEADER + struct.pack("<II", 32, 24) + b"\x00" * 400, RVL, r"a run of 0 \+ 0 pixels where 768 are left"),
        (HEADER + struct.pack("<II", 32, 24) + b"\xff" * 400, RVL, "it ends 768 pixels too early"),
        (HEADER + struct.pack("<II", 32, 24) + b"\xff" * 400 + bytes(4), RVL, "more than 32 bits"),
        (struct.pack("<iff", 0, np.nan, 1) + GOOD_PNG[12:], "32FC1; compressedDepth png", "quantisation is nan and 1"),
        (GOOD_PNG, "32FC1; compressedDepth png", "quantisation is 0 and 0; accepted: finite numbers, a positive first"),
    ],
)
def test_what_is_cut_off_foreign_or_hostile_gets_one_sentence(data: bytes, image_format: str, sentence: str) -> None:
    with pytest.raises(DepthFormatError, match=sentence) as error:
        decode_compressed_depth(data, image_format)
    assert "\n" not in str(error.value)


def test_damage_of_any_kind_is_an_image_or_one_sentence() -> None:
    """6,000 damaged messages: bits turned, bytes replaced, cut, lengthened, other formats."""
    rng = np.random.default_rng(11)
    small = {coding: compress(image(5, (6, 8)), coding) for coding in ("png", "rvl")}
    refused = 0
    for index in range(6000):
        coding = ("png", "rvl")[index % 2]
        data = bytearray(small[coding])
        for _ in range(rng.integers(1, 5)):
            place = int(rng.integers(len(data)))
            kind = rng.integers(4)
            if kind == 0:
                data[place] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                data[place] = int(rng.integers(256))
            elif kind == 2:
                # The size stays small: that of 16 million pixels has its own test.
                del data[max(place, 20) :]
            else:
                data += rng.bytes(int(rng.integers(40)))
        if coding == "rvl":
            data[14:16] = data[18:20] = b"\0\0"
        elif rng.random() < 0.3:
            # So that the PNG's reader gets to see the damage, too.
            data = checksummed(data)
        encoding = ("16UC1", "32FC1")[int(rng.integers(2))]
        sentence = damage_of(bytes(data), f"{encoding}; compressedDepth {coding}")
        refused += bool(sentence)
        assert "\n" not in sentence
    assert 3000 < refused < 6000


def damage_of(data: bytes, image_format: str) -> str:
    """What is said of it; "" for an image, which must have numbers."""
    try:
        depth = decode_compressed_depth(data, image_format)
    except DepthFormatError as error:
        return str(error)
    assert np.isfinite(depth.metres(ALL, ALL)).all()
    return ""


def checksummed(data: bytearray) -> bytearray:
    """A message with a PNG whose chunks, as far as there are any, have the right checksums."""
    at = 20
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 <= len(data):
            struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return data


def test_the_largest_claim_is_answered_at_once() -> None:
    """Sixteen million pixels of nothing in a few bytes are an image; one with a byte too few is none."""
    zeros = HEADER + struct.pack("<II", 4096, 4096) + encode_rvl_of_zeros(2**24)
    assert decode_compressed_depth(zeros, RVL).shape == (4096, 4096)
    with pytest.raises(DepthFormatError, match="too early"):
        decode_compressed_depth(zeros[:-4], RVL)


def encode_rvl_of_zeros(count: int) -> bytes:
    nibbles = [8 | (count >> 3 * place) & 7 for place in range(8)] + [count >> 24, 0] + [0] * 6
    words = (nibbles[:8], nibbles[8:])
    return b"".join(struct.pack("<I", int("".join(f"{nibble:x}" for nibble in word), 16)) for word in words)
