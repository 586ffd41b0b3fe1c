"""Crops made by torch from packed pixels against crops made by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.crop import crop_hand, crop_region
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.runtime.device_crop import header_words, pack, unpack, words_needed

CAMERA = Camera(211.0, 205.0, 80.3, 61.7, 160, 120)
SIZE = 32
PLACES = [(0.0, 0.0, 0.5), (-0.19, 0.14, 0.52), (0.18, -0.13, 0.45), (0.01, 0.02, 0.14), (2.0, 0.0, 0.5)]
"""In the middle, over two corners, nearer than the image is wide, and outside."""
ROLLS = [0.0, 0.3, -2.0, 3.1]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def images() -> list[DepthImage]:
    """Noise with holes in every form that a camera sends."""
    rng = np.random.default_rng(5)
    metres = rng.uniform(0.05, 0.8, (120, 160)).astype(np.float32)
    metres[rng.random(metres.shape) < 0.2] = 0
    floats = metres.copy()
    for value in (np.nan, np.inf, -np.inf, -1.0):
        floats[rng.random(metres.shape) < 0.05] = value
    millimetres = np.rint(metres * 1000).astype(np.uint16)
    fine = np.rint(metres / 0.000125).astype(np.uint16)
    # 0.52 m in so fine a unit, if it were not what stands for nothing.
    finest = np.where(rng.random(metres.shape) < 0.3, 65535, np.rint(metres * 0.6 / 0.000008)).astype(np.uint16)
    padded = np.pad(millimetres, ((0, 0), (0, 7)))[:, :160]
    return [
        DepthImage(floats),
        DepthImage(millimetres, 0.001),
        DepthImage(fine, 0.000125),
        DepthImage(finest, 0.000008),
        DepthImage(padded, 0.001),
        DepthImage(np.asfortranarray(floats)),
    ]


@pytest.mark.parametrize("device", DEVICES)
def test_crops_are_those_of_crop_hand(device: str) -> None:
    places = [(depth, np.array(place), roll) for depth in images() for place in PLACES for roll in ROLLS]
    regions = [crop_region(depth, CAMERA, place, 0.15, SIZE, roll) for depth, place, roll in places]
    regions = [region.mirrored() if index % 2 else region for index, region in enumerate(regions)]
    crops = [crop_hand(depth, CAMERA, place, 0.15, SIZE, roll) for depth, place, roll in places]
    crops = [crop.mirrored() if index % 2 else crop for index, crop in enumerate(crops)]
    assert sum((crop.image < 1).sum() for crop in crops) > 2000
    batch = len(crops) + 3
    words = np.full(words_needed(regions, batch, SIZE), 77, np.int32)
    used = pack(regions, batch, SIZE, words)
    assert used <= len(words)
    found, cameras, centres = (part.cpu().numpy() for part in unpack(torch.from_numpy(words).to(device), batch, SIZE))
    for index, crop in enumerate(crops):
        np.testing.assert_allclose(found[index, 0], crop.image, atol=1e-6)
        camera = crop.camera
        np.testing.assert_allclose(cameras[index], [camera.fx, camera.fy, camera.cx, camera.cy], rtol=1e-6)
        np.testing.assert_array_equal(centres[index], crop.centre)
    np.testing.assert_array_equal(found[len(crops) :], found[[len(crops) - 1] * 3])


def test_left_and_right_share_their_pixels() -> None:
    region = crop_region(images()[1], CAMERA, np.array(PLACES[0]), 0.15, SIZE)
    words = np.zeros(words_needed([region] * 2, 2, SIZE), np.int32)
    one = pack([region], 1, SIZE, words) - header_words(SIZE)
    both = pack([region, region.mirrored()], 2, SIZE, words) - 2 * header_words(SIZE)
    assert 0 < one == both


def test_crops_without_their_images() -> None:
    """What has only the crop is taken for a depth image of its own."""
    crops = [crop_hand(image, CAMERA, np.array(PLACES[0]), 0.15, SIZE) for image in images()]
    regions = [crop.region() for crop in crops]
    words = np.zeros(words_needed(regions, len(crops), SIZE), np.int32)
    pack(regions, len(crops), SIZE, words)
    found = unpack(torch.from_numpy(words), len(crops), SIZE)[0]
    for index, crop in enumerate(crops):
        np.testing.assert_allclose(found[index, 0].numpy(), crop.image, atol=1e-5)
