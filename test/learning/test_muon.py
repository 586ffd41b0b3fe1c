"""Muon: its directions against a singular value decomposition, its Adam against torch's, which layers get which."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.learning.training.muon import ADAM_SHARE, Muon, orthogonalise


@pytest.mark.parametrize("shape", [(32, 32), (16, 200), (200, 16)])
def test_directions_are_nearly_orthogonal_and_keep_the_singular_vectors(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)

    found = orthogonalise(matrix)

    # In the basis of the matrix's own singular vectors the result is diagonal, with entries near 1.
    rotated = u.T @ found @ vh.T
    assert (rotated - torch.diag(rotated.diag())).abs().max() < 0.05
    middle = torch.linalg.svdvals(found)[: min(shape) * 3 // 4]
    assert 0.6 < middle.min() < middle.max() < 1.3


def test_what_is_no_hidden_convolution_is_stepped_as_by_adamw() -> None:
    torch.manual_seed(0)
    ours = nn.Linear(5, 3)
    reference = nn.Linear(5, 3)
    reference.load_state_dict(ours.state_dict())
    muon = Muon(ours, learning_rate=0.1, weight_decay=0.01)
    adam = torch.optim.AdamW(reference.parameters(), lr=0.1 * ADAM_SHARE, weight_decay=0.01, betas=(0.9, 0.999))
    for _ in range(5):
        batch = torch.randn(8, 5)
        for module, optimiser in ((ours, muon), (reference, adam)):
            optimiser.zero_grad()
            module(batch).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours.weight, reference.weight)


def test_a_step_does_not_depend_on_the_scale_of_the_loss() -> None:
    steps = []
    for scale in (1.0, 1000.0):
        torch.manual_seed(0)
        layer = nn.Conv2d(8, 8, 3, bias=False)
        before = layer.weight.detach().clone()
        muon = Muon(layer, learning_rate=0.02, weight_decay=0.0)
        (scale * layer(torch.randn(2, 8, 6, 6)).square().mean()).backward()
        muon.step()
        steps.append(layer.weight.detach() - before)
    # bfloat16 rounds differently at another scale.
    assert (steps[0] - steps[1]).norm() < 0.05 * steps[0].norm()
    assert torch.linalg.matrix_norm(steps[0].flatten(1), 2) == pytest.approx(0.02, rel=0.3)


def test_heads_and_first_layer_are_left_to_adam() -> None:
    network = HourglassNetwork(features=16, stacks=1)
    hidden = {
        id(parameter) for parameter in Muon(network, learning_rate=0.1, weight_decay=0.0).param_groups[0]["params"]
    }
    names = {name for name, parameter in network.named_parameters() if id(parameter) in hidden}
    assert all(name.endswith("weight") for name in names)
    assert not any(
        part in name for name in names for part in ("stem.0.", "heat_2d", "heat_3d", "unit_vectors", "hand_head")
    )
    assert "stacks.0.trunk_3d.0.weight" in names
