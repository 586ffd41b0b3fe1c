"""The fits behind `Confidence`: logistic regression, ridge regression, a rising curve, a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDS = 50
_CONVERGED = 1e-9
_WEAK_RIDGE, _RIDGE = 1e-3, 1.0
"""What is added to the curvature of a logistic and of a ridge regression: Gaussian priors of the weights."""


def logistic_regression(features: Array, positive: NDArray[np.bool_]) -> Array:
    """Weights (F,) of features (N, F) in the log-odds of `positive` (N,), most likely under a weak Gaussian prior.

    Newton's method. A column of ones among the features makes a bias. ValueError if there are none of one kind.
    """
    if positive.all() or not positive.any():
        raise ValueError(
            f"{np.count_nonzero(positive)} of {len(positive)} examples are positive; both kinds are needed"
        )
    weights = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        share = 1 / (1 + np.exp(-np.clip(features @ weights, -50, 50)))
        gradient = features.T @ (positive - share) - _WEAK_RIDGE * weights
        curvature = (features * (share * (1 - share))[:, None]).T @ features + _WEAK_RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        # A damped step cannot run away where the kinds are nearly separable.
        weights = weights + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < _CONVERGED:
            break
    return weights


def ridge_regression(features: Array, target: Array) -> Array:
    """Weights (F,) with the least squared error of features (N, F) @ weights against the target (N,)."""
    return np.asarray(np.linalg.solve(features.T @ features + _RIDGE * np.eye(features.shape[1]), features.T @ target))


def rising_curve(predictor: Array, value: Array, knots: int = 12) -> tuple[Array, Array]:
    """Mean value over equal groups of rising predictor, made to rise: knots of a curve with straight lines between.

    Isotonic regression (pooling of adjacent violators) of the groups' means. Returns up to `knots` predictors and
    values.
    """
    groups = [group for group in np.array_split(np.argsort(predictor, kind="stable"), knots) if group.size]
    blocks: list[tuple[float, int]] = []
    for group in groups:
        mean, size = float(value[group].mean()), 1
        while blocks and blocks[-1][0] >= mean:
            before, count = blocks.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    values = np.repeat([mean for mean, _ in blocks], [size for _, size in blocks])
    return np.array([predictor[group].mean() for group in groups]), values


def least_score(scores: Array, rate: float) -> float:
    """The least threshold that at most `rate` of the images' highest scores (N,) reach, between two of them."""
    allowed = int(rate * len(scores))
    highest = np.sort(scores)[::-1]
    below = float(highest[allowed]) if allowed < len(highest) else 0.0
    above = float(highest[allowed - 1]) if allowed else 1.0
    return (below + above) / 2
