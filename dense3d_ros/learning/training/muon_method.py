"""What the methods of a `Recipe` have in common: Muon, a cosine, clipped gradients, images learned in several views."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim import Optimizer

from dense3d_ros.learning.training.batches import BatchT
from dense3d_ros.learning.training.data import LAG
from dense3d_ros.learning.training.method import Method
from dense3d_ros.learning.training.muon import Muon
from dense3d_ros.learning.training.recipe import Recipe


class MuonMethod(Method[BatchT]):
    """Trains what a recipe describes."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.stages, self.batch_size = recipe.stages, recipe.batch_size
        self.ema_decay, self.seed = recipe.ema_decay, recipe.seed

    def optimiser(self, network: nn.Module) -> Optimizer:
        return Muon(network, learning_rate=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay)

    def learning_rate(self, samples: int) -> float:
        return self.recipe.rate_after(samples)

    def clip_gradients(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        return nn.utils.clip_grad_norm_(parameters, self.recipe.gradient_norm)

    def check_processes(self, count: int) -> None:
        if LAG % count:
            raise ValueError(f"training processes times workers must be a divisor of {LAG}, got {count}")
