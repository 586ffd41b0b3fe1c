"""Muon: momentum whose matrices are orthogonalised before each step (Jordan et al., 2024), beside Adam for the rest.

The update does not depend on the gradient's scale, so layers of all widths learn at one rate.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.adamw import adamw

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
            if parameters and group["orthogonal"]:
                self._muon(parameters, group["lr"], group["weight_decay"])
            elif parameters:
                self._adam(parameters, group["lr"] * ADAM_SHARE, group["weight_decay"])

    def _muon(self, parameters: list[Tensor], rate: float, weight_decay: float) -> None:
        # Matrices of one size are orthogonalised together: on a GPU the number of calls is what costs.
        alike: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
        for parameter in parameters:
            assert parameter.grad is not None
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            momentum: Tensor = state["momentum"].lerp_(parameter.grad, 1 - _MOMENTUM)
            direction = parameter.grad.lerp(momentum, _MOMENTUM).flatten(1)
            alike.setdefault((direction.shape[0], direction.shape[1]), []).append((parameter, direction))
        for (rows, columns), group in alike.items():
            directions = orthogonalise(torch.stack([direction for _, direction in group]))
            scale = max(1.0, rows / columns) ** 0.5
            for (parameter, _), direction in zip(group, directions, strict=True):
                parameter.mul_(1 - rate * weight_decay).add_(direction.view_as(parameter), alpha=-rate * scale)

    def _adam(self, parameters: list[Tensor], rate: float, weight_decay: float) -> None:
        states = [self.state[parameter] for parameter in parameters]
        for state, parameter in zip(states, parameters, strict=True):
            if not state:
                state["step"] = torch.zeros(())
                state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        adamw(
            parameters,
            [parameter.grad for parameter in parameters if parameter.grad is not None],
            [state["mean"] for state in states],
            [state["square"] for state in states],
            [],
            [state["step"] for state in states],
            foreach=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=rate,
            weight_decay=weight_decay,
            eps=1e-8,
            maximize=False,
        )


def orthogonalise(matrices: Tensor) -> Tensor:
    """(..., rows, columns) -> the nearest matrices with singular values of about 1, by Newton-Schulz iterations.

    All rounds are polynomials in the smaller Gram matrix, so that the long side is multiplied only twice.
    """
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = (matrices.mT if tall else matrices).float()
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)
    first = x @ x.mT
    factor = identity = torch.eye(first.shape[-1], device=first.device)
    for _ in range(_ROUNDS):
        gram = factor @ first @ factor
        factor = (a * identity + b * gram + c * gram @ gram) @ factor
    x = factor @ x
    return (x.mT if tall else x).to(matrices.dtype)


def _split(modules: Iterable[nn.Module]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Convolutions between hidden features, and all other parameters."""
    hidden: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in modules:
        # The first layer has one input channel, and the layers that put something out have a bias.
        between = isinstance(module, nn.Conv2d | nn.Linear) and module.bias is None and module.weight[0].numel() > 25
        (hidden if between else others).extend(module.parameters(recurse=False))
    return hidden, others
