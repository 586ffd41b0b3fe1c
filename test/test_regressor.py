"""Four turned views of a crop: they say the same as four crops turned by hand, and are fused by their agreement."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dense3d_ros.dense.maps import metric_geometry
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.regressor import DenseRegressor, fuse_views
from dense3d_ros.synthetic.scenes import SceneAssets
from dense3d_ros.training.data import Batch, make_scenes, turned


@pytest.fixture(scope="module")
def network() -> HourglassNetwork:
    torch.manual_seed(0)
    return HourglassNetwork(stacks=1, features=16).eval()


def test_views_are_the_turned_crops(network: HourglassNetwork) -> None:
    samples = make_scenes(SceneAssets.load(), seed=8, number=0, count=3, resolution=64)
    batch = Batch.from_samples(samples)
    geometry = metric_geometry()
    with torch.no_grad():
        together = DenseRegressor(network, geometry, views=4)(batch.crops, batch.cameras, batch.centres)
        joints, spreads, logits = [], [], []
        for quarters in range(4):
            seen = Batch.from_samples([turned(sample, quarters) for sample in samples])
            alone = DenseRegressor(network, geometry)(seen.crops, seen.cameras, seen.centres)
            angle = quarters * np.pi / 2
            # The camera is turned by `angle`, so points are turned back by it about the optical axis.
            c, s = round(np.cos(angle)), round(np.sin(angle))
            back = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float32)
            joints.append(alone.joints @ back.T)
            spreads.append(alone.spread)
            logits.append(alone.logits)
    expected = fuse_views(torch.stack(joints), torch.stack(spreads), torch.stack(logits))
    for found, wanted in zip(together, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_view_whose_votes_agree_counts_most() -> None:
    joints = torch.tensor([[[[0.0, 0.0, 0.5]]], [[[0.1, 0.0, 0.5]]]])
    spread = torch.tensor([[[0.0]], [[0.06]]])
    fused = fuse_views(joints, spread, torch.zeros(2, 1, 2))
    # Weights 1 / 0.02^2 and 1 / 0.08^2, so 16 : 1.
    torch.testing.assert_close(fused.joints, torch.tensor([[[0.1 / 17, 0.0, 0.5]]]))
    between = (16 * (0.1 / 17) ** 2 + (0.1 * 16 / 17) ** 2) / 17
    torch.testing.assert_close(fused.spread, torch.tensor([[(between + 0.06**2 / 17) ** 0.5]]))
