from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from room import make_room

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.primitives import box, sphere
from dense3d_ros.learning.synthetic.protrusions import find_candidates
from dense3d_ros.learning.synthetic.render import render_depth

CAMERA = Camera(476.0, 476.0, 319.5, 239.5, 640, 480)
SR305 = Path(__file__).resolve().parents[3] / "shared" / "data" / "sr305"
REACH = 0.07
"""From this far, metres, the network's own joints lead to the hand's centre."""


@pytest.fixture(scope="module")
def mesh() -> HandMesh:
    return HandMesh.load()


def image(*parts: tuple[tuple[np.ndarray, np.ndarray], tuple[float, float, float]], camera: Camera = CAMERA):  # type: ignore[no-untyped-def]
    depth = np.zeros((camera.height, camera.width), np.float32)
    for (vertices, faces), place in parts:
        render_depth(vertices + np.float32(place), faces, camera, depth)
    return DepthImage(depth)


@pytest.mark.parametrize(
    ("scene", "found_of_20"),
    [
        ({}, 19),
        ({"wall": True}, 19),
        ({"person": True}, 18),
        ({"table": True, "wall": True}, 18),
        ({"desk": True, "person": True}, 18),
    ],
    ids=["alone", "before a wall", "before a person", "over a table", "behind a desk"],
)
def test_the_hand_is_among_the_candidates(scene: dict[str, bool], found_of_20: int, mesh: HandMesh) -> None:
    found = 0
    for seed in range(1000, 1020):
        room = make_room(np.random.default_rng(seed), mesh, **scene)
        candidates = find_candidates(room.depth, room.camera)
        found += any(np.linalg.norm(centre - room.centre) < REACH for centre in candidates)
    assert found >= found_of_20


def test_a_ball_of_a_hands_size_is_found_where_it_is() -> None:
    for z in (0.25, 0.5, 1.0, 1.4):
        (centre, *others) = find_candidates(image((sphere(0.045, 20), (0.03, -0.02, z))), CAMERA)
        # Its front, not its middle, is what is seen.
        np.testing.assert_allclose(centre, [0.03, -0.02, z - 0.02], atol=0.02)
        assert not others


def test_the_nearest_of_equal_things_comes_first() -> None:
    balls = [(sphere(0.055, 20), (x, 0.0, z)) for x, z in ((-0.25, 1.1), (0.2, 0.8), (0.0, 0.5))]
    depths = [float(centre[2]) for centre in find_candidates(image(*balls), CAMERA)]
    assert len(depths) == 3
    assert depths == sorted(depths)


def test_large_and_small_things_are_no_candidates() -> None:
    assert find_candidates(image((box(3, 3, 0.1), (0, 0, 0.8))), CAMERA) == []
    assert find_candidates(image((sphere(0.012, 12), (0, 0, 0.6))), CAMERA) == []


def test_depth_limits() -> None:
    balls = [(sphere(0.045, 20), (x, 0.0, z)) for x, z in ((-0.1, 0.4), (0.2, 0.8), (0.5, 1.3))]
    (centre,) = find_candidates(image(*balls), CAMERA, min_depth=0.5, max_depth=1.0)
    assert centre[0] == pytest.approx(0.2, abs=0.02)


def test_limit_and_distance_of_candidates() -> None:
    balls = [(sphere(0.045, 16), (x, y, 1.0)) for x in (-0.4, 0.0, 0.4) for y in (-0.25, 0.25)]
    centres = find_candidates(image(*balls), CAMERA, limit=4)
    assert len(centres) == 4
    distances = [np.linalg.norm(a - b) for i, a in enumerate(centres) for b in centres[:i]]
    assert min(distances) > 0.09


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((480, 640), np.float32),
        np.full((480, 640), np.nan, np.float32),
        np.full((1, 1), 0.5, np.float32),
        np.full((1, 640), 0.5, np.float32),
        np.full((7, 9), 0.5, np.float32),
        np.random.default_rng(7).uniform(0, 3, (480, 640)).astype(np.float32),
    ],
    ids=["zeros", "NaN", "1x1", "one row", "tiny", "noise"],
)
def test_images_without_a_hand_do_no_harm(values: np.ndarray) -> None:
    height, width = values.shape
    camera = Camera(476.0, 476.0, 319.5, 239.5, width, height)
    for centre in find_candidates(DepthImage(values), camera):
        assert np.isfinite(centre).all()


def test_low_resolution_cameras(mesh: HandMesh) -> None:
    camera = Camera(119.0, 119.0, 79.5, 59.5, 160, 120)
    depth = image((sphere(0.045, 20), (0.0, 0.0, 0.8)), camera=camera)
    (centre,) = find_candidates(depth, camera)
    np.testing.assert_allclose(centre, [0, 0, 0.78], atol=0.03)


@pytest.mark.parametrize("limits", [(0.0, 1.5), (-1.0, 1.5), (1.0, 0.5), (0.5, 0.5)])
def test_impossible_limits_are_refused(limits: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="0 < min_depth < max_depth"):
        find_candidates(DepthImage(np.ones((4, 4), np.float32)), CAMERA, min_depth=limits[0], max_depth=limits[1])


def test_it_is_fast(mesh: HandMesh) -> None:
    room = make_room(np.random.default_rng(3), mesh, person=True, wall=True)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        find_candidates(room.depth, room.camera)
        times.append(time.perf_counter() - start)
    cv2.setNumThreads(threads)
    # 2 ms on a quiet core; room for a busy machine.
    assert min(times) < 0.006


# Columns and rows of the hands' centres, marked by eye.
MARKED = {
    "20210326-230536": {
        30: (275, 311), 50: (290, 275), 70: (297, 253), 90: (320, 217),
        110: (305, 233), 130: (290, 226), 150: (306, 230), 170: (264, 246),
    },
    "20210326-231615": {
        0: (273, 276), 20: (337, 276), 40: (317, 292), 60: (325, 276), 80: (316, 281), 100: (330, 281),
        140: (313, 268), 160: (332, 268), 180: (343, 264), 200: (341, 268), 220: (349, 273),
    },
}  # fmt: skip


@pytest.mark.skipif(not SR305.is_dir(), reason="the real frames of ../shared/data/sr305 are not here")
def test_real_hands_are_among_the_first_three_candidates() -> None:
    camera = Camera(476.007, 476.007, 313.683, 242.755, 640, 480)
    for sequence, frames in MARKED.items():
        for number, marked in frames.items():
            depth = DepthImage.from_png(SR305 / sequence / f"{number}.png", 0.000125)
            candidates = np.stack(find_candidates(depth, camera, limit=3))
            away = np.linalg.norm(camera.project(candidates) - marked, axis=1)
            assert away.min() < 0.05 / 0.6 * camera.fx, f"{sequence}/{number}"
