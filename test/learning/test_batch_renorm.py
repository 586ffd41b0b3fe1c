"""Batch Renorm: plain batch norm at the start and in evaluation, its limits in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dense3d_ros.dense.paper_network import PaperNetwork
from dense3d_ros.learning.training.batch_renorm import BatchRenorm2d, limits, use_batch_renorm


def layers(*, published: bool) -> tuple[BatchRenorm2d, nn.BatchNorm2d]:
    torch.manual_seed(0)
    renorm, norm = BatchRenorm2d(3, 1e-3, 0.01, published=published), nn.BatchNorm2d(3, 1e-3, 0.01)
    nn.init.normal_(renorm.weight)
    nn.init.normal_(renorm.bias)
    norm.load_state_dict(renorm.state_dict())
    return renorm, norm


@pytest.mark.parametrize(("time", "r_max", "corrected"), [(0.0, 1.0, 0.001), (0.5, 1.3555, 0.002717), (50.0, 3.0, 5.0)])
def test_limits(time: float, r_max: float, corrected: float) -> None:
    r, d = limits(torch.tensor(time, dtype=torch.float64), published=False)
    assert (float(r), float(d)) == (pytest.approx(r_max, rel=1e-4), pytest.approx(corrected, rel=1e-3))
    # The parenthesis at the wrong place: 5 / (5000 exp(-2 t)).
    published = float(limits(torch.tensor(time, dtype=torch.float64), published=True)[1])
    assert published == pytest.approx(0.001 * np.exp(2 * time))


def test_it_starts_as_a_batch_norm_but_for_a_thousandth() -> None:
    renorm, norm = layers(published=False)
    x = torch.randn(4, 3, 8, 8) * 2 + 1
    torch.testing.assert_close(renorm(x), norm(x), atol=4e-3, rtol=0)
    # Moving mean after one step; the variance differs by the bias of its estimate.
    torch.testing.assert_close(renorm.running_mean, norm.running_mean)
    torch.testing.assert_close(renorm.running_var, norm.running_var, rtol=1e-3, atol=0)
    assert int(renorm.num_batches_tracked) == 1


def test_evaluation_is_a_batch_norm() -> None:
    renorm, norm = layers(published=True)
    x = torch.randn(4, 3, 8, 8) * 2 + 1
    for layer in (renorm, norm):
        layer(x)
    norm.load_state_dict(renorm.state_dict())
    torch.testing.assert_close(renorm.eval()(x), norm.eval()(x))


def test_late_training_output_is_that_of_the_moving_statistics_within_the_limits() -> None:
    renorm, _ = layers(published=False)
    renorm.num_batches_tracked.fill_(1_000_000)
    renorm.running_mean.copy_(torch.tensor([0.5, 0.0, 40.0]))
    renorm.running_var.copy_(torch.tensor([2.0, 1e-4, 1.0]))
    mean, variance = renorm.running_mean.clone(), renorm.running_var.clone()
    x = torch.randn(16, 3, 8, 8).requires_grad_()
    y = renorm(x)
    y.square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    x, y = x.detach(), y.detach()
    # r and d within their limits: as if in evaluation.
    expected = (x[:, 0] - mean[0]) / (variance[0] + 1e-3).sqrt() * renorm.weight[0].detach() + renorm.bias[0].detach()
    torch.testing.assert_close(y[:, 0], expected, atol=1e-4, rtol=1e-4)
    # Beyond them: r stops at 3, d at -5.
    assert (y[:, 1] - renorm.bias[1].detach()).std() == pytest.approx(3 * abs(renorm.weight[1].item()), rel=0.1)
    assert (y[:, 2] - renorm.bias[2].detach()).mean() == pytest.approx(-5 * renorm.weight[2].item(), rel=0.05)


def test_the_network_keeps_its_weights_names() -> None:
    plain, renorm = PaperNetwork(2, 1, 16), PaperNetwork(2, 1, 16)
    use_batch_renorm(renorm, published=True)
    assert plain.state_dict().keys() == renorm.state_dict().keys()
    norms = [module for module in renorm.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert all(isinstance(module, BatchRenorm2d) and module.published for module in norms)
