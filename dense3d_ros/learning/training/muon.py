"""Muon: momentum whose matrices are orthogonalised before each step (Jordan et al., 2024), beside Adam for the rest.

The update does not depend on the gradient's scale, so layers of all widths learn at one rate.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration: steep at 0, so that five rounds bring singular values to about 1."""
_ROUNDS = 5
_MOMENTUM = 0.95
_BETAS = (0.9, 0.999)
ADAM_SHARE = 0.075
"""AdamW's learning rate over Muon's."""


class Muon(Optimizer):
    """One group of hidden convolutions (flag "orthogonal"), stepped by Muon, and one of all else, stepped by AdamW.

    A step of Muon has unit spectral norm times `learning_rate`, so its rate does not depend on the loss's scale;
    AdamW takes ADAM_SHARE of it.
    """

    def __init__(self, network: nn.Module, *, learning_rate: float, weight_decay: float) -> None:
        hidden, others = _split(network.modules())
        super().__init__(
            [{"params": hidden, "orthogonal": True}, {"params": others, "orthogonal": False}],
            {"lr": learning_rate, "weight_decay": weight_decay},
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients; parameters without one stay."""
        del closure
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            rate = group["lr"] * (1 if group["orthogonal"] else ADAM_SHARE)
            for parameter in parameters:
                parameter.mul_(1 - rate * group["weight_decay"])
                (self._muon if group["orthogonal"] else self._adam)(parameter, rate)

    def _muon(self, parameter: Tensor, rate: float) -> None:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"].lerp_(parameter.grad, 1 - _MOMENTUM)
        direction = orthogonalise(parameter.grad.lerp(momentum, _MOMENTUM).flatten(1))
        rows, columns = direction.shape
        scale = max(1.0, rows / columns) ** 0.5
        parameter.add_(direction.view_as(parameter), alpha=-rate * scale)

    def _adam(self, parameter: Tensor, rate: float) -> None:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
        state["mean"].lerp_(parameter.grad, 1 - _BETAS[0])
        state["square"].lerp_(parameter.grad.square(), 1 - _BETAS[1])
        count = float(state["step"])
        root = (state["square"] / (1 - _BETAS[1] ** count)).sqrt_().add_(1e-8)
        parameter.addcdiv_(state["mean"], root, value=-rate / (1 - _BETAS[0] ** count))


def orthogonalise(matrix: Tensor) -> Tensor:
    """The nearest matrix with singular values of about 1, by Newton-Schulz iterations on its Gram matrix.

    All rounds are polynomials in the smaller Gram matrix, so that the long side is multiplied only twice.
    """
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = (matrix.T if tall else matrix).float()
    x = x / x.norm().clamp_min(1e-7)
    first = x @ x.T
    factor = identity = torch.eye(len(first), device=first.device)
    for _ in range(_ROUNDS):
        gram = factor @ first @ factor
        factor = (a * identity + b * gram + c * gram @ gram) @ factor
    x = factor @ x
    return (x.T if tall else x).to(matrix.dtype)


def _split(modules: Iterable[nn.Module]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Convolutions between hidden features, and all other parameters."""
    hidden: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in modules:
        # The first layer has one input channel, and the layers that put something out have a bias.
        between = isinstance(module, nn.Conv2d | nn.Linear) and module.bias is None and module.weight[0].numel() > 25
        (hidden if between else others).extend(module.parameters(recurse=False))
    return hidden, others
