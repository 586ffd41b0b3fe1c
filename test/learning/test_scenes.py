from __future__ import annotations

import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import hand_centre, upright_roll
from dense3d_ros.learning.synthetic import negatives, scenes
from dense3d_ros.learning.synthetic.options import SceneOptions, scene_options
from dense3d_ros.learning.synthetic.samples import NEAR_CENTRE, Sample, crop_sample, make_sample
from dense3d_ros.learning.synthetic.scenes import LEARNED_CENTRE, SceneAssets, random_hand

SAMPLES = 300


@pytest.fixture(scope="module")
def assets() -> SceneAssets:
    return SceneAssets.load()


@pytest.fixture(scope="module")
def samples(assets: SceneAssets) -> list[Sample]:
    return [make_sample(np.random.default_rng([3, number]), assets, 48) for number in range(SAMPLES)]


def with_options(assets: SceneAssets, **changes: float) -> SceneAssets:
    return replace(assets, options=replace(assets.options, **changes))  # type: ignore[arg-type]


def error_of(sample: Sample) -> float:
    return float(np.linalg.norm(sample.centre - hand_centre(sample.joints)))


def test_the_same_seed_gives_the_same_sample(assets: SceneAssets) -> None:
    first, second, other = (make_sample(np.random.default_rng(seed), assets, 48) for seed in (7, 7, 8))
    for field in fields(Sample):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))
    assert not np.array_equal(first.image, other.image)


def test_the_share_of_crops_without_a_hand(samples: list[Sample]) -> None:
    assert 0.10 < np.mean([sample.presence == 0 for sample in samples]) < 0.25


def test_crops_of_hands_are_labelled_by_their_distance(assets: SceneAssets) -> None:
    at_hand = with_options(assets, empty=0.0, elsewhere=0.0)
    for number in range(60):
        sample = make_sample(np.random.default_rng([4, number]), at_hand, 32)
        error = error_of(sample)
        assert sample.presence == (1 if error < NEAR_CENTRE else 0 if error > LEARNED_CENTRE else -1)
        assert sample.has_joints == (sample.right and error < LEARNED_CENTRE)


def test_empty_scenes_have_no_joints(assets: SceneAssets) -> None:
    empty = with_options(assets, empty=1.0, elsewhere=0.0)
    for number in range(30):
        sample = make_sample(np.random.default_rng([5, number]), empty, 32)
        assert sample.presence == 0
        assert not sample.has_joints
        assert (sample.image < 1).any(), "there is something in the image"


def test_crops_elsewhere_are_away_from_the_hand(assets: SceneAssets) -> None:
    elsewhere = with_options(assets, empty=0.0, elsewhere=1.0)
    for number in range(30):
        sample = make_sample(np.random.default_rng([6, number]), elsewhere, 32)
        assert sample.presence <= 0
        assert error_of(sample) > LEARNED_CENTRE - 0.05


def test_crop_errors_are_those_of_the_options(assets: SceneAssets) -> None:
    rng = np.random.default_rng(0)
    joints = random_hand(rng, assets, 1.0)[0].joints
    joints = joints - hand_centre(joints) + np.float32([0.1, 0, 0.6])
    camera = Camera(200.0, 200.0, 159.5, 119.5, 320, 240)
    wall = scenes.SceneImage(np.full((240, 320), 0.6, np.float32), camera, joints, right=True)
    for share, (median, sigma) in ((1.0, assets.options.first_candidate), (0.0, assets.options.settled)):
        options = replace(assets.options, first_candidates=share)
        crops = [crop_sample(rng, wall, options, 64) for _ in range(1000)]
        errors = [error_of(crop) for crop in crops]
        assert np.median(errors) == pytest.approx(median, rel=0.1)
        assert np.std(np.log(errors)) == pytest.approx(sigma, rel=0.1)
        turns = np.abs([upright_roll(crop.joints) for crop in crops])
        # At random, or upright as far as joints a little off tell it.
        assert np.median(turns) == pytest.approx(np.pi / 2, rel=0.15) if share else np.median(turns) < 0.3


def test_all_crops_of_a_image_show_the_same_hand(assets: SceneAssets) -> None:
    rng = np.random.default_rng(9)
    options = replace(assets.options, empty=0.0, elsewhere=0.0)
    image = scenes.make_image(rng, replace(assets, options=options))
    for _ in range(5):
        crop = crop_sample(rng, image, options, 64)
        rows, cols = np.nonzero(crop.image < 1)
        z = crop.centre[2] + crop.image[rows, cols] * scenes.HALF_SIZE
        points = np.stack(
            [(cols - crop.camera[2]) * z / crop.camera[0], (rows - crop.camera[3]) * z / crop.camera[1], z]
        )
        own = image.camera.project(image.joints)
        depth = image.depth[tuple(np.rint(own[:, ::-1]).astype(int).clip(0, len(image.depth) - 1).T)]
        for joint, before in enumerate(image.joints):
            # From each joint to the surface at its pixel: a crop that is turned shows it as far away.
            if 0 < depth[joint] < before[2] + 0.05:
                surface = before * depth[joint] / before[2]
                gap = np.linalg.norm(surface - before)
                nearest = np.linalg.norm(points.T - crop.joints[joint], axis=1).min()
                assert nearest < gap + 0.012


def test_a_centre_behind_the_camera_is_drawn_again(assets: SceneAssets) -> None:
    wild = replace(assets.options, first_candidate=(0.4, 1.0), settled=(0.4, 1.0), distance=(0.2, 0.3))
    rng = np.random.default_rng(11)
    far_off = replace(assets, options=wild)
    assert all(make_sample(rng, far_off, 64).centre[2] >= 0.1 for _ in range(30))


def test_hands_are_where_the_options_say(assets: SceneAssets) -> None:
    rng, options = np.random.default_rng(1), assets.options
    hands = [random_hand(rng, assets, 0.75) for _ in range(200)]
    distance = np.array([hand_centre(hand.joints)[2] for hand, _ in hands])
    assert options.distance[0] <= distance.min() < 0.25
    assert 1.2 < distance.max() <= options.distance[1]
    assert 0.65 < np.mean([right for _, right in hands]) < 0.85
    shown = np.mean([hand.held is not None for hand, _ in hands])
    assert 0.03 < shown < 0.25, "most grasps show what they hold"


def test_held_objects_touch_the_hand(assets: SceneAssets) -> None:
    rng = np.random.default_rng(2)
    grasping = with_options(assets, contact_poses=1.0, shown_objects=1.0)
    for _ in range(30):
        hand, _ = random_hand(rng, grasping)
        if hand.held is None:
            continue
        surface, skin = hand.held[0], hand.vertices[::3]
        inside = surface.min(axis=0) - 0.01, surface.max(axis=0) + 0.01
        assert ((skin > inside[0]) & (skin < inside[1])).all(axis=1).any()


def test_a_stump_has_no_fingers(assets: SceneAssets) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        hand, _ = random_hand(rng, assets)
        vertices, _ = negatives.stump(rng, hand)
        forward = hand.joints[9] - hand.joints[0]
        forward /= np.linalg.norm(forward)
        assert ((vertices - hand.joints[0]) @ forward).max() < 0.03


def test_cameras_have_the_view_of_the_options(assets: SceneAssets) -> None:
    rng = np.random.default_rng(4)
    far, near = (
        [scenes.window_camera(np.array([0.0, 0.0, z]), rng, assets.options) for _ in range(200)] for z in (1.4, 0.3)
    )
    # A fifth have half as many pixels, which looks like twice the tangent.
    views = np.array([2 * np.degrees(np.arctan(320 / camera.fx)) for camera, _ in far])
    assert 50 <= views.min() < 53
    assert 87 < views[views < 90].max() <= 90
    assert 0.1 < np.mean(views > 90) < 0.35
    assert min(pixel for _, pixel in far) > 0.95
    for camera, pixel in near:
        assert camera.width <= scenes.MAX_WINDOW_PIXELS
        assert 49 <= 2 * np.degrees(np.arctan(320 / (camera.fx / pixel))) <= 127
    assert np.median([pixel for _, pixel in near]) < 0.5


def test_a_sample_costs_milliseconds(assets: SceneAssets, samples: list[Sample]) -> None:
    rng = np.random.default_rng(5)
    start = time.process_time()
    for _ in range(100):
        make_sample(rng, assets, 64)
    assert (time.process_time() - start) / 100 < 0.015


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sleeves": 1.2}, "sleeves must lie in 0..1"),
        ({"distance": [1.0, 0.5]}, "distance must be two ordered values"),
        ({"distance": 1.0}, "distance must be two numbers"),
        ({"bodies": "many"}, "bodies must be a number"),
        ({"settled": [0.0, 1.0]}, "settled must be a median and a sigma"),
        ({"empty": 0.7, "elsewhere": 0.7}, "empty and elsewhere"),
        ({"hats": 0.1}, "missing or unknown option hats"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    shipped = yaml.safe_load((Path(scenes.__file__).parent / "scenes.yaml").read_text())
    path = tmp_path / "scenes.yaml"
    path.write_text(yaml.safe_dump({**shipped, **change}))
    with pytest.raises(ValueError, match=message) as error:
        SceneOptions.read(path)
    assert str(path) in str(error.value)


def test_shipped_options_are_read() -> None:
    assert scene_options().right_hands == 0.88
