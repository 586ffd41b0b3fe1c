"""The weights of the evidence: a logistic regression whose terms speak in their own direction only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from dense3d_ros.learning.calibration.fits import logistic_regression
from dense3d_ros.perception.evidence import NAMES, TERMS, Evidence, Term

Array = NDArray[np.float64]

EXCHANGED = 0.01
"""Share of a term's values that are another example's in the fit, because on real images any one may say anything.

How much it is: see docs/method.md.
"""
LEAST_WEIGHT = {"unexplained": 2.0}
"""Of terms that tell more of real images than of rendered ones, where clutter lies about every other hand.

Before the last scaling, of all weights alike. How much more: see docs/method.md.
"""
_COPIES = 6
_RIDGE = 1.0
_DIGITS = 5
_POINTS = 40
"""Of a recall curve, at the most."""
_FALSE_SHARE = 0.01
"""Of the places that are no hand, at which the terms are compared."""


def fit_evidence(
    values: Array, is_hand: NDArray[np.bool_], bones: Sequence[tuple[float, ...]], size: tuple[float, float], seed: int
) -> Evidence:
    """Evidence of (N, len(TERMS)) values at N places, of which `is_hand` (N,) says what they are.

    bones, size: of Evidence. ValueError if there are places of one kind only.
    """
    names = list(NAMES)
    if not is_hand.any() or is_hand.all():
        raise ValueError(f"{np.count_nonzero(is_hand)} of {len(is_hand)} places are hands; both kinds are needed")
    # A term that nobody measured has no say.
    known = np.where(np.isnan(values).all(axis=0), 0.0, values)
    low, high = np.nanpercentile(known, [2.0, 98.0], axis=0)
    usual = np.nanmedian(known[is_hand], axis=0)
    filled = np.clip(np.where(np.isnan(values), usual, values), low, high)
    signs = np.array([TERMS[name] for name in names])
    weights = signed_regression(filled, is_hand, signs, EXCHANGED, seed)
    weights = signs * np.maximum(signs * weights, [LEAST_WEIGHT.get(name, 0.0) for name in names])
    # The direction is found; how much it says, and the bias, by the places as they are.
    slope = logistic_regression(np.stack([np.ones(len(filled)), filled @ weights], axis=1), is_hand)
    weights = weights * max(slope[1], 1e-3)
    terms = {
        name: Term(*(round(float(value), _DIGITS) for value in numbers))
        for name, *numbers in zip(names, weights, low, high, usual, strict=True)
    }
    return Evidence(round(float(slope[0]), _DIGITS), terms, tuple(bones), size)


def signed_regression(
    values: Array, positive: NDArray[np.bool_], signs: NDArray[np.int64], exchanged: float, seed: int
) -> Array:
    """Weights (F,) of features (N, F), each 0 or of its sign, that tell the positive ones from the others.

    Fitted to copies in which a share `exchanged` of each feature's values is other examples'. Both kinds count alike.
    """
    rng = np.random.default_rng(seed)
    scale = np.maximum(values.std(axis=0), 1e-9)
    copies = np.concatenate([values / scale] * _COPIES)
    others = rng.permuted(copies, axis=0)
    is_exchanged = rng.random(copies.shape) < exchanged
    features = np.concatenate([np.where(is_exchanged, others, copies), np.ones((len(copies), 1))], axis=1)
    label = np.tile(np.where(positive, 1.0, -1.0), _COPIES)
    share = np.where(label > 0, 0.5 / max((label > 0).sum(), 1), 0.5 / max((label < 0).sum(), 1))
    strength = _RIDGE / len(values)

    def loss(weights: Array) -> tuple[float, Array]:
        margin = label * (features @ weights)
        wrong = 1 / (1 + np.exp(np.clip(margin, -50, 50)))
        value = float((share * np.logaddexp(0, -margin)).sum() + 0.5 * strength * (weights[:-1] ** 2).sum())
        gradient = -(features * (share * label * wrong)[:, None]).sum(axis=0)
        gradient[:-1] += strength * weights[:-1]
        return value, gradient

    bounds = [(0.0, None) if sign > 0 else (None, 0.0) for sign in signs] + [(None, None)]
    result = minimize(loss, np.zeros(features.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B")
    return np.asarray(result.x[:-1] / scale, np.float64)


def compared_terms(evidence: Evidence, values: Array, is_hand: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    """For each term, and "all": share of hands that are told from all but 1 % of the other places.

    "alone": by the term alone; "without": by evidence that is fitted without it. "weight": share of the log-odds'
    spread that it makes.
    """
    all_of = evidence.contributions(values)
    spread = all_of.std(axis=0)
    table: dict[str, Any] = {"all": _recall(all_of.sum(axis=1), is_hand)}
    for index, name in enumerate(NAMES):
        without = values.copy()
        without[:, index] = np.nan
        fit = fit_evidence(without, is_hand, evidence.bones, evidence.size, seed)
        filled = np.where(np.isnan(values[:, index]), evidence.terms[name].usual, values[:, index])
        table[name] = {
            "weight": round(float(spread[index] / max(spread.sum(), 1e-9)), 3),
            "alone": _recall(TERMS[name] * filled, is_hand),
            "without": _recall(fit.contributions(without).sum(axis=1), is_hand),
        }
    return table


def recall_curve(scores: Array, is_hand: NDArray[np.bool_]) -> list[list[float]]:
    """[share of the other places that pass, share of hands that pass] from few to many."""
    hands, others = np.sort(scores[is_hand])[::-1], np.sort(scores[~is_hand])[::-1]
    counts = np.unique(np.geomspace(1, len(others), _POINTS).astype(int))
    return [
        [round(float(count / len(others)), 5), round(float((hands > others[count - 1]).mean()), 4)] for count in counts
    ]


def _recall(scores: Array, is_hand: NDArray[np.bool_]) -> float:
    """Share of hands that pass where _FALSE_SHARE of the others do; of places of one score as large a part."""
    hands, others = scores[is_hand], scores[~is_hand]
    threshold = np.quantile(others, 1 - _FALSE_SHARE)
    above, equal = (others > threshold).mean(), (others == threshold).mean()
    part = (_FALSE_SHARE - above) / equal if equal else 0.0
    return round(float((hands > threshold).mean() + part * (hands == threshold).mean()), 4)
