"""Frames without a hand beside those of a followed hand, by the size of the camera's image."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.benchmark.figures import RoomTimes, Times
from dense3d_ros.benchmark.stages import CAMERA, RATE, WARM_UP, TimedFrames, make_scene, millimetres
from dense3d_ros.benchmark.timing import percentiles
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.evaluation.synthetic import TEST_SENSORS, SyntheticTestSet, hand_free_frames
from dense3d_ros.perception.estimator import HandPoseEstimator
from dense3d_ros.perception.model import HandModel

FOLLOWED = "followed hand"
NEAREST_WALL, WALL_STEP = 0.6, 0.1
"""Metres to the first empty room's wall, and from one room's to the next one's."""


def camera_of_size(width: int, height: int) -> Camera:
    """A camera of that many pixels that sees as much from top to bottom as CAMERA."""
    focal = CAMERA.fy * height / CAMERA.height
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def time_rooms(model: HandModel, camera: Camera, rooms: int = 8, images: int = int(RATE)) -> list[RoomTimes]:
    """Rows of a followed hand's frames, and of the first and all frames of rooms without a hand.

    `rooms` walls, and as many cluttered rooms of the test set, each measured `images` times, with other noise each
    time, and seen twice so; after each room the hand has as many frames, so that a busy moment hits all.
    `p50_to_hand` and `mean_to_hand` are shares of the followed hand's.
    """
    test_set = SyntheticTestSet.load()
    scene = make_scene(2 * images, camera)
    hand = TimedFrames(HandPoseEstimator(model), camera)
    seen: dict[str, list[TimedFrames]] = {"wall alone": [], "cluttered room": []}
    _show(hand, scene.depths, range(-WARM_UP, 0))
    for number in range(rooms):
        samples = hand_free_frames(number, test_set, camera)
        cluttered = (sample.depth.metres() for sample in samples)
        for name, frames in (("wall alone", _wall(number, camera)), ("cluttered room", cluttered)):
            depths = [millimetres(depth) for depth in islice(frames, images)]
            seen[name].append(TimedFrames(HandPoseEstimator(model), camera))
            _show(seen[name][-1], depths, range(2 * images))
        _show(hand, scene.depths, range(2 * images * number, 2 * images * (number + 1)))
    followed = percentiles(hand.taken["frame"])
    rows = [_row(camera, FOLLOWED, followed, followed, hand.found)]
    for name, runs in seen.items():
        first = percentiles([run.taken["frame"][0] for run in runs])
        rows.append(_row(camera, f"{name}, first frame", first, followed))
        every = percentiles([time for run in runs for time in run.taken["frame"]])
        rows.append(_row(camera, name, every, followed, sum(run.found for run in runs)))
    return rows


def _show(run: TimedFrames, depths: list[NDArray[np.uint16]], indices: range) -> None:
    for index in indices:
        run.frame(depths[index % len(depths)], index)


def _wall(number: int, camera: Camera) -> Iterator[NDArray[np.float32]]:
    """(H, W) metres of a wall straight ahead and nothing else, for ever."""
    rng = np.random.default_rng(number)
    distance = NEAREST_WALL + WALL_STEP * number
    sensor = TEST_SENSORS[number % len(TEST_SENSORS)][2](rng, distance)
    wall = np.full((camera.height, camera.width), distance, np.float32)
    while True:
        yield sensor.apply(wall, camera, rng)


def _row(camera: Camera, scene: str, times: Times, followed: Times, with_hand: int | None = None) -> RoomTimes:
    return {
        "size": f"{camera.width}x{camera.height}",
        "scene": scene,
        "with_hand": with_hand,
        "p50_to_hand": round(times["p50"] / followed["p50"], 3),
        "mean_to_hand": round(times["mean"] / followed["mean"], 3),
        **times,
    }
